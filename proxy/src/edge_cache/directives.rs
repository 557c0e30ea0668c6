//! Hot: `Cache-Control` and its like, of answers and of requests (RFC 9111 5.2, RFC 5861, RFC 9213).

/// The largest number of seconds that is told apart: RFC 9111 1.2.2 wants at least 2^31 for what is larger.
const SECONDS_MAX: u64 = 1 << 31;

/// What the directives of one head say. Those that mean nothing to a shared cache are not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// There was at least one directive.
    pub(super) any: bool,
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) no_store: bool,
    /// With or without field names: an answer of which only parts may be kept is not kept.
    pub(super) no_cache: bool,
    /// Likewise.
    pub(super) private: bool,
    pub(super) public: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub(super) must_revalidate: bool,
    /// Seconds; none within where it stands without a number.
    pub(super) while_revalidating: Option<Option<u64>>,
    /// Likewise.
    pub(super) if_error: Option<Option<u64>>,
    pub(super) only_if_cached: bool,
    pub(super) min_fresh: Option<u64>,
}

impl Directives {
    /// Reads the values of a field, in their order.
    pub(super) fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut directives = Self::default();
        for value in values {
            for member in members(value) {
                directives.take(member);
            }
        }
        directives
    }

    fn take(&mut self, member: &[u8]) {
        let end = member.iter().position(|byte| *byte == b'=').unwrap_or(member.len());
        let (name, value) = (member[..end].trim_ascii(), member.get(end + 1..).map(<[u8]>::trim_ascii));
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        self.any |= !name.is_empty();
        match name.len() {
            6 if is("public") => self.public = true,
            7 if is("private") => self.private = true,
            // RFC 9111 4.2.1: of several values the first counts, and what is no number is no lifetime.
            7 if is("max-age") => self.max_age = self.max_age.or_else(|| Some(seconds(value).unwrap_or(0))),
            8 if is("s-maxage") => self.s_maxage = self.s_maxage.or_else(|| Some(seconds(value).unwrap_or(0))),
            8 if is("no-store") => self.no_store = true,
            8 if is("no-cache") => self.no_cache = true,
            9 if is("min-fresh") => self.min_fresh = self.min_fresh.or_else(|| seconds(value)),
            14 if is("only-if-cached") => self.only_if_cached = true,
            14 if is("stale-if-error") => self.if_error = self.if_error.or_else(|| Some(allowance(value))),
            15 if is("must-revalidate") => self.must_revalidate = true,
            16 if is("proxy-revalidate") => self.must_revalidate = true,
            22 if is("stale-while-revalidate") => {
                self.while_revalidating = self.while_revalidating.or_else(|| Some(allowance(value)));
            }
            _ => {}
        }
    }
}

/// The members of a list: a comma in a quoted text is no separator.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let separates = move |byte: &u8| {
        let separates = *byte == b',' && !quoted;
        if escaped {
            escaped = false;
        } else {
            escaped = quoted && *byte == b'\\';
            quoted ^= *byte == b'"';
        }
        separates
    };
    value.split(separates).map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// A number of seconds, as a token or quoted (RFC 9111 5.2). None where it is no number.
fn seconds(value: Option<&[u8]>) -> Option<u64> {
    let value = value?;
    let digits = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    Some(number.unwrap_or(SECONDS_MAX).min(SECONDS_MAX))
}

/// A time after the lifetime: without a number as long as the settings allow, with a broken one none.
fn allowance(value: Option<&[u8]>) -> Option<u64> {
    value.map(|value| seconds(Some(value)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Directives {
        Directives::of([text.as_bytes()].into_iter())
    }

    #[test]
    fn lifetimes_are_whole_seconds() {
        for (text, max_age) in [
            ("max-age=10", Some(10)),
            ("Max-Age=10", Some(10)),
            ("max-age=\"10\"", Some(10)),
            (" , max-age=10 ,", Some(10)),
            ("max-age=007", Some(7)),
            ("max-age=99999999999999999999999", Some(SECONDS_MAX)),
            ("max-age=1, max-age=9", Some(1)),
            ("max-age=x, max-age=9", Some(0)),
            ("max-age", Some(0)),
            ("max-age=", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age='10'", Some(0)),
            ("x=\"max-age=10\"", None),
            ("x=\"a\\\", max-age=10\"", None),
            ("max-ages=10", None),
            ("", None),
        ] {
            assert_eq!(of(text).max_age, max_age, "{text}");
        }
    }

    #[test]
    fn flags_are_flags_with_or_without_a_value() {
        let all = of("no-store, private=\"set-cookie, x\", NO-CACHE=\"a\", Public, must-revalidate, only-if-cached");
        assert!(all.no_store && all.private && all.no_cache && all.public && all.must_revalidate && all.only_if_cached);
        assert!(of("proxy-revalidate").must_revalidate);
        let none = of("private-ish, x-no-store, \"no-store\"");
        assert!(none.any && !none.private && !none.no_store);
        assert!(!of(" , ,").any);
    }

    #[test]
    fn stale_answers_are_allowed_for_a_time_or_for_as_long_as_we_like() {
        assert_eq!(of("stale-while-revalidate=5").while_revalidating, Some(Some(5)));
        assert_eq!(of("s-maxage=1, stale-while-revalidate").while_revalidating, Some(None));
        assert_eq!(of("stale-while-revalidate=x").while_revalidating, Some(Some(0)));
        assert_eq!(of("stale-if-error=60").if_error, Some(Some(60)));
        assert_eq!(of("max-age=1").if_error, None);
    }

    #[test]
    fn several_fields_are_one_list() {
        let both = Directives::of([b"max-age=1".as_slice(), b"s-maxage=2, private"].into_iter());
        assert_eq!((both.max_age, both.s_maxage, both.private), (Some(1), Some(2), true));
    }
}
