//! The folders of a bundle held against what the manifest promises of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    compute_path,
    folder::{self, Found, Lead, WalkError},
};
use crate::{Rule, Severity, TargetKind, manifest::Promises, report::Report};

/// Bytes of `compute/default`, uncompressed, that Amplify Hosting takes: 220 MiB. The specification's text says
/// "compressed"; the service measures the unpacked files. No limit of ours: more is a warning.
const COMPUTE_BYTES_MAX: u64 = 220 * 1024 * 1024;

/// `static/`, where it exists; reported when it is promised and missing.
pub(super) fn static_folder(root: &Path, promises: &Promises, report: &mut Report) -> Option<PathBuf> {
    let Some(dir) = existing(root, Path::new("static"), Severity::Error, report)? else {
        if let Some(target) = promises.first(TargetKind::Static) {
            let help = "create it, even if it stays empty, or target Compute";
            report.error(Rule::StaticMissing, target, "there is no `static` folder, which a Static route needs", help);
        }
        return None;
    };
    let mut unanswered: Vec<_> = promises.static_only.iter().collect();
    let walked = folder::walk(&dir, |found| match found {
        Found::File(path, _) | Found::Link(path, Lead::Inside) => {
            let paths = request_paths(path);
            unanswered.retain(|(_, pattern)| !paths.iter().any(|path| pattern.matches(path)));
        }
        Found::Link(path, Lead::Outside(target)) => {
            let message = format!("the symbolic link leads out of `static`, to `{}`", target.display());
            let help = "copy the file into `static`: the link is not followed and not served";
            let file = Path::new("static").join(path);
            report.on_disk(Severity::Warning, Rule::StaticLinkLeaves, file, message, help);
        }
    });
    if let Err(error) = walked {
        unreadable(root, &dir, &error, Severity::Error, report);
        return Some(dir);
    }
    for (anchor, pattern) in unanswered {
        let message = format!("no file in `static` has a path like `{}`, so it answers 404 only", pattern.as_str());
        let help = "check the path for a missing `/` after the base path, or give the route a fallback";
        report.warning(Rule::StaticRouteEmpty, anchor, message, help);
    }
    Some(dir)
}

/// The request paths a file in `static` answers: its own, that without `.html`, and its folder's, with and without the
/// final slash, when it is an index page.
fn request_paths(file: &Path) -> Vec<String> {
    let own = file.iter().map(|part| format!("/{}", part.to_string_lossy())).collect::<String>();
    let clean = own.strip_suffix(".html").map(str::to_owned);
    let folder = own.strip_suffix("index.html").filter(|folder| folder.ends_with('/')).map(str::to_owned);
    let bare = folder.as_ref().and_then(|folder| folder.strip_suffix('/')).map(str::to_owned);
    [Some(own), clean, folder, bare].into_iter().flatten().collect()
}

/// `compute/default`, where it exists with its entry point; what is wrong with it has this severity.
pub(super) fn compute_folder(
    root: &Path,
    promises: &Promises,
    severity: Severity,
    report: &mut Report,
) -> Option<PathBuf> {
    let resource = || promises.entrypoint.as_ref().map(|(anchor, _)| anchor);
    let wanted = promises.first(TargetKind::Compute).or_else(resource)?;
    let Some(dir) = existing(root, &compute_path(), severity, report)? else {
        let message = "there is no `compute/default` folder, which Compute needs";
        let help = "put the server there, or target Static; with `--upstream` the servers may be elsewhere";
        report.at(severity, Rule::ComputeMissing, wanted, message, help);
        return None;
    };
    let mut bytes = 0_u64;
    let walked = folder::walk(&dir, |found| match found {
        Found::File(_, size) => bytes = bytes.saturating_add(size),
        Found::Link(_, Lead::Inside) => {}
        Found::Link(path, Lead::Outside(target)) => {
            let message = format!("the symbolic link leads out of `compute/default`, to `{}`", target.display());
            let help = "copy what it leads to into the folder: the server must be self-contained";
            report.on_disk(severity, Rule::ComputeLinkLeaves, compute_path().join(path), message, help);
        }
    });
    if let Err(error) = walked {
        unreadable(root, &dir, &error, severity, report);
    }
    if bytes > COMPUTE_BYTES_MAX {
        let message = format!("`compute/default` has {bytes} bytes; Amplify Hosting takes {COMPUTE_BYTES_MAX}");
        let help = "nothing to mend here; Amplify says that the build output \"exceeds the max allowed size\"";
        report.on_disk(Severity::Warning, Rule::ComputeTooLarge, compute_path(), message, help);
    }
    let starts = entrypoint_exists(&dir, promises, severity, report);
    starts.then_some(dir)
}

/// Whether the entry point is a file. A link to one inside the folder will do, as it does for Node.js.
fn entrypoint_exists(dir: &Path, promises: &Promises, severity: Severity, report: &mut Report) -> bool {
    let Some((anchor, name)) = &promises.entrypoint else { return false };
    let found = match fs::metadata(dir.join(name)) {
        Ok(metadata) if metadata.is_file() => return true,
        Ok(_) => format!("the entry point `{name}` in `compute/default` is not a file"),
        Err(_) => format!("there is no entry point `{name}` in `compute/default`"),
    };
    let help = format!(
        "put the file there or name another; Amplify says \"The entrypoint file '{name}' cannot be found for the \
         specified compute resource.\""
    );
    report.at(severity, Rule::EntrypointMissing, anchor, found, help);
    false
}

/// The folder, where there is one: `None` after a problem, `Some(None)` when it is missing. A folder that is a link out
/// of the bundle would make everything below it outside, too.
#[expect(clippy::option_option, reason = "absent, refused and there are three cases")]
fn existing(root: &Path, relative: &Path, severity: Severity, report: &mut Report) -> Option<Option<PathBuf>> {
    let Ok(dir) = fs::canonicalize(root.join(relative)) else { return Some(None) };
    if !dir.starts_with(root) {
        let message = format!("`{}` is a symbolic link out of the bundle, to `{}`", relative.display(), dir.display());
        report.on_disk(severity, Rule::FolderLeavesBundle, relative, message, "copy the folder into the bundle");
        return None;
    }
    Some(Some(dir).filter(|dir| dir.is_dir()))
}

fn unreadable(root: &Path, dir: &Path, error: &WalkError, severity: Severity, report: &mut Report) {
    let path = match error {
        WalkError::Read { path, .. } => path,
        WalkError::TooMany => dir,
    };
    let help = "make every file and folder readable, and keep only what belongs to the app";
    let file = path.strip_prefix(root).unwrap_or(path);
    report.on_disk(severity, Rule::FolderUnreadable, file, error.to_string(), help);
}
