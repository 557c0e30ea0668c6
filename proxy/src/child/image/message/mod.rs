//! What a worker and its owner say to each other: heads of fixed length, then texts and files of announced lengths.
//!
//! ```text
//! worker -> owner, once:     greeting  (how it is confined)
//! owner -> worker, each job: job head, the order's text, the source
//! worker -> owner, each job: reply head, the result
//! ```
//!
//! Neither side believes the other: every length is compared with what was agreed before a byte is allocated for it,
//! and a word that is none ends the conversation. Numbers are little-endian.

use std::{
    io::{self, Read},
    str::FromStr,
    time::Duration,
};

use edgeplane_optimizer::{Encoded, ImageFormat, Limits, Order, Refusal, Stage};

use super::Confinement;

/// Opens every head; its last byte is the version. Both sides are the same program, so another version is a mistake.
const MARK: u32 = u32::from_le_bytes(*b"epi\x01");

/// Bytes of an order's text. The longest order has a few hundred.
const ORDER_BYTES_MAX: usize = 4096;

/// The other side said what is no word of this conversation, or stopped in the middle of one.
#[derive(Debug, thiserror::Error)]
#[error("the other side said what makes no sense here")]
pub struct Nonsense;

impl From<Nonsense> for io::Error {
    fn from(nonsense: Nonsense) -> Self {
        Self::new(io::ErrorKind::InvalidData, nonsense)
    }
}

/// What every head begins with: the mark, and up to seven numbers.
type Small = [u32; 8];

fn put(small: &Small, large: &[u64]) -> Vec<u8> {
    let mut bytes: Vec<u8> = small.iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend(large.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}

fn take<const LARGE: usize>(from: &mut impl Read) -> io::Result<(Small, [u64; LARGE])> {
    // The longest head.
    let mut bytes = [0; size_of::<Small>() + 4 * size_of::<u64>()];
    let bytes = bytes.split_at_mut(size_of::<Small>() + LARGE.min(4) * size_of::<u64>()).0;
    from.read_exact(bytes)?;
    let (first, second) = bytes.split_at(size_of::<Small>());
    let (mut small, mut large) = ([0; 8], [0; LARGE]);
    for (number, bytes) in small.iter_mut().zip(first.as_chunks().0) {
        *number = u32::from_le_bytes(*bytes);
    }
    for (number, bytes) in large.iter_mut().zip(second.as_chunks().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    if small[0] == MARK { Ok((small, large)) } else { Err(Nonsense.into()) }
}

/// Reads `length` bytes, which were found to be within their bounds; bounds that no memory can hold are an error.
fn read_bytes(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Says how a worker is confined.
pub(super) fn greeting(confinement: Confinement) -> Vec<u8> {
    put(&[MARK, u32::from(confinement.files), u32::from(confinement.calls), 0, 0, 0, 0, 0], &[])
}

/// Hears how a worker is confined.
pub(super) fn read_greeting(from: &mut impl Read) -> io::Result<Confinement> {
    let ([_, files, calls, ..], []) = take(from)?;
    Ok(Confinement { files: files == 1, calls: calls == 1 })
}

/// One job: what is asked for and within which bounds.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is asked for.
    pub order: Order,
    /// The source's bytes.
    pub source: Vec<u8>,
    /// Bounds of the source and of the result. What decoders may run is not told to a worker: it knows.
    pub limits: Limits,
}

/// The head of a job and its order; the source's bytes are written behind it as they are.
pub fn job_head(order: &Order, source_bytes: usize, limits: &Limits) -> Vec<u8> {
    let order = order.to_string();
    // An order's text is far shorter than its bound, so the length fits.
    let length = u32::try_from(order.len()).unwrap_or(u32::MAX);
    let sizes = [source_bytes, limits.source_bytes, limits.output_bytes].map(|bytes| bytes as u64);
    let mut head = put(&[MARK, length, limits.side, 0, 0, 0, 0, 0], &sizes);
    head.extend_from_slice(order.as_bytes());
    head
}

impl Job {
    /// Reads a job.
    ///
    /// # Errors
    /// What reading failed with; [`Nonsense`] where it is no job, or one whose source is larger than it says is allowed.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let ([_, order_bytes, side, ..], [source_bytes, source_bytes_max, output_bytes]) = take(from)?;
        let [source_bytes, source_bytes_max, output_bytes] =
            [source_bytes, source_bytes_max, output_bytes].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let order_bytes = usize::try_from(order_bytes).unwrap_or(usize::MAX);
        if order_bytes > ORDER_BYTES_MAX || source_bytes > source_bytes_max {
            return Err(Nonsense.into());
        }
        let order = read_bytes(from, order_bytes)?;
        let order = std::str::from_utf8(&order).ok().and_then(|text| Order::from_str(text).ok()).ok_or(Nonsense)?;
        let source = read_bytes(from, source_bytes)?;
        Ok(Self { order, source, limits: Limits { source_bytes: source_bytes_max, side, output_bytes, native: false } })
    }
}

/// How long each stage of a job took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes(pub [Duration; Stage::ALL.len()]);

/// What became of a job.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An image.
    Encoded(Encoded, StageTimes),
    /// None, for this reason.
    Refused(Refusal),
    /// A codec panicked.
    Panicked,
}

const ENCODED: u32 = 0;
const REFUSED: u32 = 1;
const PANICKED: u32 = 2;

/// The head of a reply; the bytes of an image are written behind it as they are.
pub fn reply_head(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Encoded(encoded, times) => {
            let format = ImageFormat::ALL.iter().position(|format| *format == encoded.format).unwrap_or(0);
            let format = u32::try_from(format).unwrap_or(0);
            let [decode, resize, encode] = times.0.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
            let small = [MARK, ENCODED, format, encoded.width, encoded.height, 0, 0, 0];
            put(&small, &[encoded.bytes.len() as u64, decode, resize, encode])
        }
        Reply::Refused(refusal) => {
            let (why, width, height, bytes) = refusal_numbers(*refusal);
            put(&[MARK, REFUSED, why, width, height, 0, 0, 0], &[bytes, 0, 0, 0])
        }
        Reply::Panicked => put(&[MARK, PANICKED, 0, 0, 0, 0, 0, 0], &[0; 4]),
    }
}

impl Reply {
    /// Reads a reply to a job that may give `output_bytes` at most.
    ///
    /// # Errors
    /// What reading failed with; [`Nonsense`] where it is no reply, or one larger than was allowed.
    pub fn read(from: &mut impl Read, output_bytes: usize) -> io::Result<Self> {
        let ([_, kind, what, width, height, ..], [bytes, decode, resize, encode]) = take(from)?;
        match kind {
            ENCODED => {
                let format = usize::try_from(what).ok().and_then(|at| ImageFormat::ALL.get(at)).ok_or(Nonsense)?;
                let length = usize::try_from(bytes).ok().filter(|length| *length <= output_bytes).ok_or(Nonsense)?;
                let bytes = read_bytes(from, length)?;
                let times = StageTimes([decode, resize, encode].map(Duration::from_micros));
                Ok(Self::Encoded(Encoded { bytes, format: *format, width, height }, times))
            }
            REFUSED => Ok(Self::Refused(refusal_of(what, width, height, bytes).ok_or(Nonsense)?)),
            PANICKED => Ok(Self::Panicked),
            _ => Err(Nonsense.into()),
        }
    }
}

/// A refusal as a number, a width, a height and a count of bytes.
fn refusal_numbers(refusal: Refusal) -> (u32, u32, u32, u64) {
    match refusal {
        Refusal::NotAnImage => (0, 0, 0, 0),
        Refusal::Corrupt => (1, 0, 0, 0),
        Refusal::Unsupported => (2, 0, 0, 0),
        Refusal::SourceTooLarge(bytes) => (3, 0, 0, bytes as u64),
        Refusal::TooManyPixels(width, height) => (4, width, height, 0),
        Refusal::OutputTooLarge(bytes) => (5, 0, 0, bytes as u64),
        Refusal::Encode => (6, 0, 0, 0),
        Refusal::ExtractOutside => (7, 0, 0, 0),
    }
}

fn refusal_of(why: u32, width: u32, height: u32, bytes: u64) -> Option<Refusal> {
    let bytes = usize::try_from(bytes).ok()?;
    Some(match why {
        0 => Refusal::NotAnImage,
        1 => Refusal::Corrupt,
        2 => Refusal::Unsupported,
        3 => Refusal::SourceTooLarge(bytes),
        4 => Refusal::TooManyPixels(width, height),
        5 => Refusal::OutputTooLarge(bytes),
        6 => Refusal::Encode,
        7 => Refusal::ExtractOutside,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
