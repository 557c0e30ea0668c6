//! Fetches against a server on loopback, which the rule has to admit first.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Instant,
};

use edgeplane_config::RemotePattern;

use super::*;
use crate::image::sample::{self, Server, response};

fn remote(named: &[&str]) -> Remote {
    let named: Vec<_> = named.iter().map(|network| network.parse().expect("network")).collect();
    let limits = FetchLimits { timeout: Duration::from_secs(5), redirects: 3, stock: Stock::new(10_000, 1000) };
    Remote::new(AddressRule::new(&named), limits)
}

/// Allows `/ok/**` on loopback, by address and by name.
fn rules(port: u16) -> Rules {
    let pattern = |hostname: &str| RemotePattern {
        protocol: Some("http".into()),
        hostname: hostname.into(),
        port: Some(port),
        pathname: Some("/ok/**".into()),
    };
    let mut settings = sample::settings();
    settings.remote_patterns = vec![pattern("127.0.0.1"), pattern("localhost")];
    let mut tuning = sample::tuning();
    tuning.allow_http = true;
    sample::rules(&settings, &tuning)
}

async fn fetch(remote: &Remote, server: &Server, path: &str) -> Result<Fetched, Refusal> {
    let url = server.url(path).parse().expect("url");
    remote.fetch(url, &Validators::default(), &rules(server.port)).await
}

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

#[tokio::test]
async fn content_and_its_freshness_come_back() {
    let fields = "cache-control: max-age=5\r\ncache-control: public\r\netag: \"x\"\r\n";
    let server = Server::start(&[("/ok/a.png?v=1", response("200 OK", fields, b"bytes"))]).await;
    let fetched = fetch(&remote(LOOPBACK), &server, "/ok/a.png?v=1").await.expect("fetched");
    assert_eq!(fetched.bytes.as_ref(), b"bytes");
    assert_eq!(fetched.cache_control.as_deref(), Some("max-age=5, public"));
    assert_eq!(fetched.validators.etag.as_deref(), Some("\"x\""));
}

#[tokio::test]
async fn nothing_of_a_client_is_sent() {
    // Row 167.
    let server = Server::start(&[("/ok/a", response("200 OK", "", b"x"))]).await;
    fetch(&remote(LOOPBACK), &server, "/ok/a").await.expect("fetched");
    let head = server.heads.lock().join("").to_ascii_lowercase();
    let mut names: Vec<&str> =
        head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
    assert!(head.contains("accept-encoding: identity"), "{head}");
}

#[tokio::test]
async fn private_addresses_are_refused_by_number_and_by_name() {
    // Rows 153, 158, 159: the server is there and would answer.
    let server = Server::start(&[("/ok/a", response("200 OK", "", b"x"))]).await;
    let (strict, rules) = (remote(&[]), rules(server.port));
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "017700000001", "localhost"] {
        let url: Url = format!("http://{host}:{}/ok/a", server.port).parse().expect("url");
        assert!(rules.patterns.allow(&url), "{url}: the pattern is not what refuses");
        assert_eq!(
            strict.fetch(url, &Validators::default(), &rules).await.expect_err(host),
            Refusal::NotAllowed,
            "{host}"
        );
    }
    assert!(server.heads.lock().is_empty());
    let url = format!("http://localhost:{}/ok/a", server.port).parse().expect("url");
    assert!(
        remote(LOOPBACK).fetch(url, &Validators::default(), &rules).await.is_ok(),
        "the name works where the network is named"
    );
}

/// A resolver that gives these answers in turn, and counts how often it was asked.
fn scripted(answers: &[&[&str]]) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answers: Vec<Vec<SocketAddr>> = answers
        .iter()
        .map(|answer| answer.iter().map(|ip| SocketAddr::new(ip.parse().expect("address"), 0)).collect())
        .collect();
    let lookup = move |_| -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        let turn = count.fetch_add(1, SeqCst);
        let answer = answers[turn.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    };
    (Arc::new(lookup), asked)
}

#[tokio::test]
async fn one_private_address_among_public_ones_condemns_the_name() {
    // Row 159.
    let server = Server::start(&[("/ok/a", response("200 OK", "", b"x"))]).await;
    let rules = rules(server.port);
    let loopback = AddressRule::new(&["127.0.0.1/32".parse().expect("network")]);
    for bad in ["10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::a00:1"] {
        for answer in [["127.0.0.1", bad], [bad, "127.0.0.1"]] {
            let (lookup, _) = scripted(&[&answer]);
            let limits = FetchLimits { timeout: Duration::from_secs(5), redirects: 3, stock: Stock::new(10_000, 1000) };
            let remote = Remote::with_lookup(loopback.clone(), limits, lookup);
            let url = format!("http://localhost:{}/ok/a", server.port).parse().expect("url");
            assert_eq!(
                remote.fetch(url, &Validators::default(), &rules).await.expect_err(bad),
                Refusal::NotAllowed,
                "{answer:?}"
            );
        }
    }
    assert!(server.heads.lock().is_empty());
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_checked_address_is_connected_to() {
    // Row 160: the second answer would lead elsewhere, and is never asked for.
    let server = Server::start(&[("/ok/a", response("200 OK", "", b"x"))]).await;
    let (lookup, asked) = scripted(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let loopback = AddressRule::new(&["127.0.0.1/32".parse().expect("network")]);
    let limits = FetchLimits { timeout: Duration::from_secs(5), redirects: 3, stock: Stock::new(10_000, 1000) };
    let remote = Remote::with_lookup(loopback, limits, lookup);
    let url: Url = format!("http://localhost:{}/ok/a", server.port).parse().expect("url");
    assert!(remote.fetch(url.clone(), &Validators::default(), &rules(server.port)).await.is_ok());
    assert_eq!(asked.load(SeqCst), 1);
    // The connection was closed; a new one needs a new answer, which is checked like the first.
    assert_eq!(
        remote.fetch(url, &Validators::default(), &rules(server.port)).await.expect_err("rebound"),
        Refusal::NotAllowed
    );
    assert_eq!(server.heads.lock().len(), 1);
}

#[test]
fn a_redirect_never_leaves_tls() {
    // Row 162, with plain http allowed.
    let rules = rules(80);
    let url = |text: &str| Url::parse(text).expect(text);
    assert!(may_lead(&url("http://localhost/ok/a"), &url("http://localhost/ok/b"), &rules));
    assert!(!may_lead(&url("https://localhost/ok/a"), &url("http://localhost/ok/b"), &rules));
    assert!(!may_lead(&url("http://localhost/ok/a"), &url("http://localhost/b"), &rules));
    assert!(!may_lead(&url("http://localhost/ok/a"), &url("http://u:p@localhost/ok/b"), &rules));
}

#[tokio::test]
async fn what_is_compressed_is_counted_as_it_came_and_never_unpacked() {
    // Row 165: what would unpack to far more than the limit.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut packed, &vec![0; 200_000]).expect("memory");
    let packed = packed.finish().expect("memory");
    assert!(packed.len() < 1000);
    let server = Server::start(&[("/ok/gzip", response("200 OK", "content-encoding: gzip\r\n", &packed))]).await;
    assert_eq!(fetch(&remote(LOOPBACK), &server, "/ok/gzip").await.expect("bytes").bytes, packed);
}

#[tokio::test]
async fn redirects_are_followed_within_the_rules_only() {
    // Rows 161 to 163.
    let to = |status: &str, location: &str| response(status, &format!("location: {location}\r\n"), b"");
    let server = Server::start(&[
        ("/ok/1", to("301 Moved", "/ok/2")),
        ("/ok/2", to("307 Temporary", "3")),
        ("/ok/3", to("308 Permanent", "/ok/4")),
        ("/ok/4", response("200 OK", "", b"there")),
        ("/ok/0", to("302 Found", "/ok/1")),
        ("/ok/out", to("302 Found", "/secret")),
        ("/ok/meta", to("302 Found", "http://169.254.169.254/latest")),
        ("/ok/file", to("302 Found", "file:///etc/passwd")),
        ("/ok/userinfo", to("302 Found", "http://u@127.0.0.1/ok/4")),
        ("/ok/nowhere", response("302 Found", "", b"")),
        ("/secret", response("200 OK", "", b"secret")),
    ])
    .await;
    let remote = remote(LOOPBACK);
    assert_eq!(fetch(&remote, &server, "/ok/1").await.expect("three redirects").bytes.as_ref(), b"there");
    assert_eq!(fetch(&remote, &server, "/ok/0").await.expect_err("four"), Refusal::UpstreamFailed);
    for path in ["/ok/out", "/ok/meta", "/ok/file", "/ok/userinfo"] {
        assert_eq!(fetch(&remote, &server, path).await.expect_err(path), Refusal::NotAllowed, "{path}");
    }
    assert_eq!(fetch(&remote, &server, "/ok/nowhere").await.expect_err("nowhere"), Refusal::UpstreamFailed);
    assert!(!server.heads.lock().iter().any(|head| head.contains("/secret")));
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_admitted_is_refused() {
    // Row 162: the pattern allows the name, the address behind it is another network's.
    let named: &[&str] = &["127.0.0.1/32"];
    let server = Server::start(&[("/ok/1", response("302 Found", "location: http://127.0.0.2/ok/x\r\n", b""))]).await;
    let mut rules = rules(server.port);
    let mut settings = sample::settings();
    settings.domains = vec!["127.0.0.1".into(), "127.0.0.2".into()];
    let mut tuning = sample::tuning();
    tuning.allow_http = true;
    rules.patterns = sample::rules(&settings, &tuning).patterns;
    let url = server.url("/ok/1").parse().expect("url");
    assert_eq!(
        remote(named).fetch(url, &Validators::default(), &rules).await.expect_err("refused"),
        Refusal::NotAllowed
    );
}

#[tokio::test]
async fn the_body_ends_at_the_limit_whatever_it_announces() {
    // Row 165.
    let chunked = |len: usize| {
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_vec();
        for _ in 0..len / 100 {
            answer.extend(b"64\r\n");
            answer.extend([b'x'; 100]);
            answer.extend(b"\r\n");
        }
        answer.extend(b"0\r\n\r\n");
        answer
    };
    let server = Server::start(&[
        ("/ok/exact", response("200 OK", "", &[b'x'; 1000])),
        ("/ok/over", response("200 OK", "", &[b'x'; 1001])),
        ("/ok/chunked", chunked(1000)),
        ("/ok/chunked-over", chunked(5000)),
        ("/ok/claims", b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nx".to_vec()),
        ("/ok/short", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nx".to_vec()),
    ])
    .await;
    let remote = remote(LOOPBACK);
    for path in ["/ok/exact", "/ok/chunked"] {
        assert_eq!(fetch(&remote, &server, path).await.expect(path).bytes.len(), 1000);
    }
    for path in ["/ok/over", "/ok/chunked-over", "/ok/claims"] {
        assert_eq!(fetch(&remote, &server, path).await.expect_err(path), Refusal::SourceTooLarge, "{path}");
    }
    assert_eq!(fetch(&remote, &server, "/ok/short").await.expect_err("cut off"), Refusal::UpstreamFailed);
}

#[tokio::test]
async fn statuses_and_silence() {
    // Row 164.
    let server = Server::start(&[
        ("/ok/404", response("404 Not Found", "", b"")),
        ("/ok/410", response("410 Gone", "", b"")),
        ("/ok/403", response("403 Forbidden", "", b"")),
        ("/ok/500", response("500 Oops", "", b"")),
    ])
    .await;
    let mut remote = remote(LOOPBACK);
    for (path, refusal) in [
        ("/ok/404", Refusal::SourceMissing),
        ("/ok/410", Refusal::SourceMissing),
        ("/ok/403", Refusal::UpstreamFailed),
        ("/ok/500", Refusal::UpstreamFailed),
    ] {
        assert_eq!(fetch(&remote, &server, path).await.expect_err(path), refusal, "{path}");
    }
    remote.limits.timeout = Duration::from_millis(100);
    let started = Instant::now();
    assert_eq!(fetch(&remote, &server, "/ok/silence").await.expect_err("silence"), Refusal::UpstreamTimeout);
    assert!(started.elapsed() < Duration::from_secs(2));
    let closed = Server { port: 1, heads: Arc::default() };
    remote.limits.timeout = Duration::from_secs(5);
    assert_eq!(fetch(&remote, &closed, "/ok/x").await.expect_err("closed port"), Refusal::UpstreamFailed);
}
