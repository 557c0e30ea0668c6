//! Keeps one instance running: starts it, waits until it answers, starts it again when it ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgeplane_config::Address;
use tokio::sync::{mpsc, watch};

use super::{
    InstanceId, Phase, Plan,
    backoff::Backoff,
    demand::Wish,
    diagnosis::{Cause, StartFailure, Versions, help},
    output::Log,
    process::Process,
    readiness,
    reservation::Reservation,
    roster::{Instance, Roster},
};

/// What all supervisors of a fleet share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    /// What `node --version` printed.
    pub(super) version: String,
    pub(super) roster: Arc<Roster>,
    pub(super) log: Log,
}

/// The driver of one instance.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) id: InstanceId,
    pub(super) name: Arc<str>,
    pub(super) reservation: Reservation,
    /// Whether the instance is to run; closed when it is to end for good.
    pub(super) wish: watch::Receiver<Wish>,
}

/// Why a life of Node is over.
enum Over {
    /// It was asked for.
    Asked,
    /// It never answered.
    NotStarted(StartFailure),
    /// It answered, for so long, and then ended or fell silent.
    Died(Cause, Duration),
}

impl Supervisor {
    /// Runs until told to stop. The outcome of the first start goes to `first`, where somebody waits for it.
    pub(super) async fn run(mut self, mut first: Option<mpsc::Sender<Result<(), StartFailure>>>) {
        let settings = &self.shared.plan.settings;
        let mut backoff = Backoff::new(settings.restart_min, settings.restart_max);
        while self.is_wanted().await {
            let over = self.live(&mut first).await;
            let served = match &over {
                Over::Asked => continue,
                // A start that took long and failed is no life.
                Over::NotStarted(_) => Duration::ZERO,
                Over::Died(_, served) => *served,
            };
            let pause = backoff.after(served);
            match over {
                Over::Asked => {}
                Over::NotStarted(failure) => match first.take() {
                    Some(first) => drop(first.send(Err(failure)).await),
                    None => {
                        let source = std::error::Error::source(&failure);
                        tracing::error!(instance = &*self.name, ?pause, source, "{failure}");
                    }
                },
                Over::Died(cause, _) => tracing::error!(instance = &*self.name, ?pause, "stopped serving: {cause}"),
            }
            self.enter(Phase::Backoff { until: Instant::now() + pause });
            tokio::select! {
                () = asked(&mut self.wish) => continue,
                () = tokio::time::sleep(pause) => {}
            }
            self.shared.roster.change(self.id, |state| state.restarts += 1);
        }
        self.enter(Phase::Stopped);
    }

    /// Waits until Node is to run. False: it never is again.
    async fn is_wanted(&mut self) -> bool {
        if *self.wish.borrow_and_update() == Wish::Rest {
            self.enter(Phase::Asleep);
        }
        self.wish.wait_for(|wish| *wish != Wish::Rest).await.is_ok_and(|wish| *wish == Wish::Run)
    }

    /// One life of Node, from its start to its end.
    async fn live(&mut self, first: &mut Option<mpsc::Sender<Result<(), StartFailure>>>) -> Over {
        self.enter(Phase::Starting);
        self.reservation.clear();
        let shared = Arc::clone(&self.shared);
        let Some(instance) = shared.roster.get(self.id) else { return Over::Asked };
        let started = Process::spawn(&shared.plan, &self.name, &self.reservation.address, &shared.log).await;
        let mut process = match started {
            Ok(process) => process,
            Err(error) => return Over::NotStarted(self.failure(error.into(), Vec::new())),
        };
        shared.roster.change(self.id, |state| state.pid = Some(process.pid()));
        let began = Instant::now();
        tracing::debug!(instance = &*self.name, pid = process.pid(), "Node started");

        match self.until_answer(&mut process).await {
            Awaited::Answer => {}
            Awaited::Stop => return self.end(process).await,
            Awaited::Over(cause) => return Over::NotStarted(self.give_up(process, cause).await),
        }
        let took = began.elapsed();
        tracing::info!(instance = &*self.name, pid = process.pid(), ?took, "ready");
        if let Some(first) = first.take() {
            // Nobody listens any more once another instance was ready first.
            let _ = first.send(Ok(())).await;
        }
        self.serve(process, instance).await
    }

    /// From the first answer to the end.
    async fn serve(&mut self, mut process: Process, instance: &Instance) -> Over {
        let since = Instant::now();
        loop {
            self.enter(Phase::Ready);
            tokio::select! {
                changed = self.wish.changed() => {
                    // Told to rest and woken again before anything was done about it.
                    if changed.is_ok() && *self.wish.borrow_and_update() == Wish::Run {
                        continue;
                    }
                    return self.end(process).await;
                }
                exit = process.wait() => return Over::Died(Cause::Ended(exit), since.elapsed()),
                () = instance.suspected.notified() => {}
            }
            self.enter(Phase::Unhealthy);
            match self.until_answer(&mut process).await {
                Awaited::Answer => {}
                Awaited::Stop => return self.end(process).await,
                Awaited::Over(cause) => {
                    process.stop(self.shared.plan.stop_timeout()).await;
                    return Over::Died(cause, since.elapsed());
                }
            }
        }
    }

    async fn until_answer(&mut self, process: &mut Process) -> Awaited {
        let settings = &self.shared.plan.settings;
        let address: &Address = &self.reservation.address;
        let pid = process.pid();
        tokio::select! {
            () = asked(&mut self.wish) => Awaited::Stop,
            exit = process.wait() => Awaited::Over(Cause::Ended(exit)),
            answer = readiness::answer(address, &settings.readiness_path, settings.start_timeout) => match answer {
                Ok(status) => {
                    tracing::debug!(instance = &*self.name, %status, "answered");
                    Awaited::Answer
                }
                Err(silent) => Awaited::Over(Cause::silent(&silent, pid)),
            },
        }
    }

    /// An orderly end.
    async fn end(&self, process: Process) -> Over {
        self.enter(Phase::Stopping);
        let exit = process.stop(self.shared.plan.stop_timeout()).await;
        tracing::debug!(instance = &*self.name, %exit, "stopped");
        Over::Asked
    }

    async fn give_up(&self, mut process: Process, cause: Cause) -> StartFailure {
        let words = if matches!(cause, Cause::Ended(_)) {
            process.last_words().await
        } else {
            let words = process.words();
            // It never served, so there is nothing to wait for.
            process.stop(Duration::ZERO).await;
            words.lines()
        };
        self.failure(cause, words)
    }

    fn failure(&self, cause: Cause, last_words: Vec<String>) -> StartFailure {
        let versions = Versions { asked: self.shared.plan.folder.node_major, found: &self.shared.version };
        let help = help(&cause, &last_words, versions);
        StartFailure { instance: self.name.to_string(), cause, last_words, help }
    }

    fn enter(&self, phase: Phase) {
        self.shared.roster.change(self.id, |state| {
            state.phase = phase;
            if matches!(phase, Phase::Backoff { .. } | Phase::Stopped) {
                state.pid = None;
            }
        });
    }
}

/// What came while an answer was awaited.
enum Awaited {
    Answer,
    Stop,
    Over(Cause),
}

/// Completes when the instance is to end, or the fleet is gone.
async fn asked(wish: &mut watch::Receiver<Wish>) {
    // An error means that the fleet was dropped.
    let _ = wish.wait_for(|wish| *wish != Wish::Run).await;
}
