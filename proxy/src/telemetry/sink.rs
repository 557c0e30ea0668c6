//! Hot: lines on their way to a reader that may be slow, written by a thread of its own.
//!
//! A thread that is woken for every line costs more than the line, so lines gather for a moment and are written
//! together. When the reader does not read, what has no room any more is refused and not queued without end.

use std::{
    io::{self, Write},
    mem,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// How long the first line waits for others. Nobody who watches a log notices.
const GATHER: Duration = Duration::from_millis(20);
/// So much is written at once without waiting longer.
const BURST: usize = 64 * 1024;
/// Bytes waiting while the reader does not read: some 10,000 lines.
const BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Write what there is now.
    urgent: bool,
    /// The writer has lines in hand.
    writing: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    to_writer: Condvar,
    to_waiter: Condvar,
}

/// The near end. Cheap to push to from any thread.
#[derive(Debug)]
pub(super) struct Sink(Arc<Shared>);

impl Sink {
    /// Starts the writing thread, called `name`.
    pub(super) fn start(name: &str, out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let far = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).spawn(move || write(&far, out))?;
        Ok(Self(shared))
    }

    /// Adds a line, which ends in a line feed. False when there is no room for it.
    pub(super) fn push(&self, line: &[u8]) -> bool {
        let mut state = self.0.state.lock();
        let before = state.lines.len();
        let after = before + line.len();
        if after > BYTES_MAX {
            return false;
        }
        state.lines.extend_from_slice(line);
        drop(state);
        // Others are there already: the writer knows, unless there are now so many that it should not wait.
        if before == 0 || (before < BURST && after >= BURST) {
            self.0.to_writer.notify_one();
        }
        true
    }

    /// Waits until what was pushed so far is written, at most `patience`.
    pub(super) fn finish(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut state = self.0.state.lock();
        state.urgent = true;
        self.0.to_writer.notify_one();
        while !state.lines.is_empty() || state.writing {
            if self.0.to_waiter.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.to_writer.notify_one();
    }
}

fn write(shared: &Shared, mut out: impl Write) {
    let mut batch = Vec::new();
    loop {
        let mut state = shared.state.lock();
        while state.lines.is_empty() {
            state.urgent = false;
            if state.closed {
                return;
            }
            shared.to_writer.wait(&mut state);
        }
        let deadline = Instant::now() + GATHER;
        while !state.urgent && !state.closed && state.lines.len() < BURST {
            if shared.to_writer.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        mem::swap(&mut state.lines, &mut batch);
        state.writing = true;
        drop(state);
        // Nobody can be told that the reader is gone; serving goes on.
        let _ = out.write_all(&batch);
        let _ = out.flush();
        batch.clear();
        shared.state.lock().writing = false;
        shared.to_waiter.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Hands every write on, and waits until it is taken where `slow` says so.
    struct Probe {
        written: Sender<Vec<u8>>,
        slow: Option<Receiver<()>>,
    }

    impl Write for Probe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(slow) = &self.slow {
                let _ = slow.recv();
            }
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_out_whole_in_order_and_together() {
        let (written, writes) = channel();
        let sink = Sink::start("test", Probe { written, slow: None }).unwrap();
        let lines: Vec<String> = (0..1000).map(|number| format!("line {number}\n")).collect();
        assert!(lines.iter().all(|line| sink.push(line.as_bytes())));
        sink.finish(Duration::from_secs(30));
        drop(sink);
        let writes: Vec<Vec<u8>> = writes.iter().collect();
        assert_eq!(writes.concat(), lines.concat().into_bytes());
        assert!(writes.len() < 100, "{} writes for 1000 lines", writes.len());
    }

    #[test]
    fn a_single_line_comes_out_without_being_asked_for() {
        let (written, writes) = channel();
        let sink = Sink::start("test", Probe { written, slow: None }).unwrap();
        assert!(sink.push(b"alone\n"));
        assert_eq!(writes.recv_timeout(Duration::from_secs(30)).unwrap(), b"alone\n");
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_not_memory_or_time() {
        let ((written, writes), (release, slow)) = (channel(), channel());
        let sink = Sink::start("test", Probe { written, slow: Some(slow) }).unwrap();
        let line = vec![b'x'; 1024];
        let pushed = (0..10_000).filter(|_| sink.push(&line)).count();
        assert!((1..=2 * BYTES_MAX / line.len()).contains(&pushed), "{pushed}");
        sink.finish(Duration::from_millis(10));
        drop(release);
        drop(sink);
        assert_eq!(writes.iter().map(|write| write.len()).sum::<usize>(), pushed * line.len());
    }
}
