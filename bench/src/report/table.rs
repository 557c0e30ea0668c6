//! The figures of one outcome in rows and columns, as every form of the report shows them.

use crate::{
    interval,
    outcome::{Judgement, Metric, OURS, Outcome, Subject, Suite, Target, Verdict},
};

use super::figure::{self, Scale};

/// Whom ours are compared with where no target says otherwise.
const REFERENCE: &str = "nginx";

/// A row per peer, a column per metric.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Ours first, the others as they were measured.
    pub(super) peers: Vec<String>,
    /// The peer that the last row divides ours by.
    pub(super) reference: Option<String>,
}

/// One metric of all peers.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) metric: Metric,
    pub(super) scale: Scale,
    /// In the order of [`Table::peers`]; `None` where a peer has no such figure.
    pub(super) cells: Vec<Option<Cell>>,
    /// Ours divided by the reference's, the median of the rounds.
    pub(super) ratio: Option<f64>,
}

/// A median and what it is the median of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Table {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let mut peers: Vec<String> = Vec::new();
        let mut metrics: Vec<&Metric> = Vec::new();
        for series in &outcome.series {
            if !peers.contains(&series.peer) {
                peers.push(series.peer.clone());
            }
            if !metrics.contains(&&series.metric) {
                metrics.push(&series.metric);
            }
        }
        peers.sort_by_key(|peer| peer != OURS);
        let reference = reference(outcome, &peers);
        let columns = metrics.into_iter().map(|metric| Column::of(outcome, metric, &peers, reference.as_deref()));
        Self { columns: columns.collect(), peers, reference }
    }

    /// `edgeplane / nginx`
    pub(super) fn ratio_name(&self) -> Option<String> {
        let some = self.columns.iter().any(|column| column.ratio.is_some());
        self.reference.as_ref().filter(|_| some).map(|reference| format!("{OURS} / {reference}"))
    }
}

impl Column {
    fn of(outcome: &Outcome, metric: &Metric, peers: &[String], reference: Option<&str>) -> Self {
        let cells: Vec<_> = peers.iter().map(|peer| Cell::of(outcome.rounds(peer, metric))).collect();
        let ratio = reference.and_then(|to| outcome.judge(&Target::ratio(metric, to, 1.0)).figure);
        Self {
            metric: metric.clone(),
            scale: Scale::of(metric.unit, cells.iter().flatten().map(|cell| cell.median)),
            cells,
            ratio: ratio.filter(|ratio| ratio.is_finite()),
        }
    }

    pub(super) fn heading(&self) -> String {
        figure::heading(&self.metric, self.scale)
    }

    /// `8.90–9.60`, or nothing where all rounds are the same number.
    pub(super) fn spread(&self, cell: &Cell) -> Option<String> {
        let (least, most) = (self.scale.number(cell.least), self.scale.number(cell.most));
        (least != most).then(|| format!("{least}\u{2013}{most}"))
    }
}

impl Cell {
    fn of(rounds: &[f64]) -> Option<Self> {
        let median = interval::median(rounds)?;
        let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self { median, least, most })
    }
}

/// The peer that a target names, else the usual one, else the first that is not ours.
fn reference(outcome: &Outcome, peers: &[String]) -> Option<String> {
    if !peers.iter().any(|peer| peer == OURS) {
        return None;
    }
    let named = outcome.targets.iter().find_map(|target| match &target.subject {
        Subject::Ratio { of, to } | Subject::Difference { of, to } if of == OURS => Some(to.clone()),
        _ => None,
    });
    let usual = || peers.iter().find(|peer| *peer == REFERENCE).cloned();
    named.or_else(usual).or_else(|| peers.iter().find(|peer| *peer != OURS).cloned())
}

/// A target with the outcome it belongs to and what came of it.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) target: &'a Target,
    pub(super) judgement: Judgement,
}

/// Every target of the suite.
pub(super) fn judged(suite: &Suite) -> Vec<Judged<'_>> {
    suite.outcomes.iter().flat_map(judged_in).collect()
}

/// Every target of one outcome.
pub(super) fn judged_in(outcome: &Outcome) -> impl Iterator<Item = Judged<'_>> {
    outcome.targets.iter().map(move |target| Judged { outcome, target, judgement: outcome.judge(target) })
}

/// `14 of 17 targets met, 1 missed, 2 not measured`
pub(super) fn summary(judged: &[Judged<'_>]) -> String {
    let count = |verdict| judged.iter().filter(|judged| judged.judgement.verdict == verdict).count();
    let mut text = format!("{} of {} targets met", count(Verdict::Met), judged.len());
    for (verdict, word) in [(Verdict::Missed, "missed"), (Verdict::NotMeasured, "not measured")] {
        if count(verdict) > 0 {
            text.extend([", ".to_owned(), count(verdict).to_string(), format!(" {word}")]);
        }
    }
    text
}

/// The verdict as a word.
pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::NotMeasured => "not measured",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn ours_stand_first_and_are_divided_by_the_reference() {
        let suite = sample::suite();
        let table = Table::of(&suite.outcomes[0]);
        assert_eq!(table.peers, ["edgeplane", "nginx", "caddy"]);
        assert_eq!(table.ratio_name().as_deref(), Some("edgeplane / nginx"));
        assert_eq!(table.columns[0].ratio, Some(0.5));
        assert_eq!(table.columns[0].cells[1], Some(Cell { median: 10.0, least: 9.0, most: 11.0 }));
        assert_eq!(table.columns[0].heading(), "CPU per request, µs");
        // Caddy's system calls were not counted.
        assert_eq!(table.columns[1].cells[2], None);
    }

    #[test]
    fn verdicts_are_counted() {
        assert_eq!(summary(&judged(&sample::suite())), "1 of 3 targets met, 1 missed, 1 not measured");
    }
}
