//! What Node prints: taken line by line into our log, without ever letting Node wait for it.
//!
//! A reader per stream cuts lines and hands them to one thread over a bounded queue. When the log cannot be written as
//! fast as Node prints (a terminal that was stopped, a full pipe), lines are dropped and counted; Node is not held up.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of one line; what is longer goes on in a new line. Long enough for a stack trace printed as JSON.
const LINE_MAX: usize = 16 * 1024;
/// Lines waiting for the log: with [`LINE_MAX`] at most 16 MiB, in practice some 100 KiB.
const QUEUE: usize = 1024;
/// Lines kept to explain a failed start: an uncaught error with its source line, stack and properties.
const WORDS: usize = 40;
/// Bytes kept of such a line.
const WORD_MAX: usize = 500;

/// Which of Node's streams a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

#[derive(Debug)]
struct Line {
    instance: Arc<str>,
    stream: Stream,
    text: String,
}

/// The way into the log.
#[derive(Clone, Debug)]
pub(super) struct Log {
    queue: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Starts the thread that writes the log; it ends with the last clone of the handle.
    pub(super) fn start() -> std::io::Result<Self> {
        let (log, lines) = Self::queue(QUEUE);
        let dropped = Arc::clone(&log.dropped);
        thread::Builder::new().name("node-log".to_owned()).spawn(move || write(&lines, &dropped))?;
        Ok(log)
    }

    fn queue(length: usize) -> (Self, Receiver<Line>) {
        let (queue, lines) = mpsc::sync_channel(length);
        (Self { queue, dropped: Arc::default() }, lines)
    }

    fn push(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(lines: &Receiver<Line>, dropped: &AtomicU64) {
    for Line { instance, stream, text } in lines {
        match stream {
            Stream::Out => tracing::info!(target: "node", instance = &*instance, "{text}"),
            Stream::Err => tracing::warn!(target: "node", instance = &*instance, "{text}"),
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(target: "node", lines = lost, "Node printed faster than the log is written: lines dropped");
        }
    }
}

/// The last lines of one run of Node, both streams as they came.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    fn push(&self, line: &str) {
        let mut words = self.0.lock();
        if words.len() == WORDS {
            words.pop_front();
        }
        words.push_back(line[..line.floor_char_boundary(WORD_MAX)].to_owned());
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}

/// Reads a stream to its end.
pub(super) async fn capture(
    mut source: impl AsyncRead + Unpin,
    stream: Stream,
    instance: Arc<str>,
    words: LastWords,
    log: Log,
) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 8 * 1024];
    let mut emit = |line: &[u8]| {
        let text = String::from_utf8_lossy(line).into_owned();
        words.push(&text);
        log.push(Line { instance: Arc::clone(&instance), stream, text });
    };
    loop {
        match source.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => lines.feed(&buffer[..count], &mut emit),
        }
    }
    lines.finish(&mut emit);
}

/// Cuts bytes into lines of at most [`LINE_MAX`] bytes.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            let room = LINE_MAX - self.partial.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let taken = end.unwrap_or_else(|| bytes.len().min(room));
            self.partial.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if end.is_some() {
                bytes = &bytes[1..];
                self.emit(emit);
            } else if self.partial.len() == LINE_MAX {
                self.emit(emit);
            }
        }
    }

    fn finish(&mut self, emit: &mut impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            self.emit(emit);
        }
    }

    fn emit(&mut self, emit: &mut impl FnMut(&[u8])) {
        emit(self.partial.strip_suffix(b"\r").unwrap_or(&self.partial));
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut cut) = (Lines::default(), Vec::new());
        let mut emit = |line: &[u8]| cut.push(line.to_vec());
        for chunk in chunks {
            lines.feed(chunk, &mut emit);
        }
        lines.finish(&mut emit);
        cut
    }

    #[test]
    fn lines_are_cut_however_they_arrive() {
        for chunks in [&[&b"a\nbc\r\n\nd"[..]][..], &[b"a", b"\nb", b"c\r", b"\n", b"\nd"]] {
            assert_eq!(cut(chunks), [&b"a"[..], b"bc", b"", b"d"]);
        }
    }

    #[test]
    fn an_endless_line_is_cut_and_loses_nothing() {
        let long = vec![b'x'; LINE_MAX * 2 + 5];
        let cut = cut(&[&long]);
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [LINE_MAX, LINE_MAX, 5]);
    }

    #[tokio::test]
    async fn what_is_no_utf8_is_kept_as_well_as_it_can_be() {
        let words = LastWords::default();
        let (log, queue) = Log::queue(10);
        capture(&b"caf\xe9\x00\n\xff"[..], Stream::Err, "a-1".into(), words.clone(), log).await;
        assert_eq!(words.lines(), ["caf\u{fffd}\0", "\u{fffd}"]);
        assert_eq!(queue.iter().count(), 2);
    }

    #[tokio::test]
    async fn a_log_that_is_not_written_does_not_hold_up_node() {
        let words = LastWords::default();
        let (log, queue) = Log::queue(3);
        capture(&b"a\nb\nc\nd\ne\n"[..], Stream::Out, "a-1".into(), words.clone(), log.clone()).await;
        assert_eq!(log.dropped.load(Ordering::Relaxed), 2);
        drop(log);
        assert_eq!(queue.iter().map(|line| line.text).collect::<String>(), "abc");
    }

    #[test]
    fn the_last_words_are_bounded() {
        let words = LastWords::default();
        for number in 0..100 {
            words.push(&format!("{number}{}", "é".repeat(1000)));
        }
        let kept = words.lines();
        assert_eq!(kept.len(), WORDS);
        assert!(kept[0].starts_with("60é") && kept.iter().all(|line| line.len() <= WORD_MAX));
    }
}
