//! Numbers as people read them: three digits, one unit for what stands together.

use crate::outcome::{Limit, Metric, Subject, Target, Unit};

/// A unit for several figures of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    factor: f64,
    pub(super) symbol: &'static str,
}

const TIMES: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const BYTES: [(f64, &str); 4] = [(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];
/// Below this a number has decimals.
const WHOLE: f64 = 100.0;

impl Scale {
    /// The largest unit in which none of `figures` falls below one; the smallest unit where one does anyway.
    pub(super) fn of(unit: Unit, figures: impl IntoIterator<Item = f64>) -> Self {
        let (units, base): (&[(f64, &'static str)], f64) = match unit {
            Unit::Nanoseconds => (&TIMES, 1.0),
            Unit::Microseconds => (&TIMES, 1e3),
            Unit::Milliseconds => (&TIMES, 1e6),
            Unit::Seconds => (&TIMES, 1e9),
            Unit::Bytes => (&BYTES, 1.0),
            Unit::PerSecond => (&[(1.0, "/s")], 1.0),
            Unit::Count => (&[(1.0, "")], 1.0),
        };
        let least = figures.into_iter().filter(|figure| *figure != 0.0).map(f64::abs).fold(f64::INFINITY, f64::min);
        let fits = |(size, _): &&(f64, &str)| least.is_finite() && least * base >= *size;
        let (size, symbol) = units.iter().rev().find(fits).or_else(|| units.first()).copied().unwrap_or((1.0, ""));
        Self { factor: base / size, symbol }
    }

    /// The number alone.
    pub(super) fn number(self, figure: f64) -> String {
        digits(figure * self.factor)
    }

    /// The number with its unit.
    pub(super) fn written(self, figure: f64) -> String {
        format!("{}{}", self.number(figure), self.suffix())
    }

    /// Between a number and its unit stands a blank that does not break.
    fn suffix(self) -> String {
        if self.symbol.is_empty() { String::new() } else { format!("\u{a0}{}", self.symbol) }
    }
}

/// One figure on its own.
pub(super) fn written(unit: Unit, figure: f64) -> String {
    Scale::of(unit, [figure]).written(figure)
}

/// What was measured for a target: a ratio is a bare number, a difference has its sign.
pub(super) fn measured(target: &Target, figure: f64) -> String {
    match target.subject {
        Subject::Ratio { .. } => format!("{figure:.2}"),
        Subject::Figure { .. } => written(target.metric.unit, figure),
        Subject::Difference { .. } if figure < 0.0 => format!("\u{2212}{}", written(target.metric.unit, -figure)),
        Subject::Difference { .. } => format!("+{}", written(target.metric.unit, figure)),
    }
}

/// `≤ 0.60`, `≥ 1.6`, `≤ 8 KiB`.
pub(super) fn limit(target: &Target) -> String {
    let (sign, bound) = match target.limit {
        Limit::AtMost(most) => ('≤', most),
        Limit::AtLeast(least) => ('≥', least),
    };
    match target.subject {
        Subject::Ratio { .. } => format!("{sign}\u{a0}{bound:.2}"),
        Subject::Figure { .. } => format!("{sign}\u{a0}{}", round(target.metric.unit, bound)),
        Subject::Difference { .. } => format!("{sign}\u{a0}+{}", round(target.metric.unit, bound)),
    }
}

/// A metric's name with the unit of its column.
pub(super) fn heading(metric: &Metric, scale: Scale) -> String {
    match (metric.unit, scale.symbol) {
        (Unit::PerSecond, _) => format!("{}/s", metric.name),
        (_, "") => metric.name.to_string(),
        (_, symbol) => format!("{}, {symbol}", metric.name),
    }
}

/// A number that somebody chose, without the zeros that a measured one would have.
fn round(unit: Unit, figure: f64) -> String {
    let scale = Scale::of(unit, [figure]);
    let number = scale.number(figure);
    let short = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{short}{}", scale.suffix())
}

/// Three digits, or all of them before the point, in groups.
fn digits(number: f64) -> String {
    let size = number.abs();
    if size >= WHOLE {
        return grouped(&format!("{number:.0}"));
    }
    match size {
        size if size >= 9.995 => format!("{number:.1}"),
        size if size >= 0.995 => format!("{number:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{number:.3}"),
    }
}

/// `12 345`, with a narrow blank that does not break.
fn grouped(whole: &str) -> String {
    let places = whole.chars().count();
    let mut text = String::with_capacity(whole.len() + 8);
    for (index, character) in whole.chars().enumerate() {
        let left = places - index;
        if index > 0 && left.is_multiple_of(3) && places > 4 && !text.ends_with('-') {
            text.push('\u{202f}');
        }
        text.push(character);
    }
    text
}

/// So many bytes, as a figure is written.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub(super) fn memory(n_bytes: u64) -> String {
    written(Unit::Bytes, n_bytes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_the_unit_that_fits() {
        for (unit, figure, expected) in [
            (Unit::Microseconds, 8.123, "8.12 µs"),
            (Unit::Microseconds, 12_345.0, "12.3 ms"),
            (Unit::Microseconds, 0.0421, "42.1 ns"),
            (Unit::Milliseconds, 99.97, "100.0 ms"),
            (Unit::Seconds, 90.0, "90.0 s"),
            (Unit::Bytes, 8192.0, "8.00 KiB"),
            (Unit::PerSecond, 123_456.0, "123 456 /s"),
            (Unit::Count, 2.0, "2.00"),
            (Unit::Count, 0.0, "0"),
        ] {
            assert_eq!(written(unit, figure).replace(['\u{a0}', '\u{202f}'], " "), expected);
        }
    }

    #[test]
    fn a_column_has_one_unit() {
        let scale = Scale::of(Unit::Microseconds, [900.0, 12_000.0]);
        assert_eq!((scale.number(900.0), scale.number(12_000.0)), ("900".into(), "12\u{202f}000".into()));
        assert_eq!(scale.symbol, "µs");
    }

    #[test]
    fn limits_are_written_as_they_were_set() {
        let target = |subject, limit, unit| Target {
            what: String::new(),
            metric: Metric::less("x", unit),
            subject,
            limit,
            judge: crate::outcome::Judge::Median,
        };
        let of = || "edgeplane".to_owned();
        for (target, expected) in [
            (target(Subject::Ratio { of: of(), to: of() }, Limit::AtMost(0.6), Unit::Microseconds), "≤ 0.60"),
            (target(Subject::Figure { of: of() }, Limit::AtMost(8192.0), Unit::Bytes), "≤ 8 KiB"),
            (target(Subject::Figure { of: of() }, Limit::AtLeast(10_000.0), Unit::Count), "≥ 10 000"),
            (target(Subject::Difference { of: of(), to: of() }, Limit::AtMost(150.0), Unit::Microseconds), "≤ +150 µs"),
        ] {
            assert_eq!(limit(&target).replace(['\u{a0}', '\u{202f}'], " "), expected);
        }
    }
}
