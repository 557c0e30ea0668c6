//! The two decisions every request pays for, in this process alone: the route, and the whole way of a plain request.

use std::{fs, path::Path, sync::Arc, time::Duration};

use bytes::BytesMut;
use edgeplane::{
    answer::Head,
    app::{App, Parts},
    assets,
    rewrite::{Asked, CustomRules, List},
    route::Routes,
    server::plain::Rehearsal,
    telemetry::{Telemetry, access_log::AccessLog, metrics::Metrics},
};
use edgeplane_config::{CustomRule, LogFormat, Manifest, Rate, Settings};

use crate::failure::Failure;

/// Forty bytes, as long as paths of real sites are.
pub(crate) const PATH: &[u8] = b"/blog/2021/01/01/a-page-with-forty-bytes";

/// Sections of a site, and what catches all at the end.
pub(crate) fn routes(count: usize) -> Result<Routes, Failure> {
    let patterns: Vec<String> = (1..count).map(|n| format!("/section-{n}/*.*")).chain(["/*".to_owned()]).collect();
    compile(&patterns)
}

pub(crate) fn compile(patterns: &[String]) -> Result<Routes, Failure> {
    Routes::compile(patterns.iter().map(String::as_str)).map_err(decision)
}

/// Redirects of old pages and of old sections, as sites gather them over the years.
pub(crate) fn rules(count: usize) -> Vec<CustomRule> {
    let rule = |n: usize| match n % 2 {
        0 => format!(r#"{{"source": "/old-section-{n}/<*>", "target": "/section-{n}/<*>", "status": "301"}}"#),
        _ => format!(r#"{{"source": "/old-page-{n}.html", "target": "/pages/{n}", "status": "301"}}"#),
    };
    let list = format!("[{}]", (0..count).map(rule).collect::<Vec<_>>().join(","));
    edgeplane_config::parse_custom_rules(&list, Path::new("rules")).map(|(rules, _)| rules).unwrap_or_default()
}

/// Rules, compiled, and the path that a route is found for.
#[derive(Debug)]
pub(crate) struct Ruling(CustomRules);

impl Ruling {
    pub(crate) fn prepare(count: usize) -> Result<Self, Failure> {
        let compiled = CustomRules::compile(&rules(count), &Settings::default().rewrite).map_err(decision)?;
        compiled.map(Self).ok_or_else(|| decision(std::io::Error::other("there are no rules")))
    }

    /// Whether a rule takes the path.
    pub(crate) fn find(&self, path: &str) -> bool {
        let head = Head { method: "GET", path, query: None, fields: &[], http11: true, host: "localhost" };
        let asked = Asked::of(&head, path.as_bytes(), None);
        self.0.find(List::First, &asked, &|| false).is_some()
    }
}

/// A request as browsers send it, for a file, and everything that answers it but a socket.
#[derive(Debug)]
pub(crate) struct PlainRequest {
    lane: Rehearsal,
    out: BytesMut,
}

const REQUEST: &[u8] = b"GET /app.js?v=1 HTTP/1.1\r\n\
    host: localhost:8080\r\n\
    user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    accept: */*\r\n\
    sec-fetch-site: same-origin\r\n\
    sec-fetch-mode: no-cors\r\n\
    sec-fetch-dest: script\r\n\
    referer: http://localhost:8080/\r\n\
    accept-encoding: gzip, deflate, br, zstd\r\n\
    accept-language: en-GB,en;q=0.9\r\n\
    \r\n";

const MANIFEST: &str = r#"{
    "version": 1, "framework": {"name": "none", "version": "1.0.0"},
    "routes": [{"path": "/*", "target": {"kind": "Static"}}]
}"#;

impl PlainRequest {
    /// Beside so many rules, none of which takes it.
    pub(crate) fn prepare(n_rules: usize) -> Result<Self, Failure> {
        Self::under(Settings::default(), n_rules)
    }

    /// Behind a list of a thousand networks and a rate, neither of which turns it away.
    pub(crate) fn admitted() -> Result<Self, Failure> {
        let mut settings = Settings::default();
        let network = |n: usize| format!("10.{}.{}.0/24", n / 256, n % 256).parse().ok();
        settings.access.everywhere.deny = (0..1000).filter_map(network).collect();
        settings.access.everywhere.rate = Some(Rate { count: 1_000_000, per: Duration::from_secs(1) });
        settings.access.everywhere.burst = 1_000_000;
        Self::under(settings, 0)
    }

    fn under(settings: Settings, n_rules: usize) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::system("make a folder"))?;
        let files = folder.path().join("static");
        fs::create_dir(&files).map_err(Failure::file("make", &files))?;
        let file = files.join("app.js");
        fs::write(&file, "x".repeat(1024)).map_err(Failure::file("write", &file))?;
        let settings = Arc::new(settings);
        let pack = assets::prepare(Some(&files), &folder.path().join("packs"), &settings.assets).map_err(decision)?;
        let (manifest, _) = Manifest::parse(MANIFEST).map_err(decision)?;
        let metrics = Metrics::new().map_err(decision)?;
        let log = AccessLog::start(LogFormat::Off).map_err(Failure::system("start a log"))?;
        let telemetry = Telemetry::new(metrics, log);
        let shard = telemetry.shard();
        let parts = Parts {
            id: None,
            manifest,
            custom_rules: rules(n_rules),
            pack,
            compute: None,
            custom_headers: Vec::new(),
            public_host: Vec::new(),
        };
        let app = App::build(settings, parts, telemetry).map_err(decision)?;
        Ok(Self { lane: Rehearsal::new(app, shard), out: BytesMut::with_capacity(4096) })
    }

    /// Answers it, and gives the length of the content.
    pub(crate) fn answer(&mut self) -> Option<usize> {
        self.out.clear();
        self.lane.answer(REQUEST, &mut self.out)
    }
}

fn decision(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Decision(Box::new(error))
}
