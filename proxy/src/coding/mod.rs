//! Content codings (RFC 9110 8.4): which one a client gets, and answers of Compute compressed on their way.
//!
//! [`judge`](judge()) decides (`accept` is what the client wants, `kind` what shrinks), `dress` says what that does to the
//! fields, `encoder` turns bytes into fewer, one file per library behind it. [`Compression`] holds the settings and bounds
//! how much of that there is at once. None of it knows who sends the bytes: the relay, Pingora's lane and the edge cache
//! use the same.

mod accept;
mod brotli;
mod count;
mod dress;
mod encoder;
mod judge;
mod kind;
mod preview;
#[cfg(test)]
mod tests;

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bytes::Bytes;
use edgeplane_config::CompressionSettings;
use http::StatusCode;

pub(crate) use accept::AcceptEncoding;
pub use accept::ContentCoding;
pub use count::{CODINGS, Counts, DIRECTIONS};
pub(crate) use dress::{Change, Edits, VARY_VALUE};
pub use encoder::{Broken, Encoder};
pub(crate) use judge::says_no_transform;
pub use judge::{Fields, Judged, Plain, Wants, judge};
pub(crate) use kind::{is_text, shrinks};
pub use preview::Preview;

use count::Leave;

/// What all threads share: the settings, and what is under way.
#[derive(Debug)]
pub struct Compression {
    settings: CompressionSettings,
    counts: Arc<Counts>,
}

/// An answer of which a smaller one may be made.
#[derive(Clone, Copy, Debug)]
pub struct Answering {
    /// Its status.
    pub status: StatusCode,
    /// The bytes of its content, where they are known.
    pub length: Option<u64>,
    /// It has content; without it (the answer to a HEAD) there is nothing to compress.
    pub has_content: bool,
}

impl Compression {
    /// By these settings.
    pub fn new(settings: &CompressionSettings) -> Self {
        Self { settings: settings.clone(), counts: Arc::default() }
    }

    /// Judges an answer, and gives the encoder for its content where it is to be compressed. Counts what was decided.
    pub fn start<'f>(
        &self,
        wants: &Wants<'_>,
        fields: impl Fields<'f>,
        answer: Answering,
    ) -> (Judged, Option<Encoder>) {
        let mut judged = judge(wants, answer.status, fields, answer.length, &self.settings);
        let mut encoder = None;
        if let Ok(coding) = judged.outcome
            && answer.has_content
        {
            encoder = self.encoder(coding, answer.length, judged.events);
            if encoder.is_none() {
                judged.outcome = Err(Plain::Busy);
            }
        }
        if let Err(why) = judged.outcome
            && self.settings.enabled
        {
            self.counts.left_alone(why);
        }
        (judged, encoder)
    }

    /// Judges an answer that is here as a whole.
    pub fn judge<'f>(&self, wants: &Wants<'_>, fields: impl Fields<'f>, status: StatusCode, length: usize) -> Judged {
        judge(wants, status, fields, Some(length as u64), &self.settings)
    }

    /// Compresses a whole content.
    ///
    /// # Errors
    /// [`Busy`]: another time, perhaps, and counted. Nothing comes of a content that does not get smaller.
    pub fn whole(&self, coding: ContentCoding, content: &[u8]) -> Result<Option<Bytes>, Busy> {
        let Some(mut encoder) = self.encoder(coding, Some(content.len() as u64), false) else {
            self.counts.left_alone(Plain::Busy);
            return Err(Busy);
        };
        let mut out = Vec::with_capacity(content.len() / 4);
        let made = encoder.push(content, &mut out).and_then(|()| encoder.finish(&mut out));
        let smaller = made.is_ok() && out.len() < content.len() - content.len() / 16;
        out.shrink_to_fit();
        Ok(smaller.then(|| out.into()))
    }

    fn encoder(&self, coding: ContentCoding, length: Option<u64>, events: bool) -> Option<Encoder> {
        let leave = Leave::take(&self.counts, &self.settings, events)?;
        Encoder::new(coding, length, &self.settings, leave).ok()
    }

    /// Whether anything is compressed at all.
    pub fn is_on(&self) -> bool {
        self.settings.enabled
    }

    /// What has happened so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Answers that are being compressed.
    pub fn under_way(&self) -> usize {
        self.counts.streams.load(Relaxed)
    }
}

/// As many answers are being compressed as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as many answers are being compressed as may be")]
pub struct Busy;
