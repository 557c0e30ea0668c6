//! The cookie that pages set where the settings want it.

use super::{bundle, end, launch, with};
use crate::support::{client::Request, server::Server};

fn start() -> Server {
    let first = launch(&bundle("one")).env("AWS_AMPLIFY_DEPLOYMENT_ID", "first").start();
    let state = end(&mut { first });
    launch(&bundle("two"))
        .state(&state)
        .env("AWS_AMPLIFY_DEPLOYMENT_ID", "second")
        .setting("skew.cookie", "true")
        .setting("edge-cache.enabled", "true")
        .start()
}

const COOKIE: &str = "__dpl=second; Path=/; SameSite=Lax; Max-Age=86400";

#[test]
fn pages_set_it_and_nothing_else_does() {
    let server = start();
    for target in ["/", "/page.html", "/page"] {
        server.get(target).expect(200).with("set-cookie", COOKIE);
    }
    // Through the engine, which answers an older client.
    server.raw("GET / HTTP/1.0\r\nHost: h\r\n\r\n").expect(200).with("set-cookie", COOKIE);
    for target in ["/assets/app-two.js", "/which.txt"] {
        server.get(target).expect(200).without("set-cookie");
    }
    server.send(&Request::get("/page.html").field("Range", "bytes=900-")).expect(416).without("set-cookie");
    server.get("/page.html?dpl=first").expect(200).with("set-cookie", &COOKIE.replace("second", "first"));
}

#[test]
fn a_page_that_is_kept_never_carries_it() {
    let server = start();
    for status in ["MISS", "HIT", "HIT", "HIT"] {
        server.get("/kept").expect(200).with("x-edgeplane-cache", status).without("set-cookie");
    }
}

#[test]
fn what_a_page_loads_is_its_deployments_and_a_page_opened_anew_is_the_current_ones() {
    let server = start();
    let cookie = "__dpl=first";
    with(&server, "/assets/app-one.js", "Cookie", cookie).expect(200).saying("app one");
    let navigation = Request::get("/page.html").field("Cookie", cookie).field("Sec-Fetch-Mode", "navigate");
    server.send(&navigation).expect(200).saying("two").with("set-cookie", COOKIE);
    server.send(&navigation.field("X-Amplify-Dpl", "first")).expect(200).saying("one");
}
