//! One piece of work for many that wait, and none for nobody.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use edgeplane_optimizer::{Edits, Fit, Position};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::*;
use crate::image::{
    cache::{Identity, Recipe},
    negotiate::Choice,
};

fn key(width: u32) -> Key {
    let recipe = Recipe {
        width,
        height: None,
        fit: Fit::Cover,
        position: Position::Center,
        quality: 75,
        keep_p3: false,
        edits: Edits::default(),
        choice: Choice::Source { webp: false },
    };
    Key { version: 1, identity: Identity::Content([0; 32]), recipe }
}

#[tokio::test]
async fn those_who_come_while_it_is_under_way_share_it_and_its_failure() {
    let (flights, begun) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
    let work = || {
        begun.fetch_add(1, SeqCst);
        async {
            sleep(Duration::from_millis(50)).await;
            Err(Refusal::UpstreamFailed)
        }
    };
    let (one, other) = (key(1), key(2));
    let (first, second, third) =
        tokio::join!(flights.join(&one, work), flights.join(&one, work), flights.join(&other, work));
    assert_eq!(begun.load(SeqCst), 2);
    assert!(!first.1 && second.1 && !third.1);
    assert_eq!(first.0.expect_err("failed"), Refusal::UpstreamFailed);
    assert_eq!(second.0.expect_err("failed"), Refusal::UpstreamFailed);
    // Failed work is not remembered here, and nothing is left behind.
    let again = flights.join(&key(1), work).await;
    assert!(!again.1);
    assert_eq!((begun.load(SeqCst), flights.len()), (3, 0));
}

#[tokio::test]
async fn it_outlives_the_one_who_began_it_and_ends_with_the_last() {
    let (flights, finished, go) = (Flights::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let work = || {
        let (finished, go) = (Arc::clone(&finished), Arc::clone(&go));
        async move {
            go.notified().await;
            finished.fetch_add(1, SeqCst);
            Err(Refusal::Failed)
        }
    };
    let key = key(1);
    let mut second = Box::pin(flights.join(&key, work));
    {
        let mut first = Box::pin(flights.join(&key, work));
        assert!(timeout(Duration::from_millis(20), &mut first).await.is_err());
        assert!(timeout(Duration::from_millis(20), &mut second).await.is_err());
    }
    go.notify_one();
    assert!(second.await.1);
    assert_eq!(finished.load(SeqCst), 1);

    // Everybody goes: the work is aborted and forgotten.
    assert!(timeout(Duration::from_millis(20), flights.join(&key, work)).await.is_err());
    assert_eq!(flights.len(), 0);
    go.notify_one();
    sleep(Duration::from_millis(30)).await;
    assert_eq!(finished.load(SeqCst), 1);
}

#[tokio::test]
async fn a_panic_is_a_failure_for_those_who_wait() {
    let flights = Flights::default();
    let outcome = flights.join(&key(1), || async { panic!("on purpose") }).await.0;
    assert_eq!(outcome.expect_err("failed"), Refusal::Failed);
}
