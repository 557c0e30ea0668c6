//! `edgeplane serve`: from settings and a bundle to a server that listens, and from a signal to its orderly end.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use edgeplane_config::{Admin, Amount, Settings, SiteSettings};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{Failure, announce, arguments::ServeArgs, output, state::StateDir, stop::Stop};
use crate::{
    app::{App, DEFAULT_SITE},
    control::ControlSocket,
    deploy::{ActivateError, Berth, Served, Stage, Steward},
    server::{self, listen::Listener},
    site::Sites,
    telemetry::{
        Certificates, Telemetry,
        access_log::AccessLog,
        admin::AdminListener,
        metrics::Metrics,
        report::{AppReport, StartReport},
    },
    tls::{self, Keyring},
};

/// Where the bundle is looked for when none is named.
const DEFAULT_BUNDLE: &str = ".amplify-hosting";

/// Serves until a signal ends it.
pub(crate) fn run(settings: Settings, args: ServeArgs, environment: Vec<(OsString, OsString)>) -> Result<(), Failure> {
    let settings = Arc::new(settings);
    let opened = open(&settings, args.bundle.as_deref(), args.pack)?;
    // What serves requests has threads of its own; this one starts, watches and ends everything.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::unavailable("start the threads", source))?;
    let ended = runtime.block_on(serve(settings, opened, environment));
    // What still runs on a thread that may block, such as packing, is of no use to anybody now.
    runtime.shutdown_background();
    ended
}

/// A site, and what it is to serve first.
struct Opened {
    terms: SiteSettings,
    served: Served,
    /// Of what is served, made ahead of time.
    pack: Option<PathBuf>,
}

/// Every site, that of the command line first, where it names one.
fn open(settings: &Settings, path: Option<&Path>, pack: Option<PathBuf>) -> Result<Vec<Opened>, Failure> {
    let mut opened = Vec::new();
    let sidecar = !settings.upstream.is_empty();
    let is_there = Path::new(DEFAULT_BUNDLE).exists();
    if path.is_some() || sidecar || is_there || settings.sites.is_empty() {
        let path = path.or_else(|| (is_there || !sidecar).then_some(Path::new(DEFAULT_BUNDLE)));
        let terms = settings.default_site(DEFAULT_SITE);
        opened.push(Opened { served: of(settings, path, sidecar)?, terms, pack });
    }
    for terms in &settings.sites {
        let served = of(settings, terms.bundle.as_deref(), !terms.upstream.is_empty())?;
        opened.push(Opened { served, terms: terms.clone(), pack: None });
    }
    Ok(opened)
}

fn of(settings: &Settings, path: Option<&Path>, sidecar: bool) -> Result<Served, Failure> {
    let served = match path {
        Some(path) => Served::open(path, settings, sidecar),
        None => Served::upstreams(settings),
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
    opened: Vec<Opened>,
    environment: Vec<(OsString, OsString)>,
) -> Result<(), Failure> {
    let mut stop = Stop::listen().map_err(|source| Failure::unavailable("listen for signals", source))?;
    // From the beginning, or it would end us while we start.
    let hangup = signal(SignalKind::hangup()).map_err(|source| Failure::unavailable("listen for signals", source))?;
    let n_shards = n_threads(settings.threads);
    let keyring = open_keyring(&settings)?;
    let tls =
        keyring.clone().map(tls::config).transpose().map_err(|source| Failure::unavailable("speak TLS", source))?;
    let listeners = settings
        .listen
        .iter()
        .map(|listen| Listener::bind(listen, tls.as_ref(), n_shards))
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
    let bundles: Vec<_> = opened.iter().map(|one| one.served.bundle.clone()).collect();
    let berths = tokio::select! {
        started = start(&stage, opened, state.path()) => started?,
        () = stop.requested() => {
            tracing::info!("stopped before anything was served");
            return Ok(());
        }
    };
    let telemetry = telemetry(&settings)?;
    let site = |berth: &Berth| Arc::clone(berth.site());
    let (any, named): (Vec<_>, Vec<_>) = berths.iter().partition(|berth| berth.hosts().is_empty());
    let sites =
        Sites::new(any.first().map(|berth| site(berth)), named.iter().map(|berth| (site(berth), berth.hosts())));
    let app = App::of_sites(Arc::clone(&settings), sites, telemetry, Some(state.path()))
        .map(Arc::new)
        .map_err(|source| Failure::unavailable("put the server together", source))?;
    let steward = Arc::new(Steward::new(stage, berths));
    let started = AppReport::new(&app).map_err(|source| Failure::unavailable("set up metrics", source))?;
    if let Some(keyring) = keyring {
        watch_keyring(&app, keyring)?;
    }
    report.started(started);
    control(&app, &steward, &state);
    steward.begin();
    reload(&steward, hangup);
    announce::started(&app, &bundles, &listeners, admin_url.as_deref());

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

/// Starts every site, one after the other.
async fn start(stage: &Stage, opened: Vec<Opened>, state_dir: &Path) -> Result<Vec<Berth>, Failure> {
    let mut berths = Vec::with_capacity(opened.len());
    for Opened { terms, served, pack } in opened {
        berths.push(Berth::open(stage, terms, state_dir, served, pack).await.map_err(unserved)?);
    }
    Ok(berths)
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

/// SIGHUP deploys what lies in the folders that were named.
fn reload(steward: &Arc<Steward>, mut asked: Signal) {
    let steward = Arc::clone(steward);
    tokio::spawn(async move {
        while asked.recv().await.is_some() {
            steward.reload().await;
        }
    });
}

/// The certificates, where somebody is to speak TLS.
fn open_keyring(settings: &Settings) -> Result<Option<Arc<Keyring>>, Failure> {
    if !settings.listen.iter().any(|listen| listen.tls) {
        if !settings.tls.certificates.is_empty() {
            tracing::warn!("there are certificates, and no https:// address in `listen` to use them on");
        }
        return Ok(None);
    }
    let keyring = Keyring::open(&settings.tls).map_err(|source| Failure::unavailable("speak TLS", source))?;
    Ok(Some(Arc::new(keyring)))
}

/// Takes up new certificates, and tells when those in use end.
fn watch_keyring(app: &App, keyring: Arc<Keyring>) -> Result<(), Failure> {
    let certificates = Certificates::new(Arc::clone(&keyring));
    let registered = certificates.and_then(|certificates| app.telemetry.metrics().register(Box::new(certificates)));
    registered.map_err(|source| Failure::unavailable("set up metrics", source))?;
    tls::watch(keyring, app.settings.tls.watch_interval)
        .map_err(|source| Failure::unavailable("listen for signals", source))
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
