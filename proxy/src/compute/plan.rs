//! What a fleet of Node instances is made of: everything decided, nothing started.

use std::{path::PathBuf, time::Duration};

use edgeplane_config::{Amount, ComputeFolder, ComputeSettings};

use super::{Transport, environment::Environment};

/// A fleet to be started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the instances are called: `default` gives `default-1`, `default-2`, ...
    pub name: String,
    /// The folder, entry point and Node version of the bundle.
    pub folder: ComputeFolder,
    /// Node's complete environment.
    pub environment: Environment,
    /// How many instances, at least 1.
    pub instances: usize,
    /// Where the preload script and socket files go; created with mode 0700. Of this fleet alone.
    pub run_dir: PathBuf,
    /// The executable that has `__child`: this one.
    pub keeper: PathBuf,
    /// How Node is reached.
    pub transport: Transport,
    /// The Node executable, readiness and the times.
    pub settings: ComputeSettings,
}

impl Plan {
    /// The plan for a bundle's compute folder.
    pub fn new(
        folder: ComputeFolder,
        settings: ComputeSettings,
        instances: Amount,
        environment: Environment,
        run_dir: PathBuf,
    ) -> Self {
        Self {
            name: "default".to_owned(),
            folder,
            environment,
            instances: count(instances),
            run_dir,
            // Not `current_exe`: after an upgrade in place that names a file that is gone, or another version.
            keeper: PathBuf::from("/proc/self/exe"),
            transport: Transport::default(),
            settings,
        }
    }

    /// Between SIGTERM and SIGKILL.
    pub(super) fn stop_timeout(&self) -> Duration {
        self.settings.stop_timeout
    }
}

/// `auto` is one instance per processor this process may use: Node runs one thread of JavaScript, and
/// `available_parallelism` honours cgroup quotas and the affinity mask.
fn count(instances: Amount) -> usize {
    match instances {
        Amount::Auto => std::thread::available_parallelism().map_or(1, usize::from),
        Amount::Just(count) => count.max(1),
    }
}
