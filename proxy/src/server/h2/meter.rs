//! Hot: what a client sends, counted by the heads of its frames (RFC 9113 4.1): frames cost us the same whether they are
//! of use or not, so those that are not must be few.
//!
//! | abuse | what ends it |
//! |---|---|
//! | requests that are taken back at once (CVE-2023-44487) | `http2.resets` |
//! | SETTINGS, PING, PRIORITY, WINDOW_UPDATE, unknown frames, empty DATA | `http2.idle-frames` |
//! | streams that we have to reset (CVE-2025-8671) | `http2.broken-streams`, counted by the library |
//! | CONTINUATION without end, bombs of fields | `limits.request-head`, kept by the library: 431, and the end above four times that |
//! | slivers of DATA | the library: a budget of half the connection's window |
//! | answers that are never taken | `timeouts.write`: the stream, or the connection where nothing of it is taken |

use std::{
    sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    time::{Duration, Instant},
};

use edgeplane_config::Http2Settings;

use crate::telemetry::Farewell;

/// What a connection begins with before its first frame (RFC 9113 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD: usize = 9;

/// Frames of no use that a request brings along: its priority, what it acknowledges, what it gives back.
const FRAMES_PER_REQUEST: u64 = 4;
/// Bytes we send for which a client gives back a piece of its window; who does it more often reads bytes by the dozen.
const BYTES_PER_FRAME: u64 = 512;

/// What both ends of a transport know of each other: the library between them lets nothing else through.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What is written waits for more.
    gathers: AtomicBool,
    /// 0 while the client behaves; else the place of the reason.
    offence: AtomicU8,
}

impl Watch {
    /// Whether what is written is to wait for more.
    pub(super) fn gather(&self, gathers: bool) {
        self.gathers.store(gathers, Relaxed);
    }

    pub(super) fn gathers(&self) -> bool {
        self.gathers.load(Relaxed)
    }

    /// What the client has done too often.
    pub(super) fn offence(&self) -> Option<Farewell> {
        match self.offence.load(Relaxed) {
            0 => None,
            1 => Some(Farewell::Resets),
            _ => Some(Farewell::IdleFrames),
        }
    }

    fn offend(&self, offence: Farewell) {
        self.offence.store(if offence == Farewell::Resets { 1 } else { 2 }, Relaxed);
    }
}

/// The counts of one connection.
#[derive(Debug)]
pub(super) struct Meter {
    /// Bytes until the next frame's head.
    skip: usize,
    head: [u8; FRAME_HEAD],
    n_head: usize,
    resets: u32,
    idle: u64,
    /// Idle frames that the client may send beyond the limit.
    earned: u64,
    since: Instant,
    span: Duration,
    resets_max: u32,
    idle_max: u64,
}

impl Meter {
    pub(super) fn new(settings: &Http2Settings) -> Self {
        Self {
            skip: PREFACE.len(),
            head: [0; FRAME_HEAD],
            n_head: 0,
            resets: 0,
            idle: 0,
            earned: 0,
            since: Instant::now(),
            span: settings.counted_over,
            resets_max: settings.resets,
            idle_max: u64::from(settings.idle_frames),
        }
    }

    /// Looks at what was received. What was too much is told to `watch`.
    pub(super) fn receive(&mut self, mut bytes: &[u8], watch: &Watch) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let wanted = (FRAME_HEAD - self.n_head).min(bytes.len());
            self.head[self.n_head..][..wanted].copy_from_slice(&bytes[..wanted]);
            self.n_head += wanted;
            bytes = &bytes[wanted..];
            if self.n_head == FRAME_HEAD {
                self.n_head = 0;
                self.count(watch);
            }
        }
    }

    /// So many bytes were sent at once.
    pub(super) fn send(&mut self, n_bytes: usize) {
        self.earned += 1 + n_bytes as u64 / BYTES_PER_FRAME;
    }

    fn count(&mut self, watch: &Watch) {
        let [length @ .., kind, flags, _, _, _, _] = self.head;
        self.skip = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        match kind {
            // DATA: empty without being the last.
            0 if self.skip == 0 && flags & 1 == 0 => self.idle += 1,
            0 => {}
            // HEADERS.
            1 => self.earned += FRAMES_PER_REQUEST,
            // RST_STREAM.
            3 => self.resets += 1,
            _ => self.idle += 1,
        }
        if self.resets > self.resets_max {
            self.complain(Farewell::Resets, watch);
        } else if self.idle > self.idle_max + self.earned {
            self.complain(Farewell::IdleFrames, watch);
        }
    }

    /// The clock is asked only now: what came within a longer time was not too much.
    fn complain(&mut self, offence: Farewell, watch: &Watch) {
        let now = Instant::now();
        if now.duration_since(self.since) < self.span {
            watch.offend(offence);
        }
        (self.resets, self.idle, self.earned, self.since) = (0, 0, 0, now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> Http2Settings {
        let mut settings = edgeplane_config::Settings::default().http2;
        (settings.resets, settings.idle_frames) = (5, 10);
        settings
    }

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        frame.resize(FRAME_HEAD + payload, 3);
        frame
    }

    /// What is said of the preface and these frames, received in pieces of `size` bytes.
    fn judged(frames: &[Vec<u8>], size: usize, span: Duration) -> Option<Farewell> {
        let (mut meter, watch) = (Meter::new(&Http2Settings { counted_over: span, ..settings() }), Watch::default());
        for piece in [PREFACE, &frames.concat()].concat().chunks(size) {
            meter.receive(piece, &watch);
        }
        watch.offence()
    }

    #[test]
    fn frames_of_no_use_are_too_many_above_their_limits() {
        let hour = Duration::from_secs(3600);
        let (headers, reset, ping) = (frame(1, 5, 40), frame(3, 0, 4), frame(6, 0, 8));
        let table: [(Vec<Vec<u8>>, Option<Farewell>); 10] = [
            (vec![reset.clone(); 5], None),
            (vec![reset.clone(); 6], Some(Farewell::Resets)),
            (vec![[headers.clone(), reset].concat(); 6], Some(Farewell::Resets)),
            (vec![ping.clone(); 10], None),
            (vec![ping.clone(); 11], Some(Farewell::IdleFrames)),
            (vec![frame(4, 0, 0); 11], Some(Farewell::IdleFrames)),
            (vec![frame(0xbe, 0, 100); 11], Some(Farewell::IdleFrames)),
            // A request pays for four of them.
            ([vec![headers.clone()], vec![ping.clone(); 14]].concat(), None),
            ([vec![headers], vec![ping; 15]].concat(), Some(Farewell::IdleFrames)),
            // DATA is what connections are for, but for nothing in it again and again.
            ([vec![frame(0, 0, 1); 100], vec![frame(0, 1, 0); 100], vec![frame(0, 0, 0); 10]].concat(), None),
        ];
        for (number, (frames, expected)) in table.into_iter().enumerate() {
            for size in [1, 7, 9, 10, 4096] {
                assert_eq!(judged(&frames, size, hour), expected, "{number}, by {size}");
            }
            assert_eq!(judged(&frames, 4096, Duration::ZERO), None, "{number}: in no time there is no too many");
        }
    }

    #[test]
    fn who_is_sent_much_may_acknowledge_much() {
        let (mut meter, watch) = (Meter::new(&settings()), Watch::default());
        meter.receive(PREFACE, &watch);
        meter.send(100 * 512);
        meter.receive(&frame(8, 0, 4).repeat(111), &watch);
        assert_eq!(watch.offence(), None);
        meter.receive(&frame(8, 0, 4), &watch);
        assert_eq!(watch.offence(), Some(Farewell::IdleFrames));
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_changes_nothing(
            frames in prop::collection::vec((0_u8..12, 0_u8..2, 0_usize..30), 0..40), size in 1_usize..60,
        ) {
            let frames: Vec<_> = frames.into_iter().map(|(kind, flags, payload)| frame(kind, flags, payload)).collect();
            let hour = Duration::from_secs(3600);
            prop_assert_eq!(judged(&frames, size, hour), judged(&frames, usize::MAX, hour));
        }
    }
}
