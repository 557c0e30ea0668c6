//! What the admin endpoints report about the app: readiness, and the state behind the gauges.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{
    admin::Report, codings::Codings, metrics::RegisterError, pages::Pages, pictures::Pictures, visitors::Visitors,
};
use crate::{app::App, child::image::Confinement, compute::Phase, image::WorkerEnd};

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
}

impl Report for AppReport {
    fn readiness(&self) -> (bool, String) {
        let (mut lines, mut ready) = (String::new(), true);
        // Previous deployments start when somebody asks for them.
        let several = self.0.sites.all().count() > 1;
        for site in self.0.sites.all() {
            let deployment = site.current();
            // Writing to a String cannot fail.
            let _ = if several { writeln!(lines, "site {}", site.name) } else { Ok(()) };
            let _ = writeln!(lines, "static ready, {} files", deployment.pack.load().len());
            let Some(fleet) = &deployment.compute else { continue };
            let states = fleet.states();
            ready &= states.iter().any(|state| state.phase == Phase::Ready);
            for state in states {
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
    /// The instances that were told of last.
    told: Mutex<Vec<String>>,
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
            told: Mutex::default(),
            reading: Mutex::new(()),
        })
    }

    fn all(&self) -> [&dyn Collector; 8] {
        let Self { ready, restarts, files, pack_bytes, images, workers_started, workers_ended, sandboxed, .. } = self;
        [ready, restarts, files, pack_bytes, images, workers_started, workers_ended, sandboxed]
    }

    /// The instances that there are now, of current and previous deployments. Those that rest, or whose deployment is gone,
    /// are nobody's loss and not told of.
    fn instances(&self) {
        let states = self.app.sites.fleets().into_iter().flat_map(|fleet| fleet.states());
        let states: Vec<_> = states.filter(|state| state.phase != Phase::Asleep).collect();
        let mut told = self.told.lock();
        for name in told.iter().filter(|name| states.iter().all(|state| state.name != **name)) {
            // They were told, so they are there.
            let _ = self.ready.remove_label_values(&[name]);
            let _ = self.restarts.remove_label_values(&[name]);
        }
        for state in &states {
            self.ready.with_label_values(&[&state.name]).set(i64::from(state.phase == Phase::Ready));
            raise(&self.restarts.with_label_values(&[&state.name]), state.restarts);
        }
        *told = states.into_iter().map(|state| state.name).collect();
    }

    fn read(&self) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let packs: Vec<_> = self.app.sites.all().map(|site| site.current().pack.load_full()).collect();
        self.files.set(gauge(packs.iter().map(|pack| pack.len() as u64).sum()));
        self.pack_bytes.set(gauge(packs.iter().map(|pack| pack.bytes()).sum()));
        self.instances();
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
