//! Charts as inline SVG: bars, ladders of percentiles, and how much of a target is used.
//!
//! Every chart is an image with its figures as its text; the table beside it has the same figures. Colours are classes
//! of the page's style sheet, so that one drawing serves light and dark.

use std::fmt::Write as _;

use crate::outcome::{Limit, OURS, Subject, Target};

use super::{
    html::escape,
    table::{Column, Judged, Table},
};

/// In pixels of the drawing, which scales with its place.
const WIDTH: f64 = 370.0;
const LABELS: f64 = 126.0;
const VALUES: f64 = 66.0;
const ROW: f64 = 24.0;
const BAR: f64 = 14.0;
/// Below the rows, where something is written about them.
const FOOT: f64 = 18.0;
/// How far beyond the longest bar a spread may reach.
const SPREAD_MAX: f64 = 1.3;
/// Where the limit stands in a target's bar: at two thirds, so that a miss has room.
const LIMIT_AT: f64 = 2.0 / 3.0;
const TRACK: f64 = 150.0;
const TRACK_HEIGHT: f64 = 16.0;

/// A bar per peer, a line from the least round to the most, and the limits of those who have one.
pub(super) fn bars(table: &Table, column: &Column, limits: &[Bound]) -> String {
    let medians = column.cells.iter().flatten().map(|cell| cell.median);
    let longest = medians.chain(limits.iter().map(|bound| bound.value)).fold(0.0, f64::max);
    // One bad round must not make everything else small: its line ends at the edge.
    let spread = column.cells.iter().flatten().map(|cell| cell.most).fold(longest, f64::max);
    let most = spread.min(longest * SPREAD_MAX);
    let room = WIDTH - LABELS - VALUES;
    let at = |figure: f64| if most > 0.0 { LABELS + (figure / most).min(1.0) * room } else { LABELS };
    let mut drawing = String::new();
    let mut told = Vec::new();
    for (index, (peer, cell)) in rows(table, column).enumerate() {
        let (top, middle) = (place(index) * ROW + (ROW - BAR) / 2.0, place(index) * ROW + ROW / 2.0);
        let value = column.scale.written(cell.median);
        told.push(format!("{peer} {value}"));
        label(&mut drawing, peer, middle);
        let width = (at(cell.median) - LABELS).max(1.0);
        let class = whose(peer);
        let _ = write!(
            drawing,
            r#"<rect class="{class}" x="{LABELS}" y="{top}" width="{width:.1}" height="{BAR}" rx="2"/>"#
        );
        let (from, to) = (at(cell.least), at(cell.most));
        if to - from > 1.0 {
            let _ = write!(drawing, r#"<path class="spread" d="M{from:.1} {middle}H{to:.1}"/>"#);
        }
        let x = to.max(LABELS + width) + 6.0;
        let _ = write!(drawing, r#"<text class="value" x="{x:.1}" y="{middle}" dy=".35em">{value}</text>"#);
    }
    let mut height = place(told.len()) * ROW;
    if let [only] = limits {
        let x = at(only.value);
        let _ = write!(drawing, r#"<path class="limit" d="M{x:.1} 0V{height}"/>"#);
        let anchor = if x > WIDTH - VALUES { "end" } else { "middle" };
        let y = height + 12.0;
        let text = column.scale.written(only.value);
        let _ = write!(drawing, r#"<text class="note" x="{x:.1}" y="{y}" text-anchor="{anchor}">target {text}</text>"#);
        height += FOOT;
    } else {
        for bound in limits {
            let Some(row) = rows(table, column).position(|(peer, _)| peer == bound.peer) else { continue };
            let (x, top) = (at(bound.value), place(row) * ROW);
            let _ = write!(drawing, r#"<path class="limit" d="M{x:.1} {top}v{ROW}"/>"#);
        }
    }
    image(&format!("{}: {}", column.metric.name, told.join(", ")), height, &drawing)
}

/// A line per peer from its lowest percentile to its highest, on a logarithmic scale.
pub(super) fn ladder(table: &Table, columns: &[&Column]) -> String {
    let medians = || columns.iter().flat_map(|column| column.cells.iter().flatten()).map(|cell| cell.median);
    let least = medians().filter(|figure| *figure > 0.0).fold(f64::INFINITY, f64::min);
    let most = medians().fold(0.0, f64::max);
    let room = WIDTH - LABELS - VALUES;
    let span = (most / least).ln();
    let at = |figure: f64| if span > 0.0 { LABELS + 5.0 + (figure / least).ln() / span * (room - 5.0) } else { LABELS };
    let mut drawing = String::new();
    let mut told = Vec::new();
    for (index, peer) in table.peers.iter().enumerate() {
        let middle = place(told.len()) * ROW + ROW / 2.0;
        let cells = columns.iter().filter_map(|column| Some((*column, (*column.cells.get(index)?)?)));
        let points: Vec<_> = cells.filter(|(_, cell)| cell.median > 0.0).collect();
        let (Some((_, first)), Some((last_column, last))) = (points.first(), points.last()) else { continue };
        label(&mut drawing, peer, middle);
        let class = whose(peer);
        let (from, to) = (at(first.median), at(last.median));
        let _ = write!(drawing, r#"<path class="rail {class}" d="M{from:.1} {middle}H{to:.1}"/>"#);
        for (step, (_, cell)) in points.iter().enumerate() {
            let (x, radius) = (at(cell.median), 5.0 - place(step));
            let _ = write!(drawing, r#"<circle class="{class}" cx="{x:.1}" cy="{middle}" r="{radius}"/>"#);
        }
        let value = last_column.scale.written(last.median);
        let x = to + 8.0;
        let _ = write!(drawing, r#"<text class="value" x="{x:.1}" y="{middle}" dy=".35em">{value}</text>"#);
        let figures =
            points.iter().map(|(column, cell)| format!("{} {}", column.metric.name, column.scale.written(cell.median)));
        told.push(format!("{peer} {}", figures.collect::<Vec<_>>().join(", ")));
    }
    image(&format!("Latency: {}", told.join("; ")), place(told.len()) * ROW, &drawing)
}

/// How much of what is allowed is used, with the interval; beyond the mark it is missed.
pub(super) fn share(judged: &Judged<'_>) -> String {
    let Some(figure) = judged.judgement.figure else { return String::new() };
    let used = |figure: f64| match judged.target.limit {
        Limit::AtMost(most) => figure / most,
        Limit::AtLeast(least) => least / figure,
    };
    let end = TRACK / LIMIT_AT;
    let at = |figure: f64| (used(figure) * LIMIT_AT * TRACK).clamp(0.0, end.min(TRACK));
    let verdict = super::html::class(judged.judgement.verdict);
    let middle = TRACK_HEIGHT / 2.0;
    let (width, limit) = (at(figure).max(1.0), LIMIT_AT * TRACK);
    let mut drawing = format!(
        r#"<rect class="track" width="{TRACK}" y="4" height="8" rx="4"/><rect class="{verdict}" width="{width:.1}" y="4" height="8" rx="4"/>"#
    );
    if let Some(interval) = judged.judgement.interval {
        let (from, to) = (at(interval.low.min(interval.high)), at(interval.high.max(interval.low)));
        let (from, to) = (from.min(to), from.max(to));
        let _ = write!(drawing, r#"<path class="spread" d="M{from:.1} {middle}H{to:.1}"/>"#);
    }
    let _ = write!(drawing, r#"<path class="limit" d="M{limit} 0V{TRACK_HEIGHT}"/>"#);
    format!(
        r#"<svg class="share" viewBox="0 0 {TRACK} {TRACK_HEIGHT}" width="{TRACK}" height="{TRACK_HEIGHT}" aria-hidden="true">{drawing}</svg>"#
    )
}

/// A limit among the figures of a column.
#[derive(Debug)]
pub(super) struct Bound {
    /// Whose figure it bounds.
    peer: String,
    value: f64,
}

impl Bound {
    /// Where a target's limit stands in a column, if it is about that column.
    pub(super) fn of(target: &Target, table: &Table, column: &Column) -> Option<Self> {
        if target.metric != column.metric {
            return None;
        }
        let (Limit::AtMost(bound) | Limit::AtLeast(bound)) = target.limit;
        let median = |peer: &str| {
            let index = table.peers.iter().position(|known| known == peer)?;
            Some((*column.cells.get(index)?)?.median)
        };
        let (of, value) = match &target.subject {
            Subject::Figure { of } => (of, bound),
            Subject::Ratio { of, to } => (of, bound * median(to)?),
            Subject::Difference { of, to } => (of, bound + median(to)?),
        };
        Some(Self { peer: of.clone(), value })
    }
}

fn rows<'a>(table: &'a Table, column: &'a Column) -> impl Iterator<Item = (&'a str, super::table::Cell)> {
    let cells = table.peers.iter().zip(&column.cells);
    cells.filter_map(|(peer, cell)| Some((peer.as_str(), (*cell)?)))
}

fn label(drawing: &mut String, peer: &str, middle: f64) {
    let class = if peer == OURS { "label own" } else { "label" };
    let (x, name) = (LABELS - 8.0, escape(peer));
    let _ = write!(drawing, r#"<text class="{class}" x="{x}" y="{middle}" dy=".35em">{name}</text>"#);
}

fn whose(peer: &str) -> &'static str {
    if peer == OURS { "ours" } else { "theirs" }
}

fn image(told: &str, height: f64, drawing: &str) -> String {
    let told = escape(told);
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{told}">{drawing}</svg>"#)
}

/// The number of a row as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "rows are few")]
const fn place(index: usize) -> f64 {
    index as f64
}
