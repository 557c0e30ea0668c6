//! The compute resource: the Node.js server of a bundle.

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
