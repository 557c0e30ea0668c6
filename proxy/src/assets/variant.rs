//! Encoded variants of the files in a draft: found beside them in the bundle, or made here. Cold.
//!
//! **Siblings.** Frameworks emit `app.js.br` beside `app.js`. Such a file stays reachable under its own name, because
//! the specification serves every file unchanged, and it also becomes the Brotli variant of `app.js`, if it is smaller
//! and decodes to exactly the bytes of `app.js`. A stale or foreign one would otherwise be served as the wrong content.
//!
//! **Of our making.** Compressible files get the variants no sibling provides; small files do not (their head is
//! larger than the gain), nor large ones (they would hold up the start), and a variant that saves little is dropped:
//! it would cost the client more to decode than to receive.

use std::{
    io::{self, Read, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{
    draft::{BuildError, Draft, DraftFile},
    format::Extent,
    listing, media_type,
};
use crate::coding::ContentCoding;

/// Bytes below which a file is not compressed: it fits into one packet either way.
const COMPRESS_BYTES_MIN: u64 = 1024;

/// The largest Zstandard window a browser must support, as a power of two: 8 MiB (RFC 9659).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How much time smaller bytes are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// gzip and Zstandard at speeds that do not hold up a start.
    Quick,
    /// Brotli, Zstandard and gzip, as small as they get.
    Best,
}

/// What is compressed, and how hard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compression {
    pub(super) effort: Effort,
    /// Files above this many bytes are left alone. 0: only siblings are used.
    pub(super) bytes_max: u64,
    /// Threads that compress; each holds one file and its variants in memory.
    pub(super) threads: usize,
}

/// Who watches the compression while it lasts.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    /// Ends it between two files when it becomes true.
    pub(super) cancel: &'a AtomicBool,
    /// Told how many files of how many are compressed.
    pub(super) progress: &'a dyn Fn(usize, usize),
}

/// The variants made of one file.
type Made = Vec<(ContentCoding, Vec<u8>)>;

/// Adds the variants of all files of a draft.
pub(super) fn add(draft: &mut Draft, compression: Compression, watch: Watch<'_>) -> Result<(), BuildError> {
    adopt_siblings(draft, watch.cancel)?;
    let wanted: Vec<usize> = (0..draft.files.len()).filter(|at| is_worth_it(&draft.files[*at], compression)).collect();
    let mut done = 0;
    for batch in wanted.chunks(compression.threads.max(1)) {
        (watch.progress)(done, wanted.len());
        done += batch.len();
        if watch.cancel.load(Ordering::Relaxed) {
            return Err(draft.cancelled());
        }
        for (at, made) in batch.iter().zip(compress_batch(draft, batch, compression.effort)) {
            for (coding, bytes) in made.map_err(|source| draft.write_error(source))? {
                let extent = draft.append_bytes(&bytes, coding)?;
                draft.files[*at].extents.push(extent);
            }
        }
    }
    (watch.progress)(wanted.len(), wanted.len());
    Ok(())
}

/// Whether a variant is so much smaller that sending and decoding it pays: by a sixteenth at least.
fn is_smaller(encoded: u64, identity: u64) -> bool {
    encoded < identity - identity / 16
}

fn is_worth_it(file: &DraftFile, compression: Compression) -> bool {
    let len = file.extents.first().map_or(0, |identity| identity.len);
    (COMPRESS_BYTES_MIN..=compression.bytes_max).contains(&len) && media_type::is_compressible(&file.name)
}

/// Compresses one file per thread, and gives the results in order.
fn compress_batch(draft: &Draft, batch: &[usize], effort: Effort) -> Vec<io::Result<Made>> {
    let compress = |at: usize| compress(draft, &draft.files[at], effort);
    match batch {
        [only] => vec![compress(*only)],
        _ => thread::scope(|scope| {
            let workers: Vec<_> = batch.iter().map(|at| scope.spawn(move || compress(*at))).collect();
            let lost = || Err(io::Error::other("a compression thread panicked"));
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| lost())).collect()
        }),
    }
}

/// The variants a file does not have yet.
fn compress(draft: &Draft, file: &DraftFile, effort: Effort) -> io::Result<Made> {
    let Some(identity) = file.extents.first() else { return Ok(Vec::new()) };
    let mut bytes = Vec::with_capacity(usize::try_from(identity.len).unwrap_or_default());
    draft.reader(identity).read_to_end(&mut bytes)?;
    let codings: &[ContentCoding] = match effort {
        Effort::Quick => &[ContentCoding::Zstd, ContentCoding::Gzip],
        Effort::Best => &[ContentCoding::Brotli, ContentCoding::Zstd, ContentCoding::Gzip],
    };
    let mut made = Vec::new();
    for coding in codings {
        if file.extents.iter().all(|extent| extent.coding != *coding) {
            let encoded = encode(&bytes, *coding, effort)?;
            if is_smaller(encoded.len() as u64, identity.len) {
                made.push((*coding, encoded));
            }
        }
    }
    Ok(made)
}

/// The same bytes always give the same variant, so that nodes agree on its entity tag.
fn encode(bytes: &[u8], coding: ContentCoding, effort: Effort) -> io::Result<Vec<u8>> {
    let best = effort == Effort::Best;
    match coding {
        ContentCoding::Identity => Ok(bytes.to_vec()),
        ContentCoding::Gzip => {
            let level = flate2::Compression::new(if best { 9 } else { 5 });
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        ContentCoding::Zstd => {
            let mut compressor = zstd::bulk::Compressor::new(if best { 19 } else { 3 })?;
            compressor.set_parameter(zstd::zstd_safe::CParameter::WindowLog(window_log(bytes.len())))?;
            compressor.compress(bytes)
        }
        ContentCoding::Brotli => {
            // The default is the highest quality, 11, and the widest window every decoder has, 4 MiB.
            let params = brotli::enc::BrotliEncoderParams { size_hint: bytes.len(), ..Default::default() };
            let mut out = Vec::new();
            brotli::BrotliCompress(&mut &*bytes, &mut out, &params)?;
            Ok(out)
        }
    }
}

/// A window that holds the whole file where a browser allows it.
fn window_log(len: usize) -> u32 {
    len.max(1).next_power_of_two().ilog2().clamp(10, ZSTD_WINDOW_LOG_MAX)
}

/// Makes siblings the variants of the files they belong to. Their bytes are in the pack already and are shared.
fn adopt_siblings(draft: &mut Draft, cancel: &AtomicBool) -> Result<(), BuildError> {
    let mut adopted = Vec::new();
    for (at, base) in draft.files.iter().enumerate() {
        if cancel.load(Ordering::Relaxed) {
            return Err(draft.cancelled());
        }
        let Some(identity) = base.extents.first() else { continue };
        for coding in ContentCoding::ALL {
            let Some(suffix) = coding.suffix() else { continue };
            let name = [&base.name, suffix.as_bytes()].concat();
            let Ok(sibling) = draft.files.binary_search_by(|file| file.name.cmp(&name)) else { continue };
            let Some(extent) = draft.files[sibling].extents.first() else { continue };
            if extent.len >= identity.len {
                continue;
            }
            match decodes_to(draft.reader(extent), coding, identity) {
                Ok(()) => adopted.push((at, Extent { coding, ..*extent })),
                Err(why) => {
                    let (sibling, base) = (listing::display(&name), listing::display(&base.name));
                    tracing::warn!(%sibling, %base, %why, "precompressed file is not used as a variant");
                }
            }
        }
    }
    for (at, extent) in adopted {
        draft.files[at].extents.push(extent);
    }
    Ok(())
}

/// Whether an encoded content is what it is named after. At most one byte more than the file has is decoded.
fn decodes_to(encoded: impl Read, coding: ContentCoding, identity: &Extent) -> Result<(), io::Error> {
    let mut decoder: Box<dyn Read + '_> = match coding {
        ContentCoding::Identity => Box::new(encoded),
        ContentCoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(encoded)),
        ContentCoding::Brotli => Box::new(brotli::Decompressor::new(encoded, 64 * 1024)),
        ContentCoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(encoded)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
    };
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut (&mut decoder).take(identity.len + 1), &mut hasher)?;
    if *hasher.finalize().as_bytes() == identity.hash {
        Ok(())
    } else {
        Err(io::Error::other("it does not decode to the file it is named after"))
    }
}
