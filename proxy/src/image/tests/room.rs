//! How many bytes of sources are held, whoever they wait for.

use std::sync::mpsc;

use super::*;

const QUERY: [&str; 5] = ["url=/0&w=64", "url=/1&w=64", "url=/2&w=64", "url=/3&w=64", "url=/4&w=64"];
const SOURCE: usize = 60_000;
/// Three of them, and not four.
const ROOM: usize = 3 * SOURCE + SOURCE / 2;

/// Five pictures, each with a tail that nobody looks at.
fn sources() -> App {
    let large = |shade: u8| {
        let mut bytes = png(10, 10, shade).to_vec();
        bytes.resize(SOURCE, 0);
        Bytes::from(bytes)
    };
    let paths = ["/0", "/1", "/2", "/3", "/4"];
    let answers: Vec<_> = (0_u8..).zip(paths).map(|(shade, path)| (path, 200, None, large(shade))).collect();
    computes(&answers)
}

fn small(app: App) -> Setup {
    let tuning = ImageTuning { fetched_bytes_max: ROOM, workers: Amount::Just(1), ..tuning() };
    setup(&settings(), &tuning, app)
}

async fn all_is_given_back(setup: &Setup) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while setup.images.maker.loader.stock.left() != ROOM {
        assert!(Instant::now() < deadline, "{} of {ROOM}", setup.images.maker.loader.stock.left());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_beside_others_is_refused_while_it_comes_in() {
    let setup = small(App { delay: Duration::from_millis(100), ..sources() });
    let asks = QUERY.map(|query| setup.ask(query, WEBP));
    let [a, b, c, d, e] = asks;
    let answers: [_; 5] = tokio::join!(a, b, c, d, e).into();
    let refused: Vec<usize> = (0..5).filter(|place| matches!(answers[*place], Err(Refusal::Busy))).collect();
    assert_eq!((refused.len(), answers.iter().filter(|answer| answer.is_ok()).count()), (2, 3));
    all_is_given_back(&setup).await;
    for place in refused {
        assert_eq!(cache(&setup.ask(QUERY[place], WEBP).await.expect("room now")), "MISS");
    }
}

#[tokio::test]
async fn sources_of_jobs_that_wait_count_as_well() {
    let setup = small(sources());
    let (release, held) = mpsc::channel::<()>();
    let (begun, running) = tokio::sync::oneshot::channel();
    let occupying = setup.images.maker.drawer.pool.run(1, move |_, _| {
        let _ = begun.send(());
        let _ = held.recv();
    });
    let asks = async {
        running.await.expect("a worker");
        let [a, b, c, d, _] = QUERY.map(|query| setup.ask(query, WEBP));
        let waiting = async { tokio::join!(a, b, c) };
        let last = async {
            let deadline = Instant::now() + Duration::from_secs(20);
            while setup.images.maker.loader.stock.left() > ROOM - 3 * SOURCE {
                assert!(Instant::now() < deadline, "they are not fetched");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let last = d.await;
            drop(release);
            last
        };
        tokio::join!(waiting, last)
    };
    let (occupied, ((a, b, c), last)) = tokio::join!(occupying, asks);
    occupied.expect("done");
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(last.expect_err("full"), Refusal::Busy);
    all_is_given_back(&setup).await;
}

#[tokio::test]
async fn a_source_that_is_kept_as_it_is_takes_no_room() {
    let mut animated = animation().to_vec();
    animated.resize(SOURCE, 0);
    let setup = small(computes(&[("/0", 200, None, animated.into())]));
    assert_eq!(cache(&setup.ask(QUERY[0], WEBP).await.expect("image")), "MISS");
    all_is_given_back(&setup).await;
    assert_eq!(cache(&setup.ask(QUERY[0], WEBP).await.expect("image")), "HIT");
}
