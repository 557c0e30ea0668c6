//! `check --start`: does the bundle start where nothing but the bundle is?
//!
//! A bundle that lies in its project finds the project's `node_modules`, because Node looks for modules in every
//! folder above. The trial therefore copies `compute/default` and `static/` into a folder of its own and starts that.

use std::{
    env,
    fs::{self, DirBuilder},
    hash::{BuildHasher, Hasher, RandomState},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use edgeplane_config::{Amount, Bundle, ComputeFolder, ComputeSettings, Settings};

use super::{Fleet, Plan, StartError, copy, environment};

pub use super::{copy::CopyError, environment::EnvFileError};

/// A bundle that starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialReport {
    /// From the start of Node to its first answer, copying not included.
    pub took: Duration,
}

/// A bundle that does not start, or could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Nothing to start.
    #[error("the bundle has no compute/default to start")]
    NoCompute,
    /// No folder for the trial.
    #[error("could not make the folder {} for the trial", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The trial would find modules outside of the bundle.
    #[error("{} would be found by a trial below it: set TMPDIR to a folder without a node_modules above it", .0.display())]
    NotAlone(PathBuf),
    /// The bundle could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The variables of `--env-file` could not be read.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Copies the compute folder and `static/` away, starts one instance, waits for its answer and ends it.
///
/// # Errors
/// The precise reason why it did not start, with what Node printed.
pub async fn run(bundle: &Bundle, settings: &Settings) -> Result<TrialReport, TrialError> {
    let folder = bundle.compute.clone().ok_or(TrialError::NoCompute)?;
    let trial = Trial {
        folder,
        static_dir: bundle.static_dir.clone(),
        variables: settings.env_file.as_deref().map(environment::read).transpose()?.unwrap_or_default(),
        settings: settings.compute.clone(),
        keeper: None,
    };
    trial.run().await
}

/// The parts of a trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What is started.
    pub folder: ComputeFolder,
    /// `static/`, which some servers read beside their folder.
    pub static_dir: Option<PathBuf>,
    /// The variables of `--env-file`.
    pub variables: Vec<(String, String)>,
    /// The Node executable, readiness and the times.
    pub settings: ComputeSettings,
    /// The executable that has `__child`, where it is not this one.
    pub keeper: Option<PathBuf>,
}

impl Trial {
    /// Makes the trial.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(self) -> Result<TrialReport, TrialError> {
        let scratch = Scratch::make(&env::temp_dir())?;
        let alone = scratch.path.join("bundle");
        self.copy_to(&alone).await?;
        let home = scratch.path.join("home");
        let environment = environment::of_trial(env::vars_os(), self.variables, &home);
        let folder = ComputeFolder { dir: alone.join("compute/default"), ..self.folder };
        let run_dir = scratch.path.join("run");
        let mut plan = Plan::new(folder, self.settings, Amount::Just(1), environment, run_dir);
        plan.name = "trial".to_owned();
        plan.keeper = self.keeper.unwrap_or(plan.keeper);
        let start = Instant::now();
        let fleet = Fleet::start(plan).await?;
        let took = start.elapsed();
        fleet.stop().await;
        Ok(TrialReport { took })
    }

    /// Copies what is started, in the arrangement of a bundle. On a thread that may block: bundles have 100 MB.
    async fn copy_to(&self, alone: &Path) -> Result<(), TrialError> {
        let (compute, static_dir) = (self.folder.dir.clone(), self.static_dir.clone());
        let alone = alone.to_owned();
        let copied = tokio::task::spawn_blocking(move || {
            let failed = |source| TrialError::Folder { path: alone.clone(), source };
            for folder in ["compute", "../home"] {
                fs::create_dir_all(alone.join(folder)).map_err(failed)?;
            }
            copy::folder(&compute, &alone.join("compute/default"))?;
            if let Some(static_dir) = static_dir {
                copy::folder(&static_dir, &alone.join("static"))?;
            }
            Ok(())
        });
        copied.await.unwrap_or_else(|panic| Err(TrialError::Folder { path: PathBuf::new(), source: panic.into() }))
    }
}

/// A folder that is removed with its owner.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn make(parent: &Path) -> Result<Self, TrialError> {
        let random = RandomState::new().build_hasher().finish();
        let path = parent.join(format!("edgeplane-trial-{random:016x}"));
        if let Some(seen) = path.ancestors().map(|folder| folder.join("node_modules")).find(|modules| modules.exists())
        {
            return Err(TrialError::NotAlone(seen));
        }
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|source| TrialError::Folder { path: path.clone(), source })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove the folder of the trial");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_is_private_and_goes_away() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(dir.path()).unwrap();
        let path = scratch.path.clone();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn modules_above_the_scratch_folder_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("node_modules")).unwrap();
        let error = Scratch::make(dir.path()).unwrap_err();
        assert!(matches!(&error, TrialError::NotAlone(seen) if *seen == dir.path().join("node_modules")), "{error}");
    }
}
