//! `[[sites]]`: several applications on one node, each with its host names.

use std::path::PathBuf;

use super::Address;

/// One application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// For logs, metrics and the command line.
    pub name: String,
    /// Its host names, in lower case and without ports; `*.example.org` is every name below that one.
    pub hosts: Vec<String>,
    /// Its bundle; none: there are upstreams only.
    pub bundle: Option<PathBuf>,
    /// Servers that somebody else starts, instead of Node.
    pub upstream: Vec<Address>,
    /// A file of variables for its Node.
    pub env_file: Option<PathBuf>,
    /// Host names that are this site, for absolute image URLs.
    pub public_host: Vec<String>,
}
