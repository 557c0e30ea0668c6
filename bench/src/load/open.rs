//! The open loop: requests at a fixed rate, whatever the server does.
//!
//! The n-th request is due at `n / rate`. When no connection is free by then it waits in a queue, and the wait is part
//! of its latency: what users of a server that stalls would see.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd, RawFd},
    rc::Rc,
    time::{Duration, Instant},
};

use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use tokio::{io::unix::AsyncFd, sync::Notify, task::JoinSet, time::timeout};

use super::{Connection, Load, Tally};
use crate::failure::Failure;

/// How long the last answers may take when the time is over.
const GRACE: Duration = Duration::from_secs(30);
/// Requests that are waited for this long or shorter are sent at once: setting a timer takes as long.
const SHORTEST_WAIT: Duration = Duration::from_micros(2);

/// A timer of the kernel as Tokio can wait for it.
struct Alarm(TimerFd);

impl AsRawFd for Alarm {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

struct Queue {
    due: RefCell<VecDeque<Instant>>,
    more: Notify,
    over: Cell<bool>,
    tally: RefCell<Tally>,
}

pub(super) async fn run(address: SocketAddr, load: &Load, rate: f64, lasting: Duration) -> Result<Tally, Failure> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(Connection::open(address).await?);
    }
    let queue = Rc::new(Queue {
        due: RefCell::default(),
        more: Notify::new(),
        over: Cell::new(false),
        tally: RefCell::new(Tally::new()?),
    });
    let load = Rc::new(load.clone());
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (index, connection) in connections.into_iter().enumerate() {
        tasks.spawn_local(ask(index, connection, Rc::clone(&load), Rc::clone(&queue)));
    }
    tasks.spawn_local(dispatch(rate, lasting, began, Rc::clone(&queue)));
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(asked) => asked?,
                Err(panicked) => return Err(Failure::void(format!("the generator failed: {panicked}"))),
            }
        }
        Ok(())
    };
    timeout(lasting + GRACE, all).await.map_err(|_| Failure::void("answers did not come to their end"))??;
    let mut tally = queue.tally.borrow().clone();
    tally.elapsed = began.elapsed();
    Ok(tally)
}

/// Puts each request into the queue when it is due. Tokio's clock counts milliseconds; this takes a timer of the kernel.
async fn dispatch(rate: f64, lasting: Duration, began: Instant, queue: Rc<Queue>) -> Result<(), Failure> {
    let refused = |errno: nix::errno::Errno| Failure::System { act: "set a timer", source: errno.into() };
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).map_err(refused)?;
    let timer = AsyncFd::new(Alarm(timer)).map_err(Failure::system("wait for a timer"))?;
    let interval = Duration::from_secs_f64(1.0 / rate);
    let mut due = began;
    while due.duration_since(began) < lasting && !queue.over.get() {
        let wait = due.saturating_duration_since(Instant::now());
        if wait > SHORTEST_WAIT {
            let expiration = Expiration::OneShot(TimeSpec::from_duration(wait));
            timer.get_ref().0.set(expiration, TimerSetTimeFlags::empty()).map_err(refused)?;
            let mut ready = timer.readable().await.map_err(Failure::system("wait for a timer"))?;
            // Reading resets the timer; the wait in it is over already.
            let _ = timer.get_ref().0.wait();
            ready.clear_ready();
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
