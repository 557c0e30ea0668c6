//! Browsers that load pages: new connections for each page, at most six, every request when its time has come.

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};

use super::{Connection, Tally};
use crate::{failure::Failure, recording::PageLoad};

/// What browsers open to one host over HTTP/1.1.
const CONNECTIONS: usize = 6;
/// How long the last pages may take when the time is over.
const GRACE: Duration = Duration::from_secs(30);

/// What the browsers saw: the latencies are those of whole page loads.
#[derive(Clone, Debug)]
pub(crate) struct Visits {
    pub(crate) loads: Tally,
    /// Of all page loads together.
    pub(crate) requests: u64,
}

/// So many browsers visit the pages in turn for so long.
pub(super) async fn run(
    address: SocketAddr,
    pages: &[PageLoad],
    n_browsers: usize,
    lasting: Duration,
) -> Result<Visits, Failure> {
    let began = Instant::now();
    let visits = Rc::new(RefCell::new(Visits { loads: Tally::new()?, requests: 0 }));
    let mut browsers = JoinSet::new();
    for first in 0..n_browsers {
        let pages: Vec<_> = pages.iter().cloned().map(Rc::new).collect();
        let visits = Rc::clone(&visits);
        browsers.spawn_local(async move {
            for page in pages.iter().cycle().skip(first % pages.len().max(1)) {
                let clicked = Instant::now();
                if clicked.duration_since(began) >= lasting {
                    break;
                }
                let bytes = visit(address, page).await?;
                let mut visits = visits.borrow_mut();
                visits.loads.add(bytes, clicked.elapsed());
                visits.requests += page.steps.len() as u64;
            }
            Ok(())
        });
    }
    timeout(lasting + GRACE, all(&mut browsers)).await.map_err(|_| Failure::void("a page was never complete"))??;
    let mut seen = visits.borrow().clone();
    seen.loads.elapsed = began.elapsed();
    Ok(seen)
}

/// One page load; the bytes of all bodies.
async fn visit(address: SocketAddr, page: &Rc<PageLoad>) -> Result<u64, Failure> {
    let mut asked = JoinSet::new();
    let mut free: Vec<Connection> = Vec::new();
    let (mut n_connections, mut bytes) = (0, 0);
    let mut ready: VecDeque<usize> = waiting_for(page, None).collect();
    loop {
        while let Some(step) = ready.pop_front() {
            let connection = match free.pop() {
                None if n_connections == CONNECTIONS => {
                    ready.push_front(step);
                    break;
                }
                connection => connection,
            };
            n_connections += usize::from(connection.is_none());
            asked.spawn_local(ask(address, connection, Rc::clone(page), step));
        }
        let Some(ended) = asked.join_next().await else { return Ok(bytes) };
        let (connection, step, length) =
            ended.map_err(|panicked| Failure::void(format!("the generator failed: {panicked}")))??;
        free.push(connection);
        bytes += length;
        ready.extend(waiting_for(page, Some(step)));
    }
}

/// The steps that may be asked for when `step` is complete.
fn waiting_for(page: &PageLoad, step: Option<usize>) -> impl Iterator<Item = usize> {
    page.steps.iter().enumerate().filter(move |(_, other)| other.after == step).map(|(index, _)| index)
}

/// One step, on a connection that is free or on a new one.
async fn ask(
    address: SocketAddr,
    connection: Option<Connection>,
    page: Rc<PageLoad>,
    step: usize,
) -> Result<(Connection, usize, u64), Failure> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => Connection::open(address).await?,
    };
    let request = page.steps.get(step).map(|step| &step.request).ok_or_else(|| Failure::void("no such step"))?;
    let length = connection.exchange(request).await?;
    Ok((connection, step, length))
}

/// Waits for all browsers.
async fn all(tasks: &mut JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|panicked| Failure::void(format!("the generator failed: {panicked}")))??;
    }
    Ok(())
}
