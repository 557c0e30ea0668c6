//! `edgeplane serve`: from settings and a bundle to a server that listens, and from a signal to its orderly end.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use edgeplane_config::{Admin, Amount, Bundle, CustomRule, HeaderRule, Manifest, Settings};
use tokio::runtime::Builder;

use super::{Failure, announce, arguments::ServeArgs, output, rules, state::StateDir, stop::Stop};
use crate::{
    app::{self, App, Parts},
    assets::{self, Pack},
    compute::{Fleet, Plan, environment},
    control::ControlSocket,
    server::{self, listen::Listener},
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

/// What is to be served.
struct Served {
    manifest: Manifest,
    bundle: Option<Bundle>,
    custom_headers: Vec<HeaderRule>,
    custom_rules: Vec<CustomRule>,
}

fn open(settings: &Settings, path: Option<&Path>) -> Result<Served, Failure> {
    let sidecar = !settings.upstream.is_empty();
    if sidecar && path.is_none() && !Path::new(DEFAULT_BUNDLE).exists() {
        let (custom_headers, problems) = edgeplane_config::custom_headers(&settings.headers, None);
        if problems.has_errors() {
            return Err(Failure::Bundle(problems));
        }
        let custom_rules = rules::gather(settings, None)?;
        return Ok(Served { manifest: Manifest::compute_only(), bundle: None, custom_headers, custom_rules });
    }
    let path = path.unwrap_or_else(|| Path::new(DEFAULT_BUNDLE));
    let bundle = Bundle::open_with(path, sidecar, &settings.headers).map_err(Failure::Bundle)?;
    for problem in bundle.warnings.iter() {
        output::problem(problem);
    }
    let custom_rules = rules::gather(settings, Some(&bundle))?;
    let (manifest, custom_headers) = (bundle.manifest.clone(), bundle.custom_headers.clone());
    Ok(Served { manifest, bundle: Some(bundle), custom_headers, custom_rules })
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

    let preparing = async {
        let pack = make_pack(&settings, served.bundle.as_ref(), pack).await?;
        let compute = start_compute(&settings, served.bundle.as_ref(), &state, environment).await?;
        Ok((pack, compute))
    };
    let (pack, compute) = tokio::select! {
        prepared = preparing => prepared?,
        () = stop.requested() => {
            tracing::info!("stopped before anything was served");
            return Ok(());
        }
    };
    let telemetry = telemetry(&settings)?;
    let (images, pages) = (Some(state.path().join("images")), Some(state.path().join("pages")));
    let Served { manifest, bundle, custom_headers, custom_rules } = served;
    let parts = Parts { manifest, custom_rules, pack, compute: compute.clone(), images, pages, custom_headers };
    let app = App::build(Arc::clone(&settings), parts, telemetry)
        .map(Arc::new)
        .map_err(|source| Failure::unavailable("put the server together", source))?;
    let started = AppReport::new(&app).map_err(|source| Failure::unavailable("set up metrics", source))?;
    if let Some(keyring) = keyring {
        watch_keyring(&app, keyring)?;
    }
    report.started(started);
    control(&app, &state);
    let improving = improve_pack(&app);
    announce::started(&app, bundle.as_ref(), &listeners, admin_url.as_deref());

    let drained = server::run(Arc::clone(&app), listeners, n_shards, async {
        stop.requested().await;
        announce::ending();
    })
    .await
    .map_err(|source| Failure::unavailable("start the threads", source))?;
    improving.store(true, Ordering::Release);
    announce::ended(drained);
    if let Some(fleet) = compute {
        fleet.stop().await;
    }
    app.telemetry.finish();
    Ok(())
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
fn control(app: &Arc<App>, state: &StateDir) {
    match ControlSocket::bind(state.path()) {
        Ok(socket) => drop(tokio::spawn(socket.serve(Arc::clone(app)))),
        Err(error) => tracing::warn!(%error, "there is no control socket: images cannot be purged"),
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

/// The pack of the bundle's static files: read and compressed on a thread that may block.
async fn make_pack(settings: &Arc<Settings>, bundle: Option<&Bundle>, ready: Option<PathBuf>) -> Result<Pack, Failure> {
    let static_dir = bundle.and_then(|bundle| bundle.static_dir.clone());
    let settings = Arc::clone(settings);
    let made = tokio::task::spawn_blocking(move || match ready {
        Some(path) => Pack::open(&path).map_err(assets::PrepareError::from),
        None => assets::prepare(static_dir.as_deref(), &app::packs_dir(&settings.state_dir), &settings.assets),
    });
    match made.await {
        Ok(made) => made.map_err(|source| Failure::unavailable("pack the static files", source)),
        Err(panicked) => Err(Failure::unavailable("pack the static files", panicked)),
    }
}

async fn start_compute(
    settings: &Settings,
    bundle: Option<&Bundle>,
    state: &StateDir,
    inherited: Vec<(OsString, OsString)>,
) -> Result<Option<Arc<Fleet>>, Failure> {
    if !settings.upstream.is_empty() {
        return Ok(Some(Arc::new(Fleet::upstreams(settings.upstream.iter().cloned()))));
    }
    let Some(folder) = bundle.and_then(|bundle| bundle.compute.clone()) else { return Ok(None) };
    let cannot = |source: Box<dyn std::error::Error + Send + Sync>| Failure::Unavailable { act: "start Node", source };
    let variables = settings
        .env_file
        .as_deref()
        .map(environment::read)
        .transpose()
        .map_err(|error| cannot(Box::new(error)))?
        .unwrap_or_default();
    let environment = environment::of_app(inherited, variables);
    let run_dir = state.path().join("run");
    let plan = Plan::new(folder, settings.compute.clone(), settings.instances, environment, run_dir);
    Fleet::start(plan).await.map(|fleet| Some(Arc::new(fleet))).map_err(|error| cannot(Box::new(error)))
}

fn telemetry(settings: &Settings) -> Result<Telemetry, Failure> {
    let metrics = Metrics::new().map_err(|source| Failure::unavailable("set up metrics", source))?;
    let log = AccessLog::start(settings.log).map_err(|source| Failure::unavailable("start the access log", source))?;
    Ok(Telemetry::new(metrics, log))
}

/// Makes the better compressed pack behind the scenes and swaps it in. The flag cancels it.
fn improve_pack(app: &Arc<App>) -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    let (app, cancelled) = (Arc::clone(app), Arc::clone(&cancel));
    let spawned = thread::Builder::new().name("improve-pack".to_owned()).spawn(move || {
        let deployment = app.sites.find("").current();
        match assets::improve(&deployment.pack.load_full(), &app.settings.assets, &cancelled) {
            Ok(Some(better)) => {
                tracing::info!(
                    files = better.len(),
                    bytes = better.bytes(),
                    "static files are compressed at their best now"
                );
                deployment.pack.store(Arc::new(better));
            }
            Ok(None) => {}
            Err(error) if cancelled.load(Ordering::Acquire) => tracing::debug!(%error, "compression cancelled"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "static files stay as they are"),
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "failed to start the compression of static files");
    }
    cancel
}
