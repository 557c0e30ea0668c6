//! The operator's settings: what `edgeplane.toml`, `EDGEPLANE_*` and the flags mean.
//!
//! 1. [`wire`]: TOML text to flat `section.key` values; `default.toml` is the list of what exists
//! 2. [`load`]: one source laid over the other: defaults < file < environment < flags
//! 3. [`meaning`]: each value read by its kind, with [`read`], [`quantity`] and [`address`]
//! 4. [`rules`] and [`tls`]: the rewrites and redirects, and the certificates, that stand in the file
//! 5. [`access`]: who may ask, with the users of [`credential`] and hosts that differ
//! 6. [`sites`]: the applications beside the one of the command line
//! 7. [`problem`]: everything that was wrong, at once

mod wire;
mod load;
mod meaning;
mod read;
mod quantity;
mod address;
mod compression;
mod problem;
mod rules;
mod credential;
mod access;
mod deploy;
mod sites;
mod listen;
mod tls;
mod http2;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::CustomRule;

pub use access::{AccessPolicy, AccessSettings, HostAccess, HostPattern, Rate};
pub use address::{Address, Admin};
pub use compression::{Coding, CompressionSettings};
pub use credential::{PasswordHash, User};
pub use deploy::{DeploySettings, SkewSettings};
pub use http2::Http2Settings;
pub use listen::Listen;
pub use load::{Loaded, Sources};
pub use problem::{Origin, SettingProblem, SettingProblems};
pub use sites::SiteSettings;
pub use tls::{CertificateFiles, ProxyProtocolSettings, RedirectSettings, TlsSettings, twin};

/// Everything an operator can decide, resolved: defaults < file < environment < flags.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses served.
    pub listen: Vec<Listen>,
    /// Where `/healthz`, `/readyz` and `/metrics` answer.
    pub admin: Admin,
    /// Where packs and caches live; 0700 and locked while in use.
    pub state_dir: PathBuf,
    /// Worker threads.
    pub threads: Amount,
    /// Node processes.
    pub instances: Amount,
    /// Servers somebody else starts; not empty: sidecar mode, no Node of ours.
    pub upstream: Vec<Address>,
    /// A file of `KEY=value` lines for Node's environment.
    pub env_file: Option<PathBuf>,
    /// Access log format.
    pub log: LogFormat,
    /// Host names that are this deployment, for absolute image URLs; lower case, no port.
    pub public_host: Vec<String>,
    /// Peers whose forwarded fields and request ids are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// Bounds on how long anything may take.
    pub timeouts: Timeouts,
    /// The static assets primitive.
    pub assets: StaticSettings,
    /// Where custom headers are written.
    pub headers: HeaderSettings,
    /// The compute primitive.
    pub compute: ComputeSettings,
    /// The image optimization primitive.
    pub image: ImageTuning,
    /// Rewrites and redirects.
    pub rewrite: RewriteSettings,
    /// Those of the file's `[[custom-rules]]`, in their order; they come before all others.
    pub custom_rules: Vec<CustomRule>,
    /// The edge cache.
    pub edge_cache: EdgeCacheSettings,
    /// Who may ask.
    pub access: AccessSettings,
    /// Compression of Compute's answers.
    pub compression: CompressionSettings,
    /// Those of the file's `[[sites]]`, in their order.
    pub sites: Vec<SiteSettings>,
    /// Previous deployments.
    pub skew: SkewSettings,
    /// Deploys.
    pub deploy: DeploySettings,
    /// What is spoken on `https://` addresses.
    pub tls: TlsSettings,
    /// Requests that are sent to another host or scheme.
    pub redirect: RedirectSettings,
    /// Balancers that say who their client is.
    pub proxy_protocol: ProxyProtocolSettings,
    /// HTTP/2.
    pub http2: Http2Settings,
}

/// A count, or as many as the machine (its cgroup quota) has processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// One per available processor.
    Auto,
    /// Just this many, at least 1.
    Just(usize),
}

/// Access log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per request.
    Text,
    /// One JSON object per request.
    Json,
    /// None.
    Off,
}

/// `[limits]`: sizes and counts of what clients may send.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open client connections; more wait in the kernel's backlog.
    pub connections: usize,
    /// Bytes of request line and header fields together: 431 above.
    pub request_head: usize,
    /// Bytes of the request target: 414 above.
    pub request_target: usize,
    /// Header fields: 431 above.
    pub request_fields: usize,
    /// Bytes of a request body: 413 above.
    pub request_body: u64,
    /// A declared body of at most this many bytes is held until complete.
    pub body_hold: usize,
    /// Requests on one connection before it is closed.
    pub keepalive_requests: u32,
}

/// `[timeouts]`: how long anything may take.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From the first byte of a request head to its last: 408 above.
    pub head: Duration,
    /// An idle keep-alive connection.
    pub idle: Duration,
    /// Between two reads of a request body.
    pub body_read: Duration,
    /// A write the client does not take.
    pub write: Duration,
    /// Connecting to Node or an upstream.
    pub connect: Duration,
    /// A whole exchange with compute: 504 above. The specification's limit is 15 minutes.
    pub request: Duration,
    /// After SIGTERM, for requests under way.
    pub drain: Duration,
}

/// `[static]`: the asset pack and its answers.
#[derive(Clone, Debug)]
pub struct StaticSettings {
    /// `Cache-Control` where the route gives none.
    pub cache_control: String,
    /// Whether compressed variants are made (siblings in the bundle are used in any case).
    pub compress: bool,
    /// Files above this many bytes get no compressed variant of our making.
    pub compress_bytes_max: u64,
    /// Ranges answered in one request; more: the whole file.
    pub ranges_max: usize,
    /// Files in one pack.
    pub files_max: usize,
    /// `index.html` for a request path that ends in `/`, on Static targets.
    pub index: bool,
    /// `about.html` for `/about`, on Static targets.
    pub clean_urls: bool,
    /// A redirect to `/about/` for `/about` where that is a folder with an index, on Static targets.
    pub slash_redirects: bool,
    /// What becomes of prerendered pages whose path goes to Compute.
    pub prerendered: Prerendered,
    /// In an all-Static bundle, the file answered with 200 for a path without a dot that has none.
    pub spa_page: Option<String>,
    /// In an all-Static bundle, the file answered with 404.
    pub not_found_page: Option<String>,
}

/// When a page below `static/` answers a path that goes to Compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prerendered {
    /// Never: what the manifest says and nothing else.
    Off,
    /// Where Compute says 404.
    Fallback,
    /// Without asking Compute.
    First,
}

/// `[headers]`: where custom headers are written.
#[derive(Clone, Debug, Default)]
pub struct HeaderSettings {
    /// The file; none: the one in or beside the bundle.
    pub file: Option<PathBuf>,
    /// In a monorepo, the application's `appRoot`; empty: the only one that has custom headers.
    pub app_root: String,
}

/// `[compute]`: Node and the exchanges with it.
#[derive(Clone, Debug)]
pub struct ComputeSettings {
    /// The Node executable.
    pub node: PathBuf,
    /// Path of the readiness request; any answer counts.
    pub readiness_path: String,
    /// How long an instance may take until it answers.
    pub start_timeout: Duration,
    /// How long a request waits for an instance while none is ready: 503 above.
    pub ready_wait: Duration,
    /// Between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
    /// First and longest pause before a restart.
    pub restart_min: Duration,
    /// The longest pause before a restart.
    pub restart_max: Duration,
    /// How long an idle connection to Node is kept; Node closes its own after 5 s.
    pub pool_idle: Duration,
    /// Idle connections kept per instance.
    pub pool_size: usize,
    /// Attempts per request that may be repeated, the first included.
    pub attempts: usize,
}

/// `[rewrite]`: custom rules, which are Amplify's rewrites and redirects.
#[derive(Clone, Debug)]
pub struct RewriteSettings {
    /// A file with rules beside those of the bundle.
    pub custom_rules_file: Option<PathBuf>,
    /// Whether the bundle's `customRules.json` counts.
    pub bundle_rules: bool,
    /// The request field that names the client's country, lower case; none: no country is known.
    pub country_header: Option<String>,
    /// Whether a rule that rewrites to one page leaves image routes alone.
    pub spare_images: bool,
    /// Steps back that a regular expression may take: no match above.
    pub regex_steps: usize,
    /// Bytes of a path that regular expressions are tried on: no match above.
    pub regex_path: usize,
    /// Connecting to another site, TLS included.
    pub connect_timeout: Duration,
    /// Servers of this kind that a proxied request may have passed: 508 above.
    pub hops_max: usize,
}

/// `[image]`: the optimizer's bounds and defaults.
#[derive(Clone, Debug)]
pub struct ImageTuning {
    /// CPU workers.
    pub workers: Amount,
    /// Jobs waiting for a worker: 503 above.
    pub queue: usize,
    /// From request to answer: 504 above.
    pub timeout: Duration,
    /// A remote fetch, redirects included: 504 above.
    pub fetch_timeout: Duration,
    /// Redirects followed.
    pub redirects_max: usize,
    /// Bytes of a source: 413 above. Amplify: 11 MB.
    pub source_bytes_max: usize,
    /// Bytes of fetched sources that are held at once: 503 above.
    pub fetched_bytes_max: usize,
    /// Pixels on one side of a source: 413 above. Amplify: 9000.
    pub side_max: u32,
    /// Bytes of an answer: 413 above. Amplify: 4 MB.
    pub output_bytes_max: usize,
    /// Bytes of pixels all jobs together may hold.
    pub memory_bytes_max: usize,
    /// Bytes of optimized images kept in memory.
    pub cache_bytes: u64,
    /// Bytes of them that each thread keeps at hand.
    pub front_bytes: usize,
    /// Bytes of optimized images kept on disk; 0: none.
    pub disk_bytes: u64,
    /// How long after its lifetime an image is answered while it is fetched anew.
    pub stale_max: Duration,
    /// How long a client that takes other formats too waits for AVIF; none: without limit.
    pub avif_wait: Option<Duration>,
    /// Images that are being finished after another format was answered.
    pub behind_max: usize,
    /// The URL of a Redis or Valkey server that several processes share.
    pub shared_cache: Option<String>,
    /// The file of the secret that entries of the shared cache are signed with.
    pub shared_cache_key_file: Option<PathBuf>,
    /// How long the shared cache may delay an answer.
    pub shared_cache_timeout: Duration,
    /// Quality where the request names none, 1-100.
    pub quality: u8,
    /// Whether a height must be one of the sizes.
    pub height_in_sizes: bool,
    /// Whether pictures in Display P3 keep their colours.
    pub keep_p3: bool,
    /// Widths where the manifest has no image settings.
    pub default_sizes: Vec<u32>,
    /// Networks that are not global but may hold remote sources all the same, such as an internal image host's.
    /// Empty: every source that resolves to a private, local or reserved address is refused.
    pub private_addresses: Vec<IpNet>,
    /// Whether remote sources may be fetched over plain http.
    pub allow_http: bool,
    /// How long a failed fetch is remembered.
    pub negative_ttl: Duration,
    /// The longest time an image is kept, whatever its source says.
    pub ttl_max: Duration,
    /// Whether decoders that are not memory-safe Rust may run where the kernel has no sandbox for them.
    pub unsandboxed: bool,
    /// How far workers stand back behind what answers requests, 0-19.
    pub niceness: u8,
    /// Bytes a worker process may hold beside what its job was priced at.
    pub worker_bytes: usize,
    /// Bytes above which a waiting worker process is replaced.
    pub worker_idle_bytes: usize,
    /// Jobs after which a worker process is replaced.
    pub worker_jobs: u32,
}

/// `[edge-cache]`: answers of Compute that are kept for everybody.
#[derive(Clone, Debug, Default)]
pub struct EdgeCacheSettings {
    /// The field that names the client's country: that of the rewrites.
    pub country_header: Option<String>,
    /// Whether there is one.
    pub enabled: bool,
    /// Bytes of pages kept in memory.
    pub memory_bytes: u64,
    /// Bytes of them that each thread keeps at hand.
    pub front_bytes: usize,
    /// Bytes of pages that are being fetched, and that clients have not taken yet.
    pub fetching_bytes: usize,
    /// Bytes of pages kept on disk; 0: none.
    pub disk_bytes: u64,
    /// Bytes of the largest page that is kept.
    pub entry_bytes: usize,
    /// The longest time after its lifetime that a page is of use.
    pub stale_max: Duration,
    /// How long it is remembered that a page is not to be kept.
    pub pass_ttl: Duration,
    /// How long a request waits for somebody else's fetch.
    pub wait: Duration,
    /// Whether a request with a cookie may be answered from the cache.
    pub with_cookies: bool,
    /// Names of cookies that do not count; a `*` at the end stands for anything.
    pub ignored_cookies: Vec<String>,
    /// Whether a client's own `Cache-Control` is obeyed.
    pub obey_clients: bool,
}

impl Settings {
    /// The site of the command line, as the settings above the first section describe it.
    pub fn default_site(&self, name: &str) -> SiteSettings {
        SiteSettings {
            name: name.to_owned(),
            hosts: Vec::new(),
            bundle: None,
            upstream: self.upstream.clone(),
            env_file: self.env_file.clone(),
            public_host: self.public_host.clone(),
        }
    }

    /// The commented settings file with every setting and its default.
    pub fn default_file() -> &'static str {
        wire::DEFAULTS
    }
}

/// What `default.toml` says, on a machine whose environment says nothing.
impl Default for Settings {
    fn default() -> Self {
        meaning::read(&wire::defaults(), load::state_dir(&[])).0
    }
}
