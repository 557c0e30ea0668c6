//! Sizes and durations as people write them: `64KiB`, `11MB`, `250ms`, `15m`.

use std::time::Duration;

/// One kibibyte, in bytes.
pub(crate) const KIB: u64 = 1024;
/// One mebibyte, in bytes.
pub(crate) const MIB: u64 = 1024 * KIB;
/// One gibibyte, in bytes.
pub(crate) const GIB: u64 = 1024 * MIB;

/// Units of size; those of a thousand and those of 1024 are told apart, as IEC 80000-13 does.
const SIZES: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("kB", 1000),
    ("KiB", KIB),
    ("MB", 1_000_000),
    ("MiB", MIB),
    ("GB", 1_000_000_000),
    ("GiB", GIB),
];

/// Units of time, in milliseconds.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a size in bytes. A space before the unit and any case of it are welcome.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    quantity(text, &SIZES)
}

/// Reads a duration. The unit is required: `30` could mean seconds or milliseconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    quantity(text, &TIMES).map(Duration::from_millis)
}

/// Writes a size in the largest unit of 1024 that divides it.
pub(crate) fn write_bytes(bytes: u64) -> String {
    let unit = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)]
        .into_iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// Writes a duration in the largest unit that divides it.
pub(crate) fn write_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let unit = TIMES.into_iter().rev().find(|(_, unit)| millis > 0 && millis.is_multiple_of(u128::from(*unit)));
    unit.map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / u128::from(unit)))
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim_start()))?;
    digits.replace('_', "").parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_keep_thousands_and_1024s_apart() {
        for (text, meant) in [
            ("0", 0),
            ("4096", 4096),
            ("10_000", 10_000),
            ("64KiB", 65_536),
            ("64 kib", 65_536),
            ("11MB", 11_000_000),
            ("1GiB", GIB),
        ] {
            assert_eq!(bytes(text), Some(meant), "{text}");
        }
        for wrong in ["", "KiB", "12 parsecs", "1.5MiB", "-1", "64K", "99999999999999999999", "18446744073709551615KiB"]
        {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("30 s"), Some(Duration::from_secs(30)));
        for wrong in ["30", "", "s", "5 seconds", "1m30s", "-5s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in 0_u64..u64::MAX / 2) {
            prop_assert_eq!(bytes(&write_bytes(value)), Some(value));
            let span = Duration::from_millis(value >> 20);
            prop_assert_eq!(duration(&write_duration(span)), Some(span));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (bytes(&text), duration(&text));
        }
    }
}
