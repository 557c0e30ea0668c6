//! The primitive as a whole: files, Compute, other hosts, one cache.

use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use edgeplane_config::{Amount, ImageFormat, ImageSettings};
use http::StatusCode;

use super::{
    sample::{App, Server, animation, get, png, response, settings, tuning, webp},
    *,
};

mod keeping;
mod room;
mod waiting;

const WEBP: &str = "image/webp";

struct Setup {
    images: Images,
    rules: Arc<Rules>,
    app: Arc<App>,
}

fn setup(settings: &ImageSettings, tuning: &ImageTuning, app: App) -> Setup {
    let images = Images::start(tuning, None).expect("workers");
    Setup { images, rules: Arc::new(sample::rules(settings, tuning)), app: Arc::new(app) }
}

impl Setup {
    async fn ask(&self, query: &str, accept: &str) -> Result<Answer, Refusal> {
        self.request(&get(query, accept)).await
    }

    async fn request(&self, request: &ImageRequest) -> Result<Answer, Refusal> {
        let answered = self.images.answer(request, &self.rules, Arc::<App>::clone(&self.app)).await?;
        Ok(answered.answer)
    }

    fn asked(&self) -> usize {
        self.app.asked.load(SeqCst)
    }
}

fn files(files: &[(&str, Bytes)]) -> App {
    App { files: files.iter().map(|(path, bytes)| ((*path).into(), bytes.clone())).collect(), ..App::default() }
}

fn computes(answers: &[(&str, u16, Option<&'static str>, Bytes)]) -> App {
    let answers = answers.iter().map(|(path, status, said, bytes)| ((*path).into(), (*status, *said, bytes.clone())));
    App { answers: answers.collect(), ..App::default() }
}

fn bytes(answer: &Answer) -> Bytes {
    match &answer.body {
        crate::answer::Body::Whole(bytes) => bytes.clone(),
        other => panic!("{other:?}"),
    }
}

fn field<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ascii"))
}

fn cache(answer: &Answer) -> &str {
    field(answer, "x-edgeplane-cache")
}

#[tokio::test]
async fn a_file_becomes_what_the_client_takes_and_is_kept() {
    let setup = setup(&settings(), &tuning(), files(&[("/a.png", png(100, 50, 90))]));
    let first = setup.ask("url=/a.png&w=64", WEBP).await.expect("image");
    assert_eq!((first.status, field(&first, "content-type"), cache(&first)), (StatusCode::OK, WEBP, "MISS"));
    let seen = probe(&bytes(&first)).expect("image");
    assert_eq!((seen.source_type, seen.width, seen.height), (SourceType::Webp, 64, 32));
    // The other dialect, other header words, a redundant parameter: the same entry.
    let again = setup.ask("quality=75&width=64&url=%2Fa.png&x=y", "*/*;q=0.1, IMAGE/WEBP;v=1").await.expect("image");
    assert_eq!((cache(&again), bytes(&again)), ("HIT", bytes(&first)));
    let other = setup.ask("url=/a.png&w=64", "*/*").await.expect("image");
    assert_eq!((field(&other, "content-type"), cache(&other)), ("image/png", "MISS"));
    let counted = setup.images.events().snapshot();
    assert_eq!((counted.hits[1], counted.misses, counted.made[1].count), (1, 2, 1));
    assert_eq!(setup.asked(), 0);
}

#[tokio::test]
async fn head_is_answered_like_get_and_other_methods_are_refused() {
    let setup = setup(&settings(), &tuning(), files(&[("/a.png", png(100, 50, 90))]));
    // Row 144.
    let mut request = get("url=/a.png&w=64", WEBP);
    request.method = "HEAD".into();
    assert_eq!(setup.request(&request).await.expect("head").status, StatusCode::OK);
    for method in ["POST", "OPTIONS", "get"] {
        request.method = method.into();
        assert_eq!(setup.request(&request).await.expect_err(method), Refusal::MethodNotAllowed);
    }
    assert_eq!(setup.images.events().snapshot().refused, 3);
}

#[tokio::test]
async fn what_is_not_touched_passes_as_it_is() {
    // Rows 123 to 126.
    let ico = Bytes::from_static(b"\0\0\x01\0rest");
    // Outside of a worker's sandbox, which this test has not, AVIF is not decoded.
    let avif = Bytes::from_static(include_bytes!("../../../../optimizer/tests/optimizer/avif/420.avif"));
    let svg = Bytes::from_static(b"<svg onload='x'/>");
    let app = files(&[("/a.gif", animation()), ("/a.ico", ico.clone()), ("/a.avif", avif), ("/a.svg", svg.clone())]);
    let allow = ImageSettings { dangerously_allow_svg: true, ..settings() };
    let mut setup = setup(&allow, &tuning(), app);
    for (path, media_type) in [("/a.gif", "image/gif"), ("/a.ico", "image/x-icon"), ("/a.avif", "image/avif")] {
        let answer = setup.ask(&format!("url={path}&w=64"), WEBP).await.expect(path);
        assert_eq!((field(&answer, "content-type"), cache(&answer)), (media_type, "BYPASS"));
        assert_eq!(bytes(&answer), setup.app.files[path]);
    }
    let answer = setup.ask("url=/a.svg&w=64", WEBP).await.expect("svg");
    assert_eq!((field(&answer, "content-type"), bytes(&answer)), ("image/svg+xml", svg));
    setup.rules = Arc::new(sample::rules(&settings(), &tuning()));
    let refusal = setup.ask("url=/a.svg&w=64", WEBP).await.expect_err("svg");
    assert_eq!(refusal.to_string(), "SVG files are not allowed");
}

#[tokio::test]
async fn what_is_no_image_is_refused_whatever_it_is_called() {
    // Rows 117, 127 to 129, 166, 170.
    let html = Bytes::from_static(b"<html><svg id='a'></svg></html>");
    let truncated = png(100, 50, 9).slice(..60);
    let mut app = files(&[("/a.png", html.clone()), ("/cut.png", truncated), ("/empty.png", Bytes::new())]);
    app.answers.insert("/page".into(), (200, None, html));
    let setup = setup(&settings(), &tuning(), app);
    for path in ["/a.png", "/cut.png", "/empty.png", "/page"] {
        assert_eq!(setup.ask(&format!("url={path}&w=64"), WEBP).await.expect_err(path), Refusal::NotAnImage, "{path}");
    }
}

#[tokio::test]
async fn sources_have_limits_wherever_they_come_from() {
    // Rows 132, 133.
    let big = Bytes::from(vec![0xff; 100_001]);
    let wide = {
        let mut wide = png(100, 50, 9).to_vec();
        wide[16..20].copy_from_slice(&50_000_u32.to_be_bytes());
        Bytes::from(wide)
    };
    let mut app = files(&[("/big.png", big.clone()), ("/wide.png", wide)]);
    app.answers.insert("/big".into(), (200, None, big));
    let setup = setup(&settings(), &tuning(), app);
    for path in ["/big.png", "/wide.png", "/big"] {
        assert_eq!(
            setup.ask(&format!("url={path}&w=64"), WEBP).await.expect_err(path),
            Refusal::SourceTooLarge,
            "{path}"
        );
    }
}

#[tokio::test]
async fn compute_is_asked_where_no_file_is_and_below_the_base_path_second() {
    let missing = (404, None, Bytes::new());
    let mut app = files(&[("/docs/photo.png", png(100, 50, 1))]);
    app.answers.insert("/dyn?id=1".into(), (200, None, png(100, 50, 2)));
    app.answers.insert("/logo".into(), missing.clone());
    app.answers.insert("/docs/logo".into(), (200, None, png(100, 50, 3)));
    app.answers.insert("/gone".into(), missing.clone());
    app.answers.insert("/docs/gone".into(), missing);
    let setup = setup(&settings(), &tuning(), app);
    let ask = |url: &str| {
        let mut request = get(&format!("url={url}&w=64"), WEBP);
        request.path = "/docs/_img".into();
        request
    };
    assert!(setup.request(&ask("/photo.png")).await.is_ok());
    assert_eq!(setup.asked(), 0);
    for (url, asked) in [("/dyn%3Fid=1", 1), ("/logo", 3)] {
        assert!(setup.request(&ask(url)).await.is_ok(), "{url}");
        assert_eq!(setup.asked(), asked, "{url}");
    }
    assert_eq!(setup.request(&ask("/gone")).await.expect_err("gone"), Refusal::SourceMissing);
    let asked = setup.asked();
    assert_eq!(setup.request(&ask("/gone")).await.expect_err("gone"), Refusal::SourceMissing);
    assert_eq!(setup.asked(), asked, "a failed fetch is remembered");
}

#[tokio::test]
async fn many_at_once_are_one_fetch_and_one_encode() {
    // Row 140.
    let app = App { delay: Duration::from_millis(80), ..computes(&[("/a", 200, None, png(100, 50, 2))]) };
    let setup = Arc::new(setup(&settings(), &tuning(), app));
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let setup = Arc::clone(&setup);
        asks.spawn(async move { setup.ask("url=/a&w=64", WEBP).await.expect("image") });
    }
    let answers = asks.join_all().await;
    assert!(answers.iter().all(|answer| cache(answer) == "MISS"));
    let counted = setup.images.events().snapshot();
    assert_eq!((setup.asked(), counted.fetches, counted.made[1].count), (1, 1, 1));
    assert_eq!((counted.misses, counted.joined), (1, 11));
}

#[tokio::test]
async fn a_source_decides_how_long_within_the_bounds() {
    let app = computes(&[
        ("/short", 200, Some("s-maxage=10"), png(10, 10, 1)),
        ("/long", 200, Some("max-age=500"), png(10, 10, 2)),
        ("/private", 200, Some("private, max-age=500"), png(10, 10, 3)),
    ]);
    let setup = setup(&settings(), &tuning(), app);
    for (path, said, second) in [
        ("/short", "public, max-age=60", "HIT"),
        ("/long", "public, max-age=500", "HIT"),
        ("/private", "private, no-store", "BYPASS"),
    ] {
        let query = format!("url={path}&w=64");
        setup.ask(&query, WEBP).await.expect(path);
        let again = setup.ask(&query, WEBP).await.expect(path);
        assert_eq!((field(&again, "cache-control"), cache(&again)), (said, second), "{path}");
    }
    assert_eq!(setup.asked(), 4);
}

#[tokio::test]
async fn another_deployment_does_not_see_what_compute_said_to_this_one() {
    let mut setup = setup(&settings(), &tuning(), computes(&[("/a", 200, None, png(10, 10, 1))]));
    setup.ask("url=/a&w=64", WEBP).await.expect("image");
    let next = App { deployment: "next".into(), ..computes(&[("/a", 200, None, png(10, 10, 2))]) };
    setup.app = Arc::new(next);
    assert_eq!(cache(&setup.ask("url=/a&w=64", WEBP).await.expect("image")), "MISS");
}

#[tokio::test]
async fn what_may_be_read_is_decided_before_the_cache_is_asked() {
    let server = Server::start(&[("/a.png", response("200 OK", "", &png(100, 50, 1)))]).await;
    let mut allowed = settings();
    allowed.domains = vec!["127.0.0.1".into()];
    let tuning = ImageTuning { allow_http: true, ..tuning() };
    let mut setup = setup(&allowed, &tuning, App::default());
    let query = format!("url={}&w=64", server.url("/a.png"));
    assert_eq!(cache(&setup.ask(&query, WEBP).await.expect("image")), "MISS");
    assert_eq!(cache(&setup.ask(&query, WEBP).await.expect("image")), "HIT");
    // The next deployment does not allow the host any more.
    setup.rules = Arc::new(sample::rules(&settings(), &tuning));
    assert_eq!(setup.ask(&query, WEBP).await.expect_err("refused"), Refusal::NotAllowed);
    assert_eq!(server.heads.lock().len(), 1);
}

#[tokio::test]
async fn our_own_host_is_read_without_the_network() {
    // Row 41.
    let setup = setup(&settings(), &tuning(), files(&[("/a.png", png(100, 50, 9))]));
    assert!(setup.ask("url=https://app.example/a.png&w=64", WEBP).await.is_ok());
    assert_eq!(setup.images.events().snapshot().fetches, 0);
    let other = setup.ask("url=https://other.example/a.png&w=64", WEBP).await;
    assert_eq!(other.expect_err("not ours"), Refusal::NotAllowed);
}

#[tokio::test]
async fn a_modern_source_is_brought_down_for_an_old_client() {
    let settings = ImageSettings { formats: Vec::new(), ..settings() };
    let setup = setup(&settings, &tuning(), files(&[("/a.webp", webp(100, 50, 9))]));
    let answer = setup.ask("url=/a.webp&w=64", "*/*").await.expect("image");
    assert_eq!((field(&answer, "content-type"), field(&answer, "vary")), ("image/jpeg", "Accept"));
    let answer = setup.ask("url=/a.webp&w=64", WEBP).await.expect("image");
    assert_eq!(field(&answer, "content-type"), WEBP);
}

#[tokio::test]
async fn too_many_and_too_late() {
    // Row 171.
    let sources = [("/a", 200, None, png(10, 10, 1)), ("/b", 200, None, png(10, 10, 2))];
    let app = App { delay: Duration::from_secs(5), ..computes(&sources) };
    let tuning = ImageTuning { queue: 1, workers: Amount::Just(1), timeout: Duration::from_millis(150), ..tuning() };
    let setup = Arc::new(setup(&settings(), &tuning, app));
    let waiting = Arc::clone(&setup);
    let first = tokio::spawn(async move { waiting.ask("url=/a&w=64", WEBP).await });
    while setup.asked() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(setup.ask("url=/b&w=640", WEBP).await.expect_err("full"), Refusal::Busy);
    assert_eq!(first.await.expect("task").expect_err("late"), Refusal::Deadline);
    assert_eq!(setup.images.events().snapshot().busy, 1);
}

#[tokio::test]
async fn a_format_too_dear_for_the_memory_gives_way_to_the_sources_own() {
    let settings = ImageSettings { formats: vec![ImageFormat::Avif], ..settings() };
    let tuning = ImageTuning { memory_bytes_max: 32 << 20, source_bytes_max: 4 << 20, ..tuning() };
    let setup = setup(&settings, &tuning, files(&[("/a.png", png(1080, 1000, 9))]));
    let small = setup.ask("url=/a.png&w=64", "image/avif").await.expect("an image");
    assert_eq!(field(&small, "content-type"), "image/avif");
    let large = setup.ask("url=/a.png&w=1080", "image/avif").await.expect("an image");
    assert_eq!((large.status, field(&large, "content-type")), (StatusCode::OK, "image/png"));
}
