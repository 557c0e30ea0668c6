//! The metrics of compression: which answers went out in which coding, which did not and why, and what it saved.

use std::sync::Arc;

use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, MetricFamily, MetricType},
};

use super::metrics::{Family, counter, family, labelled};
use crate::coding::{CODINGS, Compression, DIRECTIONS, Plain};

const COMPRESSED: Family =
    Family("compressed_answers_total", "Answers of Compute that were compressed, by coding", &["coding"]);
const PLAIN: Family =
    Family("uncompressed_answers_total", "Answers of Compute that were not compressed, by reason", &["reason"]);
const BYTES: Family =
    Family("compression_bytes_total", "Bytes of the answers compressed, before and after", &["coding", "direction"]);
const STREAMS: Family = Family("compression_streams", "Answers that are being compressed now", &[]);

const FAMILIES: [Family; 4] = [COMPRESSED, PLAIN, BYTES, STREAMS];

/// Reads the counters of compression when somebody scrapes.
pub(super) struct Codings {
    compression: Arc<Compression>,
    descriptions: Vec<Desc>,
}

impl Codings {
    pub(super) fn new(compression: Arc<Compression>) -> Result<Self, prometheus::Error> {
        let descriptions = FAMILIES.into_iter().map(Family::describe).collect::<Result<_, _>>()?;
        Ok(Self { compression, descriptions })
    }
}

impl Collector for Codings {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counts = self.compression.counts();
        let compressed = CODINGS.iter().zip(counts.answers());
        let compressed = compressed.map(|(coding, count)| counter(COMPRESSED, &[coding], count));
        let plain = Plain::ALL.iter().zip(counts.plain());
        let plain = plain.map(|(why, count)| counter(PLAIN, &[why.name()], count));
        let bytes = CODINGS.iter().zip(counts.bytes()).flat_map(|(coding, both)| {
            let each = DIRECTIONS.iter().zip(both);
            each.map(move |(direction, count)| counter(BYTES, &[coding, direction], count))
        });
        let mut streams = labelled(STREAMS, &[]);
        let mut gauge = Gauge::default();
        gauge.set_value(self.compression.under_way() as f64);
        streams.set_gauge(gauge);
        vec![
            family(COMPRESSED, MetricType::COUNTER, compressed.collect()),
            family(PLAIN, MetricType::COUNTER, plain.collect()),
            family(BYTES, MetricType::COUNTER, bytes.collect()),
            family(STREAMS, MetricType::GAUGE, vec![streams]),
        ]
    }
}
