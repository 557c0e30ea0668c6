//! The metrics of images: what was made in which format, what it took, and where the others were found.

use std::{sync::Arc, time::Duration};

use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, Metric, MetricFamily, MetricType},
};

use super::metrics::{Family, counter, family, labelled};
use crate::{
    app::App,
    image::{DISK_FAULTS, FORMATS, LEVELS, MadeSnapshot, SHARED_RESULTS, STAGES},
};

const MADE: Family = Family("images_made_total", "Images made, by format", &["format"]);
const SOURCE_BYTES: Family =
    Family("image_source_bytes_total", "Bytes of the sources that images were made of, by format", &["format"]);
const RESULT_BYTES: Family = Family("image_result_bytes_total", "Bytes of the images made, by format", &["format"]);
const SAVED_BYTES: Family =
    Family("image_saved_bytes_total", "Bytes that images have less than their sources, by format", &["format"]);
const STAGE_SECONDS: Family =
    Family("image_stage_seconds_total", "Time spent on making images, by format and stage", &["format", "stage"]);
const FETCHES: Family = Family("image_fetches_total", "Sources asked for of Compute and of other hosts", &["result"]);
const FETCH_SECONDS: Family = Family("image_fetch_seconds_total", "Time spent on asking for sources", &[]);
const HITS: Family = Family("image_cache_hits_total", "Images found in the cache, by level", &["level"]);
const BYTES: Family = Family("image_cache_bytes", "Bytes in the cache, by level", &["level"]);
const ENTRIES: Family = Family("image_cache_entries", "Images in the cache, by level", &["level"]);
const EVICTIONS: Family =
    Family("image_cache_evictions_total", "Images given up to make room for others, by level", &["level"]);
const DISK: Family = Family("image_disk_faults_total", "What went wrong with images on disk", &["fault"]);
const SHARED: Family = Family("image_shared_total", "What became of questions to the shared cache", &["result"]);

const FAMILIES: [Family; 13] = [
    MADE,
    SOURCE_BYTES,
    RESULT_BYTES,
    SAVED_BYTES,
    STAGE_SECONDS,
    FETCHES,
    FETCH_SECONDS,
    HITS,
    BYTES,
    ENTRIES,
    EVICTIONS,
    DISK,
    SHARED,
];

/// Reads the image primitive's counters when somebody scrapes.
pub(super) struct Pictures {
    app: Arc<App>,
    descriptions: Vec<Desc>,
}

impl Pictures {
    pub(super) fn new(app: Arc<App>) -> Result<Self, prometheus::Error> {
        let descriptions = FAMILIES.into_iter().map(Family::describe).collect::<Result<_, _>>()?;
        Ok(Self { app, descriptions })
    }
}

impl Collector for Pictures {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counted = self.app.images.events().snapshot();
        let ((memory_bytes, memory_entries), disk) = self.app.images.used();
        let made = |of: Family, value: fn(&MadeSnapshot) -> u64| {
            let series = FORMATS.iter().zip(&counted.made);
            counters(of, series.map(|(format, made)| counter(of, &[format.extension()], value(made))))
        };
        let each = |of: Family, labels: &[&str], counts: &[u64]| {
            counters(of, labels.iter().zip(counts).map(|(label, count)| counter(of, &[label], *count)))
        };
        let levels = |of: Family, values: [u64; 2]| {
            let series = ["memory", "disk"].into_iter().zip(values);
            family(of, MetricType::GAUGE, series.map(|(level, value)| gauge(of, level, value)).collect())
        };
        let stages = FORMATS.iter().zip(&counted.made).flat_map(|(format, made)| {
            let spent = STAGES.into_iter().zip(made.time);
            spent.map(|(stage, time)| seconds(STAGE_SECONDS, &[format.extension(), stage], time))
        });
        let fetched = [counted.fetches - counted.fetch_failures.min(counted.fetches), counted.fetch_failures];
        vec![
            made(MADE, |made| made.count),
            made(SOURCE_BYTES, |made| made.source_bytes),
            made(RESULT_BYTES, |made| made.bytes),
            made(SAVED_BYTES, |made| made.saved_bytes),
            counters(STAGE_SECONDS, stages),
            each(FETCHES, &["ok", "failed"], &fetched),
            counters(FETCH_SECONDS, [seconds(FETCH_SECONDS, &[], counted.fetch_time)].into_iter()),
            each(HITS, &LEVELS, &counted.hits),
            levels(BYTES, [memory_bytes, disk.bytes]),
            levels(ENTRIES, [memory_entries, disk.entries]),
            each(EVICTIONS, &["memory", "disk"], &counted.evicted),
            each(DISK, &DISK_FAULTS, &counted.disk_faults),
            each(SHARED, &SHARED_RESULTS, &counted.shared),
        ]
    }
}

fn counters(of: Family, series: impl Iterator<Item = Metric>) -> MetricFamily {
    family(of, MetricType::COUNTER, series.collect())
}

fn seconds(of: Family, labels: &[&str], time: Duration) -> Metric {
    let mut metric = counter(of, labels, 0);
    let mut value = prometheus::proto::Counter::default();
    value.set_value(time.as_secs_f64());
    metric.set_counter(value);
    metric
}

fn gauge(of: Family, level: &str, value: u64) -> Metric {
    let mut metric = labelled(of, &[level]);
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    metric.set_gauge(gauge);
    metric
}
