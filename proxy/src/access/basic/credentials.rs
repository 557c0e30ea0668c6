//! Hot: the name and password in an `Authorization` (RFC 9110 11.6.2, RFC 7617).

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::answer::Head;

/// Bytes of name, colon and password together. What is longer is no password of ours: bcrypt reads 72 bytes.
pub(super) const PAIR_MAX: usize = 512;

/// With or without `=` at the end: not every client writes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a request has an `Authorization` that is meant for whoever asks for HTTP Basic.
pub(in crate::access) fn is_ours(head: &Head<'_>) -> bool {
    token(head).is_some()
}

/// Name, password, and both with their colon. None where there are none, or more than one, or what is no such pair.
pub(super) fn pair<'b>(head: &Head<'_>, buffer: &'b mut [u8; PAIR_MAX]) -> Option<(&'b [u8], &'b [u8], &'b [u8])> {
    let token = token(head)?;
    let length = BASE64.decode_slice(token, buffer).ok()?;
    let both = &buffer[..length];
    // RFC 7617 2: a control character stands in neither.
    if both.iter().any(u8::is_ascii_control) {
        return None;
    }
    let colon = both.iter().position(|byte| *byte == b':')?;
    Some((&both[..colon], &both[colon + 1..], both))
}

fn token<'a>(head: &Head<'a>) -> Option<&'a [u8]> {
    let mut fields = head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("authorization"));
    let value = fields.next()?.value.trim_ascii();
    let (scheme, token) = value.split_at_checked("basic ".len())?;
    (fields.next().is_none() && scheme.eq_ignore_ascii_case(b"basic ")).then(|| token.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<(String, String)> {
        let fields: Vec<_> =
            values.iter().map(|value| httparse::Header { name: "Authorization", value: value.as_bytes() }).collect();
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        let mut buffer = [0; PAIR_MAX];
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        pair(&head, &mut buffer).map(|(name, password, _)| (text(name), text(password)))
    }

    #[test]
    fn a_pair_is_a_name_and_a_password() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        for (value, expected) in [
            // The examples of RFC 7617 2 and 2.1.
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", pair("Aladdin", "open sesame")),
            ("Basic dGVzdDoxMjPCow==", pair("test", "123\u{a3}")),
            ("bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ==  ", pair("Aladdin", "open sesame")),
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", pair("Aladdin", "open sesame")),
            ("Basic YTpiOmM=", pair("a", "b:c")),
            ("Basic Og==", pair("", "")),
            ("Basic", None),
            ("Basic ", None),
            ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
            ("Basic QWxhZGRpbg==", None),
            ("Basic QQ=A", None),
            ("Basic \u{e9}", None),
            ("Basic YQA6Yg==", None),
            (&format!("Basic {}", "YWFh".repeat(400)), None),
        ] {
            assert_eq!(read(&[value]), expected, "{value}");
        }
        assert_eq!(read(&[]), None);
        let twice = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(read(&[twice, twice]), None, "nobody knows which of them another reader would take");
    }

    proptest::proptest! {
        #[test]
        fn no_value_panics(value in "(?s)(basic |Basic |)[ -~]{0,80}|.{0,40}") {
            read(&[&value]);
        }
    }
}
