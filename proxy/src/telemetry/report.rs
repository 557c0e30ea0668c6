//! What the admin endpoints report about the app: readiness, and the state behind the gauges.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use arc_swap::Guard;
use parking_lot::Mutex;
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{
    admin::Report, codings::Codings, metrics::RegisterError, pages::Pages, pictures::Pictures, visitors::Visitors,
};
use crate::{app::App, child::image::Confinement, compute::Phase, image::WorkerEnd, site::Deployment};

/// What the admin endpoints report while the app is being put together, and then the app.
#[derive(Debug, Default)]
pub(crate) struct StartReport(OnceLock<AppReport>);

impl StartReport {
    /// From now on the app is reported. A second call changes nothing.
    pub(crate) fn started(&self, report: AppReport) {
        let _ = self.0.set(report);
    }
}

impl Report for StartReport {
    fn readiness(&self) -> (bool, String) {
        self.0.get().map_or_else(|| (false, "starting\n".to_owned()), Report::readiness)
    }

    fn metrics(&self) -> String {
        self.0.get().map_or_else(String::new, Report::metrics)
    }
}

/// The app, as the admin endpoints see it.
#[derive(Debug)]
pub(crate) struct AppReport(Arc<App>);

impl AppReport {
    /// Registers the gauges that are read when they are asked for.
    pub(crate) fn new(app: &Arc<App>) -> Result<Self, RegisterError> {
        let gauges = Gauges::new(Arc::clone(app)).map_err(RegisterError::from)?;
        app.telemetry.metrics().register(Box::new(gauges))?;
        app.telemetry.metrics().register(Box::new(Pictures::new(Arc::clone(app))?))?;
        if let Some(cache) = &app.edge_cache {
            app.telemetry.metrics().register(Box::new(Pages::new(Arc::clone(cache))?))?;
        }
        if app.access.is_some() {
            app.telemetry.metrics().register(Box::new(Visitors::new(Arc::clone(app))?))?;
        }
        app.telemetry.metrics().register(Box::new(Codings::new(Arc::clone(&app.compression))?))?;
        Ok(Self(Arc::clone(app)))
    }

    fn deployment(&self) -> Guard<Arc<Deployment>> {
        self.0.sites.find("").current()
    }
}

impl Report for AppReport {
    fn readiness(&self) -> (bool, String) {
        let deployment = self.deployment();
        let mut lines = format!("static ready, {} files\n", deployment.pack.load().len());
        let mut ready = true;
        if let Some(fleet) = &deployment.compute {
            let states = fleet.states();
            ready = states.iter().any(|state| state.phase == Phase::Ready);
            for state in states {
                // Writing to a String cannot fail.
                let _ = writeln!(lines, "{} {}", state.name, state.phase.as_str());
            }
        }
        (ready, lines)
    }

    fn metrics(&self) -> String {
        self.0.telemetry.metrics().render()
    }
}

/// Metrics whose values are kept elsewhere and asked for when somebody scrapes.
struct Gauges {
    app: Arc<App>,
    ready: IntGaugeVec,
    restarts: IntCounterVec,
    files: IntGauge,
    pack_bytes: IntGauge,
    images: IntCounterVec,
    workers_started: IntCounter,
    workers_ended: IntCounterVec,
    sandboxed: IntGauge,
    /// Two scrapes at once must not both add what is new.
    reading: Mutex<()>,
}

impl Gauges {
    fn new(app: Arc<App>) -> Result<Self, prometheus::Error> {
        let per_instance = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["instance"]);
        Ok(Self {
            app,
            ready: per_instance("instance_ready", "1 while the instance takes requests")?,
            restarts: IntCounterVec::new(
                Opts::new("instance_restarts_total", "Starts of the instance after the first"),
                &["instance"],
            )?,
            files: IntGauge::new("pack_files", "Files in the asset pack")?,
            pack_bytes: IntGauge::new("pack_bytes", "Bytes of the asset pack")?,
            workers_started: IntCounter::new("image_workers_started_total", "Worker processes started")?,
            workers_ended: IntCounterVec::new(
                Opts::new("image_workers_ended_total", "Worker processes ended, by reason"),
                &["reason"],
            )?,
            sandboxed: IntGauge::new("image_sandboxed", "1 where the kernel confines image workers")?,
            images: IntCounterVec::new(Opts::new("image_events_total", "What became of image requests"), &["event"])?,
            reading: Mutex::new(()),
        })
    }

    fn all(&self) -> [&dyn Collector; 8] {
        let Self { ready, restarts, files, pack_bytes, images, workers_started, workers_ended, sandboxed, .. } = self;
        [ready, restarts, files, pack_bytes, images, workers_started, workers_ended, sandboxed]
    }

    fn read(&self) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let deployment = self.app.sites.find("").current();
        let pack = deployment.pack.load();
        self.files.set(gauge(pack.len() as u64));
        self.pack_bytes.set(gauge(pack.bytes()));
        for state in deployment.compute.iter().flat_map(|fleet| fleet.states()) {
            self.ready.with_label_values(&[&state.name]).set(i64::from(state.phase == Phase::Ready));
            raise(&self.restarts.with_label_values(&[&state.name]), state.restarts);
        }
        let events = self.app.images.events().snapshot();
        for (event, count) in [
            ("hit", events.hits.iter().sum()),
            ("miss", events.misses),
            ("joined", events.joined),
            ("passed", events.passed),
            ("stale", events.stale),
            ("interim", events.interim),
            ("revalidated", events.revalidated),
            ("abandoned", events.abandoned),
            ("refused", events.refused),
            ("busy", events.busy),
        ] {
            raise(&self.images.with_label_values(&[event]), count);
        }
        raise(&self.workers_started, events.workers_started);
        for (why, count) in WorkerEnd::ALL.into_iter().zip(events.workers_ended) {
            raise(&self.workers_ended.with_label_values(&[why.name()]), count);
        }
        self.sandboxed.set(i64::from(Confinement::of_kernel().is_whole()));
    }
}

/// Brings a counter up to a count that is kept elsewhere.
fn raise(counter: &IntCounter, count: u64) {
    counter.inc_by(count.saturating_sub(counter.get()));
}

impl Collector for Gauges {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _one_at_a_time = self.reading.lock();
        self.read();
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}
