//! What Nuxt's `routeRules` say about caching, in the bundle that Nuxt builds.

use super::status;
use crate::support::{
    bundle,
    client::Request,
    reply::Reply,
    server::{Launch, Server},
    wait,
};

/// How often the server had rendered what is shown, and for whom.
fn rendering(reply: &Reply) -> (u32, String) {
    let text = reply.text().replace("<!-- -->", "").replace("&quot;", "\"");
    let (_, rest) = text.split_once("rendering=").unwrap_or_else(|| panic!("{}", reply.summary()));
    let (number, rest) = rest.split_once(" who=").unwrap();
    (number.parse().unwrap(), rest.split('<').next().unwrap().to_owned())
}

fn page(server: &Server, rule: &str) -> Reply {
    let request = Request::get(&format!("/kept/{rule}")).field("Accept", "text/html");
    server.send(&request).expect(200).saying(&format!("KEPT {rule}"))
}

#[test]
fn pages_with_swr_are_kept_answered_stale_and_made_anew() {
    let server = Launch::new(&bundle::built("nuxt3")).setting("edge-cache.enabled", "true").start();
    let first = page(&server, "swr");
    assert_eq!(first.field("cache-control"), Some("s-maxage=2, stale-while-revalidate"), "{}", first.summary());
    assert_eq!((status(&first), status(&page(&server, "swr"))), ("MISS", "HIT"));
    let stale = wait::within(wait::PATIENCE, "the end of its lifetime", || {
        let reply = page(&server, "swr");
        (status(&reply) != "HIT").then_some(reply)
    });
    assert_eq!((status(&stale), rendering(&stale)), ("STALE", rendering(&first)));
    wait::until("another rendering", || rendering(&page(&server, "swr")).0 > rendering(&first).0);
}

#[test]
fn pages_whose_rules_name_a_lifetime_are_kept_and_rendered_for_nobody() {
    let server = Launch::new(&bundle::built("nuxt3")).setting("edge-cache.enabled", "true").start();
    let first = page(&server, "headers");
    assert_eq!((status(&first), rendering(&first)), ("MISS", (1, "{}".to_owned())));
    for _ in 0..3 {
        let again = page(&server, "headers");
        assert_eq!((status(&again), again.text()), ("HIT", first.text()));
    }
    let private: Vec<_> = (0..3).map(|_| page(&server, "private")).collect();
    assert!(private.iter().all(|reply| status(reply) == "BYPASS"));
    assert_eq!(rendering(&private[2]).0, 3);
}

/// Nitro gives `isr` a meaning on the hosts whose presets know it, which Amplify's does not. Such a page is rendered for
/// each request, as on Amplify; `swr` is what works everywhere.
#[test]
fn pages_with_isr_are_rendered_each_time() {
    let server = Launch::new(&bundle::built("nuxt3")).setting("edge-cache.enabled", "true").start();
    let replies: Vec<_> = (0..3).map(|_| page(&server, "isr")).collect();
    assert_eq!(replies[0].field("cache-control"), None, "the preset knows `isr` now: the manual says otherwise");
    assert_eq!(replies.iter().map(|reply| rendering(reply).0).collect::<Vec<_>>(), [1, 2, 3]);
}
