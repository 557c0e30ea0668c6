//! The closed loop: every connection asks again when it has its answer.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};

use super::{Connection, Load, Tally, Until};
use crate::failure::Failure;

/// How long the last answers may take when the time is over.
const GRACE: Duration = Duration::from_secs(30);

/// When to end, for all connections together.
struct Round {
    began: Instant,
    until: Until,
    sent: Cell<u64>,
    over: Cell<bool>,
    tally: RefCell<Tally>,
}

impl Round {
    fn goes_on(&self, now: Instant) -> bool {
        let enough = match self.until {
            Until::Elapsed(time) => now.duration_since(self.began) >= time,
            Until::Requests(n) => self.sent.get() >= n,
        };
        !enough && !self.over.get()
    }
}

pub(super) async fn run(address: SocketAddr, load: &Load, until: Until) -> Result<Tally, Failure> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(Connection::open(address).await?);
    }
    let round = Rc::new(Round {
        began: Instant::now(),
        until,
        sent: Cell::new(0),
        over: Cell::new(false),
        tally: RefCell::new(Tally::new()?),
    });
    let load = Rc::new(load.clone());
    let mut tasks = JoinSet::new();
    for (index, connection) in connections.into_iter().enumerate() {
        tasks.spawn_local(ask(index, connection, Rc::clone(&load), Rc::clone(&round)));
    }
    let limit = match until {
        Until::Elapsed(time) => time + GRACE,
        Until::Requests(_) => GRACE,
    };
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(asked) => asked?,
                Err(panicked) => return Err(Failure::void(format!("the generator failed: {panicked}"))),
            }
        }
        Ok(())
    };
    timeout(limit, all).await.map_err(|_| Failure::void("answers did not come to their end"))??;
    let mut tally = round.tally.borrow().clone();
    tally.elapsed = round.began.elapsed();
    Ok(tally)
}

async fn ask(index: usize, mut connection: Connection, load: Rc<Load>, round: Rc<Round>) -> Result<(), Failure> {
    let mut sent = Instant::now();
    for request in load.requests.iter().cycle().skip(index % load.requests.len().max(1)) {
        if !round.goes_on(sent) {
            break;
        }
        round.sent.set(round.sent.get() + 1);
        let bytes = connection.exchange(request).await.inspect_err(|_| round.over.set(true))?;
        let done = Instant::now();
        round.tally.borrow_mut().add(bytes, done.duration_since(sent));
        sent = done;
    }
    Ok(())
}
