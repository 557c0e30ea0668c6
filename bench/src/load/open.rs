//! The open loop: requests at a fixed rate, whatever the server does.
//!
//! The n-th request is due at `n / rate`. When no connection is free by then it waits in a queue, and the wait is part
//! of its latency: what users of a server that stalls would see.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{sync::Notify, task::JoinSet, time::timeout};

use super::{Connection, Download, Load, Tally, alarm::Alarm, download};
use crate::failure::Failure;

/// How long the last answers may take when the time is over.
const GRACE: Duration = Duration::from_secs(30);
/// A disk that needs longer for a file is no disk to measure on.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(120);
/// Requests that are waited for this long or shorter are sent at once: setting a timer takes as long.
const SHORTEST_WAIT: Duration = Duration::from_micros(2);

struct Queue {
    due: RefCell<VecDeque<Instant>>,
    more: Notify,
    over: Cell<bool>,
    tally: RefCell<Tally>,
}

type Tasks = JoinSet<Result<(), Failure>>;

impl Queue {
    fn new() -> Result<Self, Failure> {
        let tally = RefCell::new(Tally::new()?);
        Ok(Self { due: RefCell::default(), more: Notify::new(), over: Cell::new(false), tally })
    }

    fn seen(&self, began: Instant) -> Tally {
        let mut tally = self.tally.borrow().clone();
        tally.elapsed = began.elapsed();
        tally
    }
}

/// For so long.
pub(super) async fn run(address: SocketAddr, load: &Load, rate: f64, lasting: Duration) -> Result<Tally, Failure> {
    let queue = Rc::new(Queue::new()?);
    let (began, mut tasks) = begin(address, load, rate, lasting, &queue).await?;
    timeout(lasting + GRACE, all(&mut tasks)).await.map_err(|_| unended())??;
    Ok(queue.seen(began))
}

/// For as long as the download takes.
pub(super) async fn run_beside(
    address: SocketAddr,
    load: &Load,
    rate: f64,
    download: &Download,
) -> Result<Tally, Failure> {
    let queue = Rc::new(Queue::new()?);
    let (began, mut tasks) = begin(address, load, rate, LONGEST_DOWNLOAD, &queue).await?;
    let ended = timeout(LONGEST_DOWNLOAD, download::run(address, download)).await;
    queue.over.set(true);
    ended.map_err(|_| unended())??;
    timeout(GRACE, all(&mut tasks)).await.map_err(|_| unended())??;
    Ok(queue.seen(began))
}

/// Opens the connections and starts to ask.
async fn begin(
    address: SocketAddr,
    load: &Load,
    rate: f64,
    lasting: Duration,
    queue: &Rc<Queue>,
) -> Result<(Instant, Tasks), Failure> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(Connection::open(address).await?);
    }
    let load = Rc::new(load.clone());
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (index, connection) in connections.into_iter().enumerate() {
        tasks.spawn_local(ask(index, connection, Rc::clone(&load), Rc::clone(queue)));
    }
    tasks.spawn_local(dispatch(rate, lasting, began, Rc::clone(queue)));
    Ok((began, tasks))
}

/// Waits for every task; the first failure is the answer.
async fn all(tasks: &mut Tasks) -> Result<(), Failure> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|panicked| Failure::void(format!("the generator failed: {panicked}")))??;
    }
    Ok(())
}

fn unended() -> Failure {
    Failure::void("answers did not come to their end")
}

/// Puts each request into the queue when it is due.
async fn dispatch(rate: f64, lasting: Duration, began: Instant, queue: Rc<Queue>) -> Result<(), Failure> {
    let mut alarm = Alarm::new()?;
    let interval = Duration::from_secs_f64(1.0 / rate);
    let mut due = began;
    while due.duration_since(began) < lasting && !queue.over.get() {
        let wait = due.saturating_duration_since(Instant::now());
        if wait > SHORTEST_WAIT {
            alarm.pass(wait).await?;
            continue;
        }
        queue.due.borrow_mut().push_back(due);
        queue.more.notify_one();
        due += interval;
        // Connections that are due now come first.
        tokio::task::yield_now().await;
    }
    queue.over.set(true);
    queue.more.notify_waiters();
    Ok(())
}

async fn ask(index: usize, mut connection: Connection, load: Rc<Load>, queue: Rc<Queue>) -> Result<(), Failure> {
    for request in load.requests.iter().cycle().skip(index % load.requests.len().max(1)) {
        let due = loop {
            let next = queue.due.borrow_mut().pop_front();
            match next {
                Some(due) => break due,
                None if queue.over.get() => return Ok(()),
                None => queue.more.notified().await,
            }
        };
        let bytes = connection.exchange(request).await.inspect_err(|_| queue.over.set(true))?;
        queue.tally.borrow_mut().add(bytes, due.elapsed());
    }
    Ok(())
}
