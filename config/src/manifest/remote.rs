//! The image settings' `remotePatterns`: which remote URLs the optimizer may fetch.
//!
//! The specification speaks of regular expressions, but its own example, and every tool that emits these, writes
//! globs: `*` and `**`. Nothing else is a wildcard here, and what looks like one is refused rather than taken
//! literally: a pattern is a permission, and its author must be able to read what it permits.

use super::{host, node::Node};
use crate::{RemotePattern, Rule, Severity, report::Report};

/// Reads one pattern. Unknown members are errors here: to ignore a restriction would permit more than was asked.
pub(super) fn read(node: &Node<'_>, report: &mut Report) -> Option<RemotePattern> {
    let members = node.members(&["protocol", "hostname", "port", "pathname"], Severity::Error, report)?;
    let protocol = members.optional("protocol").map(|node| protocol(&node, report));
    let hostname =
        members.required("hostname", "\"images.example.com\"", report).and_then(|node| hostname(&node, report));
    let port = members.optional("port").map(|node| port(&node, report));
    let pathname = members.optional("pathname").map(|node| pathname(&node, report));
    Some(RemotePattern {
        protocol: whole(protocol)?,
        hostname: hostname?,
        port: whole(port)?.flatten(),
        pathname: whole(pathname)?,
    })
}

/// An absent member is fine, a broken one is not.
#[expect(clippy::option_option, reason = "absent, broken and good are three cases")]
fn whole<T>(member: Option<Option<T>>) -> Option<Option<T>> {
    member.map_or(Some(None), |value| value.map(Some))
}

fn protocol(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string(report)?;
    // `new URL().protocol` ends in a colon, and people copy it from there.
    match text.strip_suffix(':').unwrap_or(text) {
        "https" => Some("https".to_owned()),
        "http" => {
            let help = "use `https`; this one matches only where the operator sets `image.allow-http`";
            report.warning(Rule::ImagePatternHttp, &node.anchor, "images are not fetched over plain http", help);
            Some("http".to_owned())
        }
        _ => {
            let message = format!("there is no protocol `{text}` for remote images");
            report.error(Rule::ImagePatternProtocol, &node.anchor, message, "write `https`, or leave the key out");
            None
        }
    }
}

fn hostname(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string(report)?;
    host::pattern(text)
        .map_err(|help| {
            let message = format!("the host name pattern {text:?} cannot be used");
            report.error(Rule::ImagePatternHostname, &node.anchor, message, help);
        })
        .ok()
}

/// The port; `Some(None)` for the empty string, which means the protocol's own, as in `new URL().port`.
#[expect(clippy::option_option, reason = "broken, default and given are three cases")]
fn port(node: &Node<'_>, report: &mut Report) -> Option<Option<u16>> {
    let text = node.string(report)?;
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Some(Some(port)),
        _ => {
            let help = "write a number from 1 to 65535 in quotes, or `\"\"` for the protocol's own port";
            report.error(Rule::ImagePatternPort, &node.anchor, format!("{text:?} is not a port"), help);
            None
        }
    }
}

fn pathname(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string(report)?;
    let help = if !text.starts_with('/') {
        "start it with `/`, such as `/images/**`, or leave the key out for any path"
    } else if text.contains(['?', '#', '[', ']', '{', '}', '|', '\\', '^']) {
        "use `*` within a part of the path and `**` across parts; there are no other wildcards, and no query"
    } else if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        "leave out `.` and `..`: URLs are compared without them"
    } else if let Some(path) = percent_normalised(text) {
        return Some(path);
    } else {
        "write `%25` for a percent sign"
    };
    report.error(Rule::ImagePatternPathname, &node.anchor, format!("the path pattern {text:?} cannot be used"), help);
    None
}

/// The path as a URL parser writes it (URL standard, path percent-encode set), with escapes in upper case; `None` when
/// an escape is broken.
fn percent_normalised(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                out.push('%');
                out.extend(digits.map(|digit| char::from(digit.to_ascii_uppercase())));
            }
            0x21..=0x7e if !matches!(byte, b'"' | b'<' | b'>' | b'`') => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
            }
        }
    }
    Some(out)
}
