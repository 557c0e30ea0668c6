//! The same work for several servers, in turns.

use std::time::Duration;

use crate::{
    failure::Failure,
    load::{self, Load, Tally, Until, count},
    measure,
    outcome::{Metric, OURS, Outcome},
    peer::{Launch, Peer, Role, Running},
    stage::Stage,
};

/// Before anything is measured: caches fill, connections to upstreams are made.
const WARM_UP: Duration = Duration::from_millis(300);

/// From this size the bytes cost more than the request.
const LARGE_BYTES: u64 = 500_000;

/// The servers that take part, each running, and what they are asked.
#[derive(Debug)]
pub(crate) struct Contest<'a> {
    stage: &'a Stage,
    load: &'a Load,
    servers: Vec<Running>,
    /// Requests of the run in which system calls are counted; 0: they are not.
    traced: u64,
}

impl<'a> Contest<'a> {
    /// Starts everybody who can play the role. Who cannot, and why, is remarked in the outcome.
    pub(crate) fn start(
        stage: &'a Stage,
        role: Role<'_>,
        peers: &[&dyn Peer],
        load: &'a Load,
        outcome: &mut Outcome,
    ) -> Result<Self, Failure> {
        let mut servers = Vec::new();
        for peer in peers.iter().filter(|peer| stage.invites(**peer)) {
            match Running::start(*peer, &Launch::pinned(role), stage) {
                Ok(server) => servers.push(server),
                // Without ours there is nothing to compare; anybody else may be missing.
                Err(failure) if peer.name() == OURS => return Err(failure),
                Err(failure) => outcome.remarks.push(failure.told()),
            }
        }
        Ok(Self { stage, load, servers, traced: 2000 })
    }

    /// So many requests in the run in which system calls are counted.
    pub(crate) const fn traced(mut self, requests: u64) -> Self {
        self.traced = requests;
        self
    }

    /// Capacity: interleaved rounds of the closed loop, then memory, then system calls. Wrong answers void the outcome.
    pub(crate) fn capacity(&self, outcome: &mut Outcome) -> Result<(), Failure> {
        match self.try_capacity(outcome) {
            Err(Failure::Void { said }) => {
                outcome.void = Some(said);
                Ok(())
            }
            done => done,
        }
    }

    fn try_capacity(&self, outcome: &mut Outcome) -> Result<(), Failure> {
        self.warm_up()?;
        for round in 0..self.stage.extent.rounds {
            for server in self.in_turn(round) {
                let before = server.tree().cpu();
                let tally = self.asked(server, Until::Elapsed(self.stage.extent.seconds))?;
                let used = server.tree().cpu().saturating_sub(before);
                record(outcome, server.name, &tally, used);
            }
        }
        for server in &self.servers {
            outcome.record(server.name, &Metric::PEAK_MEMORY, count(server.tree().memory().peak));
        }
        self.count_syscalls(outcome)
    }

    /// Latency: interleaved rounds of the open loop at `rate` requests a second.
    pub(crate) fn latency(&self, rate: f64, rounds: usize, outcome: &mut Outcome) -> Result<(), Failure> {
        for round in 0..rounds {
            for server in self.in_turn(round) {
                let tally = load::open(server.address, self.load, rate, self.stage.extent.seconds);
                match tally {
                    Ok(tally) => tally.record_latency(outcome, server.name),
                    Err(failure) => {
                        outcome.void = Some(format!("{}: {}", server.name, failure.told()));
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The requests per second of one server, in a closed loop.
    pub(crate) fn throughput(&self, name: &str) -> Result<Option<f64>, Failure> {
        let Some(server) = self.servers.iter().find(|server| server.name == name) else { return Ok(None) };
        self.asked(server, Until::Elapsed(self.stage.extent.seconds)).map(|tally| Some(tally.per_second()))
    }

    pub(crate) fn warm_up(&self) -> Result<(), Failure> {
        let time = WARM_UP.min(self.stage.extent.seconds);
        self.servers.iter().try_for_each(|server| self.asked(server, Until::Elapsed(time)).map(drop))
    }

    /// The servers, another one first in each round.
    fn in_turn(&self, round: usize) -> impl Iterator<Item = &Running> {
        let first = round % self.servers.len().max(1);
        self.servers.iter().cycle().skip(first).take(self.servers.len())
    }

    fn asked(&self, server: &Running, until: Until) -> Result<Tally, Failure> {
        let asked = load::closed(server.address, self.load, until);
        asked.map_err(|failure| Failure::void(format!("{}: {}", server.name, failure.told())))
    }

    fn count_syscalls(&self, outcome: &mut Outcome) -> Result<(), Failure> {
        let requests = self.stage.extent.of(self.traced, self.traced.min(50));
        if requests == 0 {
            return Ok(());
        }
        for server in &self.servers {
            let mut asked = 0;
            let work = || {
                asked = self.asked(server, Until::Requests(requests))?.requests;
                Ok(())
            };
            let calls = measure::syscalls(server.tree(), &server.folder, work)?;
            if let Some(calls) = calls.filter(|_| asked > 0) {
                outcome.record(server.name, &Metric::SYSCALLS, count(calls) / count(asked));
            }
        }
        Ok(())
    }
}

/// One round of one server.
fn record(outcome: &mut Outcome, peer: &str, tally: &Tally, used: Duration) {
    let microseconds = used.as_secs_f64() * 1e6;
    outcome.record(peer, &Metric::CPU, microseconds / count(tally.requests.max(1)));
    if tally.bytes / tally.requests.max(1) > LARGE_BYTES {
        let gigabytes = count(tally.bytes) / 1e9;
        outcome.record(peer, &Metric::CPU_PER_GIGABYTE, microseconds / 1e3 / gigabytes);
    }
    outcome.record(peer, &Metric::THROUGHPUT, tally.per_second());
    tally.record_latency(outcome, peer);
}
