//! Hot: the idle connections of one thread to all upstreams, and the buffers its exchanges share.
//!
//! The connection used last is used first: the others grow old and are closed, so that there are only as many as are
//! needed. How many all threads keep to an instance together is counted with the instance.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::link::Link;
use crate::compute::{Endpoint, Kept};

/// Read at once from an upstream: a page in one go, and not more than the nearest caches hold.
const BUFFER: usize = 32 * 1024;
/// Buffers kept for the next exchanges. An exchange has one only while there is something in it, so that few are in
/// use at once.
const BUFFERS_MAX: usize = 32;
/// Idle connections are looked at so often in the time they may be idle.
const SWEEPS: u32 = 4;

/// What the exchanges of one thread share.
#[derive(Debug)]
pub(crate) struct Pool {
    shelves: Mutex<Vec<Shelf>>,
    buffers: Mutex<Vec<Vec<u8>>>,
    /// Idle connections to one instance, over all threads.
    most: usize,
    /// How long a connection may be idle.
    idle: Duration,
    filled: Notify,
}

/// The idle connections to one instance, the youngest last.
#[derive(Debug)]
struct Shelf {
    kept: Arc<Kept>,
    links: Vec<Link>,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.kept.leave(self.links.len());
    }
}

impl Pool {
    /// An empty one, which keeps connections for as long as `idle` and `most` to each instance.
    pub(crate) fn new(most: usize, idle: Duration) -> Self {
        Self { shelves: Mutex::default(), buffers: Mutex::default(), most, idle, filled: Notify::new() }
    }

    /// An idle connection that can be used.
    pub(super) fn take(&self, kept: &Arc<Kept>, endpoint: Endpoint<'_>, now: Instant) -> Option<Link> {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.iter_mut().find(|shelf| Arc::ptr_eq(&shelf.kept, kept))?;
        while let Some(place) = shelf.links.iter().rposition(|link| link.leads_to(endpoint)) {
            let mut link = shelf.links.remove(place);
            shelf.kept.leave(1);
            if now.duration_since(link.since) < self.idle && link.is_quiet() {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection for the next exchange, unless there are enough.
    pub(super) fn give(&self, kept: &Arc<Kept>, mut link: Link) {
        if !kept.enter(self.most) {
            return;
        }
        link.since = Instant::now();
        let mut shelves = self.shelves.lock();
        if let Some(shelf) = shelves.iter_mut().find(|shelf| Arc::ptr_eq(&shelf.kept, kept)) {
            shelf.links.push(link);
        } else {
            shelves.push(Shelf { kept: Arc::clone(kept), links: vec![link] });
            self.filled.notify_one();
        }
    }

    /// Closes what nobody has used for too long, for as long as the thread runs.
    pub(crate) async fn sweep(&self) {
        loop {
            self.filled.notified().await;
            while !self.shelves.lock().is_empty() {
                sleep(self.idle / SWEEPS).await;
                self.close_idle(Instant::now());
            }
        }
    }

    fn close_idle(&self, now: Instant) {
        self.shelves.lock().retain_mut(|shelf| {
            let n_old = shelf.links.partition_point(|link| now.duration_since(link.since) >= self.idle);
            shelf.links.drain(..n_old);
            shelf.kept.leave(n_old);
            !shelf.links.is_empty()
        });
    }

    /// Closes all that are idle.
    pub(crate) fn close(&self) {
        self.shelves.lock().clear();
    }

    /// An empty buffer.
    pub(super) fn lend(&self) -> Vec<u8> {
        self.buffers.lock().pop().unwrap_or_else(|| Vec::with_capacity(BUFFER))
    }

    /// A buffer comes back.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        let mut buffers = self.buffers.lock();
        // One that had to grow for a long head goes.
        if buffers.len() < BUFFERS_MAX && buffer.capacity() == BUFFER {
            buffer.clear();
            buffers.push(buffer);
        }
    }
}
