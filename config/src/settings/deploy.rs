//! `[skew]` and `[deploy]`: how long a deployment outlives the next one, and what a deploy may bring.

use std::time::Duration;

use super::{
    quantity::{GIB, KIB},
    read::Reader,
};

const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// `[skew]`: previous deployments, for the pages that were made by them.
#[derive(Clone, Debug)]
pub struct SkewSettings {
    /// Whether a request may ask for a previous deployment.
    pub enabled: bool,
    /// Previous deployments kept.
    pub previous: usize,
    /// How long Node of a previous deployment runs without a request.
    pub idle: Duration,
    /// Whether pages set the cookie that names their deployment.
    pub cookie: bool,
}

/// `[deploy]`: bounds on a bundle that is copied or sent, and on what it replaces.
#[derive(Clone, Debug)]
pub struct DeploySettings {
    /// Bytes of all files of a bundle: refused above.
    pub bytes_max: u64,
    /// Files, folders and links of a bundle: refused above.
    pub files_max: usize,
    /// How long requests that a replaced deployment has begun may take.
    pub drain: Duration,
}

pub(super) fn skew(reader: &mut Reader<'_>) -> SkewSettings {
    SkewSettings {
        enabled: reader.boolean("skew.enabled"),
        previous: reader.count("skew.previous", 1..=64),
        idle: reader.duration("skew.idle", 100 * MS..=7 * DAY),
        cookie: reader.boolean("skew.cookie"),
    }
}

pub(super) fn deploy(reader: &mut Reader<'_>) -> DeploySettings {
    DeploySettings {
        bytes_max: reader.bytes("deploy.bytes-max", KIB..=1024 * GIB),
        files_max: reader.count("deploy.files-max", 1..=10_000_000),
        drain: reader.duration("deploy.drain", Duration::ZERO..=7 * DAY),
    }
}
