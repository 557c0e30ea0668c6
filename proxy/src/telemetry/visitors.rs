//! The metrics of who was turned away.

use std::sync::Arc;

use prometheus::{
    core::{Collector, Desc},
    proto::{MetricFamily, MetricType},
};

use super::metrics::{Family, counter, family};
use crate::{
    access::{CHECKS, REASONS},
    app::App,
};

const REFUSED: Family = Family("access_refused_total", "Requests that were turned away, by reason", &["reason"]);
const CHECKED: Family = Family("access_passwords_total", "Passwords that were checked", &["result"]);
const CROWDED: Family =
    Family("access_crowded_total", "Requests and wrong passwords counted together with others, for want of room", &[]);

const FAMILIES: [Family; 3] = [REFUSED, CHECKED, CROWDED];

/// Reads the counters of access when somebody scrapes.
pub(super) struct Visitors {
    app: Arc<App>,
    descriptions: Vec<Desc>,
}

impl Visitors {
    pub(super) fn new(app: Arc<App>) -> Result<Self, prometheus::Error> {
        let descriptions = FAMILIES.into_iter().map(Family::describe).collect::<Result<_, _>>()?;
        Ok(Self { app, descriptions })
    }
}

impl Collector for Visitors {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(access) = &self.app.access else { return Vec::new() };
        let each = |of: Family, labels: &[&str], counts: &[u64]| {
            let series = labels.iter().zip(counts).map(|(label, count)| counter(of, &[label], *count));
            family(of, MetricType::COUNTER, series.collect())
        };
        vec![
            each(REFUSED, &REASONS, &access.events().refusals()),
            each(CHECKED, &CHECKS, &access.events().checks()),
            family(CROWDED, MetricType::COUNTER, vec![counter(CROWDED, &[], access.crowded())]),
        ]
    }
}
