//! One image as it is kept and answered.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use edgeplane_optimizer::{Encoded, ImageFormat, Probe, SourceType};
use http::HeaderValue;

use super::{freshness::Freshness, source::Validators};

/// Content with what its answer needs to say about it. Nothing here depends on who asked.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// The file.
    pub(super) bytes: Bytes,
    /// What kind of file that is.
    pub(super) form: Form,
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
    /// How long it is fresh, from `read` on, and whether it may be kept.
    pub(super) freshness: Freshness,
    /// When its source was read, or last found to be unchanged.
    pub(super) read: SystemTime,
    /// What tells whether the source has changed since.
    pub(super) source: Provenance,
}

/// What kind of file a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Ours.
    Made(ImageFormat),
    /// The source's own.
    Passed(SourceType),
}

/// What was known about a source when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Provenance {
    /// What its server said to recognise it by.
    pub(super) validators: Validators,
    /// The hash of its bytes; zeros where nobody will ask.
    pub(super) hash: [u8; 32],
}

impl Picture {
    /// An optimized image.
    pub(super) fn optimized(encoded: Encoded, probe: &Probe, freshness: Freshness) -> Self {
        let etag = etag(blake3::hash(&encoded.bytes).as_bytes());
        Self::of(Form::Made(encoded.format), encoded.bytes.into(), etag, probe.source_type, freshness)
    }

    /// A source that is answered as it is. `hash` is the hash of its bytes where it is known already.
    pub(super) fn passed(bytes: Bytes, hash: Option<&[u8; 32]>, probe: &Probe, freshness: Freshness) -> Self {
        let etag = hash.map_or_else(|| etag(blake3::hash(&bytes).as_bytes()), etag);
        Self::of(Form::Passed(probe.source_type), bytes, etag, probe.source_type, freshness)
    }

    /// A picture whose validator is known.
    pub(super) fn of(
        form: Form,
        bytes: Bytes,
        etag: HeaderValue,
        source_type: SourceType,
        freshness: Freshness,
    ) -> Self {
        let (media_type, extension) = match form {
            Form::Made(format) => (format.media_type(), format.extension()),
            Form::Passed(source_type) => (source_type.media_type(), source_type.extension()),
        };
        Self {
            bytes,
            form,
            media_type,
            extension,
            etag,
            source_type,
            passed: matches!(form, Form::Passed(_)),
            freshness,
            read: SystemTime::now(),
            source: Provenance::default(),
        }
    }

    /// The same picture, made of a source that was read then.
    pub(super) fn made_of(mut self, source: Provenance, read: SystemTime) -> Self {
        self.source = source;
        self.read = read;
        self
    }

    /// The same bytes with a new lifetime: the source is unchanged.
    pub(super) fn renewed(&self, freshness: Freshness, validators: Validators) -> Self {
        let source = Provenance { validators: validators.or(&self.source.validators), hash: self.source.hash };
        Self { freshness, read: SystemTime::now(), source, ..self.clone() }
    }

    /// How long ago its source was read. A clock that was set back makes nothing old.
    pub(super) fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.read).unwrap_or_default()
    }

    /// Whether its lifetime is over.
    pub(super) fn is_stale(&self) -> bool {
        self.age() > self.freshness.ttl
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
