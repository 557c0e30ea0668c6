//! The compute resource: the Node.js server of a bundle.

/// The only name a compute resource can have in version 1 of the specification; its folder is called the same.
pub(crate) const COMPUTE_NAME: &str = "default";

/// One entry of the manifest's `computeResources`. Its `name` is always `default` in version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputeResource {
    /// A bare file name in the root of `compute/default`.
    pub entrypoint: String,
    /// The Node.js version the framework was built for.
    pub runtime: Runtime,
}

/// A `nodejsNN.x` runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Runtime {
    /// The Node.js major version, 20 for `nodejs20.x`.
    pub major: u32,
}

impl Runtime {
    /// The majors that the specification's text lists.
    pub(crate) const LISTED: [u32; 3] = [16, 18, 20];

    /// Reads `nodejsNN.x`: one to three digits without a leading zero. `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("nodejs")?.strip_suffix(".x")?;
        let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || digits.starts_with('0') {
            return None;
        }
        digits.parse().ok().map(|major| Self { major })
    }
}
