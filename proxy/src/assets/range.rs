//! Hot: byte ranges (RFC 9110 14).

use std::ops::Range;

/// What of a content a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// 200: everything. No range was asked for, or none this server answers.
    Whole,
    /// 206 with one part.
    One(Range<u64>),
    /// 206 as `multipart/byteranges`: two or more parts in the order asked for, none overlapping another.
    Many(Vec<Range<u64>>),
    /// 416: no part of what was asked for exists.
    Unsatisfiable,
}

impl Ranges {
    /// Parses the value of `Range` for a content of `len` bytes.
    ///
    /// What is malformed or counts in another unit is ignored, as RFC 9110 14.2 demands. More than `ranges_max`
    /// ranges, or overlapping ones, are what it calls the sign of a broken client or an attack (17.15): they get the
    /// whole content, once. Parts that do not exist are left out as long as one does.
    pub(super) fn parse(value: &str, len: u64, ranges_max: usize) -> Self {
        let Some((unit, set)) = value.split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let members = || set.split(',').map(str::trim).filter(|member| !member.is_empty());
        match members().count() {
            0 => Self::Whole,
            1 => match members().next().and_then(|member| part(member, len)) {
                Some(Part::Here(range)) => Self::One(range),
                Some(Part::Nowhere) => Self::Unsatisfiable,
                Some(Part::Everything) | None => Self::Whole,
            },
            count if count > ranges_max => Self::Whole,
            _ => several(members(), len),
        }
    }
}

/// More than one range. Each is checked before any is answered, because one malformed member voids the field.
fn several<'a>(members: impl Iterator<Item = &'a str>, len: u64) -> Ranges {
    let mut parts: Vec<Range<u64>> = Vec::new();
    let mut whole = false;
    for member in members {
        match part(member, len) {
            None => return Ranges::Whole,
            Some(Part::Nowhere) => {}
            Some(Part::Everything) => whole = true,
            Some(Part::Here(range)) => {
                whole |= parts.iter().any(|other| range.start < other.end && other.start < range.end);
                parts.push(range);
            }
        }
    }
    match parts.as_slice() {
        _ if whole => Ranges::Whole,
        [] => Ranges::Unsatisfiable,
        [only] => Ranges::One(only.clone()),
        _ => Ranges::Many(parts),
    }
}

/// What one member of the set means for a content.
enum Part {
    Here(Range<u64>),
    Nowhere,
    /// The last bytes of an empty content: satisfiable by definition (14.1.2), and no Content-Range can say it.
    Everything,
}

/// One member: `first-last`, `first-` or `-suffix`. Nothing where it is malformed.
fn part(member: &str, len: u64) -> Option<Part> {
    let (first, last) = member.split_once('-')?;
    let (first, last) = (first.trim_end(), last.trim_start());
    if first.is_empty() {
        return Some(match number(last)? {
            0 => Part::Nowhere,
            _ if len == 0 => Part::Everything,
            suffix => Part::Here(len.saturating_sub(suffix)..len),
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first < len { Part::Here(first..last.saturating_add(1).min(len)) } else { Part::Nowhere })
}

/// A position. The grammar knows no largest one, so what exceeds 64 bits lies behind every end.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Ranges::*, *};

    #[test]
    fn ranges_mean_what_rfc_9110_says() {
        let max = "99999999999999999999999";
        for (value, expected) in [
            ("bytes=0-0", One(0..1)),
            ("bytes=0-499", One(0..100)),
            ("bytes=10-19", One(10..20)),
            ("bytes=99-", One(99..100)),
            ("bytes=-1", One(99..100)),
            ("bytes=-100", One(0..100)),
            ("bytes=-500", One(0..100)),
            ("Bytes = 0 - 9 ", One(0..10)),
            ("bytes=0-9,", One(0..10)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=200-300,400-", Unsatisfiable),
            ("bytes=5-4", Whole),
            ("bytes=", Whole),
            ("bytes=,", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=1", Whole),
            ("bytes=--1", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1-2-3", Whole),
            ("bytes", Whole),
            ("lines=0-9", Whole),
            ("bytes=0-9,20-29", Many(vec![0..10, 20..30])),
            ("bytes=20-29, ,0-9", Many(vec![20..30, 0..10])),
            ("bytes=0-9,200-300", One(0..10)),
            ("bytes=0-9,200-300,-5", Many(vec![0..10, 95..100])),
            ("bytes=0-9,x", Whole),
            ("bytes=0-9,9-19", Whole),
            ("bytes=0-9,10-19", Many(vec![0..10, 10..20])),
            ("bytes=0-,0-", Whole),
            ("bytes=0-0,2-2,4-4,6-6", Many(vec![0..1, 2..3, 4..5, 6..7])),
            ("bytes=0-0,2-2,4-4,6-6,8-8", Whole),
        ] {
            assert_eq!(Ranges::parse(value, 100, 4), expected, "{value:?}");
        }
        assert_eq!(Ranges::parse(&format!("bytes=0-{max}"), 100, 4), One(0..100));
        assert_eq!(Ranges::parse(&format!("bytes=-{max}"), 100, 4), One(0..100));
        assert_eq!(Ranges::parse(&format!("bytes={max}-"), 100, 4), Unsatisfiable);
    }

    #[test]
    fn an_empty_content_has_no_ranges() {
        assert_eq!(Ranges::parse("bytes=0-", 0, 4), Unsatisfiable);
        assert_eq!(Ranges::parse("bytes=-1", 0, 4), Whole);
        assert_eq!(Ranges::parse("bytes=-0", 0, 4), Unsatisfiable);
    }

    #[test]
    fn a_limit_of_one_allows_single_ranges_only() {
        assert_eq!(Ranges::parse("bytes=0-1", 10, 1), One(0..2));
        assert_eq!(Ranges::parse("bytes=0-1,4-5", 10, 1), Whole);
    }

    /// The bytes a member names, the naive way.
    fn positions(member: (Option<u64>, Option<u64>), len: u64) -> Vec<u64> {
        (0..len)
            .filter(|at| match member {
                (Some(first), Some(last)) => first <= *at && *at <= last,
                (Some(first), None) => first <= *at,
                (None, Some(suffix)) => len - at <= suffix,
                (None, None) => false,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn parts_stay_within_the_content(value in "(bytes=)?[0-9, -]{0,24}", len in 0..50u64) {
            let parts = match Ranges::parse(&value, len, 8) {
                Whole | Unsatisfiable => vec![],
                One(part) => vec![part],
                Many(parts) => parts,
            };
            prop_assert!(parts.len() <= 8);
            for part in &parts {
                prop_assert!(part.start < part.end && part.end <= len, "{:?}", part);
            }
        }

        #[test]
        fn parts_are_the_bytes_a_naive_reading_names(
            members in prop::collection::vec((prop::option::of(0..20u64), prop::option::of(0..20u64)), 1..4),
            len in 0..20u64,
        ) {
            let text = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
            let set: Vec<String> = members.iter().map(|(a, b)| format!("{}-{}", text(*a), text(*b))).collect();
            let valid = members.iter().all(|member| match member {
                (Some(first), Some(last)) => first <= last,
                (None, None) => false,
                _ => true,
            });
            let named: Vec<Vec<u64>> =
                members.iter().map(|member| positions(*member, len)).filter(|at| !at.is_empty()).collect();
            let mut all = named.concat();
            all.sort_unstable();
            let disjoint = all.windows(2).all(|pair| pair[0] != pair[1]);
            let last_of_nothing = len == 0 && members.iter().any(|member| matches!(member, (None, Some(1..))));
            let bytes = |part: &Range<u64>| part.clone().collect::<Vec<_>>();
            match Ranges::parse(&format!("bytes={}", set.join(",")), len, 8) {
                Whole => prop_assert!(!valid || !disjoint || last_of_nothing),
                Unsatisfiable => prop_assert!(valid && named.is_empty() && !last_of_nothing),
                One(part) => prop_assert_eq!(vec![bytes(&part)], named),
                Many(parts) => {
                    prop_assert!(disjoint);
                    prop_assert_eq!(parts.iter().map(bytes).collect::<Vec<_>>(), named);
                }
            }
        }
    }
}
