//! Medians and how sure they are.

/// Where the true median lies, with at least 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// How often the interval may be wrong.
const ERROR_MAX: f64 = 0.05;

/// The median; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*sorted.get(middle - 1)?, upper)) }
}

/// The interval by order statistics, which assumes nothing about how the figures are spread; `None` for fewer than six,
/// which can give no 95 %.
pub(crate) fn of_median(values: &[f64]) -> Option<Interval> {
    let sorted = sorted(values);
    let n = sorted.len();
    // The interval from the k-th smallest to the k-th largest misses the median when fewer than k values lie on one
    // side of it: a coin tossed n times shows heads fewer than k times, or tails.
    let mut outside = 0.0;
    let mut ways = 1.0;
    let mut cut = 0;
    for k in 0..n / 2 {
        outside += 2.0 * ways * 0.5_f64.powi(i32::try_from(n).ok()?);
        if outside > ERROR_MAX {
            break;
        }
        cut = k + 1;
        ways = ways * count(n - k) / count(k + 1);
    }
    let low = *sorted.get(cut.checked_sub(1)?)?;
    let high = *sorted.get(n - cut)?;
    Some(Interval { low, high })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// A count of rounds as a number.
#[expect(clippy::cast_precision_loss, reason = "rounds are few")]
const fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    /// As the tables of the sign test have it.
    #[test]
    fn the_interval_is_that_of_the_sign_test() {
        let interval = |n: u32| of_median(&(1..=n).map(f64::from).collect::<Vec<_>>()).map(|i| (i.low, i.high));
        assert_eq!(interval(5), None);
        assert_eq!(interval(6), Some((1.0, 6.0)));
        assert_eq!(interval(8), Some((1.0, 8.0)));
        assert_eq!(interval(9), Some((2.0, 8.0)));
        assert_eq!(interval(12), Some((3.0, 10.0)));
        assert_eq!(interval(20), Some((6.0, 15.0)));
    }
}
