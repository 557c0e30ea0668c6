//! Many at once: one fetch for all of them, and nobody who can hold up the others.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{KEEP, launch, seen, status};
use crate::support::{client::Request, server::Server, wait};

/// Sends a request on so many connections before any answer is read, and gives how the cache took part in each.
fn together(server: &Server, count: usize, target: &str) -> Vec<(u16, String, Vec<u8>)> {
    let bytes = Request::get(target).bytes(server.address());
    let mut connections: Vec<_> = (0..count).map(|_| server.connect()).collect();
    connections.iter_mut().for_each(|connection| connection.send(&bytes));
    let receive = |mut connection: crate::support::client::Connection| {
        let reply = connection.receive("GET");
        (reply.status, status(&reply).to_owned(), reply.body)
    };
    connections.into_iter().map(receive).collect()
}

#[test]
fn a_thousand_who_miss_the_same_page_reach_node_once() {
    let server = launch().start();
    for more in ["", "&chunks"] {
        let path = if more.is_empty() { "/whole" } else { "/chunked" };
        let replies = together(&server, 1000, &format!("{path}?ms=500&{KEEP}{more}"));
        assert_eq!(seen(&server, path).0, 1);
        let missed = replies.iter().filter(|(_, status, _)| status == "MISS").count();
        assert!(replies.iter().all(|(status, _, body)| *status == 200 && *body == replies[0].2), "all get the same");
        assert_eq!(missed, 1);
    }
    assert!(server.metric("edgeplane_edge_cache_joined_total") >= 1900.0);
}

#[test]
fn a_page_that_is_not_kept_is_not_made_one_after_the_other() {
    let server = launch().start();
    let begun = Instant::now();
    let replies = together(&server, 20, "/slow?ms=500&h=cache-control:private");
    assert!(replies.iter().all(|(status, cache, _)| (*status, cache.as_str()) == (200, "BYPASS")));
    assert_eq!(seen(&server, "/slow").0, 20);
    // The first, and all others at once after it: twice the time, and not twenty times.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(together(&server, 20, "/slow?ms=500&h=cache-control:private").len(), 20);
    assert!(begun.elapsed() < Duration::from_millis(1500), "now it is known: {:?}", begun.elapsed());
}

#[test]
fn errors_are_not_waited_for_one_after_the_other() {
    let server = launch().start();
    let begun = Instant::now();
    let replies = together(&server, 20, "/slow?ms=500&status=500");
    assert!(replies.iter().all(|(status, ..)| *status == 500));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_client_that_reads_slowly_or_leaves_holds_nobody_up() {
    let server = launch().setting("edge-cache.wait", "1h").start();
    for path in ["/slow", "/gone"] {
        let target = format!("{path}?ms=300&bytes=6000000&{KEEP}");
        let mut first = server.connect();
        first.send(Request::get(&target).bytes(server.address()));
        wait::until("Node to be asked", || seen(&server, path).0 == 1);
        let second = thread::scope(|scope| {
            let waiting = scope.spawn(|| server.get(&target));
            if path == "/gone" {
                wait::until("somebody to wait", || server.metric("edgeplane_edge_cache_joined_total") >= 2.0);
                drop(first);
            }
            waiting.join().unwrap()
        });
        assert_eq!((second.expect(200).body.len(), seen(&server, path).0), (6_000_000, 1), "{path}");
    }
}

#[test]
fn a_wait_has_its_end() {
    let server = launch().setting("edge-cache.wait", "100ms").start();
    let begun = Instant::now();
    let replies = together(&server, 3, &format!("/slow?ms=1500&{KEEP}"));
    assert_eq!(replies.iter().filter(|(_, status, _)| status == "BYPASS").count(), 2);
    assert!(begun.elapsed() < Duration::from_millis(2900), "{:?}", begun.elapsed());
    assert_eq!(seen(&server, "/slow").0, 3);
}
