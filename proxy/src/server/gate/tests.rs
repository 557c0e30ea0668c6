//! Tables of heads that pass and heads that do not.

use proptest::prelude::*;

use super::*;

fn pass<T>(request: &[u8], with: impl FnOnce(Result<Passed<'_>, Refused>) -> T) -> T {
    let n_lines = request.iter().filter(|&&byte| byte == b'\n').count();
    let mut fields = vec![httparse::EMPTY_HEADER; n_lines];
    with(examine(request, &mut fields, 100))
}

fn refused(request: &str) -> Option<Refused> {
    pass(request.as_bytes(), |result| result.err())
}

#[test]
fn what_is_ambiguous_is_refused() {
    use Refused as R;
    for (request, why) in [
        ("GET / HTTP/1.1\r\n\r\n", R::Host),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", R::Host),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", R::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", R::Host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", R::Host),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", R::Host),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", R::Host),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", R::TransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", R::Length),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n", R::Malformed),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", R::Length),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", R::Malformed),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", R::Malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", R::Malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", R::Malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", R::Malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", R::Malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", R::Malformed),
        ("GET /\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", R::Host),
        ("GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n", R::Host),
        ("GET /a<b HTTP/1.1\r\nHost: a\r\n\r\n", R::TargetCharacter),
        ("GET http://a/b?c>d HTTP/1.1\r\nHost: a\r\n\r\n", R::TargetCharacter),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, HOST\r\n\r\n", R::Connection),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x-forwarded-for\r\n\r\n", R::Connection),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", R::Connection),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: :path\r\n\r\n", R::Connection),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: caf\u{e9}\r\n\r\n", R::Connection),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: a,b,c,d,e\r\nConnection: f,g,h,i,j\r\n\r\n", R::Connection),
        ("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("PRI * HTTP/2.0\r\n\r\n", R::Version),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", R::Version),
        ("GET / HTTX/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", R::RequestLine),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", R::Method),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", R::Method),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", R::Expectation),
    ] {
        assert_eq!(refused(request), Some(why), "{request:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100));
    assert_eq!(refused(&long), Some(Refused::TargetTooLong));
}

#[test]
fn a_host_has_a_name_that_can_be_one() {
    let request = |n: usize| format!("GET / HTTP/1.1\r\nHost: {}.example:80\r\n\r\n", "a".repeat(n - ".example".len()));
    assert_eq!(refused(&request(255)), None);
    assert_eq!(refused(&request(256)), Some(Refused::Host));
}

#[test]
fn what_passes_means_one_thing() {
    for (request, path, query, host, framing, keep_alive) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", None, "a", Framing::None, true),
        ("GET /a%20b?x=/../y HTTP/1.1\r\nhost: a:80\r\n\r\n", "/a%20b", Some("x=/../y"), "a:80", Framing::None, true),
        ("GET //a/../b HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "//a/../b", None, "[::1]:8080", Framing::None, true),
        ("GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "/x", Some("y"), "b", Framing::None, true),
        ("GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n", "/", None, "b", Framing::None, true),
        ("GET http://b?y HTTP/1.1\r\nHost: a\r\n\r\n", "/", Some("y"), "b", Framing::None, true),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", None, "a", Framing::None, true),
        ("GET / HTTP/1.0\r\n\r\n", "/", None, "", Framing::None, false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", None, "", Framing::None, true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "/", None, "a", Framing::None, false),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n", "/", None, "a", Framing::Length(7), true),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "/", None, "a", Framing::None, true),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "/", None, "a", Framing::chunked(), true),
        ("BREW /é HTTP/1.1\r\nHost:\r\n\r\n", "/é", None, "", Framing::None, true),
    ] {
        pass(request.as_bytes(), |result| {
            let passed = result.unwrap_or_else(|refused| panic!("{request:?}: {refused}"));
            assert_eq!((passed.head.path, passed.head.query, passed.head.host), (path, query, host), "{request:?}");
            assert_eq!((passed.framing, passed.keep_alive), (framing, keep_alive), "{request:?}");
        });
    }
}

#[test]
fn characters_that_browsers_leave_alone_in_a_query_pass() {
    let request = "GET /s?q=a|b^c`d{e}f[g]h\\i'j HTTP/1.1\r\nHost: a\r\n\r\n";
    pass(request.as_bytes(), |result| assert_eq!(result.unwrap().head.query, Some("q=a|b^c`d{e}f[g]h\\i'j")));
}

#[test]
fn every_target_that_passes_is_one_that_the_engine_carries() {
    for byte in b'!'..=b'~' {
        for target in [format!("/a{}b", char::from(byte)), format!("/?a{}b", char::from(byte))] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let carried = byte != b'#' && http::Uri::try_from(&target).is_ok();
            assert_eq!(refused(&request).is_none(), carried, "{target}");
        }
    }
}

#[test]
fn an_upgrade_needs_its_connection_option_and_http_1_1() {
    for (version, fields, expected) in [
        ("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n", true),
        ("1.1", "Upgrade: websocket\r\n", false),
        ("1.1", "Connection: upgrade\r\n", false),
        ("1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n", false),
        ("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", false),
    ] {
        let request = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        pass(request.as_bytes(), |result| assert_eq!(result.unwrap().upgrades, expected, "{request}"));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let request = [&bytes[..], b"\r\n\r\n"].concat();
        pass(&request, |result| drop(result.map(|passed| passed.framing)));
    }

    #[test]
    fn no_mutation_of_a_request_makes_it_panic(at in 0_usize..60, byte in any::<u8>()) {
        let mut request = b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n".to_vec();
        let n = request.len();
        request[at % n] = byte;
        pass(&request, |result| drop(result.map(|passed| passed.framing)));
    }
}
