//! What `serve` says when it starts and when it ends: on standard error, for the person who started it.

use std::fmt::Write as _;

use edgeplane_config::{Bundle, Route, Target};

use super::output;
use crate::{
    app::{App, DEFAULT_SITE},
    child::image::Confinement,
    server::listen::Listener,
    site::Site,
};

/// Says what is served, where, by whom, and how to end it; last of all the lines that start with `listening`.
pub(crate) fn started(app: &App, bundles: &[Option<Bundle>], listeners: &[Listener], admin: Option<&str>) {
    let mut text = String::new();
    for (place, (site, bundle)) in app.sites.all().zip(bundles).enumerate() {
        tell(&mut text, site, bundle.as_ref(), place > 0 || site.name != DEFAULT_SITE);
    }
    if app.sites.all().any(|site| site.current().image_rules.is_some()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "images     {}", sandbox(app.settings.image.unsandboxed));
    }
    if let Some(admin) = admin {
        let _ = writeln!(text, "admin      {admin}/healthz /readyz /metrics");
    }
    let _ = writeln!(text, "stop with Ctrl-C or SIGTERM");
    for listener in listeners {
        let _ = writeln!(text, "listening {}", listener.url());
    }
    output::note(&text);
    // Only a service manager listens; without one there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// One site: what it serves, and by whom.
fn tell(text: &mut String, site: &Site, bundle: Option<&Bundle>, is_named: bool) {
    let line = site.line();
    let deployment = line.current();
    // Writing to a String cannot fail.
    let _ = match bundle {
        Some(bundle) => {
            let framework = &bundle.manifest.framework;
            writeln!(text, "serving {} ({} {})", bundle.root.display(), framework.name, framework.version)
        }
        None => writeln!(text, "serving upstreams without a bundle"),
    };
    if is_named {
        let _ = writeln!(text, "site       {}", site.name);
    }
    let widest = deployment.routes.iter().map(|route| route.path.as_str().len()).max().unwrap_or(0);
    for route in &deployment.routes {
        let _ = writeln!(text, "  {:widest$}  {}", route.path.as_str(), destination(route));
    }
    if let Some(rules) = &deployment.custom_rules {
        let _ = writeln!(text, "rules      {}, before these routes", rules.count());
    }
    let pack = deployment.pack.load();
    let _ = writeln!(text, "static     {} files, {:.1} MB packed", pack.len(), megabytes(pack.bytes()));
    if let Some(fleet) = &deployment.compute {
        for state in fleet.states() {
            let pid = state.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
            let _ = writeln!(text, "compute    {} {}{pid}", state.name, state.phase.as_str());
        }
    }
    for previous in line.previous() {
        let _ = writeln!(text, "previous   {}", previous.id);
    }
}

/// Says that the end has begun.
pub(crate) fn ending() {
    tracing::info!("ending: requests under way are answered, no new ones are taken");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}

/// Says how the end went.
pub(crate) fn ended(drained: bool) {
    if drained {
        tracing::info!("every request was answered");
    } else {
        tracing::warn!("timeouts.drain is over; requests still under way are cut off");
    }
}

/// Where sources are decoded, and what is not decoded for the want of a place.
fn sandbox(unsandboxed: bool) -> String {
    let kernel = Confinement::of_kernel();
    if kernel.is_whole() {
        return "in worker processes, confined by Landlock and seccomp".to_owned();
    }
    let lacking = match (kernel.files, kernel.calls) {
        (false, false) => "Landlock and seccomp",
        (false, true) => "Landlock",
        _ => "seccomp",
    };
    let avif = if unsandboxed { "decoded all the same (image.unsandboxed)" } else { "passed as they are" };
    format!("in worker processes; the kernel offers no {lacking}, so AVIF sources are {avif}")
}

fn destination(route: &Route) -> String {
    let mut text = target(&route.target);
    if let Some(fallback) = &route.fallback {
        let _ = write!(text, ", on 404 {}", target(fallback));
    }
    text
}

fn target(target: &Target) -> String {
    match target.cache_control().and_then(|value| value.to_str().ok()) {
        Some(cache_control) => format!("{} ({cache_control})", target.kind().as_str()),
        None => target.kind().as_str().to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
