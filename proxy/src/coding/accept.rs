//! Hot: which content coding a client gets (RFC 9110 12.5.3).

use std::cell::Cell;

use crate::answer::Head;

/// A content coding (RFC 9110 8.4.1), in our order of preference: what makes the smallest bytes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentCoding {
    /// Brotli (RFC 7932).
    Brotli = 1,
    /// Zstandard (RFC 8878).
    Zstd = 2,
    /// gzip (RFC 1952).
    Gzip = 3,
    /// The file itself.
    Identity = 0,
}

impl ContentCoding {
    /// Every coding, the preferred ones first.
    pub const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// The value of `Content-Encoding`; none for the file itself.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// What a framework appends to a file name for such a variant.
    pub fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some(".br"),
            Self::Zstd => Some(".zst"),
            Self::Gzip => Some(".gz"),
            Self::Identity => None,
        }
    }
}

/// `Accept-Encoding`: a weight in thousandths for each coding that is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AcceptEncoding {
    /// Indexed by the coding's number.
    named: [Option<u16>; 4],
    /// `*`: all codings not named, identity included.
    others: Option<u16>,
}

/// The value that a thread met last, and what it means: most clients send one of three, and one client always the same.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    text: [u8; 32],
    length: usize,
    means: AcceptEncoding,
}

thread_local! {
    static LAST: Cell<Last> = const { Cell::new(Last { text: [0; 32], length: 0, means: AcceptEncoding { named: [None; 4], others: None } }) };
}

impl AcceptEncoding {
    /// What a request accepts.
    pub(crate) fn of(head: &Head<'_>) -> Self {
        Self::by(head.fields("accept-encoding"))
    }

    /// What the values of all fields of that name accept.
    pub(crate) fn by<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut first = values.clone();
        match (first.next(), first.next()) {
            (None, _) => Self::default(),
            (Some(value), None) => Self::remembered(value),
            _ => Self::parse(values),
        }
    }

    fn remembered(value: &str) -> Self {
        let last = LAST.get();
        if last.text.get(..last.length) == Some(value.as_bytes()) {
            return last.means;
        }
        let means = Self::parse(std::iter::once(value));
        let mut text = [0; 32];
        if let Some(room) = text.get_mut(..value.len()) {
            room.copy_from_slice(value.as_bytes());
            LAST.set(Last { text, length: value.len(), means });
        }
        means
    }

    /// Parses the values of all fields of that name. Members that are malformed or unknown are passed over, and of a
    /// coding named twice the first counts.
    fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut out = Self::default();
        for member in values.flat_map(|value| value.split(',')) {
            let mut parts = member.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let Some(weight) = weight(parts) else { continue };
            let slot = match name {
                "*" => &mut out.others,
                _ => match coding(name) {
                    Some(coding) => &mut out.named[coding as usize],
                    None => continue,
                },
            };
            slot.get_or_insert(weight);
        }
        out
    }

    /// The best of the variants there are: the highest weight, and of equal ones the first in our order.
    ///
    /// The file itself is always there. It is the last resort where it is not named, and also where everything there
    /// is was refused: RFC 9110 12.4.1 lets a server disregard the field, and bytes serve a client better than 406.
    pub(crate) fn choose(&self, exists: impl Fn(ContentCoding) -> bool) -> ContentCoding {
        self.best(ContentCoding::ALL.into_iter().filter(|coding| exists(*coding)))
    }

    /// The same among `offered`, in their order.
    pub(crate) fn best(&self, offered: impl Iterator<Item = ContentCoding>) -> ContentCoding {
        let mut best = (0, ContentCoding::Identity);
        for coding in offered.chain([ContentCoding::Identity]) {
            let weight = self.named[coding as usize].or(self.others).unwrap_or(0);
            if weight > best.0 {
                best = (weight, coding);
            }
        }
        best.1
    }
}

/// The coding of a token. `x-gzip` is the same as `gzip` (RFC 9110 8.4.1.3).
fn coding(name: &str) -> Option<ContentCoding> {
    if name.eq_ignore_ascii_case("x-gzip") {
        return Some(ContentCoding::Gzip);
    }
    ContentCoding::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.token().unwrap_or("identity")))
}

/// The weight among a member's parameters, in thousandths; 1 where there is none, nothing where it is malformed
/// (RFC 9110 12.4.2).
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    let Some(parameter) = parameters.next() else { return Some(1000) };
    let (name, value) = parameter.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") || parameters.next().is_some() {
        return None;
    }
    let value = value.trim_start();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ContentCoding::*, *};

    fn choose(field: &str, exists: &[ContentCoding]) -> ContentCoding {
        AcceptEncoding::parse([field].into_iter()).choose(|coding| exists.contains(&coding))
    }

    proptest! {
        #[test]
        fn what_is_remembered_means_what_is_parsed(values in prop::collection::vec("[brgzip ,;q=01*]{0,36}", 1..20)) {
            for value in values.iter().chain(values.iter().rev()) {
                prop_assert_eq!(AcceptEncoding::remembered(value), AcceptEncoding::parse(std::iter::once(value.as_str())));
            }
        }
    }

    #[test]
    fn the_weight_decides_and_then_our_preference() {
        let all = [Brotli, Zstd, Gzip];
        for (field, expected) in [
            ("", Identity),
            ("br", Brotli),
            ("gzip, deflate, br, zstd", Brotli),
            ("gzip, zstd", Zstd),
            ("gzip", Gzip),
            ("GZIP", Gzip),
            ("x-gzip", Gzip),
            ("deflate", Identity),
            ("br;q=0.5, gzip", Gzip),
            ("br;q=0.5, gzip;q=0.5, zstd;q=0.500", Brotli),
            ("br;q=0", Identity),
            ("br;q=0, *", Zstd),
            ("*", Brotli),
            ("*;q=0", Identity),
            ("*;q=0, gzip", Gzip),
            ("identity", Identity),
            ("identity, gzip", Gzip),
            ("identity, gzip;q=0.9", Identity),
            ("identity;q=0.1, gzip;q=0.2", Gzip),
            ("identity;q=0", Identity),
            ("identity;q=0, gzip;q=0.001", Gzip),
            ("gzip;q=0.1", Gzip),
            ("gzip ; q = 0.8 , br ; Q=0.9", Brotli),
            ("br;q=1.001, gzip", Gzip),
            ("br;q=2, gzip", Gzip),
            ("br;q=x, gzip", Gzip),
            ("br;q=0.1234, gzip", Gzip),
            ("br;level=3, gzip", Gzip),
            ("br;q=1;x=1, gzip", Gzip),
            ("gzip;q=0, gzip", Identity),
            (",,;,=,q=1, gzip,", Gzip),
        ] {
            assert_eq!(choose(field, &all), expected, "{field:?}");
        }
    }

    #[test]
    fn only_variants_that_exist_are_chosen() {
        assert_eq!(choose("br, gzip;q=0.1", &[Gzip]), Gzip);
        assert_eq!(choose("br", &[Gzip]), Identity);
        assert_eq!(choose("br, identity;q=0", &[Gzip]), Identity);
        assert_eq!(choose("*", &[]), Identity);
    }

    #[test]
    fn several_fields_are_one_list() {
        let accept = AcceptEncoding::parse(["gzip;q=0.5", "br;q=0.7"].into_iter());
        assert_eq!(accept.choose(|_| true), Brotli);
    }

    proptest! {
        #[test]
        fn what_is_chosen_exists_and_was_not_refused(field in "[brzstdgip*;q=01., -]{0,40}", exists in 0..8u8) {
            let exists = |coding: ContentCoding| exists & (1 << (coding as u8).saturating_sub(1)) != 0;
            let accept = AcceptEncoding::parse([field.as_str()].into_iter());
            let chosen = accept.choose(exists);
            if chosen != Identity {
                prop_assert!(exists(chosen));
                prop_assert!(accept.named[chosen as usize].or(accept.others).unwrap_or(0) > 0);
            }
        }

        #[test]
        fn a_well_formed_list_gives_the_heaviest(weights in prop::array::uniform3(0..=1000u16)) {
            let text = |weight: u16| format!("{}.{:03}", weight / 1000, weight % 1000);
            let [br, zstd, gzip] = weights;
            let field = format!("gzip;q={}, br;q={}, zstd;q={}", text(gzip), text(br), text(zstd));
            let heaviest = [(br, Brotli), (zstd, Zstd), (gzip, Gzip)]
                .into_iter()
                .rev()
                .max_by_key(|(weight, _)| *weight)
                .filter(|(weight, _)| *weight > 0)
                .map_or(Identity, |(_, coding)| coding);
            prop_assert_eq!(choose(&field, &[Brotli, Zstd, Gzip]), heaviest);
        }
    }
}
