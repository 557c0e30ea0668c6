//! What a thread has at hand is what the cache would answer, to everybody who gets it.

use super::*;

#[test]
fn what_a_thread_has_at_hand_is_what_the_cache_would_answer() {
    let cache = cache(|_| ());
    let page = get("/", &[("accept", "text/html")]);
    assert_eq!(page.answered(&cache, 200, &[KEEP, ("etag", "\"1\""), ("vary", "x-theme")], "hello"), Ok(Fate::Keep));
    let mut front = cache.front();
    let mut ready = |request: &Request| {
        request.ask(|asked| {
            let ready = front.ready(asked, Instant::now());
            ready.map(|ready| (ready.status.as_u16(), ready.content.cloned()))
        })
    };
    assert_eq!(ready(&page), None);
    page.ask(|asked| match find(&cache, &cache.key(asked).unwrap(), asked) {
        Found::Fresh(page) => front.keep(asked, &page, as_it_is(), cache.generation()),
        other => panic!("{other:?}"),
    });
    let mut ready = |request: &Request| {
        request.ask(|asked| {
            let ready = front.ready(asked, Instant::now());
            ready.map(|ready| (ready.status.as_u16(), ready.content.cloned()))
        })
    };
    assert_eq!(ready(&page), Some((200, Some("hello".into()))));
    let accept = ("accept", "text/html");
    assert_eq!(ready(&get("/", &[accept, ("if-none-match", "W/\"0\", \"1\"")])), Some((304, None)));
    assert_eq!(ready(&Request { method: "HEAD", ..get("/", &[accept]) }), Some((200, None)));
    for other in [
        get("/", &[]),
        get("/?", &[accept]),
        get("/", &[accept, ("cookie", "a=b")]),
        get("/", &[accept, ("authorization", "x")]),
        get("/", &[accept, ("range", "bytes=0-0")]),
        get("/", &[accept, ("x-theme", "dark")]),
        Request { scheme: "https", ..get("/", &[accept]) },
    ] {
        assert_eq!(ready(&other), None, "{:?}", other.fields);
    }
    Request { method: "PUT", ..get("/", &[]) }.succeeds(&cache, &[]);
    assert_eq!(ready(&page), None);
}

/// The bytes of a form are made up here: who makes them is no business of the cache's.
#[test]
fn a_form_of_a_page_is_made_once_counted_and_given_from_what_is_at_hand() {
    let cache = cache(|_| ());
    let page = get("/", &[("accept-encoding", "br")]);
    let long = "x".repeat(10_000);
    assert_eq!(page.answered(&cache, 200, &[KEEP, ("etag", "\"1\"")], &long), Ok(Fate::Keep));
    let mut front = cache.front();
    let used = |cache: &EdgeCache| {
        cache.memory.settle();
        cache.used()[0].0
    };
    let before = used(&cache);
    page.ask(|asked| {
        let key = cache.key(asked).unwrap();
        let Found::Fresh(page) = find(&cache, &key, asked) else { panic!("it is not there") };
        let form = |made: Result<Option<Bytes>, ()>| {
            let mut form = pin!(cache.form(&key, &page, ContentCoding::Brotli, |_| std::future::ready(made)));
            match form.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(form) => form,
                Poll::Pending => panic!("it waits"),
            }
        };
        assert_eq!(form(Err(())), Err(()), "not now");
        let made = Some(Bytes::from("y".repeat(3000)));
        assert_eq!(form(Ok(made.clone())), Ok(made.clone()));
        assert_eq!(form(Err(())), Ok(made.clone()), "it is made once");
        assert_eq!(used(&cache), before + 3000);
        let judged = Judged { outcome: Ok(ContentCoding::Brotli), varies: true, ..as_it_is().judged };
        front.keep(asked, &page, Guise { overlay: None, judged, content: made }, cache.generation());
        let ready = front.ready(asked, Instant::now()).unwrap();
        let head = String::from_utf8(ready.head.to_vec()).unwrap();
        for line in ["content-encoding: br", "etag: W/\"1\"", "vary: Accept-Encoding", "content-length: 3000"] {
            assert_eq!(head.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line} in {head}");
        }
        assert_eq!(ready.content.map(Bytes::len), Some(3000));
    });
}

/// What one request wants, and what was wanting when it came, is not for the next one.
#[test]
fn what_was_given_for_want_of_something_is_not_at_hand() {
    let cache = cache(|settings| settings.obey_clients = false);
    let coded = ("accept-encoding", "br");
    let plain = get("/", &[coded]);
    assert_eq!(plain.answered(&cache, 200, &[KEEP, ("etag", "\"1\"")], "hello"), Ok(Fate::Keep));
    let no_transform = get("/", &[coded, ("cache-control", "max-age=0, no-transform")]);
    let mut front = cache.front();
    let mut keep = |request: &Request, http11: bool, outcome: Result<ContentCoding, Plain>, content: Option<Bytes>| {
        let judged = Judged { outcome, varies: true, ..as_it_is().judged };
        request.ask(|asked| {
            let Found::Fresh(page) = find(&cache, &cache.key(asked).unwrap(), asked) else { panic!("it is not there") };
            let head = Head { http11, ..*asked.head };
            let asked = Asked { head: &head, ..*asked };
            front.keep(&asked, &page, Guise { overlay: None, judged, content }, cache.generation());
        });
        plain.ask(|asked| front.ready(asked, Instant::now()).map(|ready| ready.content.cloned()))
    };
    for (request, http11, outcome) in [
        (&plain, true, Err(Plain::Busy)),
        (&plain, true, Ok(ContentCoding::Brotli)),
        (&plain, false, Err(Plain::Version)),
        (&no_transform, true, Err(Plain::NoTransform)),
    ] {
        assert_eq!(keep(request, http11, outcome, None), None, "{http11} {outcome:?}");
    }
    let content = Bytes::from("x");
    let given = keep(&plain, true, Ok(ContentCoding::Brotli), Some(content.clone()));
    assert_eq!(given, Some(Some(content)));
    no_transform.ask(|asked| assert!(front.ready(asked, Instant::now()).is_none()));
    get("/", &[coded, ("cache-control", "max-age=0")])
        .ask(|asked| assert!(front.ready(asked, Instant::now()).is_some()));
}
