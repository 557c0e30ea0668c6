//! What the values mean: the text of every source becomes [`Settings`], once.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::{
    Address, ComputeSettings, EdgeCacheSettings, HeaderSettings, ImageTuning, Limits, Listen, LogFormat, Prerendered,
    ProxyProtocolSettings, RewriteSettings, Settings, StaticSettings, Timeouts, access, compression, deploy, http2,
    problem::SettingProblem,
    quantity::{self, GIB, KIB, MIB},
    read::Reader,
    tls,
    wire::Values,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads every setting. The settings count only where no problem comes with them.
pub(crate) fn read(values: &Values, state_dir: PathBuf) -> (Settings, Vec<SettingProblem>) {
    let mut reader = Reader::new(values);
    let settings = Settings {
        listen: reader.addresses("listen", Listen::parse),
        admin: reader.admin("admin"),
        state_dir: reader.path("state-dir").unwrap_or(state_dir),
        threads: reader.amount("threads"),
        instances: reader.amount("instances"),
        upstream: reader.addresses("upstream", Address::upstream),
        env_file: reader.path("env-file"),
        log: reader.parsed("log", LogFormat::Text, "write \"text\", \"json\" or \"off\"", log_format),
        public_host: public_hosts(&mut reader),
        trusted_proxies: networks(&mut reader, "trusted-proxies"),
        limits: limits(&mut reader),
        timeouts: timeouts(&mut reader),
        assets: assets(&mut reader),
        headers: headers(&mut reader),
        compute: compute(&mut reader),
        image: image(&mut reader),
        rewrite: rewrite(&mut reader),
        custom_rules: Vec::new(),
        sites: Vec::new(),
        edge_cache: edge_cache(&mut reader),
        access: access::read(&mut reader),
        compression: compression::read(&mut reader),
        skew: deploy::skew(&mut reader),
        deploy: deploy::deploy(&mut reader),
        tls: tls::read(&mut reader),
        redirect: tls::redirect(&mut reader),
        proxy_protocol: proxy_protocol(&mut reader),
        http2: http2::read(&mut reader),
    };
    let settings = with_country(settings);
    contradictions(&settings, &mut reader);
    (settings, reader.problems())
}

fn proxy_protocol(reader: &mut Reader<'_>) -> ProxyProtocolSettings {
    let sources = networks(reader, "proxy-protocol.sources");
    tls::proxy_protocol(reader, sources)
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        connections: reader.count("limits.connections", 1..=1_000_000),
        request_head: reader.bytes("limits.request-head", KIB..=MIB),
        request_target: reader.bytes("limits.request-target", 256..=MIB),
        request_fields: reader.count("limits.request-fields", 8..=256),
        request_body: reader.bytes("limits.request-body", 0..=1024 * GIB),
        body_hold: reader.bytes("limits.body-hold", 0..=16 * MIB),
        keepalive_requests: reader.count("limits.keepalive-requests", 1..=u64::from(u32::MAX)),
    }
}

fn timeouts(reader: &mut Reader<'_>) -> Timeouts {
    Timeouts {
        head: reader.duration("timeouts.head", 10 * MS..=HOUR),
        idle: reader.duration("timeouts.idle", 10 * MS..=DAY),
        body_read: reader.duration("timeouts.body-read", 10 * MS..=DAY),
        write: reader.duration("timeouts.write", 10 * MS..=DAY),
        connect: reader.duration("timeouts.connect", MS..=HOUR),
        request: reader.duration("timeouts.request", 10 * MS..=7 * DAY),
        drain: reader.duration("timeouts.drain", Duration::ZERO..=DAY),
    }
}

fn assets(reader: &mut Reader<'_>) -> StaticSettings {
    let field = |text: &str| HeaderValue::from_str(text).is_ok().then(|| text.to_owned());
    StaticSettings {
        cache_control: reader.parsed("static.cache-control", String::new(), "write a Cache-Control field value", field),
        compress: reader.boolean("static.compress"),
        compress_bytes_max: reader.bytes("static.compress-bytes-max", 0..=GIB),
        ranges_max: reader.count("static.ranges-max", 1..=1000),
        files_max: reader.count("static.files-max", 1..=10_000_000),
        index: reader.boolean("static.index"),
        clean_urls: reader.boolean("static.clean-urls"),
        slash_redirects: reader.boolean("static.slash-redirects"),
        prerendered: reader.parsed(
            "static.prerendered",
            Prerendered::Off,
            "write \"off\", \"fallback\" or \"first\"",
            prerendered,
        ),
        spa_page: page(reader, "static.spa-page"),
        not_found_page: page(reader, "static.not-found-page"),
    }
}

fn prerendered(text: &str) -> Option<Prerendered> {
    match text {
        "off" => Some(Prerendered::Off),
        "fallback" => Some(Prerendered::Fallback),
        "first" => Some(Prerendered::First),
        _ => None,
    }
}

/// A file below `static/`, or nothing.
fn page(reader: &mut Reader<'_>, key: &str) -> Option<String> {
    let name = |text: &str| (!text.starts_with('/')).then(|| Some(text.to_owned()).filter(|text| !text.is_empty()));
    reader.parsed(key, None, "write the name of a file below `static`, such as \"404.html\", or nothing", name)
}

fn headers(reader: &mut Reader<'_>) -> HeaderSettings {
    HeaderSettings {
        file: reader.path("headers.file"),
        app_root: reader
            .parsed("headers.app-root", String::new(), "write a folder, or nothing", |text| Some(text.to_owned())),
    }
}

fn compute(reader: &mut Reader<'_>) -> ComputeSettings {
    let path =
        |text: &str| (text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic())).then(|| text.to_owned());
    ComputeSettings {
        node: reader.program("compute.node"),
        readiness_path: reader.parsed("compute.readiness-path", String::new(), "write a path that begins with /", path),
        start_timeout: reader.duration("compute.start-timeout", 100 * MS..=HOUR),
        ready_wait: reader.duration("compute.ready-wait", Duration::ZERO..=HOUR),
        stop_timeout: reader.duration("compute.stop-timeout", Duration::ZERO..=HOUR),
        restart_min: reader.duration("compute.restart-min", MS..=HOUR),
        restart_max: reader.duration("compute.restart-max", MS..=DAY),
        pool_idle: reader.duration("compute.pool-idle", Duration::ZERO..=HOUR),
        pool_size: reader.count("compute.pool-size", 0..=65_536),
        attempts: reader.count("compute.attempts", 1..=10),
    }
}

fn image(reader: &mut Reader<'_>) -> ImageTuning {
    ImageTuning {
        workers: reader.amount("image.workers"),
        queue: reader.count("image.queue", 0..=65_536),
        timeout: reader.duration("image.timeout", 10 * MS..=HOUR),
        fetch_timeout: reader.duration("image.fetch-timeout", 10 * MS..=HOUR),
        redirects_max: reader.count("image.redirects-max", 0..=20),
        source_bytes_max: reader.bytes("image.source-bytes-max", KIB..=GIB),
        fetched_bytes_max: reader.bytes("image.fetched-bytes-max", KIB..=1024 * GIB),
        side_max: reader.count("image.side-max", 1..=65_535),
        output_bytes_max: reader.bytes("image.output-bytes-max", KIB..=GIB),
        memory_bytes_max: reader.bytes("image.memory-bytes-max", MIB..=1024 * GIB),
        cache_bytes: reader.bytes("image.cache-bytes", 0..=1024 * GIB),
        front_bytes: reader.bytes("image.front-bytes", 0..=GIB),
        disk_bytes: reader.bytes("image.disk-bytes", 0..=1024 * GIB),
        stale_max: reader.duration("image.stale-max", Duration::ZERO..=3650 * DAY),
        avif_wait: avif_wait(reader),
        behind_max: reader.count("image.behind-max", 0..=1024),
        shared_cache: shared_cache(reader),
        shared_cache_key_file: reader.path("image.shared-cache-key-file"),
        shared_cache_timeout: reader.duration("image.shared-cache-timeout", MS..=10 * SECOND),
        quality: reader.count("image.quality", 1..=100),
        height_in_sizes: reader.boolean("image.height-in-sizes"),
        keep_p3: reader.boolean("image.keep-p3"),
        default_sizes: default_sizes(reader),
        allow_http: reader.boolean("image.allow-http"),
        private_addresses: networks(reader, "image.private-addresses"),
        negative_ttl: reader.duration("image.negative-ttl", Duration::ZERO..=DAY),
        ttl_max: reader.duration("image.ttl-max", SECOND..=3650 * DAY),
        unsandboxed: reader.boolean("image.unsandboxed"),
        niceness: reader.count("image.niceness", 0..=19),
        worker_bytes: reader.bytes("image.worker-bytes", 16 * MIB..=64 * GIB),
        worker_idle_bytes: reader.bytes("image.worker-idle-bytes", MIB..=64 * GIB),
        worker_jobs: reader.count("image.worker-jobs", 1..=1_000_000),
    }
}

/// The edge cache knows the country by the field that the rules know it by.
fn with_country(mut settings: Settings) -> Settings {
    settings.edge_cache.country_header.clone_from(&settings.rewrite.country_header);
    settings
}

/// The field that names the client's country.
fn country_header(reader: &mut Reader<'_>) -> Option<String> {
    let field = |text: &str| match text {
        "" => Some(None),
        text => HeaderName::from_bytes(text.as_bytes()).ok().map(|name| Some(name.as_str().to_owned())),
    };
    reader.parsed("rewrite.country-header", None, "write the name of a field, or nothing", field)
}

fn rewrite(reader: &mut Reader<'_>) -> RewriteSettings {
    RewriteSettings {
        custom_rules_file: reader.path("rewrite.custom-rules-file"),
        bundle_rules: reader.boolean("rewrite.bundle-rules"),
        country_header: country_header(reader),
        spare_images: reader.boolean("rewrite.spare-images"),
        regex_steps: reader.count("rewrite.regex-steps", 100..=10_000_000),
        regex_path: reader.bytes("rewrite.regex-path", 64..=64 * KIB),
        connect_timeout: reader.duration("rewrite.connect-timeout", 10 * MS..=HOUR),
        hops_max: reader.count("rewrite.hops-max", 1..=100),
    }
}

fn edge_cache(reader: &mut Reader<'_>) -> EdgeCacheSettings {
    EdgeCacheSettings {
        country_header: None,
        enabled: reader.boolean("edge-cache.enabled"),
        memory_bytes: reader.bytes("edge-cache.memory-bytes", 0..=1024 * GIB),
        front_bytes: reader.bytes("edge-cache.front-bytes", 0..=GIB),
        fetching_bytes: reader.bytes("edge-cache.fetching-bytes", 64 * KIB..=64 * GIB),
        disk_bytes: reader.bytes("edge-cache.disk-bytes", 0..=1024 * GIB),
        entry_bytes: reader.bytes("edge-cache.entry-bytes", KIB..=GIB),
        stale_max: reader.duration("edge-cache.stale-max", Duration::ZERO..=365 * DAY),
        pass_ttl: reader.duration("edge-cache.pass-ttl", Duration::ZERO..=DAY),
        wait: reader.duration("edge-cache.wait", Duration::ZERO..=HOUR),
        with_cookies: reader.boolean("edge-cache.with-cookies"),
        ignored_cookies: ignored_cookies(reader),
        obey_clients: reader.boolean("edge-cache.obey-clients"),
    }
}

/// Names of cookies (RFC 6265 4.1.1), perhaps with a `*` at the end.
fn ignored_cookies(reader: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "edge-cache.ignored-cookies";
    let names = reader.texts(KEY);
    for name in &names {
        let beginning = name.strip_suffix('*').unwrap_or(name);
        let is_name = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}*".contains(&byte);
        if beginning.is_empty() || !beginning.bytes().all(is_name) {
            reader.note(KEY, format!("`{name}` is no name of a cookie"), "write it as it is set: \"_ga\", or \"_ga*\"");
        }
    }
    names
}

/// A duration, or `unlimited`.
fn avif_wait(reader: &mut Reader<'_>) -> Option<Duration> {
    let wait = |text: &str| match text {
        "unlimited" => Some(None),
        text => quantity::duration(text).filter(|wait| *wait <= HOUR).map(Some),
    };
    reader.parsed("image.avif-wait", None, "write a duration up to 1h, such as \"250ms\", or \"unlimited\"", wait)
}

/// `redis://[user:password@]host[:port][/database]`; the name of the scheme is all that can be judged from here.
fn shared_cache(reader: &mut Reader<'_>) -> Option<String> {
    let server = |text: &str| match text {
        "" => Some(None),
        text if text.starts_with("redis://") || text.starts_with("redis+unix://") => Some(Some(text.to_owned())),
        _ => None,
    };
    reader.parsed("image.shared-cache", None, "write a URL such as \"redis://127.0.0.1:6379\", or nothing", server)
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        "off" => Some(LogFormat::Off),
        _ => None,
    }
}

/// Names as they stand in a URL: a port or a scheme would never match, so it is refused.
fn public_hosts(reader: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "public-host";
    let hosts = reader.texts(KEY);
    for host in &hosts {
        let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !named {
            reader.note(
                KEY,
                format!("`{host}` is no host name"),
                "write it without scheme, port and path: www.example.com",
            );
        }
    }
    hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect()
}

pub(super) fn networks(reader: &mut Reader<'_>, key: &str) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in reader.texts(key) {
        match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network),
            Err(_) => reader.note(key, format!("`{text}` is no network"), "write an address or a network: 10.0.0.0/8"),
        }
    }
    networks
}

/// Ascending and without repeats, as the image settings of a manifest.
fn default_sizes(reader: &mut Reader<'_>) -> Vec<u32> {
    const KEY: &str = "image.default-sizes";
    let mut sizes = Vec::new();
    for text in reader.texts(KEY) {
        match text.trim().parse() {
            Ok(size @ 1..=65_535) => sizes.push(size),
            _ => reader.note(KEY, format!("`{text}` is no width"), "write whole numbers of pixels from 1 to 65535"),
        }
    }
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Settings that are right alone and wrong together.
fn contradictions(settings: &Settings, reader: &mut Reader<'_>) {
    if !reader.is_clean() {
        return;
    }
    if settings.listen.is_empty() {
        reader.note("listen", "there is no address to serve", "write one, such as \"127.0.0.1:8080\"");
    }
    if settings.limits.request_target > settings.limits.request_head {
        reader.note(
            "limits.request-target",
            "a request target longer than a whole request head can never arrive",
            "raise `limits.request-head` or lower this",
        );
    }
    if settings.compute.restart_min > settings.compute.restart_max {
        reader.note(
            "compute.restart-min",
            "the first pause is longer than the longest",
            "raise `compute.restart-max` or lower this",
        );
    }
    if settings.image.source_bytes_max > settings.image.fetched_bytes_max {
        reader.note(
            "image.source-bytes-max",
            "a source larger than all that are held together can never be fetched",
            "raise `image.fetched-bytes-max` or lower this",
        );
    }
    if settings.image.shared_cache.is_some() && settings.image.shared_cache_key_file.is_none() {
        reader.note(
            "image.shared-cache",
            "without a key nobody can tell our images from somebody else's",
            "name a file with at least 32 random bytes in `image.shared-cache-key-file`",
        );
    }
    if settings.image.default_sizes.is_empty() {
        reader.note(
            "image.default-sizes",
            "without a width no image can be asked for",
            "name at least one width in pixels",
        );
    }
}
