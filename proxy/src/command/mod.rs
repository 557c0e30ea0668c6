//! The command line: words in, an exit code out.
//!
//! [`arguments`] says what can be typed; each command has a file; [`failure`] says how a command can end other than
//! well and [`exit`] with which code; [`output`] is the one place that writes to the terminal.

mod arguments;
mod admission;
mod serve;
mod announce;
mod state;
mod stop;
mod check;
mod choice;
mod explain;
mod pack;
mod optimize;
mod purge;
mod deploy;
mod deployments;
mod rules;
mod ruling;
mod settings;
mod url;
mod version;
mod hash_password;
mod failure;
mod exit;
mod output;
mod log;

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser as _, error::ErrorKind};
use edgeplane_config::{Loaded, Settings, Sources};

use arguments::{Arguments, Command, SettingFlags};
pub use exit::Exit;
pub use failure::Failure;

/// Runs the command that `words` name (the program's own name first) in `environment`.
pub fn run(words: impl IntoIterator<Item = OsString>, environment: Vec<(OsString, OsString)>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(refused) => {
            // Help and the version are asked for; anything else is a slip. Neither can be told on a closed terminal.
            let _ = refused.print();
            if refused.kind() == ErrorKind::DisplayVersion && version::is_verbose(&words) {
                let _ = output::result(&version::surroundings());
            }
            return if refused.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    log::start(arguments.verbose, matches!(arguments.command, Command::Serve(_)), &environment);
    // The panic hook has told what happened by then; what is left is to say by the code that it was our fault.
    let ended = catch_unwind(AssertUnwindSafe(|| dispatch(arguments.command, environment)));
    ended.unwrap_or(Exit::Bug).into()
}

fn dispatch(command: Command, environment: Vec<(OsString, OsString)>) -> Exit {
    let ended = match command {
        Command::Serve(args) => {
            let inherited = environment.clone();
            load(&args.flags, environment).and_then(|settings| serve::run(settings, *args, inherited))
        }
        Command::Check(args) => load(&args.flags, environment).and_then(|settings| check::run(&settings, &args)),
        Command::Explain(args) => load(&args.flags, environment).and_then(|settings| explain::run(&settings, args)),
        Command::Pack(args) => load(&args.flags, environment).and_then(|settings| pack::run(settings, args)),
        Command::Optimize(args) => load(&args.flags, environment).and_then(|settings| optimize::run(&settings, &args)),
        Command::Purge(args) => load(&args.flags, environment).and_then(|settings| purge::run(&settings, &args)),
        Command::HashPassword(args) => hash_password::run(&args),
        Command::Deploy(args) => load(&args.flags, environment).and_then(|settings| deploy::run(&settings, &args)),
        Command::Rollback(args) => {
            load(&args.flags, environment).and_then(|settings| deployments::roll_back(&settings, &args))
        }
        Command::Status(args) => {
            load(&args.flags, environment).and_then(|settings| deployments::status(&settings, &args))
        }
        Command::Settings => settings::run(),
    };
    match ended {
        Ok(()) => Exit::Done,
        Err(failure) => {
            output::failure(&failure);
            failure.exit()
        }
    }
}

/// The settings of every source under `flags`; what only looks wrong is told and passes.
fn load(flags: &impl SettingFlags, environment: Vec<(OsString, OsString)>) -> Result<Settings, Failure> {
    let sources = Sources {
        config: flags.config().map(PathBuf::from),
        folder: PathBuf::from("."),
        environment,
        flags: flags.written(),
    };
    let Loaded { settings, file, warnings } = Settings::load(&sources).map_err(Failure::Settings)?;
    if let Some(file) = file {
        tracing::debug!(file = %file.display(), "settings read");
    }
    warnings.iter().for_each(output::warning);
    Ok(settings)
}
