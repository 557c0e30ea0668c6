//! Where local sources come from: a small trait that the composition root implements over the other two primitives.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::stock::{Delivery, NoRoom};

/// What the image primitive needs of the deployment it works for.
#[async_trait]
pub trait Origin: Send + Sync {
    /// Names the site in cache keys: the same for all deployments of one app, never the same for two apps.
    fn site(&self) -> &str;

    /// Names the deployment in cache keys: what Compute answers belongs to the code that answered.
    fn deployment(&self) -> &str;

    /// Whether a request for `path` (percent-encoded, normalised) would be routed to the image primitive.
    fn is_image_route(&self, path: &str) -> bool;

    /// The static file that answers `path` (percent-encoded, normalised), if there is one.
    fn file(&self, path: &str) -> Option<LocalFile>;

    /// Asks Compute with GET and no client header at all: what is cached for everybody must not depend on anybody.
    ///
    /// # Errors
    /// [`ComputeFailure`]; a body is cut off where `delivery`, which takes it in, has no room for more.
    /// With `validators`, a 304 is a good answer: what was read then is what there is now.
    async fn compute(
        &self,
        path_and_query: &str,
        validators: &Validators,
        delivery: &mut Delivery,
    ) -> Result<Fetched, ComputeFailure>;
}

/// A file of the deployment.
#[derive(Clone, Debug)]
pub struct LocalFile {
    /// Its content, mapped rather than copied where possible.
    pub bytes: Bytes,
    /// The hash of the content: equal hashes mean equal bytes.
    pub hash: [u8; 32],
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status.
    pub status: http::StatusCode,
    /// The content, without content coding.
    pub bytes: Bytes,
    /// `Cache-Control`, joined.
    pub cache_control: Option<String>,
    /// What the content can be recognised by.
    pub validators: Validators,
}

/// What a server gave with a content to recognise it by (RFC 9110 8.8), and gets back to say whether it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Validators {
    /// `ETag`, as sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub last_modified: Option<String>,
}

/// Longer ones are not worth their place in every entry.
const VALIDATOR_BYTES_MAX: usize = 1024;

impl Validators {
    /// Those of an answer's fields.
    pub fn of(headers: &HeaderMap) -> Self {
        let field = |name: header::HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            (value.len() <= VALIDATOR_BYTES_MAX).then(|| value.to_owned())
        };
        Self { etag: field(header::ETAG), last_modified: field(header::LAST_MODIFIED) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// The fields of a request for what has changed since (RFC 9110 13.1): by tag where there is one, else by time.
    pub fn conditions(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        let value = |text: &Option<String>| text.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
        if let Some(etag) = value(&self.etag) {
            fields.insert(header::IF_NONE_MATCH, etag);
        }
        if let Some(time) = value(&self.last_modified) {
            fields.insert(header::IF_MODIFIED_SINCE, time);
        }
        fields
    }

    /// These, or where there are none the earlier ones: a 304 need not repeat them.
    pub(super) fn or(self, earlier: &Self) -> Self {
        if self.is_empty() { earlier.clone() } else { self }
    }
}

/// Why Compute gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeFailure {
    /// There is no Compute in this deployment.
    #[error("the deployment has no compute")]
    Absent,
    /// It could not be reached, or broke off.
    #[error("compute could not be reached")]
    Unreachable,
    /// It did not answer in time.
    #[error("compute did not answer in time")]
    Timeout,
    /// Its answer exceeds the limit.
    #[error("compute's answer is larger than a source may be")]
    TooLarge,
    /// There is no room for its answer, because of others.
    #[error("as many bytes of sources are held as may be")]
    NoRoom,
}

impl From<NoRoom> for ComputeFailure {
    fn from(none: NoRoom) -> Self {
        match none {
            NoRoom::TooLarge => Self::TooLarge,
            NoRoom::Full => Self::NoRoom,
        }
    }
}
