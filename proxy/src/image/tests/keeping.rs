//! How long pictures are kept, where, and what becomes of them when their time is over.

use std::time::Instant;

use ::bytes::BytesMut;
use tempfile::TempDir;

use super::*;
use crate::answer::Head;

/// Short enough to wait for.
const TTL: Duration = Duration::from_millis(150);

fn short() -> ImageSettings {
    ImageSettings { minimum_cache_ttl: TTL, ..settings() }
}

fn quick(tuning: ImageTuning) -> ImageTuning {
    ImageTuning { negative_ttl: Duration::from_millis(300), ..tuning }
}

fn page(shade: u8) -> App {
    computes(&[("/a", 200, None, png(100, 50, shade))])
}

impl Setup {
    async fn status(&self, query: &str) -> String {
        cache(&self.ask(query, WEBP).await.expect("image")).to_owned()
    }

    /// Asks until the cache says so, and gives that answer.
    async fn until(&self, query: &str, status: &str) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.ask(query, WEBP).await.expect("image");
            if cache(&answer) == status {
                return answer;
            }
            assert!(Instant::now() < deadline, "{} and not {status}", cache(&answer));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The same with other sources behind the same addresses.
    fn turn_into(&mut self, app: App) {
        self.app = Arc::new(app);
    }
}

async fn pass() {
    tokio::time::sleep(TTL + Duration::from_millis(20)).await;
}

const A: &str = "url=/a&w=64";

#[tokio::test]
async fn a_picture_past_its_time_is_answered_while_one_looks_after_it() {
    // Row 139.
    let mut setup = setup(&short(), &tuning(), page(10));
    let first = setup.ask(A, WEBP).await.expect("image");
    assert_eq!((cache(&first), setup.status(A).await.as_str()), ("MISS", "HIT"));
    pass().await;
    setup.turn_into(App { delay: Duration::from_millis(60), ..page(200) });
    for _ in 0..2 {
        let stale = setup.ask(A, WEBP).await.expect("image");
        assert_eq!((cache(&stale), bytes(&stale)), ("STALE", bytes(&first)));
        assert!(stale.headers.contains_key("age"));
    }
    let fresh = setup.until(A, "HIT").await;
    assert_ne!(bytes(&fresh), bytes(&first));
    assert_ne!(field(&fresh, "etag"), field(&first, "etag"));
    assert_eq!((setup.asked(), setup.images.events().snapshot().stale >= 2), (1, true));
}

#[tokio::test]
async fn an_unchanged_source_is_not_made_into_a_picture_again() {
    for etags in [true, false] {
        let app = || App { etags, ..page(10) };
        let mut setup = setup(&short(), &tuning(), app());
        let first = setup.ask(A, WEBP).await.expect("image");
        pass().await;
        // A longer time is given with the second answer, and counts.
        let mut later = app();
        later.answers.insert("/a".into(), (200, Some("max-age=500"), png(100, 50, 10)));
        setup.turn_into(later);
        assert_eq!(setup.status(A).await, "STALE");
        let again = setup.until(A, "HIT").await;
        assert_eq!(bytes(&again), bytes(&first));
        assert_eq!(field(&again, "cache-control"), "public, max-age=500");
        let counted = setup.images.events().snapshot();
        assert_eq!((counted.made[1].count, counted.revalidated, setup.asked()), (1, 1, 1), "{etags}");
    }
}

#[tokio::test]
async fn a_source_that_fails_leaves_the_picture_and_one_that_is_gone_takes_it() {
    let mut setup = setup(&short(), &quick(tuning()), page(10));
    setup.status(A).await;
    pass().await;
    setup.turn_into(computes(&[("/a", 500, None, Bytes::new())]));
    for _ in 0..5 {
        assert_eq!(setup.status(A).await, "STALE");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(setup.asked(), 1, "the source is left alone for a while");
    assert_eq!(setup.images.events().snapshot().refresh_failures, 1);
    tokio::time::sleep(Duration::from_millis(350)).await;
    setup.turn_into(computes(&[("/a", 404, None, Bytes::new())]));
    assert_eq!(setup.status(A).await, "STALE");
    let deadline = Instant::now() + Duration::from_secs(20);
    while setup.ask(A, WEBP).await.is_ok() {
        assert!(Instant::now() < deadline, "still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(setup.ask(A, WEBP).await.expect_err("gone"), Refusal::SourceMissing);
}

#[tokio::test]
async fn nothing_is_answered_past_its_time_where_the_settings_do_not_want_it() {
    let tuning = ImageTuning { stale_max: Duration::ZERO, ..tuning() };
    let setup = setup(&short(), &tuning, page(10));
    assert_eq!(setup.status(A).await, "MISS");
    pass().await;
    assert_eq!(setup.status(A).await, "MISS");
}

fn on_disk(folder: &TempDir, app: App) -> Setup {
    let tuning = tuning();
    let images = Images::start(&tuning, Some(&folder.path().join("images"))).expect("workers");
    Setup { images, rules: Arc::new(sample::rules(&settings(), &tuning)), app: Arc::new(app) }
}

#[tokio::test]
async fn what_was_made_is_there_after_a_restart_and_a_deploy() {
    let folder = tempfile::tempdir().expect("folder");
    let query = "url=/a.png&w=64";
    let first = {
        let setup = on_disk(&folder, files(&[("/a.png", png(100, 50, 90))]));
        let first = setup.ask(query, WEBP).await.expect("image");
        setup.images.maker.cache.settle().await;
        first
    };
    let next = App { deployment: "next".into(), ..files(&[("/a.png", png(100, 50, 90))]) };
    let setup = on_disk(&folder, next);
    let again = setup.ask(query, WEBP).await.expect("image");
    assert_eq!((cache(&again), bytes(&again)), ("HIT", bytes(&first)));
    assert_eq!(field(&again, "etag"), field(&first, "etag"));
    let counted = setup.images.events().snapshot();
    assert_eq!((counted.hits, counted.made[1].count), ([0, 0, 1, 0], 0));
    // Another content at the same place is another picture.
    let setup = on_disk(&folder, files(&[("/a.png", png(100, 50, 91))]));
    assert_eq!(setup.status(query).await, "MISS");
}

#[tokio::test]
async fn a_purge_forgets_pictures_in_memory_on_disk_and_under_way() {
    let folder = tempfile::tempdir().expect("folder");
    let app = files(&[("/a/1.png", png(100, 50, 1)), ("/b/1.png", png(100, 50, 2))]);
    let setup = on_disk(&folder, app);
    let (a, b) = ("url=/a/1.png&w=64", "url=/b/1.png&w=64");
    for query in [a, b] {
        setup.status(query).await;
    }
    setup.images.maker.cache.settle().await;
    let purge = |prefix: &str, site: Option<&str>| Purge { prefix: prefix.into(), site: site.map(Into::into) };
    assert_eq!(setup.images.purge(purge("/a/", Some("other"))).await.images, 0);
    assert_eq!(setup.images.purge(purge("/a/", Some("site"))).await.images, 1);
    assert_eq!((setup.status(b).await.as_str(), setup.status(a).await.as_str()), ("HIT", "MISS"));

    let app = App { delay: Duration::from_millis(80), ..page(10) };
    let setup = Arc::new(Setup { app: Arc::new(app), ..setup });
    let waiting = Arc::clone(&setup);
    let under_way = tokio::spawn(async move { waiting.status(A).await });
    while setup.asked() == 0 {
        tokio::task::yield_now().await;
    }
    setup.images.purge(purge("/a", None)).await;
    assert_eq!(under_way.await.expect("task"), "MISS");
    assert_eq!(setup.status(A).await, "MISS", "what was under way was not kept");
}

#[tokio::test]
async fn nobody_joins_work_that_began_before_a_purge() {
    let app = App { delay: Duration::from_millis(150), ..page(10) };
    let setup = setup(&settings(), &tuning(), app);
    let (images, rules, before) = (&setup.images, Arc::clone(&setup.rules), Arc::clone(&setup.app));
    let request = get(A, WEBP);
    let mut first = Box::pin(images.answer(&request, &rules, Arc::<App>::clone(&before)));
    while before.asked.load(SeqCst) == 0 {
        assert!(timeout(Duration::from_millis(5), &mut first).await.is_err());
    }
    setup.images.purge(Purge { prefix: "/a".into(), site: None }).await;
    // Whoever comes now is told what the source says now, in the same size and in another one.
    let after = Arc::new(page(200));
    let ask = |query| {
        let (request, rules, after) = (get(query, WEBP), Arc::clone(&rules), Arc::clone(&after));
        async move { images.answer(&request, &rules, after).await.expect("image").answer }
    };
    let (first, same, other) = tokio::join!(first, ask(A), ask("url=/a&w=640"));
    let first = first.expect("image").answer;
    assert_ne!(bytes(&first), bytes(&same), "joined the old one");
    assert_eq!((before.asked.load(SeqCst), after.asked.load(SeqCst)), (1, 1));
    for (query, made) in [(A, same), ("url=/a&w=640", other)] {
        let kept = ask(query).await;
        assert_eq!((cache(&kept), bytes(&kept)), ("HIT", bytes(&made)), "{query}");
    }
}

fn head<'a>(query: &'a str, fields: &'a [httparse::Header<'a>]) -> Head<'a> {
    Head { method: "GET", path: "/_img", query: Some(query), fields, http11: true, host: "localhost" }
}

#[tokio::test]
async fn a_picture_at_hand_is_answered_as_the_long_way_answers_it() {
    let setup = setup(&settings(), &tuning(), files(&[("/a.png", png(100, 50, 90))]));
    let query = "url=/a.png&w=64";
    let accept = [httparse::Header { name: "Accept", value: WEBP.as_bytes() }];
    let wanted = head(query, &accept);
    setup.ask(query, WEBP).await.expect("image");
    let request = ImageRequest::of(&wanted, None);
    let answered = setup.images.answer(&request, &setup.rules, Arc::<App>::clone(&setup.app)).await.expect("image");
    let mut front = setup.images.front();
    assert!(front.ready(&wanted, &setup.rules, &setup.images).is_none());
    front.keep(&wanted, &setup.rules, &answered.answer, None, answered.lasting.expect("a hit"));
    let mut long = BytesMut::new();
    answered.answer.write_head(&mut long);
    let ready = front.ready(&wanted, &setup.rules, &setup.images).expect("at hand");
    assert_eq!((ready.status, ready.head, ready.content), (StatusCode::OK, &long[..], Some(&bytes(&answered.answer))));

    // The client's copy is current, and `no-cache` wants the content all the same.
    let tag = field(&answered.answer, "etag").to_owned();
    let held = [accept[0], httparse::Header { name: "if-none-match", value: tag.as_bytes() }];
    let ready = front.ready(&head(query, &held), &setup.rules, &setup.images).expect("at hand");
    assert_eq!((ready.status, ready.content), (StatusCode::NOT_MODIFIED, None));
    let forced = [held[0], held[1], httparse::Header { name: "cache-control", value: b"no-cache" }];
    assert_eq!(
        front.ready(&head(query, &forced), &setup.rules, &setup.images).expect("at hand").status,
        StatusCode::OK
    );

    // Whatever may mean something else goes the long way.
    let png = [httparse::Header { name: "accept", value: b"image/png" }];
    let twice = [accept[0], accept[0]];
    for other in [head("url=/a.png&w=640", &accept), head(query, &png), head(query, &[]), head(query, &twice)] {
        assert!(front.ready(&other, &setup.rules, &setup.images).is_none(), "{other:?}");
    }
    let rules = Arc::new(sample::rules(&settings(), &tuning()));
    assert!(front.ready(&wanted, &rules, &setup.images).is_none(), "another deployment's rules");
    assert_eq!(setup.images.events().snapshot().hits, [3, 1, 0, 0]);

    front.keep(&wanted, &setup.rules, &answered.answer, None, answered.lasting.expect("a hit"));
    setup.images.purge(Purge { prefix: String::new(), site: None }).await;
    assert!(front.ready(&wanted, &setup.rules, &setup.images).is_none(), "purged");
}
