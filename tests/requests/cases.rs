//! The table: each request as bytes, the statuses that are right for it, and whether the connection may go on.

/// What must happen to the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The next request on it is answered.
    Open,
    /// It ends: nobody can tell where the next request would begin.
    Closed,
}
use After::{Closed, Open};

/// A request that must be refused or served, with the status.
pub(super) struct Case {
    /// What is sent.
    pub(super) bytes: Vec<u8>,
    /// What may come back.
    pub(super) status: &'static [u16],
    /// What becomes of the connection.
    pub(super) after: After,
}

const REFUSED: &[u16] = &[400];
const ABSENT: &[u16] = &[400, 404];

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    [paths(), request_lines(), hosts(), lines(), lengths(), chunks(), limits()].into_iter().flatten().collect()
}

fn case(bytes: impl Into<Vec<u8>>, status: &'static [u16], after: After) -> Case {
    Case { bytes: bytes.into(), status, after }
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}

fn with(fields: &str) -> String {
    format!("GET /hello.txt HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n")
}

fn post(fields: &str, body: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n{body}")
}

/// Paths: two that are served, so that the table shows it can tell the difference, and the way up in every encoding.
fn paths() -> Vec<Case> {
    vec![
        case(get("/hello.txt"), &[200], Open),
        case(get("/echo"), &[200], Open),
        case("GET /hello.txt HTTP/1.1\r\nhOsT:a.example\r\nX-Empty:\r\nX-Pad:  \t x \t\r\n\r\n", &[200], Open),
        case(get("/../deploy-manifest.json"), ABSENT, Open),
        case(get("/assets/../../deploy-manifest.json"), ABSENT, Open),
        case(get("/assets/%2e%2e/%2e%2e/deploy-manifest.json"), ABSENT, Open),
        case(get("/assets/..%2f..%2fdeploy-manifest.json"), ABSENT, Open),
        case(get("/assets/..%5c..%5cdeploy-manifest.json"), ABSENT, Open),
        case(get("/assets/%252e%252e/deploy-manifest.json"), ABSENT, Open),
        case(get("/assets/%c0%ae%c0%ae/deploy-manifest.json"), ABSENT, Open),
        case(get("/assets/./a.js/../../../deploy-manifest.json"), ABSENT, Open),
        case(get("/assets/a.js%00.txt"), ABSENT, Open),
        case(get("/assets/%zz"), ABSENT, Open),
        case(get("/assets/%"), ABSENT, Open),
    ]
}

/// The request line and its version.
fn request_lines() -> Vec<Case> {
    vec![
        case("GET /hello.txt\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET  /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt  HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET\t/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt#part HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case(b"GET /h\x00.txt HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case(b"GET /h\x7f.txt HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("G@T /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("get /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &[405, 501], Open),
        case("GET * HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", &[400, 405, 501], Closed),
        case("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 204, 400, 404, 405], Open),
        case("GET http://b.example/hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", &[200], Open),
        case("GET ftp://b.example/hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", REFUSED, Closed),
        case("GET http:///hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", REFUSED, Closed),
        case("GET http://user@b.example/hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.0\r\n\r\n", &[200], Closed),
        case("GET /hello.txt HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", &[200], Open),
        case("GET /hello.txt HTTP/2.0\r\nHost: a\r\n\r\n", &[505], Closed),
        case("GET /hello.txt HTTP/1.2\r\nHost: a\r\n\r\n", &[200, 505], Closed),
        case("GET /hello.txt HTTP/3\r\nHost: a\r\n\r\n", &[400, 505], Closed),
        case("GET /hello.txt http/1.1\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400, 505], Closed),
    ]
}

/// The Host field.
fn hosts() -> Vec<Case> {
    vec![
        case("GET /hello.txt HTTP/1.1\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a b\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a/b\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: user@a\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &[200], Open),
    ]
}

/// How lines and fields are written.
fn lines() -> Vec<Case> {
    vec![
        case("GET /hello.txt HTTP/1.1\nHost: a\n\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", REFUSED, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", REFUSED, Closed),
        case("\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 400], Open),
        case(with("X: y\r\n folded"), REFUSED, Closed),
        case(with("X : y"), REFUSED, Closed),
        case(with(" X: y"), REFUSED, Closed),
        case(with("X"), REFUSED, Closed),
        case(with(": y"), REFUSED, Closed),
        case(with("X\0: y"), REFUSED, Closed),
        case(with("X: y\0z"), REFUSED, Closed),
        case(with("X: y\rz"), REFUSED, Closed),
    ]
}

/// How long the body is.
fn lengths() -> Vec<Case> {
    vec![
        case(post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), REFUSED, Closed),
        case(post("Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"), REFUSED, Closed),
        case(post("Content-Length: 4\r\nContent-Length: 4", "body"), REFUSED, Closed),
        case(post("Content-Length: 4\r\nContent-Length: 5", "body"), REFUSED, Closed),
        case(post("Content-Length: 4, 4", "body"), REFUSED, Closed),
        case(post("Content-Length: +4", "body"), REFUSED, Closed),
        case(post("Content-Length: -4", "body"), REFUSED, Closed),
        case(post("Content-Length: 0x4", "body"), REFUSED, Closed),
        case(post("Content-Length: 4 4", "body"), REFUSED, Closed),
        case(post("Content-Length: ", "body"), REFUSED, Closed),
        case(post("Content-Length: 99999999999999999999", ""), REFUSED, Closed),
        case(post("Content-Length: 9223372036854775807", ""), &[413], Closed),
        case(post("Content-Length: 004", "body"), &[200, 400], Open),
        case(post("Content-Length: 4", "body"), &[200], Open),
        case(post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding: identity", "body"), &[400, 501], Closed),
        case(post("Transfer-Encoding: xchunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding : chunked", "0\r\n\r\n"), REFUSED, Closed),
        case(post("Transfer-Encoding:\u{b}chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400, 501], Closed),
    ]
}

/// Bodies in chunks.
fn chunks() -> Vec<Case> {
    let chunks = |body: &str| post("Transfer-Encoding: chunked", body);
    vec![
        case(chunks("4\r\nbody\r\n0\r\n\r\n"), &[200], Open),
        case(chunks("4;name=value\r\nbody\r\n0\r\nTrailer: x\r\n\r\n"), &[200, 400], Open),
        case(chunks("x\r\nbody\r\n0\r\n\r\n"), REFUSED, Closed),
        case(chunks("-4\r\nbody\r\n0\r\n\r\n"), REFUSED, Closed),
        case(chunks("0x4\r\nbody\r\n0\r\n\r\n"), REFUSED, Closed),
        case(chunks("4 \r\nbodyy\r\n0\r\n\r\n"), REFUSED, Closed),
        case(chunks("4\nbody\r\n0\r\n\r\n"), REFUSED, Closed),
        case(chunks("4\r\nbodyX0\r\n\r\n"), REFUSED, Closed),
        case(chunks("fffffffffffffffff\r\nbody"), REFUSED, Closed),
        case(chunks("\r\nbody\r\n0\r\n\r\n"), REFUSED, Closed),
    ]
}

/// What the client expects, which methods it may use, and how much it may send.
fn limits() -> Vec<Case> {
    let many: String = (0..200).map(|i| format!("X-{i}: v\r\n")).collect();
    vec![
        case(with("Expect: 200-ok"), &[417], Closed),
        case(with("Expect: 100-continue"), &[200], Open),
        // Methods that nobody registered are Compute's to answer, and not those of files.
        case("BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 400, 405, 501], Open),
        case("BREW /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &[405, 501], Open),
        case(get(&format!("/made/{}", "p".repeat(8000))), &[200], Open),
        case(get(&format!("/{}", "p".repeat(17_000))), &[414], Closed),
        case(with(&format!("X-Large: {}", "v".repeat(40_000))), &[431], Closed),
        case(with(many.trim_end()), &[431], Closed),
    ]
}
