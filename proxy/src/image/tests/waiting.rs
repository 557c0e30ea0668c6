//! AVIF without the wait: another format for now, and AVIF from when it is made.

use std::time::Instant;

use http::HeaderValue;

use super::*;

const BOTH: &str = "image/avif,image/webp,*/*;q=0.8";
const QUERY: &str = "url=/a.png&w=64";
/// Large enough that AVIF takes much longer than a turn of the runtime, even of a picture of one shade.
const LARGE: &str = "url=/large.png&w=640";

fn modern(avif_wait: Option<Duration>) -> Setup {
    let settings = ImageSettings { formats: vec![ImageFormat::Avif, ImageFormat::Webp], ..settings() };
    let tuning = ImageTuning { avif_wait, ..tuning() };
    setup(&settings, &tuning, files(&[("/a.png", png(100, 50, 90)), ("/large.png", png(800, 600, 90))]))
}

fn said(answer: &Answer) -> (&str, &str) {
    (cache(answer), field(answer, "content-type"))
}

#[tokio::test]
async fn the_quickest_format_is_answered_until_avif_is_made() {
    let setup = modern(Some(Duration::ZERO));
    let mut request = get(LARGE, BOTH);
    request.cache_control = Some(HeaderValue::from_static("public, max-age=300, immutable"));
    let first = setup.request(&request).await.expect("image");
    assert_eq!(said(&first), ("MISS; interim", "image/webp"));
    assert_eq!((field(&first, "cache-control"), field(&first, "vary")), ("public, max-age=5", "Accept"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let last = loop {
        let next = setup.request(&request).await.expect("image");
        if cache(&next) == "HIT" {
            break next;
        }
        assert_eq!(said(&next), ("MISS; interim", "image/webp"));
        assert!(Instant::now() < deadline, "AVIF is never made");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(said(&last), ("HIT", "image/avif"));
    assert_eq!(field(&last, "cache-control"), "public, max-age=300, immutable");
    assert_ne!(field(&last, "etag"), field(&first, "etag"));
    let counted = setup.images.events().snapshot();
    assert_eq!((counted.made[0].count, counted.made[1].count), (1, 1));
    assert!(counted.interim >= 1 && counted.fetches == 0);
    // What was made for now is what others get for good.
    assert_eq!(said(&setup.ask(LARGE, WEBP).await.expect("image")), ("HIT", "image/webp"));
}

#[tokio::test]
async fn avif_is_waited_for_where_nothing_else_will_do() {
    for (accept, query, wait) in [
        // Not another format may be shown.
        ("image/avif", QUERY, Some(Duration::ZERO)),
        ("image/avif, image/*;q=0", QUERY, Some(Duration::ZERO)),
        // It was asked for by name.
        ("*/*", "url=/a.png&w=64&format=avif", Some(Duration::ZERO)),
        // The settings say so.
        (BOTH, QUERY, None),
    ] {
        let setup = modern(wait);
        let answer = setup.ask(query, accept).await.expect("image");
        assert_eq!(said(&answer), ("MISS", "image/avif"), "{accept} {query}");
    }
}

#[tokio::test]
async fn an_old_format_stands_in_where_the_client_takes_any() {
    let setup = modern(Some(Duration::ZERO));
    let answer = setup.ask(LARGE, "image/avif,*/*").await.expect("image");
    assert_eq!(said(&answer), ("MISS; interim", "image/png"));
}

#[tokio::test]
async fn a_remote_source_is_fetched_once_for_both() {
    let app = App { delay: Duration::from_millis(30), ..computes(&[("/a", 200, None, png(100, 50, 7))]) };
    let setup = Setup { app: Arc::new(app), ..modern(Some(Duration::from_millis(31))) };
    setup.ask("url=/a&w=64", BOTH).await.expect("image");
    let deadline = Instant::now() + Duration::from_secs(60);
    while cache(&setup.ask("url=/a&w=64", BOTH).await.expect("image")) != "HIT" {
        assert!(Instant::now() < deadline, "AVIF is never made");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(setup.asked(), 1);
}

#[tokio::test]
async fn a_picture_that_cannot_be_avif_is_what_it_can_be() {
    let settings = ImageSettings { formats: vec![ImageFormat::Avif, ImageFormat::Webp], ..settings() };
    // One byte less than its smallest AVIF needs, and enough for WebP.
    let tuning = ImageTuning { avif_wait: Some(Duration::from_secs(20)), output_bytes_max: 200, ..tuning() };
    let setup = setup(&settings, &tuning, files(&[("/a.png", png(100, 50, 90))]));
    for _ in 0..2 {
        let answer = setup.ask(QUERY, BOTH).await.expect("image");
        assert_eq!(said(&answer), ("MISS; interim", "image/webp"));
    }
}

#[tokio::test]
async fn a_stand_in_past_its_time_is_looked_after_each_time_it_is_answered() {
    const TTL: Duration = Duration::from_millis(150);
    let formats = vec![ImageFormat::Avif, ImageFormat::Webp];
    let settings = ImageSettings { formats, minimum_cache_ttl: TTL, ..settings() };
    // AVIF cannot be made of it, so the stand-in is all there will ever be.
    let tuning = ImageTuning {
        avif_wait: Some(Duration::from_secs(20)),
        output_bytes_max: 200,
        negative_ttl: Duration::from_millis(10),
        ..tuning()
    };
    let mut setup = setup(&settings, &tuning, computes(&[("/a", 200, None, png(100, 50, 10))]));
    let query = "url=/a&w=64";
    let first = setup.ask(query, BOTH).await.expect("image");
    assert_eq!(said(&first), ("MISS; interim", "image/webp"));
    tokio::time::sleep(TTL + Duration::from_millis(20)).await;
    // The first look after it fails, the next one does not.
    setup.app = Arc::new(computes(&[("/a", 500, None, Bytes::new())]));
    let deadline = Instant::now() + Duration::from_secs(20);
    while setup.images.events().snapshot().refresh_failures == 0 {
        assert!(Instant::now() < deadline, "nobody looks after the stand-in");
        assert_eq!(bytes(&setup.ask(query, BOTH).await.expect("image")), bytes(&first));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    setup.app = Arc::new(computes(&[("/a", 200, None, png(100, 50, 200))]));
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let next = setup.ask(query, BOTH).await.expect("image");
        assert_eq!(said(&next), ("MISS; interim", "image/webp"));
        if bytes(&next) != bytes(&first) {
            break;
        }
        assert!(Instant::now() < deadline, "the stand-in is never looked after");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
