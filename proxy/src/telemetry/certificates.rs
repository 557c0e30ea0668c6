//! The metrics of certificates: when each ends, and how often they were read anew.

use std::sync::Arc;

use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, Metric, MetricFamily, MetricType},
};

use super::metrics::{Family, RegisterError, counter, family, labelled};
use crate::tls::{Expiry, Keyring, RELOADS};

const NOT_AFTER: Family = Family(
    "tls_certificate_not_after_seconds",
    "When the certificate ends, in seconds of Unix time",
    &["certificate", "name"],
);
const RELOADED: Family =
    Family("tls_reloads_total", "Times that the certificates were read anew, by what became of it", &["result"]);

/// Asks the keyring when somebody scrapes.
pub(crate) struct Certificates {
    keyring: Arc<Keyring>,
    descriptions: Vec<Desc>,
}

impl Certificates {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Result<Self, RegisterError> {
        let descriptions = [NOT_AFTER, RELOADED].into_iter().map(Family::describe).collect::<Result<_, _>>()?;
        Ok(Self { keyring, descriptions })
    }
}

impl Collector for Certificates {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let expiries = self.keyring.expiries();
        // Two may be for the same host, with keys of two kinds: the place in the settings tells them apart.
        let ends = expiries.iter().enumerate().map(|(place, expiry)| gauge(place + 1, expiry)).collect();
        let reloads = RELOADS.iter().zip(self.keyring.reloads());
        let reloads = reloads.map(|(result, count)| counter(RELOADED, &[result], count)).collect();
        vec![family(NOT_AFTER, MetricType::GAUGE, ends), family(RELOADED, MetricType::COUNTER, reloads)]
    }
}

fn gauge(number: usize, expiry: &Expiry) -> Metric {
    let mut metric = labelled(NOT_AFTER, &[&number.to_string(), &expiry.name]);
    let mut gauge = Gauge::default();
    gauge.set_value(expiry.not_after as f64);
    metric.set_gauge(gauge);
    metric
}
