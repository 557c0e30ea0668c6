//! One image as it is kept and answered.

use std::time::Instant;

use bytes::Bytes;
use edgeplane_optimizer::{Encoded, Probe, SourceType};
use http::HeaderValue;

use super::freshness::Freshness;

/// Content with what its answer needs to say about it. Nothing here depends on who asked.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// The file.
    pub(super) bytes: Bytes,
    /// Its media type.
    pub(super) media_type: &'static str,
    /// The extension its type usually has.
    pub(super) extension: &'static str,
    /// A strong validator: the hash of `bytes`, quoted.
    pub(super) etag: HeaderValue,
    /// The type of the source.
    pub(super) source_type: SourceType,
    /// Whether the source is answered unmodified.
    pub(super) passed: bool,
    /// How long it is fresh, from `made` on, and whether it may be kept.
    pub(super) freshness: Freshness,
    /// When its source was read.
    pub(super) made: Instant,
}

impl Picture {
    /// An optimized image.
    pub(super) fn optimized(encoded: Encoded, probe: &Probe, freshness: Freshness) -> Self {
        Self {
            media_type: encoded.format.media_type(),
            extension: encoded.format.extension(),
            etag: etag(blake3::hash(&encoded.bytes).as_bytes()),
            bytes: encoded.bytes.into(),
            source_type: probe.source_type,
            passed: false,
            freshness,
            made: Instant::now(),
        }
    }

    /// A source that is answered as it is. `hash` is the hash of its bytes where it is known already.
    pub(super) fn passed(bytes: Bytes, hash: Option<&[u8; 32]>, probe: &Probe, freshness: Freshness) -> Self {
        let etag = hash.map_or_else(|| etag(blake3::hash(&bytes).as_bytes()), etag);
        Self {
            bytes,
            media_type: probe.source_type.media_type(),
            extension: probe.source_type.extension(),
            etag,
            source_type: probe.source_type,
            passed: true,
            freshness,
            made: Instant::now(),
        }
    }
}

/// 128 bits of a hash are far more than a validator needs.
fn etag(hash: &[u8; 32]) -> HeaderValue {
    use std::fmt::Write;
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in &hash[..16] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
