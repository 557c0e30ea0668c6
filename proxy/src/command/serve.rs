//! `edgeplane serve`: from settings and a bundle to a server that listens, and from a signal to its orderly end.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use edgeplane_config::{Admin, Amount, Settings};
use tokio::runtime::Builder;

use super::{Failure, announce, arguments::ServeArgs, output, state::StateDir, stop::Stop};
use crate::{
    app::{App, DEFAULT_SITE},
    control::ControlSocket,
    deploy::{ActivateError, Berth, Served, Stage, Steward},
    server::{self, listen::Listener},
    site::Sites,
    telemetry::{
        Telemetry,
        access_log::AccessLog,
        admin::AdminListener,
        metrics::Metrics,
        report::{AppReport, StartReport},
    },
};

/// Where the bundle is looked for when none is named.
const DEFAULT_BUNDLE: &str = ".amplify-hosting";

/// Serves until a signal ends it.
pub(crate) fn run(settings: Settings, args: ServeArgs, environment: Vec<(OsString, OsString)>) -> Result<(), Failure> {
    let settings = Arc::new(settings);
    let served = open(&settings, args.bundle.as_deref())?;
    // What serves requests has threads of its own; this one starts, watches and ends everything.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::unavailable("start the threads", source))?;
    let ended = runtime.block_on(serve(settings, served, args.pack, environment));
    // What still runs on a thread that may block, such as packing, is of no use to anybody now.
    runtime.shutdown_background();
    ended
}

fn open(settings: &Settings, path: Option<&Path>) -> Result<Served, Failure> {
    let sidecar = !settings.upstream.is_empty();
    let served = if sidecar && path.is_none() && !Path::new(DEFAULT_BUNDLE).exists() {
        Served::upstreams(settings)
    } else {
        Served::open(path.unwrap_or_else(|| Path::new(DEFAULT_BUNDLE)), settings, sidecar)
    };
    let served = served.map_err(Failure::Bundle)?;
    served.remarks.iter().for_each(output::problem);
    Ok(served)
}

fn n_threads(threads: Amount) -> usize {
    match threads {
        Amount::Auto => thread::available_parallelism().map_or(1, usize::from),
        Amount::Just(count) => count,
    }
}

async fn serve(
    settings: Arc<Settings>,
    served: Served,
    pack: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
) -> Result<(), Failure> {
    let mut stop = Stop::listen().map_err(|source| Failure::unavailable("listen for signals", source))?;
    let n_shards = n_threads(settings.threads);
    let listeners = settings
        .listen
        .iter()
        .map(|address| Listener::bind(address, n_shards))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| Failure::unavailable("serve", source))?;
    let admin = bind_admin(&settings).await?;
    let admin_url = admin.as_ref().and_then(|admin| admin.address().ok()).map(|address| format!("http://{address}"));
    let report = Arc::new(StartReport::default());
    if let Some(admin) = admin {
        // Already now: a slow start is no reason to take the process for dead.
        tokio::spawn(admin.serve(Arc::<StartReport>::clone(&report)));
    }
    let state = StateDir::open(&settings.state_dir)
        .map_err(|source| Failure::unavailable("use the state directory", source))?;

    let stage = Stage::new(Arc::clone(&settings), environment, state.path());
    let bundle = served.bundle.clone();
    let starting = Berth::open(&stage, settings.default_site(DEFAULT_SITE), state.path(), served, pack);
    let berth = tokio::select! {
        started = starting => started.map_err(unserved)?,
        () = stop.requested() => {
            tracing::info!("stopped before anything was served");
            return Ok(());
        }
    };
    let telemetry = telemetry(&settings)?;
    let sites = Sites::only(Arc::clone(berth.site()));
    let app = App::of_sites(Arc::clone(&settings), sites, telemetry, Some(state.path()))
        .map(Arc::new)
        .map_err(|source| Failure::unavailable("put the server together", source))?;
    let steward = Arc::new(Steward::new(stage, vec![berth]));
    let started = AppReport::new(&app).map_err(|source| Failure::unavailable("set up metrics", source))?;
    report.started(started);
    control(&app, &steward, &state);
    steward.begin();
    announce::started(&app, bundle.as_ref(), &listeners, admin_url.as_deref());

    let drained = server::run(Arc::clone(&app), listeners, n_shards, async {
        stop.requested().await;
        announce::ending();
    })
    .await
    .map_err(|source| Failure::unavailable("start the threads", source))?;
    announce::ended(drained);
    steward.end(&app.sites).await;
    app.telemetry.finish();
    Ok(())
}

/// Why nothing is served, in the words of a command.
fn unserved(error: ActivateError) -> Failure {
    match error {
        ActivateError::Bundle(problems) => Failure::Bundle(problems),
        ActivateError::Copy(source) => Failure::unavailable("copy the bundle", source),
        ActivateError::Store(source) => Failure::unavailable("keep the bundle", source),
        ActivateError::Pack(source) => Failure::unavailable("pack the static files", source),
        ActivateError::Environment(source) => Failure::unavailable("start Node", source),
        ActivateError::Node(source) => Failure::unavailable("start Node", source),
        ActivateError::Build(source) => Failure::unavailable("put the server together", source),
        ActivateError::Thread(source) => Failure::unavailable("pack the static files", source),
    }
}

/// Listens for operators. Without the socket nothing but their commands is missing.
fn control(app: &Arc<App>, steward: &Arc<Steward>, state: &StateDir) {
    match ControlSocket::bind(state.path()) {
        Ok(socket) => drop(tokio::spawn(socket.serve(Arc::clone(app), Arc::clone(steward)))),
        Err(error) => tracing::warn!(%error, "there is no control socket: nothing can be purged or deployed"),
    }
}

async fn bind_admin(settings: &Settings) -> Result<Option<AdminListener>, Failure> {
    match settings.admin {
        Admin::Off => Ok(None),
        Admin::On(address) => match AdminListener::bind(address).await {
            Ok(listener) => Ok(Some(listener)),
            Err(source) => Err(Failure::unavailable(
                "serve the admin endpoints",
                server::listen::ListenError::Bind { address: address.to_string(), source },
            )),
        },
    }
}

fn telemetry(settings: &Settings) -> Result<Telemetry, Failure> {
    let metrics = Metrics::new().map_err(|source| Failure::unavailable("set up metrics", source))?;
    let log = AccessLog::start(settings.log).map_err(|source| Failure::unavailable("start the access log", source))?;
    Ok(Telemetry::new(metrics, log))
}
