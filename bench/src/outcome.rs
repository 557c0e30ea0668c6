//! What was measured: plain data that the report prints and nobody edits.

use std::borrow::Cow;

use crate::interval::{self, Interval};

/// The name under which our own figures stand.
pub(crate) const OURS: &str = "edgeplane";

/// One run of the suite.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    /// Where it ran.
    pub(crate) machine: Machine,
    /// How long and how often each thing was measured, in words.
    pub(crate) extent: String,
    /// Who took part, and with which configurations.
    pub(crate) peers: Vec<PeerNote>,
    /// In the order of the scenarios.
    pub(crate) outcomes: Vec<Outcome>,
}

/// The machine, as far as it tells.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) architecture: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    pub(crate) system: String,
    /// The day in UTC, as `2026-11-21`.
    pub(crate) day: String,
}

/// A program that took part, or why it did not.
#[derive(Clone, Debug)]
pub(crate) struct PeerNote {
    pub(crate) name: String,
    /// `None`: it is not installed.
    pub(crate) version: Option<String>,
    /// Each configuration it ran with: what for, and the text.
    pub(crate) configs: Vec<(String, String)>,
}

/// One scenario's figures.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Short and stable: `static-1k`.
    pub(crate) id: String,
    pub(crate) title: String,
    /// What is done and what both sides have switched on, in a sentence or two.
    pub(crate) what: String,
    pub(crate) series: Vec<Series>,
    pub(crate) targets: Vec<Target>,
    /// What a reader must know to read the figures.
    pub(crate) remarks: Vec<String>,
    /// Why nothing here counts: wrong status or bytes, or something that is not installed.
    pub(crate) void: Option<String>,
}

/// One figure of one peer, in every round.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) peer: String,
    pub(crate) metric: Metric,
    /// In the order of the rounds: round N of one peer ran beside round N of the others.
    pub(crate) rounds: Vec<f64>,
}

/// What a number means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: Cow<'static, str>,
    pub(crate) unit: Unit,
    pub(crate) better: Better,
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    PerSecond,
    Bytes,
    Count,
}

impl Unit {
    /// Every unit, for whoever reads a name back.
    pub(crate) const ALL: [Self; 7] = [
        Self::Nanoseconds,
        Self::Microseconds,
        Self::Milliseconds,
        Self::Seconds,
        Self::PerSecond,
        Self::Bytes,
        Self::Count,
    ];

    /// What stands behind the number; empty for a plain count.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Bytes => "B",
            Self::Count => "",
        }
    }
}

impl Metric {
    pub(crate) const CPU: Self = Self::less("CPU per request", Unit::Microseconds);
    pub(crate) const CPU_PER_GIGABYTE: Self = Self::less("CPU per GB", Unit::Milliseconds);
    pub(crate) const THROUGHPUT: Self = Self::more("requests", Unit::PerSecond);
    pub(crate) const P50: Self = Self::less("p50", Unit::Microseconds);
    pub(crate) const P99: Self = Self::less("p99", Unit::Microseconds);
    pub(crate) const P999: Self = Self::less("p99.9", Unit::Microseconds);
    pub(crate) const SYSCALLS: Self = Self::less("syscalls per request", Unit::Count);
    pub(crate) const PEAK_MEMORY: Self = Self::less("peak RSS", Unit::Bytes);

    pub(crate) const fn less(name: &'static str, unit: Unit) -> Self {
        Self { name: Cow::Borrowed(name), unit, better: Better::Less }
    }

    pub(crate) const fn more(name: &'static str, unit: Unit) -> Self {
        Self { name: Cow::Borrowed(name), unit, better: Better::More }
    }
}

/// What was promised about a figure.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As a person would say it: `CPU per request against nginx`.
    pub(crate) what: String,
    pub(crate) metric: Metric,
    pub(crate) subject: Subject,
    pub(crate) limit: Limit,
    pub(crate) judge: Judge,
}

/// The number that is held against the limit.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// One series' median.
    Figure { of: String },
    /// The median of the rounds' ratios.
    Ratio { of: String, to: String },
    /// The median of the rounds' differences.
    Difference { of: String, to: String },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// How strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// The median decides.
    Median,
    /// A miss counts only when the whole 95 % interval is beyond the limit.
    Interval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

/// A target, held against what was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judgement {
    /// The number that was held against the limit.
    pub(crate) figure: Option<f64>,
    /// With six rounds or more.
    pub(crate) interval: Option<Interval>,
    pub(crate) verdict: Verdict,
}

impl Outcome {
    pub(crate) fn new(id: impl Into<String>, title: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            what: what.into(),
            series: Vec::new(),
            targets: Vec::new(),
            remarks: Vec::new(),
            void: None,
        }
    }

    /// Adds the next round's figure.
    pub(crate) fn record(&mut self, peer: &str, metric: &Metric, value: f64) {
        match self.series.iter_mut().find(|series| series.peer == peer && series.metric == *metric) {
            Some(series) => series.rounds.push(value),
            None => {
                self.series.push(Series { peer: peer.into(), metric: metric.clone(), rounds: vec![value] });
            }
        }
    }

    /// Every round's figure, empty where nothing was measured.
    pub(crate) fn rounds(&self, peer: &str, metric: &Metric) -> &[f64] {
        let series = self.series.iter().find(|series| series.peer == peer && series.metric == *metric);
        series.map_or(&[], |series| &series.rounds)
    }

    pub(crate) fn median(&self, peer: &str, metric: &Metric) -> Option<f64> {
        interval::median(self.rounds(peer, metric))
    }

    pub(crate) fn judge(&self, target: &Target) -> Judgement {
        let rounds = match &target.subject {
            Subject::Figure { of } => self.rounds(of, &target.metric).to_vec(),
            Subject::Ratio { of, to } => self.paired(of, to, &target.metric, |of, to| of / to),
            Subject::Difference { of, to } => self.paired(of, to, &target.metric, |of, to| of - to),
        };
        let figure = if self.void.is_some() { None } else { interval::median(&rounds) };
        let interval = figure.and_then(|_| interval::of_median(&rounds));
        let Some(median) = figure else {
            return Judgement { figure, interval, verdict: Verdict::NotMeasured };
        };
        let lenient = match (target.judge, target.limit, interval) {
            (Judge::Interval, Limit::AtMost(_), Some(interval)) => interval.low,
            (Judge::Interval, Limit::AtLeast(_), Some(interval)) => interval.high,
            _ => median,
        };
        let met = match target.limit {
            Limit::AtMost(most) => lenient <= most,
            Limit::AtLeast(least) => lenient >= least,
        };
        Judgement { figure, interval, verdict: if met { Verdict::Met } else { Verdict::Missed } }
    }

    /// Rounds of two peers that ran beside each other.
    fn paired(&self, of: &str, to: &str, metric: &Metric, join: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        self.rounds(of, metric).iter().zip(self.rounds(to, metric)).map(|(of, to)| join(*of, *to)).collect()
    }
}

impl Target {
    /// Ours divided by theirs is at most `most`.
    pub(crate) fn ratio(metric: &Metric, to: &str, most: f64) -> Self {
        Self {
            what: format!("{} against {to}", metric.name),
            metric: metric.clone(),
            subject: Subject::Ratio { of: OURS.into(), to: to.into() },
            limit: Limit::AtMost(most),
            judge: Judge::Median,
        }
    }

    /// Ours is at most `most`.
    pub(crate) fn at_most(metric: &Metric, of: &str, most: f64) -> Self {
        Self {
            what: format!("{} of {of}", metric.name),
            metric: metric.clone(),
            subject: Subject::Figure { of: of.into() },
            limit: Limit::AtMost(most),
            judge: Judge::Median,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ours: &[f64], theirs: &[f64]) -> Outcome {
        let mut outcome = Outcome::new("x", "x", "x");
        for (peer, rounds) in [(OURS, ours), ("nginx", theirs)] {
            for round in rounds {
                outcome.record(peer, &Metric::P99, *round);
            }
        }
        outcome
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        // The machine was slow for both in the last round, which changes no ratio.
        let outcome = outcome(&[6.0, 6.0, 60.0], &[10.0, 10.0, 100.0]);
        let judged = outcome.judge(&Target::ratio(&Metric::P99, "nginx", 0.6));
        assert_eq!(judged.figure, Some(0.6));
        assert_eq!(judged.verdict, Verdict::Met);
        assert_eq!(outcome.judge(&Target::ratio(&Metric::P99, "nginx", 0.59)).verdict, Verdict::Missed);
    }

    #[test]
    fn by_interval_only_a_whole_interval_beyond_the_limit_misses() {
        let theirs = [10.0; 7];
        let target = Target { judge: Judge::Interval, ..Target::ratio(&Metric::P99, "nginx", 1.1) };
        let noisy = outcome(&[10.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0], &theirs);
        assert_eq!(noisy.judge(&target).verdict, Verdict::Met);
        let slow = outcome(&[11.5, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0], &theirs);
        assert_eq!(slow.judge(&target).verdict, Verdict::Missed);
    }

    #[test]
    fn what_is_void_or_absent_is_not_measured() {
        let mut outcome = outcome(&[1.0], &[]);
        let target = Target::ratio(&Metric::P99, "nginx", 1.0);
        assert_eq!(outcome.judge(&target).verdict, Verdict::NotMeasured);
        outcome.record("nginx", &Metric::P99, 1.0);
        assert_eq!(outcome.judge(&target).verdict, Verdict::Met);
        outcome.void = Some("wrong bytes".into());
        assert_eq!(outcome.judge(&target).verdict, Verdict::NotMeasured);
    }
}
