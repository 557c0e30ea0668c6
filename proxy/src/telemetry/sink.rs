//! Hot: lines on their way to a reader that may be slow, written by a thread of its own.
//!
//! Every thread that has lines has a queue, which only it and the writer touch. A writer that is woken for every line
//! costs more than the line: as long as there are lines it looks into the queues by itself, every now and then, and
//! only the first line after a silence has to wake it. When the reader does not read, what has no room any more is
//! refused and not queued without end.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// How long the writer lets lines gather. Nobody who watches a log notices, and a thread that wakes ten times a second
/// is in nobody's way.
const GATHER: Duration = Duration::from_millis(100);
/// A queue this long is written without waiting longer, while it is still in the processor's cache.
const BURST: usize = 64 * 1024;
/// Bytes waiting in a queue while the reader does not read: some 10,000 lines.
pub(super) const BYTES_MAX: usize = 2 * 1024 * 1024;
/// What a queue keeps of its memory after an onslaught.
const BYTES_KEPT: usize = 4 * BURST;

/// The lines of one thread, away from what other threads write to.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Queue(Mutex<Vec<u8>>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Vec<Arc<Queue>>>,
    /// The writer found nothing and waits to be woken.
    asleep: AtomicBool,
    /// Write what there is now.
    hurry: AtomicBool,
    closed: AtomicBool,
    rounds: Mutex<Rounds>,
    round_done: Condvar,
}

/// How often the writer has looked into all queues, counted before and after.
#[derive(Debug, Default)]
struct Rounds {
    begun: u64,
    done: u64,
}

/// The far end of all queues.
#[derive(Debug)]
pub(super) struct Sink {
    shared: Arc<Shared>,
    writer: Thread,
}

/// The near end of one queue, for one thread.
#[derive(Debug)]
pub(super) struct Inlet {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    writer: Thread,
}

impl Sink {
    /// Starts the writing thread, called `name`.
    pub(super) fn start(name: &str, out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let far = Arc::clone(&shared);
        let writing = thread::Builder::new().name(name.to_owned()).spawn(move || write(&far, out))?;
        Ok(Self { shared, writer: writing.thread().clone() })
    }

    /// A queue for one more thread.
    pub(super) fn inlet(&self) -> Inlet {
        let queue = Arc::default();
        self.shared.queues.lock().push(Arc::clone(&queue));
        Inlet { queue, shared: Arc::clone(&self.shared), writer: self.writer.clone() }
    }

    /// Waits until what was pushed so far is written, at most `patience`.
    pub(super) fn finish(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut rounds = self.shared.rounds.lock();
        // A round that is under way may have passed a queue already.
        let round = rounds.begun + 1;
        self.shared.hurry.store(true, Ordering::Release);
        self.writer.unpark();
        while rounds.done < round {
            if self.shared.round_done.wait_until(&mut rounds, deadline).timed_out() {
                return;
            }
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.writer.unpark();
    }
}

impl Inlet {
    /// Has `line` append a line, which ends in a line feed and has `most` bytes at most. False when there may be no
    /// room for it; then it is not asked.
    pub(super) fn push(&self, most: usize, line: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut lines = self.queue.0.lock();
        let before = lines.len();
        if before + most > BYTES_MAX {
            return false;
        }
        line(&mut lines);
        let after = lines.len();
        drop(lines);
        // The writer falls asleep in two steps: it says so and then looks into the queues once more. Whoever did not
        // see it said had the line in the queue before that look.
        if before == 0 && self.shared.asleep.load(Ordering::Acquire) && self.shared.asleep.swap(false, Ordering::AcqRel)
        {
            self.writer.unpark();
        }
        if before < BURST && after >= BURST && !self.shared.hurry.swap(true, Ordering::AcqRel) {
            self.writer.unpark();
        }
        true
    }
}

fn write(shared: &Shared, mut out: impl Write) {
    let mut batches = Vec::new();
    loop {
        let closed = shared.closed.load(Ordering::Acquire);
        if !shared.round(&mut batches, &mut out) {
            if closed {
                return;
            }
            shared.asleep.store(true, Ordering::Release);
            if !shared.round(&mut batches, &mut out) {
                shared.sleep();
            }
            shared.asleep.store(false, Ordering::Release);
        }
        shared.gather();
    }
}

impl Shared {
    /// Writes what is in the queues now. False when that was nothing. `batches` is the memory for it.
    fn round(&self, batches: &mut Vec<Vec<u8>>, out: &mut impl Write) -> bool {
        self.hurry.store(false, Ordering::Release);
        self.rounds.lock().begun += 1;
        {
            let queues = self.queues.lock();
            batches.resize_with(queues.len(), Vec::new);
            for (queue, batch) in queues.iter().zip(&mut *batches) {
                mem::swap(&mut *queue.0.lock(), batch);
            }
        }
        let mut wrote = false;
        for batch in batches.iter_mut().filter(|batch| !batch.is_empty()) {
            // Nobody can be told that the reader is gone; serving goes on.
            let _ = out.write_all(batch);
            batch.clear();
            batch.shrink_to(BYTES_KEPT);
            wrote = true;
        }
        if wrote {
            let _ = out.flush();
        }
        let mut rounds = self.rounds.lock();
        rounds.done = rounds.begun;
        drop(rounds);
        self.round_done.notify_all();
        wrote
    }

    /// Until somebody has a line, or wants something else.
    fn sleep(&self) {
        while self.asleep.load(Ordering::Acquire) && !self.is_urgent() {
            thread::park();
        }
    }

    /// Lets lines gather, unless there is a hurry.
    fn gather(&self) {
        let deadline = Instant::now() + GATHER;
        while !self.is_urgent() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }

    fn is_urgent(&self) -> bool {
        self.hurry.load(Ordering::Acquire) || self.closed.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::mpsc::{Receiver, Sender, channel},
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

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

    fn push(inlet: &Inlet, line: &[u8]) -> bool {
        inlet.push(line.len(), |lines| lines.extend_from_slice(line))
    }

    #[test]
    fn lines_come_out_whole_in_order_and_together() {
        let (written, writes) = channel();
        let sink = Sink::start("test", Probe { written, slow: None }).unwrap();
        let inlet = sink.inlet();
        let lines: Vec<String> = (0..1000).map(|number| format!("line {number}\n")).collect();
        assert!(lines.iter().all(|line| push(&inlet, line.as_bytes())));
        sink.finish(PATIENCE);
        drop(sink);
        let writes: Vec<Vec<u8>> = writes.iter().collect();
        assert_eq!(writes.concat(), lines.concat().into_bytes());
        assert!(writes.len() < 100, "{} writes for 1000 lines", writes.len());
    }

    #[test]
    fn the_lines_of_several_threads_come_out_whole_and_each_threads_in_order() {
        const LINES: usize = 20_000;
        let (written, writes) = channel();
        let sink = Sink::start("test", Probe { written, slow: None }).unwrap();
        let threads: Vec<_> = ["a", "b", "c", "d"]
            .map(|name| {
                let inlet = sink.inlet();
                thread::spawn(move || {
                    (0..LINES).filter(|number| push(&inlet, format!("{name} {number} end\n").as_bytes())).count()
                })
            })
            .into_iter()
            .collect();
        let pushed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(pushed, 4 * LINES, "a reader that reads costs no lines");
        sink.finish(PATIENCE);
        let text = String::from_utf8(writes.try_iter().collect::<Vec<_>>().concat()).unwrap();
        let mut next = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (name, number) = (words.next().unwrap(), words.next().unwrap());
            assert_eq!((words.next(), words.next()), (Some("end"), None), "{line}");
            let next: &mut usize = next.entry(name.to_owned()).or_default();
            assert_eq!(number, next.to_string(), "of {name}");
            *next += 1;
        }
        assert_eq!(next.into_values().collect::<Vec<_>>(), [LINES; 4], "finish() left something behind");
    }

    #[test]
    fn a_single_line_comes_out_without_being_asked_for() {
        let (written, writes) = channel();
        let sink = Sink::start("test", Probe { written, slow: None }).unwrap();
        for inlet in [sink.inlet(), sink.inlet()] {
            for sleeping in [true, false, true, false, false] {
                let deadline = Instant::now() + PATIENCE;
                while sleeping && !sink.shared.asleep.load(Ordering::Acquire) {
                    assert!(Instant::now() < deadline, "the writer does not go to sleep");
                    thread::yield_now();
                }
                assert!(push(&inlet, b"alone\n"));
                assert_eq!(writes.recv_timeout(PATIENCE).unwrap(), b"alone\n");
            }
        }
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_not_memory_or_time() {
        let ((written, writes), (release, slow)) = (channel(), channel());
        let sink = Sink::start("test", Probe { written, slow: Some(slow) }).unwrap();
        let inlets = [sink.inlet(), sink.inlet()];
        let line = vec![b'x'; 1024];
        let mut pushed = 0;
        for inlet in &inlets {
            let taken = (0..10_000).filter(|_| push(inlet, &line)).count();
            assert!((1..=2 * BYTES_MAX / line.len()).contains(&taken), "{taken}");
            assert!(inlet.queue.0.lock().capacity() <= 2 * BYTES_MAX);
            pushed += taken;
        }
        sink.finish(Duration::from_millis(10));
        drop(release);
        drop(sink);
        assert_eq!(writes.iter().map(|write| write.len()).sum::<usize>(), pushed * line.len());
    }
}
