//! A fleet: the instances behind one compute target, ours or somebody else's.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use edgeplane_config::Address;
use parking_lot::Mutex;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Endpoint, InstanceId, InstanceState, Kept, Phase, Pick, Plan, ProgramError, ReservationError, StartFailure,
    demand::{Demand, Use, Wish},
    output::Log,
    program,
    reservation::Reservation,
    roster::Roster,
    supervisor::{Shared, Supervisor},
};

/// How long an upstream that refused a connection is left alone. Short: whoever runs it restarts it in seconds, and
/// a request costs little to find out.
const MARKED_DOWN: Duration = Duration::from_secs(1);

/// A fleet could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no Node to run.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// An instance could get no address.
    #[error(transparent)]
    Reservation(#[from] ReservationError),
    /// The thread that logs Node's output could not be started.
    #[error("could not start the thread that logs Node's output")]
    Log(#[source] io::Error),
    /// No instance answered. The first failure stands for all: instances of one bundle fail alike.
    #[error("none of the {count} Node instances came up")]
    AllFailed {
        /// How many were tried.
        count: usize,
        /// The first failure.
        #[source]
        first: Box<StartFailure>,
    },
    /// Stopped while starting.
    #[error("stopped while starting")]
    Stopped,
}

/// The instances and what keeps them running. Dropping it ends them, without waiting.
#[derive(Debug)]
pub struct Fleet {
    roster: Arc<Roster>,
    demand: Demand,
    supervisors: Mutex<JoinSet<()>>,
    /// Whether the instances are processes of ours.
    supervised: bool,
}

impl Fleet {
    /// Starts Node. Returns as soon as one instance answers; the others follow, and what fails is started again.
    ///
    /// Must run in a tokio runtime that lives as long as the fleet.
    ///
    /// # Errors
    /// When no instance can be started at all, or the first start of every one failed.
    pub async fn start(plan: Plan) -> Result<Self, StartError> {
        let (first, outcomes) = mpsc::channel(plan.instances);
        let fleet = Self::make(plan, Wish::Run, Some(first)).await?;
        match fleet.first_ready(outcomes).await {
            Ok(()) => Ok(fleet),
            Err(error) => {
                fleet.stop().await;
                Err(error)
            }
        }
    }

    /// A fleet whose Node is started by the first request that wants it.
    ///
    /// # Errors
    /// When there is no Node, or no address for it.
    pub async fn asleep(plan: Plan) -> Result<Self, StartError> {
        Self::make(plan, Wish::Rest, None).await
    }

    async fn make(
        mut plan: Plan,
        wish: Wish,
        first: Option<mpsc::Sender<Result<(), StartFailure>>>,
    ) -> Result<Self, StartError> {
        plan.settings.node = program::locate(&plan.settings.node)?;
        let version = program::version(&plan.settings.node).await?;
        remark_version(&version, plan.folder.node_major);
        let reservations = (1..=plan.instances)
            .map(|number| Reservation::make(plan.transport, &plan.run_dir, &format!("{}-{number}", plan.name)))
            .collect::<Result<Vec<_>, _>>()?;
        let addresses = reservations.iter().map(|reservation| reservation.address.clone());
        let phase = if wish == Wish::Rest { Phase::Asleep } else { Phase::Starting };
        let roster = Arc::new(Roster::new(&plan.name, addresses, phase));
        let log = Log::start().map_err(StartError::Log)?;
        let shared = Arc::new(Shared { plan, version, roster: Arc::clone(&roster), log });

        let demand = Demand::new(wish);
        let mut supervisors = JoinSet::new();
        for (id, reservation) in roster.ids().zip(reservations) {
            let name = format!("{}-{}", shared.plan.name, id.0 + 1).into();
            let supervisor =
                Supervisor { shared: Arc::clone(&shared), id, name, reservation, wish: demand.subscribe() };
            supervisors.spawn(supervisor.run(first.clone()));
        }
        Ok(Self { roster, demand, supervisors: Mutex::new(supervisors), supervised: true })
    }

    /// Servers that somebody else starts and watches.
    pub fn upstreams(addresses: impl IntoIterator<Item = Address>) -> Self {
        Self::upstreams_named("upstream", addresses)
    }

    /// Such servers, called `NAME-1` and so on.
    pub fn upstreams_named(name: &str, addresses: impl IntoIterator<Item = Address>) -> Self {
        let roster = Arc::new(Roster::new(name, addresses, Phase::Ready));
        Self { roster, demand: Demand::new(Wish::Run), supervisors: Mutex::default(), supervised: false }
    }

    /// Says that a request for the fleet is under way, from before an instance is picked until the answer is over.
    pub fn enter(&self) -> Use<'_> {
        self.demand.enter()
    }

    /// Lets Node end where no request came for as long as `idle`, until one does. To be called now and then, as what comes
    /// between two calls is seen at the second.
    pub fn rest_if_unused(&self, idle: Duration) {
        if !self.supervised || !self.demand.is_unused(idle, Instant::now()) || !self.demand.runs() {
            return;
        }
        // First nobody finds an instance any more; who has come meanwhile is seen now, and who comes later waits and wakes.
        self.turn(Phase::Ready, Phase::Stopping);
        if self.demand.is_busy() {
            self.turn(Phase::Stopping, Phase::Ready);
        } else {
            self.demand.set(Wish::Rest);
        }
    }

    fn turn(&self, from: Phase, to: Phase) {
        for id in self.roster.ids() {
            self.roster.change(id, |state| {
                if state.phase == from {
                    state.phase = to;
                }
            });
        }
    }

    async fn first_ready(&self, mut outcomes: mpsc::Receiver<Result<(), StartFailure>>) -> Result<(), StartError> {
        let mut failures = Vec::new();
        while let Some(outcome) = outcomes.recv().await {
            match outcome {
                Ok(()) => {
                    // Nobody reports them any more.
                    for failure in failures {
                        tracing::error!("{failure}");
                    }
                    return Ok(());
                }
                Err(failure) => failures.push(failure),
            }
            if failures.len() == self.roster.ids().count() {
                break;
            }
        }
        let count = failures.len();
        let first = failures.into_iter().next().ok_or(StartError::Stopped)?;
        Err(StartError::AllFailed { count, first: Box::new(first) })
    }

    /// The instance for the next request: ready, not among `tried`. `None`: there is no such one.
    pub fn pick(&self, tried: &[InstanceId]) -> Option<Pick<'_>> {
        self.roster.pick(tried)
    }

    /// As [`pick`](Self::pick), but while no instance at all is ready, it waits for one until `deadline`.
    pub async fn pick_by(&self, tried: &[InstanceId], deadline: Instant) -> Option<Pick<'_>> {
        self.roster.pick_by(tried, deadline, || self.demand.wake()).await
    }

    /// The instance to ask next, for every way of asking: one that did not fail this request yet, else any that is
    /// ready, else the first that becomes ready within `patience`.
    pub async fn next(&self, tried: &[InstanceId], patience: Duration) -> Option<Pick<'_>> {
        if let Some(pick) = self.pick(tried) {
            return Some(pick);
        }
        self.pick_by(tried, Instant::now() + patience).await.or_else(|| self.pick(&[]))
    }

    /// What an instance is called.
    pub fn name(&self, id: InstanceId) -> Option<&str> {
        self.roster.get(id).map(|instance| instance.name.as_str())
    }

    /// The count of idle connections to an instance.
    pub fn kept(&self, id: InstanceId) -> Option<&Arc<Kept>> {
        self.roster.get(id).map(|instance| &instance.kept)
    }

    /// Where to connect to. Only names need it, and only they wait.
    ///
    /// # Errors
    /// When a name has no address.
    pub async fn resolve<'a>(&'a self, pick: &Pick<'a>) -> io::Result<Endpoint<'a>> {
        match self.roster.get(pick.id) {
            Some(instance) => instance.resolved.endpoint(&instance.address).await,
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// A connection to the instance failed: it is not picked until it has answered again (Node of ours), or for a
    /// second (an upstream, unless it is the last one).
    ///
    /// Not for requests that failed on an open connection, nor for slow ones: they say nothing of the instance.
    pub fn report_failure(&self, id: InstanceId) {
        let Some(instance) = self.roster.get(id) else { return };
        if self.supervised {
            instance.suspected.notify_one();
        } else if !self.roster.is_last_ready(id) {
            self.roster.change(id, |state| state.phase = Phase::Unhealthy);
            let roster = Arc::clone(&self.roster);
            let mut supervisors = self.supervisors.lock();
            // Those that are done are let go of, or an upstream that is down for days would leave a heap of them.
            while supervisors.try_join_next().is_some() {}
            supervisors.spawn(async move {
                tokio::time::sleep(MARKED_DOWN).await;
                roster.change(id, |state| state.phase = Phase::Ready);
            });
        }
    }

    /// How many instances take requests now.
    pub fn ready(&self) -> usize {
        self.roster.ready()
    }

    /// All instances, in order.
    pub fn states(&self) -> Vec<InstanceState> {
        self.roster.states()
    }

    /// Ends every instance: SIGTERM, and after the stop time-out SIGKILL. Upstreams are only forgotten.
    ///
    /// Node has no graceful end in most bundles, so requests under way must have ended before.
    pub async fn stop(&self) {
        self.demand.set(Wish::Stop);
        let mut supervisors = std::mem::take(&mut *self.supervisors.lock());
        if !self.supervised {
            supervisors.abort_all();
        }
        while supervisors.join_next().await.is_some() {}
    }
}

/// Says once that Node is not the version the bundle was built for: adapters declare a version they do not need as
/// often as they need it, so this is no error.
fn remark_version(version: &str, asked: u32) {
    if program::major(version) != Some(asked) {
        tracing::warn!(found = version, asked, "Node is not of the version the manifest asks for");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(count: u16) -> Fleet {
        Fleet::upstreams((0..count).map(|port| Address::Tcp(([127, 0, 0, 1], 4000 + port).into())))
    }

    #[tokio::test]
    async fn an_upstream_that_refused_is_left_alone_for_a_while() {
        let fleet = upstreams(2);
        let refused = fleet.pick(&[]).unwrap().id;
        fleet.report_failure(refused);
        assert_eq!(fleet.ready(), 1);
        assert!((0..4).all(|_| fleet.pick(&[]).unwrap().id != refused));
        let back = async {
            while fleet.ready() < 2 {
                fleet.roster.changed().await;
            }
        };
        tokio::time::timeout(MARKED_DOWN * 10, back).await.expect("it is tried again");
    }

    #[tokio::test]
    async fn the_last_upstream_is_never_given_up() {
        let fleet = upstreams(2);
        let (first, second) = (fleet.pick(&[]).unwrap().id, fleet.pick(&[]).unwrap().id);
        fleet.report_failure(first);
        fleet.report_failure(second);
        assert_eq!(fleet.pick(&[]).unwrap().id, second);
    }

    #[tokio::test]
    async fn all_tried_is_an_answer_and_none_ready_is_waited_for() {
        let fleet = Arc::new(upstreams(1));
        let only = fleet.pick(&[]).unwrap().id;
        let far = Instant::now() + Duration::from_secs(60);
        assert_eq!(fleet.pick_by(&[only], far).await, None);

        fleet.roster.change(only, |state| state.phase = Phase::Starting);
        assert_eq!(fleet.pick_by(&[], Instant::now()).await, None);
        let waiting = tokio::spawn({
            let fleet = Arc::clone(&fleet);
            async move { fleet.pick_by(&[], far).await.map(|pick| pick.id) }
        });
        tokio::task::yield_now().await;
        fleet.roster.change(only, |state| state.phase = Phase::Ready);
        assert_eq!(waiting.await.unwrap(), Some(only));
    }
}
