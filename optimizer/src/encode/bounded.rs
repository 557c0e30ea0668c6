//! A buffer that stops an encoder once its output exceeds the limit.

use std::io;

use crate::Refusal;

/// Collects up to a number of bytes and fails the write that would pass it.
#[derive(Debug)]
pub(super) struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    /// What was wanted in all when the limit was passed.
    over: Option<usize>,
}

impl Bounded {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, over: None }
    }

    /// What was written, given how the encoder ended.
    pub(super) fn finish<E>(self, result: Result<(), E>) -> Result<Vec<u8>, Refusal> {
        match (self.over, result) {
            (Some(over), _) => Err(Refusal::OutputTooLarge(over)),
            (None, Err(_)) => Err(Refusal::Encode),
            (None, Ok(())) => Ok(self.bytes),
        }
    }
}

impl io::Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let total = self.bytes.len().saturating_add(bytes.len());
        if total > self.limit {
            self.over = Some(total);
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
