//! Where local sources come from: a small trait that the composition root implements over the other two primitives.

use async_trait::async_trait;
use bytes::Bytes;

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
    /// [`ComputeFailure`]; a body above `limit` bytes is cut off there and reported.
    async fn compute(&self, path_and_query: &str, limit: usize) -> Result<Fetched, ComputeFailure>;
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
    /// `ETag`, as sent.
    pub etag: Option<String>,
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
}
