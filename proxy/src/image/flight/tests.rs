//! One piece of work for many that wait, and none for nobody.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::*;

type Sums = Flights<u32, u32>;

async fn join<W>(flights: &Sums, key: u32, work: impl FnOnce() -> W) -> (Option<u32>, bool)
where
    W: Future<Output = u32> + Send + 'static,
{
    let (flight, joined) = flights.board(&key, |_| work());
    (flight.landed().await, joined)
}

#[tokio::test]
async fn those_who_come_while_it_is_under_way_share_it() {
    let (flights, begun) = (Sums::default(), Arc::new(AtomicUsize::new(0)));
    let work = || {
        begun.fetch_add(1, SeqCst);
        async {
            sleep(Duration::from_millis(50)).await;
            7
        }
    };
    let (first, second, third) =
        tokio::join!(join(&flights, 1, work), join(&flights, 1, work), join(&flights, 2, work));
    assert_eq!(begun.load(SeqCst), 2);
    assert_eq!((first, second, third), ((Some(7), false), (Some(7), true), (Some(7), false)));
    // Nothing is remembered here, and nothing is left behind.
    assert!(!join(&flights, 1, work).await.1);
    assert_eq!((begun.load(SeqCst), flights.len()), (3, 0));
}

#[tokio::test]
async fn it_outlives_the_one_who_began_it_and_ends_with_the_last() {
    let (flights, finished, go) = (Sums::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let work = || {
        let (finished, go) = (Arc::clone(&finished), Arc::clone(&go));
        async move {
            go.notified().await;
            finished.fetch_add(1, SeqCst);
            1
        }
    };
    let mut second = Box::pin(join(&flights, 1, work));
    {
        let mut first = Box::pin(join(&flights, 1, work));
        assert!(timeout(Duration::from_millis(20), &mut first).await.is_err());
        assert!(timeout(Duration::from_millis(20), &mut second).await.is_err());
    }
    go.notify_one();
    assert!(second.await.1);
    assert_eq!(finished.load(SeqCst), 1);

    // Everybody goes: the work is aborted and forgotten.
    assert!(timeout(Duration::from_millis(20), join(&flights, 1, work)).await.is_err());
    assert_eq!(flights.len(), 0);
    go.notify_one();
    sleep(Duration::from_millis(30)).await;
    assert_eq!(finished.load(SeqCst), 1);
}

#[tokio::test]
async fn what_was_promised_lands_without_anybody_waiting() {
    let (flights, finished) = (Sums::default(), Arc::new(Notify::new()));
    let done = Arc::clone(&finished);
    let (flight, _) = flights.board(&1, |_| async move {
        sleep(Duration::from_millis(20)).await;
        done.notify_one();
        1
    });
    flights.see_through(flight, ());
    timeout(Duration::from_secs(10), finished.notified()).await.expect("it goes on");
}

#[tokio::test]
async fn a_flight_tells_that_it_will_be_long_and_that_it_is_over() {
    let flights = Sums::default();
    let (flight, _) = flights.board(&1, |beacon| async move {
        beacon.long();
        std::future::pending().await
    });
    timeout(Duration::from_secs(10), flight.long()).await.expect("told");
    assert!(timeout(Duration::from_millis(20), flight.landed()).await.is_err());
    let (flight, _) = flights.board(&2, |_| async { 2 });
    timeout(Duration::from_secs(10), flight.long()).await.expect("over");
    // Held, it stays within reach.
    let (again, joined) = flights.board(&2, |_| async { 3 });
    assert_eq!((again.landed().await, joined), (Some(2), true));
}

#[tokio::test]
async fn a_panic_is_nothing_for_those_who_wait() {
    assert_eq!(join(&Sums::default(), 1, || async { panic!("on purpose") }).await.0, None);
}
