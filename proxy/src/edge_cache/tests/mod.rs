//! The cache as a whole, without a network: what is kept is found by those it is for, and by nobody else.

mod at_hand;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use edgeplane_config::Settings;
use http::StatusCode;

use super::*;
use crate::{
    answer::{Body, Head},
    coding::{ContentCoding, Judged, Plain},
};

fn cache(change: impl FnOnce(&mut EdgeCacheSettings)) -> Arc<EdgeCache> {
    cache_over(None, change)
}

fn cache_over(folder: Option<&Path>, change: impl FnOnce(&mut EdgeCacheSettings)) -> Arc<EdgeCache> {
    let mut settings = EdgeCacheSettings { enabled: true, ..Settings::default().edge_cache };
    change(&mut settings);
    EdgeCache::start(&settings, folder).unwrap()
}

/// No other guise than the page's own.
fn as_it_is() -> Guise<'static> {
    let judged = Judged { outcome: Err(Plain::Off), varies: false, weakens: false, events: false };
    Guise { overlay: None, judged, content: None }
}

/// What is in memory is found at once.
fn find(cache: &EdgeCache, key: &Key, asked: &Asked<'_>) -> Found {
    match pin!(cache.find(key, asked)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(found) => found,
        Poll::Pending => panic!("it waits for the disk"),
    }
}

/// A request, as `METHOD host path?query` and its fields.
struct Request {
    method: &'static str,
    host: &'static str,
    path: &'static str,
    query: Option<&'static str>,
    fields: Vec<httparse::Header<'static>>,
    deployment: &'static str,
    scheme: &'static str,
    trusted: bool,
}

fn get(path: &'static str, fields: &[(&'static str, &'static str)]) -> Request {
    let fields = fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    Request { method: "GET", host: "h", path, query, fields, deployment: "d1", scheme: "http", trusted: false }
}

impl Request {
    fn ask<T>(&self, act: impl FnOnce(&Asked<'_>) -> T) -> T {
        let Self { method, host, path, query, ref fields, deployment, scheme, trusted } = *self;
        let head = Head { method, path, query, fields, http11: true, host };
        act(&Asked { head: &head, site: "site", deployment, scheme, trusted })
    }

    /// It is answered with 200, if it may change anything.
    fn succeeds(&self, cache: &Arc<EdgeCache>, named: &[&str]) {
        if let Some(change) = self.ask(|asked| cache.change(asked)) {
            change.hear(StatusCode::OK, named.iter().copied());
        }
    }

    /// Whether the cache has an answer, or why it is not asked.
    fn look(&self, cache: &Arc<EdgeCache>) -> Result<Option<Bytes>, Bypass> {
        self.ask(|asked| {
            Ok(match find(cache, &cache.key(asked)?, asked) {
                Found::Fresh(page) | Found::Stale(page) => Some(page.content().clone()),
                Found::Missing(_) => None,
            })
        })
    }

    fn lead(&self, cache: &Arc<EdgeCache>) -> Result<Box<Lead>, Bypass> {
        self.ask(|asked| {
            let key = cache.key(asked)?;
            let before = match find(cache, &key, asked) {
                Found::Fresh(page) | Found::Stale(page) => Some(page),
                Found::Missing(before) => before,
            };
            match cache.board(&key, asked, before) {
                Turn::Lead(lead) => Ok(lead),
                Turn::Wait(_) => panic!("somebody else fetches it"),
                Turn::Bypass(why) => Err(why),
            }
        })
    }

    /// Compute answers this request.
    fn answered(
        &self,
        cache: &Arc<EdgeCache>,
        status: u16,
        fields: &[(&str, &str)],
        content: &str,
    ) -> Result<Fate, Bypass> {
        let mut lead = self.lead(cache)?;
        let fate = self.hear(&mut lead, status, fields);
        lead.push(content.as_bytes());
        lead.finish();
        Ok(fate)
    }

    fn hear(&self, lead: &mut Lead, status: u16, fields: &[(&str, &str)]) -> Fate {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        self.ask(|asked| lead.hear(asked.head, StatusCode::from_u16(status).unwrap(), fields, None))
    }
}

/// Fields of a request or of an answer.
type Said = &'static [(&'static str, &'static str)];

const KEEP: (&str, &str) = ("cache-control", "public, s-maxage=60");

#[test]
fn what_is_kept_is_found_by_those_who_ask_the_same() {
    let cache = cache(|_| ());
    let asked = get("/a?x=1", &[("accept", "text/html"), ("User-Agent", "one")]);
    assert_eq!(asked.look(&cache), Ok(None));
    assert_eq!(asked.answered(&cache, 200, &[KEEP], "hello"), Ok(Fate::Keep));
    assert_eq!(asked.look(&cache), Ok(Some("hello".into())));
    let same = get("/a?x=1", &[("Accept", "text/html"), ("user-agent", "two"), ("x-forwarded-host", "evil")]);
    assert_eq!(same.look(&cache), Ok(Some("hello".into())));
    let upper = Request { host: "H", ..get("/a?x=1", &[("accept", "text/html")]) };
    assert_eq!(upper.look(&cache), Ok(Some("hello".into())));
    let head = Request { method: "HEAD", ..get("/a?x=1", &[("accept", "text/html")]) };
    assert_eq!(head.look(&cache), Ok(Some("hello".into())));
}

#[test]
fn everything_in_the_key_tells_answers_apart() {
    let cache = cache(|_| ());
    let base = || get("/a?x=1", &[("accept", "text/html")]);
    assert_eq!(base().answered(&cache, 200, &[KEEP], "hello"), Ok(Fate::Keep));
    for other in [
        get("/a", &[("accept", "text/html")]),
        get("/a?", &[("accept", "text/html")]),
        get("/a?x=2", &[("accept", "text/html")]),
        get("/A?x=1", &[("accept", "text/html")]),
        get("/a?x=1", &[("accept", "text/x-component")]),
        get("/a?x=1", &[]),
        get("/a?x=1", &[("accept", "text/html"), ("accept", "a/b")]),
        get("/a?x=1", &[("accept", "text/html"), ("authorization", "Basic eDp5")]),
        Request { host: "evil", ..base() },
        Request { deployment: "d2", ..base() },
        Request { scheme: "https", ..base() },
        Request { trusted: true, ..get("/a?x=1", &[("accept", "text/html"), ("cloudfront-viewer-country", "NZ")]) },
    ] {
        assert_eq!(other.look(&cache), Ok(None), "{} {} {:?}", other.host, other.path, other.fields);
    }
    let claimed = get("/a?x=1", &[("accept", "text/html"), ("cloudfront-viewer-country", "NZ")]);
    assert_eq!(claimed.look(&cache), Ok(Some("hello".into())), "a stranger's word counts for nothing");
}

#[test]
fn one_users_page_is_never_anothers() {
    let attempts: [(Said, Said); 7] = [
        (&[("cookie", "session=alice")], &[KEEP]),
        (&[], &[KEEP, ("set-cookie", "session=alice")]),
        (&[], &[("cache-control", "private, max-age=60")]),
        (&[], &[("cache-control", "s-maxage=60, private=\"x-user\"")]),
        (&[], &[KEEP, ("vary", "*")]),
        (&[("authorization", "Bearer alice")], &[("cache-control", "max-age=60")]),
        (&[("authorization", "Bearer alice")], &[KEEP]),
    ];
    for (with_cookies, ignored) in [(false, ""), (true, ""), (false, "_ga*")] {
        for (asked, said) in attempts {
            let cache = cache(|settings| {
                settings.with_cookies = with_cookies;
                settings.ignored_cookies = vec![ignored.to_owned()];
            });
            // Whatever comes of it.
            let _ = get("/me", asked).answered(&cache, 200, said, "alice's");
            for other in [
                get("/me", &[]),
                get("/me", &[("cookie", "session=bob")]),
                get("/me", &[("cookie", "_ga=1")]),
                get("/me", &[("authorization", "Bearer bob")]),
            ] {
                let found = other.look(&cache);
                assert!(!matches!(found, Ok(Some(_))), "{asked:?} {said:?} {:?}: {found:?}", other.fields);
            }
        }
    }
}

#[test]
fn a_page_that_depends_on_cookies_is_for_those_without() {
    let vary: &[(&str, &str)] = &[KEEP, ("vary", "Cookie")];
    let cache = cache(|settings| {
        settings.with_cookies = true;
        settings.ignored_cookies = vec!["_ga*".to_owned()];
    });
    assert_eq!(get("/", &[]).answered(&cache, 200, vary, "nobody's"), Ok(Fate::Keep));
    assert_eq!(get("/", &[("cookie", "session=alice")]).look(&cache), Ok(None));
    assert_eq!(get("/", &[("cookie", "_ga=1; session=alice")]).look(&cache), Ok(None));
    assert_eq!(get("/", &[("cookie", "_ga=1; _gid=2, _ga_x=3")]).look(&cache), Ok(None));
    assert_eq!(get("/", &[("cookie", "_ga=1; _ga_x=3")]).look(&cache), Ok(Some("nobody's".into())));
    let with_cookie = get("/other", &[("cookie", "session=alice")]);
    assert_eq!(with_cookie.answered(&cache, 200, &[KEEP], "alice's"), Err(Bypass::Cookie));
}

#[test]
fn requests_that_are_not_looked_up_say_why() {
    let cache = cache(|_| ());
    for (request, why) in [
        (Request { method: "POST", ..get("/", &[]) }, Bypass::Method),
        (get("/", &[("Cookie", "a=b")]), Bypass::Cookie),
        (get("/", &[("content-length", "3")]), Bypass::Body),
        (get("/", &[("transfer-encoding", "chunked")]), Bypass::Body),
        (get("/", &[("if-match", "\"a\"")]), Bypass::Conditions),
        (get("/", &[("if-unmodified-since", "x")]), Bypass::Conditions),
    ] {
        assert_eq!(request.look(&cache), Err(why), "{:?}", request.fields);
    }
    for (request, why) in [
        (Request { method: "HEAD", ..get("/", &[]) }, Bypass::Head),
        (get("/", &[("range", "bytes=0-1")]), Bypass::Range),
    ] {
        assert_eq!(request.lead(&cache).map(|_| ()).unwrap_err(), why);
    }
}

#[test]
fn each_variant_is_found_by_those_who_ask_for_it() {
    let cache = cache(|_| ());
    let br = get("/", &[("accept-encoding", "br")]);
    let gzip = get("/", &[("accept-encoding", "gzip")]);
    let plain = get("/", &[]);
    for (request, coding) in [(&br, "br"), (&gzip, "gzip")] {
        let said = [KEEP, ("content-encoding", coding)];
        assert_eq!(request.answered(&cache, 200, &said, coding), Ok(Fate::Keep));
    }
    assert_eq!(br.look(&cache), Ok(Some("br".into())));
    assert_eq!(gzip.look(&cache), Ok(Some("gzip".into())));
    assert_eq!(plain.look(&cache), Ok(None), "it cannot read either of them");
}

#[test]
fn what_is_not_to_be_kept_is_remembered_and_what_was_is_forgotten() {
    let cache = cache(|_| ());
    let page = get("/", &[]);
    assert_eq!(
        page.answered(&cache, 200, &[("cache-control", "s-maxage=0, stale-while-revalidate=60")], "1"),
        Ok(Fate::Keep)
    );
    assert_eq!(page.look(&cache), Ok(Some("1".into())));
    assert_eq!(page.answered(&cache, 200, &[("cache-control", "no-store")], "2"), Ok(Fate::Pass));
    assert_eq!(page.look(&cache), Ok(None));
    assert_eq!(page.answered(&cache, 200, &[KEEP], "3"), Err(Bypass::Told));
    let other = get("/failing", &[]);
    assert_eq!(other.answered(&cache, 500, &[KEEP], "no"), Ok(Fate::Pass));
    assert_eq!(
        other.answered(&cache, 200, &[KEEP], "yes"),
        Ok(Fate::Keep),
        "an error says nothing about the next answer"
    );
}

#[test]
fn what_is_unchanged_is_renewed_and_what_fails_is_replaced_by_what_is_kept() {
    let cache = cache(|_| ());
    let page = get("/", &[]);
    let said = [
        ("cache-control", "s-maxage=0, stale-while-revalidate=60, stale-if-error=60"),
        ("etag", "\"1\""),
        ("x", "old"),
    ];
    assert_eq!(page.answered(&cache, 200, &said, "content"), Ok(Fate::Keep));

    let mut lead = page.lead(&cache).unwrap();
    let conditions: Vec<_> =
        lead.conditions().map(|(name, value)| (name, value.to_str().unwrap().to_owned())).collect();
    assert_eq!(conditions, [("if-none-match", "\"1\"".to_owned())]);
    assert_eq!(page.hear(&mut lead, 503, &[]), Fate::Instead);
    assert_eq!(
        lead.instead().map(|(page, status)| (page.content().clone(), status)),
        Some(("content".into(), CacheStatus::Stale))
    );
    drop(lead);

    let mut lead = page.lead(&cache).unwrap();
    assert!(lead.failed().is_some(), "nobody answered");
    assert_eq!(page.hear(&mut lead, 304, &[KEEP, ("x", "new"), ("content-encoding", "wrong")]), Fate::Instead);
    let (renewed, status) = lead.instead().unwrap();
    let answer = renewed.answer(status, Instant::now());
    assert_eq!((answer.headers["x"].as_bytes(), answer.headers.get("content-encoding")), (b"new".as_slice(), None));
    assert!(matches!(answer.body, Body::Whole(content) if content == "content"));
    page.ask(|asked| {
        assert!(matches!(find(&cache, &cache.key(asked).unwrap(), asked), Found::Fresh(_)), "it is fresh from now on");
    });
}

#[test]
fn an_unsafe_request_makes_every_variant_invalid_and_also_what_is_under_way() {
    let cache = cache(|_| ());
    let (html, json) = (get("/a", &[("accept", "text/html")]), get("/a", &[("accept", "text/json")]));
    let other = get("/b", &[]);
    for request in [&html, &json, &other] {
        assert_eq!(request.answered(&cache, 200, &[KEEP], "old"), Ok(Fate::Keep));
    }
    let late = get("/a", &[]);
    let mut lead = late.lead(&cache).unwrap();
    assert_eq!(late.hear(&mut lead, 200, &[KEEP]), Fate::Keep);
    Request { method: "POST", ..get("/a", &[]) }.succeeds(&cache, &[]);
    lead.finish();
    for request in [&html, &json, &late] {
        assert_eq!(request.look(&cache), Ok(None), "{:?}", request.fields);
    }
    assert_eq!(other.look(&cache), Ok(Some("old".into())));
}

#[test]
fn what_the_answer_to_an_unsafe_request_names_is_invalid_too() {
    let cache = cache(|_| ());
    let named = get("/list?page=1", &[]);
    for (reference, kept) in [
        ("/list?page=1", false),
        ("list?page=1", false),
        ("http://h/list?page=1", false),
        ("http://other/list?page=1", true),
        ("https://h/list?page=1", true),
        ("/list", true),
        ("http://", true),
    ] {
        assert_eq!(named.answered(&cache, 200, &[KEEP], "old"), Ok(Fate::Keep));
        Request { method: "POST", ..get("/new", &[]) }.succeeds(&cache, &[reference]);
        assert_eq!(named.look(&cache).unwrap().is_some(), kept, "{reference}");
    }
}

#[tokio::test]
async fn a_purge_forgets_what_it_means_and_what_is_under_way() {
    let cache = cache(|_| ());
    let (blog, shop) = (get("/blog/1", &[]), get("/shop", &[]));
    assert_eq!(blog.answered(&cache, 200, &[KEEP, ("cache-tag", "posts, all")], "1"), Ok(Fate::Keep));
    assert_eq!(shop.answered(&cache, 200, &[KEEP, ("cache-tag", "all")], "2"), Ok(Fate::Keep));
    let late = get("/blog/2", &[]);
    let mut lead = late.lead(&cache).unwrap();
    assert_eq!(late.hear(&mut lead, 200, &[KEEP]), Fate::Keep);
    cache.memory.settle();
    let purge = |prefix: &str, tag: Option<&str>| Purge { prefix: prefix.into(), tag: tag.map(Into::into), site: None };
    assert_eq!(cache.purge(&purge("", Some("posts"))).await.0, 1);
    lead.finish();
    assert_eq!((blog.look(&cache), late.look(&cache)), (Ok(None), Ok(None)));
    assert_eq!(shop.look(&cache), Ok(Some("2".into())));
    assert_eq!(cache.purge(&purge("/shop", None)).await.0, 1);
    assert_eq!(shop.look(&cache), Ok(None));
}

#[test]
fn memory_and_a_page_have_their_bounds() {
    let cache = cache(|settings| {
        settings.memory_bytes = 64 * 1024;
        settings.entry_bytes = 4 * 1024;
    });
    let page = get("/long", &[]);
    assert_eq!(page.answered(&cache, 200, &[KEEP], &"x".repeat(4097)), Ok(Fate::Keep));
    assert_eq!((page.look(&cache), page.answered(&cache, 200, &[KEEP], "x")), (Ok(None), Err(Bypass::Told)));
    for number in 0..200 {
        let path: &'static str = Box::leak(format!("/{number}").into_boxed_str());
        assert_eq!(get(path, &[]).answered(&cache, 200, &[KEEP], &"x".repeat(4096)), Ok(Fate::Keep));
    }
    cache.memory.settle();
    let [(bytes, entries), _] = cache.used();
    assert!(bytes <= 64 * 1024 && entries > 0, "{bytes} in {entries}");
}

/// A page that has to leave memory is on disk, until something newer or a purge takes it away.
#[tokio::test]
async fn what_memory_has_no_room_for_is_found_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("of another run"), "x").unwrap();
    let cache = cache_over(Some(folder.path()), |settings| settings.memory_bytes = 32 * 1024);
    let content = "x".repeat(20_000);
    let look = async |path: &'static str| {
        let request = get(path, &[]);
        let Request { method, host, path, query, ref fields, deployment, scheme, trusted } = request;
        let head = Head { method, path, query, fields, http11: true, host };
        let asked = Asked { head: &head, site: "site", deployment, scheme, trusted };
        match cache.find(&cache.key(&asked).unwrap(), &asked).await {
            Found::Fresh(page) => Some(page.content().clone()),
            _ => None,
        }
    };
    let said: &[(&str, &str)] = &[KEEP, ("vary", "x-theme"), ("cache-tag", "all")];
    for path in ["/1", "/2", "/3"] {
        assert_eq!(get(path, &[]).answered(&cache, 200, said, &content), Ok(Fate::Keep));
        cache.memory.settle();
        cache.disk.as_ref().unwrap().settle().await;
    }
    let [(in_memory, _), (_, on_disk)] = cache.used();
    assert!(in_memory <= 32 * 1024 && on_disk >= 2, "{in_memory} bytes in memory, {on_disk} records on disk");
    for path in ["/1", "/2", "/3", "/1"] {
        assert_eq!(look(path).await.map(|found| found.len()), Some(content.len()), "{path}");
        cache.memory.settle();
        cache.disk.as_ref().unwrap().settle().await;
    }
    Request { method: "POST", ..get("/2", &[]) }.succeeds(&cache, &[]);
    assert_eq!((look("/2").await, look("/1").await.is_some()), (None, true));
    let (purged, result) = cache.purge(&Purge { prefix: String::new(), tag: Some("all".into()), site: None }).await;
    result.unwrap();
    assert_eq!(purged, 3);
    assert_eq!((look("/1").await, look("/3").await), (None, None));
    assert_eq!(cache.events.snapshot().disk_faults, [0; 4]);
    assert!(!folder.path().join("of another run").exists());
}
