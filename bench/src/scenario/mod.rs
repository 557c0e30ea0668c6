//! What is measured: a file per family.

mod cold_read;
mod company;
mod compressed;
mod conditional;
mod contest;
mod decision;
mod encoded;
mod idle;
mod image;
mod kept_page;
mod latency;
mod not_found;
mod overload;
mod page_load;
mod picture;
mod proxied;
mod ssr;
mod start;
mod static_file;

use crate::{failure::Failure, outcome::Outcome, stage::Stage};

pub(crate) use contest::Contest;

/// One family of measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// For `--only` and the log.
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Stage) -> Result<Vec<Outcome>, Failure>,
}

/// In the order of the report.
pub(crate) const ALL: &[Scenario] = &[
    decision::SCENARIO,
    static_file::SCENARIO,
    compressed::SCENARIO,
    conditional::SCENARIO,
    not_found::SCENARIO,
    proxied::SCENARIO,
    encoded::SCENARIO,
    latency::SCENARIO,
    cold_read::SCENARIO,
    page_load::SCENARIO,
    image::SCENARIO,
    picture::SCENARIO,
    overload::SCENARIO,
    start::SCENARIO,
    idle::SCENARIO,
    ssr::SCENARIO,
    kept_page::SCENARIO,
];
