//! The metrics of the edge cache: what was answered from it, what was fetched for it, and what it holds.

use std::sync::Arc;

use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, Metric, MetricFamily, MetricType},
};

use super::metrics::{Family, counter, family, labelled};
use crate::edge_cache::{DISK_FAULTS, EdgeCache, FETCHES, LEVELS, RESULTS};

const REQUESTS: Family =
    Family("edge_cache_requests_total", "Requests for Compute, by what the edge cache had to say", &["result"]);
const JOINED: Family = Family("edge_cache_joined_total", "Requests that waited for another one's fetch", &[]);
const FETCHED: Family =
    Family("edge_cache_fetches_total", "Fetches that might have been kept, by what became of them", &["result"]);
const EVICTIONS: Family = Family("edge_cache_evictions_total", "Pages given up to make room, by level", &["level"]);
const INVALIDATED: Family =
    Family("edge_cache_invalidated_total", "URIs whose pages an unsafe request made invalid", &[]);
const DISK: Family = Family("edge_cache_disk_faults_total", "What went wrong with pages on disk", &["fault"]);
const BYTES: Family = Family("edge_cache_bytes", "Bytes of pages, by level", &["level"]);
const ENTRIES: Family = Family("edge_cache_entries", "Pages, by level", &["level"]);

const FAMILIES: [Family; 8] = [REQUESTS, JOINED, FETCHED, EVICTIONS, INVALIDATED, DISK, BYTES, ENTRIES];

/// Reads the edge cache's counters when somebody scrapes.
pub(super) struct Pages {
    cache: Arc<EdgeCache>,
    descriptions: Vec<Desc>,
}

impl Pages {
    pub(super) fn new(cache: Arc<EdgeCache>) -> Result<Self, prometheus::Error> {
        let descriptions = FAMILIES.into_iter().map(Family::describe).collect::<Result<_, _>>()?;
        Ok(Self { cache, descriptions })
    }
}

impl Collector for Pages {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counted = self.cache.events().snapshot();
        let used = self.cache.used();
        let each = |of: Family, labels: &[&str], counts: &[u64]| {
            let series = labels.iter().zip(counts).map(|(label, count)| counter(of, &[label], *count));
            family(of, MetricType::COUNTER, series.collect())
        };
        let total = |of: Family, count| family(of, MetricType::COUNTER, vec![counter(of, &[], count)]);
        let levels = |of: Family, values: [u64; LEVELS.len()]| {
            let series = LEVELS.iter().zip(values).map(|(level, value)| gauge(of, level, value));
            family(of, MetricType::GAUGE, series.collect())
        };
        vec![
            each(REQUESTS, &RESULTS, &counted.results),
            total(JOINED, counted.joined),
            each(FETCHED, &FETCHES, &counted.fetches),
            each(EVICTIONS, &LEVELS, &counted.evicted),
            total(INVALIDATED, counted.invalidated),
            each(DISK, &DISK_FAULTS, &counted.disk_faults),
            levels(BYTES, used.map(|(bytes, _)| bytes)),
            levels(ENTRIES, used.map(|(_, entries)| entries)),
        ]
    }
}

fn gauge(of: Family, level: &str, value: u64) -> Metric {
    let mut metric = labelled(of, &[level]);
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    metric.set_gauge(gauge);
    metric
}
