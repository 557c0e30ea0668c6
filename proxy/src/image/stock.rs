//! Sources in memory: how many bytes one may have, and how many all together.
//!
//! What is fetched is paid for before it is held, and given back when the last one who needs the bytes lets go of them:
//! a job that waits for its worker pays as well as one that is being fetched. Files of the bundle are mapped, and take none.

use std::{mem, sync::Arc};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for sources.
#[derive(Clone, Debug)]
pub(super) struct Stock {
    /// Counts bytes.
    room: Arc<Semaphore>,
    each: usize,
}

/// A source that comes in.
#[derive(Debug)]
pub struct Delivery {
    stock: Stock,
    bytes: Vec<u8>,
    /// As many permits as `bytes` has capacity.
    paid: Option<OwnedSemaphorePermit>,
}

/// Why a source is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// It alone is larger than a source may be.
    TooLarge,
    /// Others hold what there is.
    Full,
}

impl Stock {
    /// At most `all` bytes at once, and `each` of one source.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))), each }
    }

    /// A source that is to come in.
    pub(super) fn delivery(&self) -> Delivery {
        Delivery { stock: self.clone(), bytes: Vec::new(), paid: None }
    }

    /// Holds sources that are at hand to the limit that others meet while they come in.
    pub(super) fn admit(&self, bytes: usize) -> Result<(), NoRoom> {
        if bytes > self.each { Err(NoRoom::TooLarge) } else { Ok(()) }
    }

    /// Bytes that may still be taken in.
    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.room.available_permits()
    }
}

impl Delivery {
    /// Makes room for as many bytes as were announced, so that what does not fit is not fetched first.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn announce(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let bytes = usize::try_from(bytes).map_err(|_| NoRoom::TooLarge)?;
        self.stock.admit(bytes)?;
        self.reserve(bytes)
    }

    /// Takes in some bytes, whatever was announced.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let needed = self.bytes.len() + bytes.len();
        self.stock.admit(needed)?;
        if needed > self.bytes.capacity() {
            // Twice as much each time, so that what grows is copied a few times and not with each piece.
            self.reserve(needed.max(2 * self.bytes.capacity()).min(self.stock.each))?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The source. Its room is taken until nobody holds its bytes any more.
    pub fn complete(&mut self) -> Bytes {
        let (mut bytes, mut paid) = (mem::take(&mut self.bytes), self.paid.take());
        let spare = bytes.capacity() - bytes.len();
        if spare > bytes.len() / 4 {
            bytes.shrink_to_fit();
            drop(paid.as_mut().and_then(|paid| paid.split(spare)));
        }
        Bytes::from_owner(Held { bytes, _paid: paid })
    }

    fn reserve(&mut self, capacity: usize) -> Result<(), NoRoom> {
        let more = capacity.saturating_sub(self.bytes.capacity());
        if more == 0 {
            return Ok(());
        }
        let permits = u32::try_from(more).map_err(|_| NoRoom::TooLarge)?;
        let paid = Arc::clone(&self.stock.room).try_acquire_many_owned(permits).map_err(|_| NoRoom::Full)?;
        match &mut self.paid {
            Some(before) => before.merge(paid),
            none => *none = Some(paid),
        }
        self.bytes.reserve_exact(capacity - self.bytes.len());
        Ok(())
    }
}

/// Bytes with the room that they take.
struct Held {
    bytes: Vec<u8>,
    _paid: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_pays_for_what_it_holds_until_nobody_holds_it() {
        let stock = Stock::new(1000, 600);
        let mut delivery = stock.delivery();
        delivery.take(&[1; 100]).expect("room");
        assert_eq!(stock.left(), 900);
        delivery.take(&[2; 10]).expect("room");
        assert_eq!(stock.left(), 800, "twice as much each time");
        let source = delivery.complete();
        assert_eq!((source.len(), stock.left()), (110, 890), "what it does not need is given back");
        let part = source.slice(100..);
        drop(source);
        assert_eq!((part.as_ref(), stock.left()), ([2; 10].as_slice(), 890));
        drop(part);
        assert_eq!(stock.left(), 1000);
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_held() {
        let stock = Stock::new(1000, 600);
        let (mut first, mut second) = (stock.delivery(), stock.delivery());
        assert_eq!(first.announce(601), Err(NoRoom::TooLarge));
        assert_eq!(first.announce(u64::MAX), Err(NoRoom::TooLarge));
        first.announce(600).expect("room");
        assert_eq!((stock.left(), second.announce(401)), (400, Err(NoRoom::Full)));
        // Whoever announces nothing, or less than comes, meets the same bounds.
        first.take(&[0; 600]).expect("announced");
        assert_eq!((first.take(&[0]), stock.left()), (Err(NoRoom::TooLarge), 400));
        second.announce(10).expect("room");
        assert_eq!((second.take(&[0; 401]), stock.left()), (Err(NoRoom::Full), 390));
        drop(first.complete());
        second.take(&[0; 401]).expect("room");
        drop(second);
        assert_eq!(stock.left(), 1000);
    }

    #[test]
    fn nothing_is_held_for_an_empty_source() {
        let stock = Stock::new(0, 600);
        let mut delivery = stock.delivery();
        delivery.announce(0).expect("nothing");
        assert!(delivery.complete().is_empty());
        assert_eq!(delivery.take(&[0]), Err(NoRoom::Full));
    }
}
