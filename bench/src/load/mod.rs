//! The load generator: keep-alive connections on one core, every answer checked.
//!
//! It is our own because the ones there are trust what they get: here the status, the length and every byte of every
//! answer are compared with what is expected, and one wrong answer voids the run. Latencies of the open loop count from
//! the moment a request should have been sent, so that a server that stalls cannot hide the requests it delayed.

mod alarm;
mod answer;
mod browser;
mod closed;
mod connection;
mod download;
mod open;
mod request;
mod tally;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, thread, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
};

pub(crate) use answer::Answer;
pub(crate) use browser::Visits;
pub(crate) use connection::Connection;
pub(crate) use download::Download;
pub(crate) use request::{Body, Request};
pub(crate) use tally::{Tally, count};

use crate::{cores, failure::Failure, recording::PageLoad, stage::LOAD_CORE};

/// What is asked: every connection goes through the requests in their order and begins anew, each at another place.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) requests: Vec<Request>,
    pub(crate) connections: usize,
}

impl Load {
    /// One request, over and over.
    pub(crate) fn of(request: Request, connections: usize) -> Self {
        Self { requests: vec![request], connections }
    }
}

/// When a closed loop ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Elapsed(Duration),
    /// So many requests in all, or somewhat more.
    Requests(u64),
}

/// As fast as the server answers: capacity. Each connection sends when it has its answer.
pub(crate) fn closed(address: SocketAddr, load: &Load, until: Until) -> Result<Tally, Failure> {
    on_own_core(|| closed::run(address, load, until))
}

/// `rate` requests a second, whatever the server does: latency. Counted from the intended moment of sending.
pub(crate) fn open(address: SocketAddr, load: &Load, rate: f64, lasting: Duration) -> Result<Tally, Failure> {
    on_own_core(|| open::run(address, load, rate, lasting))
}

/// As [`open`], for as long as a large file is read beside.
pub(crate) fn open_beside(address: SocketAddr, load: &Load, rate: f64, download: &Download) -> Result<Tally, Failure> {
    on_own_core(|| open::run_beside(address, load, rate, download))
}

/// `n_browsers` browsers load `pages` in turn, again and again.
pub(crate) fn pages(
    address: SocketAddr,
    pages: &[PageLoad],
    n_browsers: usize,
    lasting: Duration,
) -> Result<Visits, Failure> {
    on_own_core(|| browser::run(address, pages, n_browsers, lasting))
}

/// One request on a connection of its own, and the whole answer. What the request expects is checked.
pub(crate) fn once(address: SocketAddr, request: &Request) -> Result<Answer, Failure> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(address).await?;
        connection.answer(request).await
    })
}

/// Runs `work` on a thread that stays on the generator's core.
fn on_own_core<T, F>(work: impl FnOnce() -> F + Send) -> Result<T, Failure>
where
    T: Send,
    F: Future<Output = Result<T, Failure>>,
{
    let pinned = || {
        cores::stay_on(LOAD_CORE)?;
        runtime()?.block_on(LocalSet::new().run_until(work()))
    };
    thread::scope(|scope| match scope.spawn(pinned).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(Failure::system("start the generator"))
}
