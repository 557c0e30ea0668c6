//! Hot: one line of the access log, as text or JSON, written where it is to go: nothing is made on the way.

use std::{io::Write as _, net::IpAddr, time::Duration};

use edgeplane_config::TargetKind;

use super::{
    access_log::{Protocol, Record},
    clock::Timestamp,
};

/// More than a line has besides what the request brings.
const FRAME_BYTES: usize = 640;
/// A byte becomes this many at most, such as `\u0000` for zero.
const ESCAPED_BYTES: usize = 6;

/// No line of this record is longer.
pub(super) fn most(record: &Record<'_>) -> usize {
    let optional = [record.query, record.instance, record.user_agent, record.referer];
    let optional: usize = optional.into_iter().flatten().map(str::len).sum();
    FRAME_BYTES + ESCAPED_BYTES * (record.method.len() + record.path.len() + record.host.len() + optional)
}

/// Appends the line that a person reads.
pub(super) fn text(record: &Record<'_>, time: &Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(time);
    out.push(b' ');
    address(out, record.client);
    out.extend_from_slice(b" \"");
    visible(out, record.method);
    out.push(b' ');
    visible(out, record.path);
    if let Some(query) = record.query {
        out.push(b'?');
        visible(out, query);
    }
    // What nearly every line would say is said of the others only.
    if record.protocol == Protocol::Http2 {
        out.push(b' ');
        out.extend_from_slice(record.protocol.as_str().as_bytes());
    }
    out.extend_from_slice(b"\" ");
    number(out, record.status.as_u16());
    out.push(b' ');
    number(out, record.bytes);
    out.extend_from_slice(b"B ");
    let tenths = rounded(record.elapsed(), 100_000);
    number(out, tenths / 10);
    out.extend_from_slice(&[b'.', digit(tenths % 10)]);
    out.extend_from_slice(b"ms ");
    out.extend_from_slice(record.target.map_or("-", TargetKind::as_str).as_bytes());
    out.push(b' ');
    out.extend_from_slice(record.instance.unwrap_or("-").as_bytes());
    out.push(b' ');
    out.extend_from_slice(record.request_id.as_bytes());
    out.push(b'\n');
}

/// Appends the line that a program reads: one object.
pub(super) fn json(record: &Record<'_>, time: &Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(time);
    out.extend_from_slice(b"\",\"client\":\"");
    address(out, record.client);
    out.extend_from_slice(b"\",\"method\":");
    string(out, record.method);
    out.extend_from_slice(b",\"path\":");
    string(out, record.path);
    out.extend_from_slice(b",\"query\":");
    string_or_null(out, record.query);
    out.extend_from_slice(b",\"host\":");
    string(out, record.host);
    out.extend_from_slice(b",\"protocol\":\"");
    out.extend_from_slice(record.protocol.as_str().as_bytes());
    out.extend_from_slice(b"\",\"status\":");
    number(out, record.status.as_u16());
    out.extend_from_slice(b",\"bytes\":");
    number(out, record.bytes);
    out.extend_from_slice(b",\"duration_ms\":");
    milliseconds(out, record.elapsed());
    out.extend_from_slice(b",\"target\":");
    string_or_null(out, record.target.map(TargetKind::as_str));
    out.extend_from_slice(b",\"instance\":");
    string_or_null(out, record.instance);
    out.extend_from_slice(b",\"user_agent\":");
    string_or_null(out, record.user_agent);
    out.extend_from_slice(b",\"referer\":");
    string_or_null(out, record.referer);
    out.extend_from_slice(b",\"request_id\":\"");
    // Its characters are such that none needs an escape.
    out.extend_from_slice(record.request_id.as_bytes());
    out.extend_from_slice(b"\"}\n");
}

/// What a client sent must not be able to forge a line, end a quotation, colour a terminal or turn its writing round.
/// Beyond ASCII all is escaped: among it are characters that are invisible, look like others or change direction.
fn visible(out: &mut Vec<u8>, text: &str) {
    // Without an early end the loop looks at many bytes at once.
    let plain = |plain: bool, byte: u8| plain & byte.is_ascii_graphic() & (byte != b'"') & (byte != b'\\');
    if text.bytes().fold(true, plain) {
        out.extend_from_slice(text.as_bytes());
    } else {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{}", text.escape_default());
    }
}

/// A JSON string (RFC 8259 7): quotes, backslashes and control characters are escaped.
fn string(out: &mut Vec<u8>, text: &str) {
    let plain = |plain: bool, byte: u8| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\');
    out.push(b'"');
    if text.bytes().fold(true, plain) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0x08 => out.extend_from_slice(b"\\b"),
                0x0c => out.extend_from_slice(b"\\f"),
                0..b' ' => {
                    let _ = write!(out, "\\u{byte:04x}");
                }
                _ => out.push(byte),
            }
        }
    }
    out.push(b'"');
}

fn string_or_null(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            number(out, first);
            for octet in rest {
                out.push(b'.');
                number(out, octet);
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(out, "{address}");
        }
    }
}

/// Milliseconds with up to three decimals, and at least one.
fn milliseconds(out: &mut Vec<u8>, elapsed: Duration) {
    let micros = rounded(elapsed, 1000);
    number(out, micros / 1000);
    let decimals = [b'.', digit(micros / 100), digit(micros / 10), digit(micros)];
    let n_zeros = decimals[2..].iter().rev().take_while(|decimal| **decimal == b'0').count();
    out.extend_from_slice(&decimals[..decimals.len() - n_zeros]);
}

/// In units of so many nanoseconds, to the nearest.
fn rounded(elapsed: Duration, unit: u64) -> u64 {
    (u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX / 2) + unit / 2) / unit
}

/// The last digit of a number.
fn digit(value: u64) -> u8 {
    b'0' + (value % 10).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http::StatusCode;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::telemetry::RequestId;

    const TIME: &Timestamp = b"2026-11-20T13:45:01.123Z";

    fn record<'a>(texts: &'a [String; 6], id: &'a RequestId, elapsed: Duration) -> Record<'a> {
        let [method, path, query, host, user_agent, referer] = texts.each_ref().map(String::as_str);
        let started = Instant::now();
        Record {
            client: [127, 0, 0, 1].into(),
            method,
            path,
            query: Some(query).filter(|query| !query.is_empty()),
            host,
            protocol: Protocol::Http11,
            status: StatusCode::OK,
            bytes: 12,
            started,
            ended: started + elapsed,
            target: Some(TargetKind::Compute),
            instance: Some("default-1"),
            user_agent: Some(user_agent).filter(|agent| !agent.is_empty()),
            referer: Some(referer),
            request_id: id,
        }
    }

    fn line(write: fn(&Record<'_>, &Timestamp, &mut Vec<u8>), record: &Record<'_>) -> String {
        let mut out = Vec::new();
        write(record, TIME, &mut out);
        assert!(out.len() <= most(record), "{} bytes instead of {}", out.len(), most(record));
        String::from_utf8(out).unwrap()
    }

    fn usual() -> [String; 6] {
        ["GET", "/a\"b\u{1b}[31m", "q=1", "h", "curl", ""].map(str::to_owned)
    }

    #[test]
    fn a_text_line_cannot_be_forged_by_a_path() {
        let (texts, id) = (usual(), RequestId::parse("id-1").unwrap());
        let line = line(text, &record(&texts, &id, Duration::from_micros(1234)));
        assert_eq!(
            line,
            "2026-11-20T13:45:01.123Z 127.0.0.1 \"GET /a\\\"b\\u{1b}[31m?q=1\" 200 12B 1.2ms Compute default-1 id-1\n"
        );
    }

    #[test]
    fn a_text_line_says_http2_and_no_other_protocol() {
        let (texts, id) = (usual(), RequestId::parse("id-1").unwrap());
        for (protocol, said) in [(Protocol::Http10, ""), (Protocol::Http11, ""), (Protocol::Http2, " HTTP/2")] {
            let line = line(text, &Record { protocol, ..record(&texts, &id, Duration::ZERO) });
            assert!(line.contains(&format!("?q=1{said}\" 200 ")), "{line}");
        }
    }

    #[test]
    fn nothing_in_a_text_line_ends_its_quotation_or_turns_it_round() {
        for (text, shown) in
            [("/plain?a=b|c", "/plain?a=b|c"), ("/a\\", "/a\\\\"), ("/\u{202e}gpj.exe", "/\\u{202e}gpj.exe"), ("", "")]
        {
            let mut out = Vec::new();
            visible(&mut out, text);
            assert_eq!(str::from_utf8(&out).unwrap(), shown);
        }
    }

    #[test]
    fn times_taken_are_rounded() {
        let id = RequestId::parse("id-1").unwrap();
        for (nanos, in_text, in_json) in [
            (0, "0.0ms", "0.0"),
            (49_999, "0.0ms", "0.05"),
            (50_000, "0.1ms", "0.05"),
            (82_499, "0.1ms", "0.082"),
            (999_999, "1.0ms", "1.0"),
            (12_345_678, "12.3ms", "12.346"),
            (60_000_000_000, "60000.0ms", "60000.0"),
        ] {
            let texts = usual();
            let record = record(&texts, &id, Duration::from_nanos(nanos));
            let (text, json) = (line(text, &record), line(json, &record));
            assert!(text.contains(&format!(" {in_text} ")), "{text}");
            assert!(json.contains(&format!("\"duration_ms\":{in_json},")), "{json}");
        }
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for text in ["0.0.0.0", "10.2.33.255", "::1", "2001:db8::1:0:0:1", "::ffff:1.2.3.4"] {
            let mut out = Vec::new();
            address(&mut out, text.parse().unwrap());
            assert_eq!(str::from_utf8(&out).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_known_is_null() {
        let (texts, id) = (usual(), RequestId::parse("id-1").unwrap());
        let record =
            Record { target: None, instance: None, query: None, ..record(&texts, &id, Duration::from_micros(1234)) };
        let value: serde_json::Value = serde_json::from_str(&line(json, &record)).unwrap();
        assert_eq!((&value["target"], &value["instance"], &value["query"]), (&json!(null), &json!(null), &json!(null)));
    }

    proptest! {
        #[test]
        fn a_json_line_says_what_serde_json_would(
            texts in proptest::array::uniform6("\\PC*|[\\x00-\\x7f\u{80}-\u{ff}\u{2028}\u{10ffff}]*"),
            micros in 0_u64..100_000_000,
        ) {
            let id = RequestId::parse("id-1").unwrap();
            let record = record(&texts, &id, Duration::from_micros(micros));
            let line = line(json, &record);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(value, json!({
                "time": "2026-11-20T13:45:01.123Z",
                "client": "127.0.0.1",
                "method": record.method,
                "path": record.path,
                "query": record.query,
                "host": record.host,
                "protocol": "HTTP/1.1",
                "status": 200,
                "bytes": 12,
                "duration_ms": micros as f64 / 1e3,
                "target": "Compute",
                "instance": "default-1",
                "user_agent": record.user_agent,
                "referer": record.referer,
                "request_id": "id-1",
            }));
        }

        #[test]
        fn a_json_string_is_that_of_serde_json(text in "\\PC*|[\\x00-\\x7f\u{80}-\u{ff}\u{2028}\u{10ffff}]*") {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn a_text_line_is_one_line_of_visible_characters(texts in proptest::array::uniform6("\\PC*|[\\x00-\\x7f]*")) {
            let id = RequestId::parse("id-1").unwrap();
            let line = line(text, &record(&texts, &id, Duration::ZERO));
            let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
            prop_assert!(line.strip_suffix('\n').is_some_and(|line| line.bytes().all(visible)));
        }
    }
}
