//! Hot: bytes in, fewer bytes out, in any of the codings. What was pushed can be had at any time with a flush, so that
//! nothing that the application has sent is held back.
//!
//! Encoders that can be used again are kept by the thread that used them: their tables are larger than most answers.

use std::{cell::RefCell, fmt};

use edgeplane_config::CompressionSettings;
use flate2::{Compress, Compression as Level, FlushCompress, Status};
use zstd::{
    stream::raw::{self, Operation as _},
    zstd_safe::{CParameter, InBuffer, OutBuffer},
};

use super::{ContentCoding, brotli::Brotli, count::Leave};

/// The encoder gave up, which it does only where memory or its own state is broken: the answer must be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encoder gave up")]
pub struct Broken;

/// Encoders of a kind that a thread keeps: as many as are in use at once where answers come in one go.
const SPARE_MAX: usize = 4;
/// Room made for what an encoder has to say; it is asked again while it fills all of that.
const ROOM: usize = 4 * 1024;
/// gzip's window, as a power of two.
const GZIP_WINDOW_LOG: u8 = 15;

/// Below this, the library takes another way from level 5 on, which costs ten times the memory and thrice the time.
const BROTLI_WINDOW_LOG_MIN: u32 = 17;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { gzip: Vec::new(), zstd: Vec::new() }) };
}

/// Encoders at rest, and the settings they were made by.
struct Spare {
    gzip: Vec<(u8, Compress)>,
    zstd: Vec<((u8, u32), raw::Encoder<'static>)>,
}

/// One content under way.
pub struct Encoder {
    state: State,
    coding: ContentCoding,
    /// Something was pushed that a flush would bring out.
    is_dirty: bool,
    bytes: [u64; 2],
    leave: Leave,
}

enum State {
    Gzip(u8, Compress),
    Zstd((u8, u32), raw::Encoder<'static>),
    Brotli(Box<Brotli>),
    /// It was given back.
    Gone,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Encoder").field("coding", &self.coding).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Encoder {
    /// For a content of `length` bytes, where that is known. There is none for identity.
    pub(super) fn new(
        coding: ContentCoding,
        length: Option<u64>,
        settings: &CompressionSettings,
        leave: Leave,
    ) -> Result<Self, Broken> {
        let window_log = window_log(settings.window, length);
        let state = match coding {
            ContentCoding::Gzip => State::Gzip(settings.gzip_level, gzip(settings.gzip_level)),
            ContentCoding::Zstd => {
                let made_by = (settings.zstd_level, window_log);
                State::Zstd(made_by, zstd(made_by, length)?)
            }
            ContentCoding::Brotli => {
                let window_log = window_log.max(BROTLI_WINDOW_LOG_MIN);
                State::Brotli(Box::new(Brotli::new(settings.brotli_level, window_log, length)))
            }
            ContentCoding::Identity => return Err(Broken),
        };
        Ok(Self { state, coding, is_dirty: false, bytes: [0; 2], leave })
    }

    /// Takes content, and appends to `out` what comes of it by itself.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        if content.is_empty() {
            return Ok(());
        }
        self.is_dirty = true;
        self.bytes[0] += content.len() as u64;
        self.count_out(out, |state, out| match state {
            State::Gzip(_, gzip) => run_gzip(gzip, content, FlushCompress::None, out),
            State::Zstd(_, zstd) => run_zstd(zstd, content, out),
            State::Brotli(brotli) => brotli.push(content, out),
            State::Gone => Err(Broken),
        })
    }

    /// Appends to `out` whatever is missing to decode all that was pushed.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        if !std::mem::take(&mut self.is_dirty) {
            return Ok(());
        }
        self.count_out(out, |state, out| match state {
            State::Gzip(_, gzip) => run_gzip(gzip, &[], FlushCompress::Sync, out),
            State::Zstd(_, zstd) => end_zstd(out, |to| zstd.flush(to)),
            State::Brotli(brotli) => brotli.flush(out),
            State::Gone => Err(Broken),
        })
    }

    /// Ends the content: without this what came is recognised as cut off.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.is_dirty = false;
        self.count_out(out, |state, out| match state {
            State::Gzip(_, gzip) => run_gzip(gzip, &[], FlushCompress::Finish, out),
            State::Zstd(_, zstd) => end_zstd(out, |to| zstd.finish(to, true)),
            State::Brotli(brotli) => brotli.finish(out),
            State::Gone => Err(Broken),
        })
    }

    fn count_out(
        &mut self,
        out: &mut Vec<u8>,
        run: impl FnOnce(&mut State, &mut Vec<u8>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let before = out.len();
        let result = run(&mut self.state, out);
        self.bytes[1] += (out.len() - before) as u64;
        result
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.leave.count(self.coding, self.bytes);
        let state = std::mem::replace(&mut self.state, State::Gone);
        // At the end of a thread there is no place for them any more.
        let _ = SPARE.try_with(|spare| {
            let Ok(mut spare) = spare.try_borrow_mut() else { return };
            match state {
                State::Gzip(made_by, gzip) => put_by(&mut spare.gzip, (made_by, gzip)),
                State::Zstd(made_by, zstd) => put_by(&mut spare.zstd, (made_by, zstd)),
                State::Brotli(_) | State::Gone => {}
            }
        });
    }
}

/// Keeps one more. The one that was longest without use gives way: what is asked for changes.
fn put_by<T>(spare: &mut Vec<T>, one: T) {
    if spare.len() == SPARE_MAX {
        spare.remove(0);
    }
    spare.push(one);
}

/// How far to look back, as a power of two: as the settings say, and no farther than the content goes.
fn window_log(window: u32, length: Option<u64>) -> u32 {
    let wanted = window.max(1).ilog2();
    let useful = length.map_or(wanted, |length| length.max(1).next_power_of_two().ilog2());
    wanted.min(useful).clamp(14, 23)
}

fn gzip(level: u8) -> Compress {
    let spare = SPARE.with_borrow_mut(|spare| {
        let at = spare.gzip.iter().rposition(|(made_by, _)| *made_by == level)?;
        Some(spare.gzip.remove(at).1)
    });
    match spare {
        Some(mut gzip) => {
            // It may have been given up in the middle.
            gzip.reset();
            gzip
        }
        None => Compress::new_gzip(Level::new(level.into()), GZIP_WINDOW_LOG),
    }
}

fn zstd(made_by: (u8, u32), length: Option<u64>) -> Result<raw::Encoder<'static>, Broken> {
    let spare = SPARE.with_borrow_mut(|spare| {
        let at = spare.zstd.iter().rposition(|(of, _)| *of == made_by)?;
        Some(spare.zstd.remove(at).1)
    });
    let mut zstd = match spare {
        Some(mut zstd) => {
            zstd.reinit().map_err(|_| Broken)?;
            zstd
        }
        None => {
            let (level, window_log) = made_by;
            let mut zstd = raw::Encoder::new(level.into()).map_err(|_| Broken)?;
            zstd.set_parameter(CParameter::WindowLog(window_log)).map_err(|_| Broken)?;
            zstd
        }
    };
    zstd.set_pledged_src_size(length).map_err(|_| Broken)?;
    Ok(zstd)
}

fn run_gzip(gzip: &mut Compress, mut content: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> Result<(), Broken> {
    loop {
        out.reserve(ROOM);
        let before = gzip.total_in();
        let status = gzip.compress_vec(content, out, flush).map_err(|_| Broken)?;
        let taken = usize::try_from(gzip.total_in() - before).map_err(|_| Broken)?;
        content = content.get(taken..).ok_or(Broken)?;
        // Where there is room left, it has nothing more to say.
        let is_done = status == Status::StreamEnd || (content.is_empty() && out.len() < out.capacity());
        if is_done {
            return Ok(());
        }
    }
}

fn run_zstd(zstd: &mut raw::Encoder<'static>, content: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let mut from = InBuffer::around(content);
    while from.pos < content.len() {
        out.reserve(ROOM);
        let at = out.len();
        zstd.run(&mut from, &mut OutBuffer::around_pos(out, at)).map_err(|_| Broken)?;
    }
    Ok(())
}

/// Flushes or finishes: `end` says how many bytes are still to come.
fn end_zstd(
    out: &mut Vec<u8>,
    mut end: impl FnMut(&mut OutBuffer<'_, Vec<u8>>) -> std::io::Result<usize>,
) -> Result<(), Broken> {
    loop {
        out.reserve(ROOM);
        let at = out.len();
        if end(&mut OutBuffer::around_pos(out, at)).map_err(|_| Broken)? == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use edgeplane_config::Settings;

    use super::*;

    #[test]
    fn encoders_at_rest_are_those_that_were_used_last() {
        let settings = Settings::default().compression;
        let used = [14, 15, 16, 17, 15, 18].map(|window_log| (3, window_log));
        for made_by in used {
            let settings = CompressionSettings { window: 1 << made_by.1, zstd_level: made_by.0, ..settings.clone() };
            let leave = Leave::take(&Arc::default(), &settings, false).unwrap();
            drop(Encoder::new(ContentCoding::Zstd, None, &settings, leave).unwrap());
        }
        let kept = SPARE.with_borrow(|spare| spare.zstd.iter().map(|(made_by, _)| *made_by).collect::<Vec<_>>());
        assert_eq!(kept, [16, 17, 15, 18].map(|window_log| (3, window_log)));
    }
}
