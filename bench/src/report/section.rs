//! One scenario on the page: what was done, charts, and the table with the same figures.

use std::fmt::Write as _;

use crate::outcome::{Better, Outcome};

use super::{
    chart::{self, Bound},
    figure,
    html::{class, escape, prose},
    table::{Column, Judged, Table, judged_in, word},
};

/// Percentiles share a chart.
const PERCENTILES: [&str; 3] = ["p50", "p99", "p99.9"];

/// The section of one outcome.
pub(super) fn section(outcome: &Outcome) -> String {
    let (id, title, what) = (escape(&outcome.id), escape(&outcome.title), prose(&outcome.what));
    let mut page = format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n<p>{what}</p>\n"
    );
    if let Some(void) = &outcome.void {
        let _ = writeln!(page, "<p class=\"void\"><strong>Not counted:</strong> {}</p>", prose(void));
    }
    verdicts(&mut page, &judged_in(outcome).collect::<Vec<_>>());
    let table = Table::of(outcome);
    if !table.peers.is_empty() {
        charts(&mut page, &table, outcome);
        rows(&mut page, &table, &title);
    }
    if !outcome.remarks.is_empty() {
        let remarks = outcome.remarks.iter().map(|remark| format!("<li>{}</li>", prose(remark)));
        let _ = writeln!(page, "<ul class=\"remarks\">{}</ul>", remarks.collect::<String>());
    }
    page + "</section>\n"
}

fn verdicts(page: &mut String, judged: &[Judged<'_>]) {
    if judged.is_empty() {
        return;
    }
    *page += "<ul class=\"verdicts\">";
    for Judged { target, judgement, .. } in judged {
        let measured = judgement
            .figure
            .map_or_else(String::new, |figure| format!("<b>{}</b>, ", escape(&figure::measured(target, figure))));
        let _ = write!(
            page,
            "<li><span class=\"verdict {}\">{}</span> {}: {measured}target {}</li>",
            class(judgement.verdict),
            word(judgement.verdict),
            escape(&target.what),
            escape(&figure::limit(target))
        );
    }
    *page += "</ul>\n";
}

fn charts(page: &mut String, table: &Table, outcome: &Outcome) {
    *page += "<div class=\"charts\">\n";
    let (percentiles, others): (Vec<&Column>, Vec<&Column>) =
        table.columns.iter().partition(|column| PERCENTILES.contains(&column.metric.name.as_ref()));
    let ladder = percentiles.len() > 1;
    let single = if ladder { &[][..] } else { &percentiles };
    for column in single.iter().chain(&others) {
        let limits: Vec<_> = outcome.targets.iter().filter_map(|target| Bound::of(target, table, column)).collect();
        let better = match column.metric.better {
            Better::Less => "less is better",
            Better::More => "more is better",
        };
        let name = escape(&column.metric.name);
        let drawing = chart::bars(table, column, &limits);
        let _ = writeln!(page, "<figure><figcaption>{name} <small>{better}</small></figcaption>{drawing}</figure>");
    }
    if ladder {
        let names: Vec<_> = percentiles.iter().map(|column| column.metric.name.as_ref()).collect();
        let (names, drawing) = (names.join(", "), chart::ladder(table, &percentiles));
        let _ = writeln!(
            page,
            "<figure><figcaption>Latency <small>{names}; logarithmic, less is better</small></figcaption>{drawing}</figure>"
        );
    }
    *page += "</div>\n";
}

fn rows(page: &mut String, table: &Table, title: &str) {
    let _ =
        writeln!(page, "<div class=\"scroll\" role=\"region\" aria-label=\"{title}: figures\" tabindex=\"0\"><table>");
    let _ = writeln!(page, "<caption>Medians; below them the least and the most of all rounds</caption>");
    let heads = table.columns.iter().map(|column| format!("<th scope=\"col\">{}</th>", escape(&column.heading())));
    let _ = writeln!(page, "<thead><tr><td></td>{}</tr></thead>\n<tbody>", heads.collect::<String>());
    for (index, peer) in table.peers.iter().enumerate() {
        let own = if peer == crate::outcome::OURS { " class=\"own\"" } else { "" };
        let cells = table.columns.iter().map(|column| match column.cells.get(index) {
            Some(Some(cell)) => {
                let spread = column.spread(cell).map_or_else(String::new, |spread| format!("<small>{spread}</small>"));
                format!("<td>{}{spread}</td>", column.scale.number(cell.median))
            }
            _ => "<td>\u{2013}</td>".to_owned(),
        });
        let _ = writeln!(page, "<tr{own}><th scope=\"row\">{}</th>{}</tr>", escape(peer), cells.collect::<String>());
    }
    if let Some(name) = table.ratio_name() {
        let cells = table.columns.iter().map(|column| match column.ratio {
            Some(ratio) => format!("<td>{ratio:.2}</td>"),
            None => "<td>\u{2013}</td>".to_owned(),
        });
        let cells = cells.collect::<String>();
        let _ = writeln!(page, "<tr class=\"ratio\"><th scope=\"row\">{}</th>{cells}</tr>", escape(&name));
    }
    *page += "</tbody></table></div>\n";
}
