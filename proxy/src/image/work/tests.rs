//! The three bounds of the pool, and what becomes of jobs that nobody wants.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use tokio::time::timeout;

use super::*;

fn pool(workers: usize, queue: usize, memory_bytes: usize) -> (Pool, Arc<ImageEvents>) {
    let events = Arc::new(ImageEvents::default());
    let pool =
        Pool::start(Amount::Just(workers), queue, memory_bytes, &Means::Here, Arc::clone(&events)).expect("threads");
    (pool, events)
}

type Held = Box<dyn FnOnce(&mut Seat<'_>, &dyn Fn() -> bool) + Send>;

/// A job that waits until its sender is dropped.
fn held() -> (mpsc::Sender<()>, Held) {
    let (sender, receiver) = mpsc::channel::<()>();
    let job = move |_: &mut Seat<'_>, _: &dyn Fn() -> bool| {
        let _ = receiver.recv();
    };
    (sender, Box::new(job))
}

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn beyond_the_queue_it_is_busy_at_once() {
    let (pool, _) = pool(1, 1, 1 << 20);
    let ((release_one, one), (release_two, two)) = (held(), held());
    let (mut first, mut second) = (Box::pin(pool.run(1, one)), Box::pin(pool.run(1, two)));
    assert!(timeout(SOON, &mut first).await.is_err());
    assert!(timeout(SOON, &mut second).await.is_err());
    assert_eq!(pool.run(1, |_, _| ()).await, Err(Refusal::Busy));
    drop((release_one, release_two));
    assert_eq!((first.await, second.await), (Ok(()), Ok(())));
    assert_eq!(pool.run(1, |_, _| 7).await, Ok(7));
}

#[tokio::test]
async fn memory_admits_by_bytes_whatever_the_threads() {
    let (pool, _) = pool(4, 4, 4 * PIECE_BYTES);
    let (release, job) = held();
    let mut large = Box::pin(pool.run(3 * PIECE_BYTES, job));
    assert!(timeout(SOON, &mut large).await.is_err());
    assert_eq!(pool.run(PIECE_BYTES, |_, _| 1).await, Ok(1), "what fits beside it runs");
    let mut other = Box::pin(pool.run(2 * PIECE_BYTES, |_, _| 2));
    assert!(timeout(SOON, &mut other).await.is_err(), "what does not fit waits");
    drop(release);
    assert_eq!((large.await, other.await), (Ok(()), Ok(2)));
    assert_eq!(pool.run(5 * PIECE_BYTES, |_, _| 3).await, Err(Refusal::SourceTooLarge));
}

#[tokio::test]
async fn a_job_nobody_waits_for_is_not_run() {
    let (pool, events) = pool(1, 4, 1 << 20);
    let (release, job) = held();
    let mut first = Box::pin(pool.run(1, job));
    assert!(timeout(SOON, &mut first).await.is_err());
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let abandoned = pool.run(1, move |_, _| counted.fetch_add(1, SeqCst));
    assert!(timeout(SOON, abandoned).await.is_err());
    drop(release);
    assert_eq!(first.await, Ok(()));
    assert_eq!(pool.run(1, |_, _| 1).await, Ok(1));
    assert_eq!((runs.load(SeqCst), events.snapshot().abandoned), (0, 1));
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_thread() {
    let (pool, events) = pool(1, 1, 1 << 20);
    for _ in 0..3 {
        assert_eq!(pool.run(1, |_, _| panic!("on purpose")).await, Err::<(), _>(Refusal::Failed));
    }
    assert_eq!(pool.run(1, |_, _| 1).await, Ok(1));
    assert_eq!(events.snapshot().panics, 3);
}
