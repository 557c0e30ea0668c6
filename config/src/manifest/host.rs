//! Host names: literal ones, and those with the two documented wildcards.

use std::net::Ipv6Addr;

/// Characters of a host name (RFC 1035, 2.3.4: 255 octets on the wire are 253 in text).
const HOST_CHARS_MAX: usize = 253;

/// Characters of one label (RFC 1035, 2.3.4).
const LABEL_CHARS_MAX: usize = 63;

/// A plain host name in lower case, or why the text is none, with the remedy.
pub(super) fn literal(text: &str) -> Result<String, &'static str> {
    if text.contains('*') {
        return Err("use `remotePatterns` for wildcards");
    }
    host(text)
}

/// A host name in lower case whose labels may hold `*` and whose first label may be `**`, or the remedy.
pub(super) fn pattern(text: &str) -> Result<String, &'static str> {
    let labels: Vec<&str> = text.split('.').collect();
    if !labels.iter().any(|label| !label.is_empty() && !label.contains('*')) {
        return Err("name at least one part of the host: a blanket wildcard would let everybody use the optimizer");
    }
    let inner = labels.iter().enumerate().any(|(index, label)| label.contains("**") && (index > 0 || *label != "**"));
    if inner {
        return Err("use `**` only as the first part, such as `**.example.com`; `*` is one part, or a piece of one");
    }
    host(text)
}

fn host(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("name a host, such as `images.example.com`");
    }
    if !text.is_ascii() {
        return Err("write its ASCII form, which starts with `xn--`");
    }
    if text.contains("//") {
        return Err("leave out the scheme: a host is `images.example.com`");
    }
    if text.contains('/') {
        return Err("leave out the path, or use `pathname` of a remote pattern");
    }
    let host = text.to_ascii_lowercase();
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().map(|_| host.clone()).map_err(|_| "write a valid IPv6 address");
    }
    if host.contains(':') {
        return Err("leave out the port, or use `port` of a remote pattern");
    }
    if host.ends_with('.') {
        return Err("leave out the final dot");
    }
    let label_fits = |label: &str| (1..=LABEL_CHARS_MAX).contains(&label.len()) && label.bytes().all(is_host_byte);
    if host.len() > HOST_CHARS_MAX || !host.split('.').all(label_fits) {
        return Err("use letters, digits and hyphens, with dots between; `*` and `**` are the only wildcards");
    }
    Ok(host)
}

/// Letters, digits, hyphen; the underscore, which real host names have; the wildcard, where the caller let it pass.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*')
}
