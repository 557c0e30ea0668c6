//! Attempts to get one visitor's page served to another one.

use super::{KEEP, launch, seen, status};
use crate::support::{client::Request, server::Server};

const PUBLIC: &str = "h=cache-control:public,%20s-maxage=60";

/// Alice asks, then Bob asks in several ways: he never gets what is Alice's.
fn nothing_of_alice(server: &Server, target: &str, alice: &Request) {
    for _ in 0..3 {
        server.send(alice);
    }
    for bob in [
        Request::get(target),
        Request::get(target).field("Cookie", "session=bob"),
        Request::get(target).field("Authorization", "Bearer bob"),
        Request::get(target).field("Cookie", "session=bob").field("Authorization", "Bearer bob"),
    ] {
        for _ in 0..2 {
            let reply = server.send(&bob);
            assert!(!reply.text().contains("alice"), "{target}: {}", reply.summary());
            assert!(!reply.values("set-cookie").join("").contains("alice"), "{target}");
        }
    }
}

#[test]
fn one_visitors_page_is_never_anothers() {
    for (with_cookies, ignored) in [("false", ""), ("true", ""), ("false", "_ga*"), ("true", "_ga*")] {
        let settings = launch().setting("edge-cache.with-cookies", with_cookies);
        let server = settings.setting("edge-cache.ignored-cookies", ignored).start();
        let with = |target: &str, name: &str, value: &str| Request::get(target).field(name, value);
        for (path, query, name, value) in [
            ("/cookie", PUBLIC, "Cookie", "session=alice"),
            ("/mixed-cookies", PUBLIC, "Cookie", "_ga=1; session=alice"),
            ("/vary-cookie", "h=cache-control:s-maxage=60&h=vary:cookie", "Cookie", "session=alice"),
            ("/authorization", PUBLIC, "Authorization", "Bearer alice"),
            ("/authorization-max-age", "h=cache-control:max-age=60", "Authorization", "Bearer alice"),
            ("/private", "h=cache-control:private,%20max-age=60", "Cookie", "session=alice"),
        ] {
            let target = format!("{path}?{query}");
            nothing_of_alice(&server, &target, &with(&target, name, value));
        }
        let set_cookie = format!("/set-cookie?{PUBLIC}&h=set-cookie:session=alice");
        let kept = [server.get(&set_cookie), server.get(&set_cookie)];
        assert!(kept.iter().all(|reply| status(reply) != "HIT"), "who gets a cookie gets one of his own");
    }
}

#[test]
fn a_visitor_with_a_cookie_gets_the_common_page_only_where_that_is_set() {
    for (with_cookies, expected) in [("false", "BYPASS"), ("true", "HIT")] {
        let server = launch().setting("edge-cache.with-cookies", with_cookies).start();
        let target = format!("/page?{KEEP}");
        server.get(&target).expect(200);
        let reply = server.send(&Request::get(&target).field("Cookie", "session=alice"));
        assert_eq!(status(&reply), expected);
    }
}

#[test]
fn cookies_that_do_not_count_are_not_sent_to_node_and_others_are() {
    let server = launch().setting("edge-cache.ignored-cookies", "_ga*,_fbp").start();
    let page = |cookie: &str, query: &str| {
        server.send(&Request::get(&format!("/page?{query}")).field("Cookie", cookie)).expect(200)
    };
    assert_eq!(status(&page("_ga=1; _ga_X=2; _fbp=3", KEEP)), "MISS");
    assert_eq!(seen(&server, "/page").1["cookie"], serde_json::Value::Null);
    assert_eq!(status(&server.get(&format!("/page?{KEEP}"))), "HIT", "it is the page of those without");
    assert_eq!(status(&page("_ga=1; session=alice", KEEP)), "BYPASS");
    assert_eq!(seen(&server, "/page").1["cookie"], "_ga=1; session=alice");
}

#[test]
fn a_page_for_everybody_is_made_without_a_word_about_its_visitor() {
    let forged = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Port", "66666"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "for=6.6.6.6;host=evil.example"),
        ("X-Real-IP", "6.6.6.6"),
        ("X-Original-URL", "/evil"),
        ("X-Rewrite-URL", "/evil"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Host", "evil.example"),
        ("True-Client-IP", "6.6.6.6"),
        ("X-Middleware-Subrequest", "evil"),
    ];
    for trusted in ["", "127.0.0.1"] {
        let server = launch().setting("trusted-proxies", trusted).start();
        let target = format!("/page?{KEEP}");
        let request = forged.iter().fold(Request::get(&target), |request, (name, value)| request.field(name, value));
        let reply = server.send(&request).expect(200);
        assert_eq!(status(&reply), "MISS");
        let fields = seen(&server, "/page").1.to_string();
        for trace in ["evil", "6.6.6.6", "gopher", "66666", "DELETE", "127.0.0.1:0", "x-real-ip", "x-forwarded-for"] {
            assert!(!fields.contains(trace), "{trace} with trusted-proxies = [{trusted}]: {fields}");
        }
        // What is not kept is told all that is known, from the second request on.
        for _ in 0..2 {
            server.get("/other?h=cache-control:private").expect(200);
        }
        assert_eq!(seen(&server, "/other").1["x-real-ip"], "127.0.0.1");
    }
}

#[test]
fn another_host_or_scheme_is_another_page() {
    let server = launch().setting("trusted-proxies", "127.0.0.1").start();
    let target = format!("/page?{KEEP}");
    let host = |host: &str, proto: &str| {
        server.send(&Request::get(&target).field("Host", host).field("X-Forwarded-Proto", proto)).expect(200)
    };
    for (name, proto) in [("a.example", "http"), ("b.example", "http"), ("a.example", "https")] {
        let first = host(name, proto);
        assert_eq!((status(&first), first.text().ends_with(name)), ("MISS", true), "{}", first.summary());
        assert_eq!(status(&host(name, proto)), "HIT");
    }
}

#[test]
fn a_field_that_node_does_not_see_decides_nothing_for_others() {
    let server = launch().start();
    let target = format!("/page?{KEEP}&h=vary:accept-language");
    for name in ["Accept", "Accept-Language"] {
        let ask = |options: &str| {
            server.send(&Request::get(&target).field(name, "x").field("Connection", options)).expect(200)
        };
        // The field stays with this connection (RFC 9110 7.6.1): Node answers as if it were not there.
        assert_eq!(status(&ask(&format!("keep-alive, {name}"))), "BYPASS");
        assert_eq!(status(&ask("keep-alive")), "MISS", "{name}");
        assert_eq!(status(&ask("keep-alive")), "HIT", "{name}");
    }
}

#[test]
fn a_clients_conditions_renew_nothing() {
    let server = launch().start();
    let target = "/page?h=cache-control:s-maxage=1,%20stale-while-revalidate=60&any";
    server.get(target).expect(200);
    let held = Request::get(target).field("If-None-Match", "*");
    // While it is fresh, and when it is stale: the page is made anew, whatever that client asks.
    crate::support::wait::until("another page", || {
        server.send(&held);
        server.get(target).expect(200).text().starts_with("2 ")
    });
}

#[test]
fn a_country_that_rules_know_is_in_the_key_or_unheard() {
    let ask = |server: &Server, country: &str| {
        server.send(&Request::get(&format!("/page?{KEEP}")).field("X-Country", country)).expect(200)
    };
    let settings = || launch().setting("rewrite.country-header", "x-country");
    let server = settings().setting("trusted-proxies", "127.0.0.1").start();
    for country in ["DE", "US"] {
        assert_eq!((status(&ask(&server, country)), status(&ask(&server, country))), ("MISS", "HIT"), "{country}");
    }
    let server = settings().start();
    assert_eq!(status(&ask(&server, "DE")), "BYPASS", "anybody can send it");
}
