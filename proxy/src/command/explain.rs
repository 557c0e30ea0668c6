//! `edgeplane explain`: what a request would meet, and why. It walks the same steps as serving does, on the same
//! compiled routes and the same pack, and says what it sees; only Compute and the optimizer are not asked.

use std::sync::Arc;

use edgeplane_config::{Bundle, Settings, Target, TargetKind};
use http::HeaderValue;
use serde_json::{Value, json};

use super::{
    Failure,
    arguments::{ExplainArgs, Format},
    output,
};
use crate::{
    answer::{Answer, Head},
    app::{self, Parts},
    assets,
    child::image::may_run_native,
    decide, edge_cache,
    image::{ImageRequest, Preview, Refusal as ImageRefusal},
    origin::LocalOrigin,
    service::reply::Refusal,
    site::Deployment,
};

/// Explains one request.
pub(crate) fn run(settings: &Settings, args: ExplainArgs) -> Result<(), Failure> {
    let ExplainArgs { method, url, bundle, headers, format, .. } = args;
    let bundle = Bundle::open(&bundle, !settings.upstream.is_empty()).map_err(Failure::Bundle)?;
    let scratch = tempfile::tempdir().map_err(|source| Failure::unavailable("make a temporary folder", source))?;
    let pack = assets::prepare(bundle.static_dir.as_deref(), scratch.path(), &settings.assets)
        .map_err(|source| Failure::unavailable("pack the static files", source))?;
    let parts = Parts { manifest: bundle.manifest.clone(), pack, compute: None, images: None, pages: None };
    let deployment =
        app::activate(settings, parts).map_err(|source| Failure::unavailable("compile the routes", source))?;
    let walk = Walk { settings: Arc::new(settings.clone()), bundle, deployment: Arc::new(deployment) };
    let url = Url::parse(&url)?;
    let fields: Vec<httparse::Header<'_>> =
        headers.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
    let head = Head {
        method: &method,
        path: &url.path,
        query: url.query.as_deref(),
        fields: &fields,
        http11: true,
        host: &url.host,
    };
    let scheme = if url.is_https { "https" } else { "http" };
    let explanation = walk.explain(&head, scheme)?;
    output::result(&match format {
        Format::Json => format!("{}\n", explanation.json()),
        Format::Text => explanation.text(),
    })
}

struct Url {
    host: String,
    path: String,
    query: Option<String>,
    is_https: bool,
}

impl Url {
    fn parse(text: &str) -> Result<Self, Failure> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let (host, origin) = match rest {
            Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
            None if text.starts_with('/') => ("localhost", text),
            None => {
                return Err(Failure::Usage {
                    message: format!("`{text}` is neither a path nor a URL"),
                    help: "begin it with `/` or `http://`",
                });
            }
        };
        let (path, query) = match origin.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (origin, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { host: host.to_owned(), path: path.to_owned(), query, is_https: text.starts_with("https://") })
    }
}

/// What a target would do.
struct Step {
    kind: TargetKind,
    says: String,
    answer: Option<Answer>,
    is_missing: bool,
}

/// Everything about one request.
struct Explanation {
    request: String,
    matched: String,
    pointer: String,
    pattern: String,
    passed_over: Vec<String>,
    steps: Vec<Step>,
    fallback_note: Option<&'static str>,
    /// What the edge cache does before Compute is asked, where there is one.
    edge_cache: Option<edge_cache::Preview>,
}

/// The deployment as serving would activate it, but for Node.
struct Walk {
    settings: Arc<Settings>,
    bundle: Bundle,
    deployment: Arc<Deployment>,
}

impl Walk {
    fn explain(&self, head: &Head<'_>, scheme: &str) -> Result<Explanation, Failure> {
        let routes = &self.deployment.routes;
        let mut decoded = Vec::new();
        let path = decide::matched_path(head, &mut decoded);
        let decision = decide::decide(&self.deployment.automaton, routes, path).ok_or_else(|| Failure::Usage {
            message: "no route takes this path".to_owned(),
            help: "the last route must be /*",
        })?;
        let mut steps = vec![self.step(&decision.route.target, path, head)];
        let mut fallback_note = None;
        match (&decision.route.fallback, decision.fallback_for(head)) {
            (Some(_), None) => fallback_note = Some("the fallback is not asked: it is for GET and HEAD only"),
            (_, Some(fallback)) if steps[0].is_missing || steps[0].answer.is_none() => {
                steps.push(self.step(fallback, path, head));
            }
            _ => {}
        }
        let asked = edge_cache::Asked { head, site: "default", deployment: "this one", scheme, trusted: false };
        let caches = self.settings.edge_cache.enabled && steps.iter().any(|step| step.kind == TargetKind::Compute);
        Ok(Explanation {
            edge_cache: caches.then(|| edge_cache::Preview::of(&asked, &self.settings.edge_cache)),
            request: request_line(head),
            matched: String::from_utf8_lossy(path).into_owned(),
            pointer: format!("/routes/{}", decision.index),
            pattern: decision.route.path.as_str().to_owned(),
            passed_over: routes[..decision.index].iter().map(|route| route.path.as_str().to_owned()).collect(),
            steps,
            fallback_note,
        })
    }

    fn step(&self, target: &Target, path: &[u8], head: &Head<'_>) -> Step {
        let kind = target.kind();
        match target {
            Target::Static { cache_control } => {
                let default = app::default_cache_control(&self.settings);
                let policy = assets::Policy::new(&self.settings.assets, cache_control.as_ref().unwrap_or(&default));
                match assets::answer(&self.deployment.pack.load(), path, head, &policy) {
                    assets::Outcome::Answer(answer) => {
                        let says = format!("answers {}", answer.status);
                        Step { kind, says, answer: Some(answer), is_missing: false }
                    }
                    assets::Outcome::Missing => {
                        let says = "has no such file".to_owned();
                        Step { kind, says, answer: Some(Refusal::NotFound.answer()), is_missing: true }
                    }
                }
            }
            Target::Compute => Step { kind, says: self.compute(), answer: None, is_missing: false },
            Target::Image { cache_control } => self.image(kind, cache_control.as_ref(), head),
        }
    }

    fn image(&self, kind: TargetKind, cache_control: Option<&HeaderValue>, head: &Head<'_>) -> Step {
        let request = ImageRequest::of(head, cache_control);
        let origin = LocalOrigin::new("default", Arc::clone(&self.deployment), Arc::clone(&self.settings));
        let preview = match &self.deployment.image_rules {
            Some(rules) => Preview::of(&request, rules, &origin, may_run_native(self.settings.image.unsandboxed)),
            None => Err(ImageRefusal::SourceMissing),
        };
        match preview {
            Ok(preview) => Step { kind, says: preview.to_string(), answer: None, is_missing: false },
            Err(refusal) => {
                let says = format!("refuses: {refusal}");
                let is_missing = refusal == ImageRefusal::SourceMissing;
                Step { kind, says, answer: Some(Refusal::Image(refusal).answer()), is_missing }
            }
        }
    }

    fn compute(&self) -> String {
        if self.settings.upstream.is_empty() {
            match &self.bundle.compute {
                Some(compute) => format!("is asked: node {} in compute/default", compute.entrypoint),
                None => "is asked, and the bundle has none: 404".to_owned(),
            }
        } else {
            let upstreams: Vec<String> = self.settings.upstream.iter().map(ToString::to_string).collect();
            format!("is asked: {}", upstreams.join(", "))
        }
    }
}

fn request_line(head: &Head<'_>) -> String {
    match head.query {
        Some(query) => format!("{} {}?{query}", head.method, head.path),
        None => format!("{} {}", head.method, head.path),
    }
}

impl Explanation {
    fn text(&self) -> String {
        let mut lines = vec![self.request.clone(), format!("matched on  {}", self.matched)];
        for pattern in &self.passed_over {
            lines.push(format!("not         {pattern}"));
        }
        lines.push(format!("route       {} ({})", self.pattern, self.pointer));
        for (place, step) in self.steps.iter().enumerate() {
            let label = if place == 0 { "target  " } else { "fallback" };
            let condition = if place == 1 && self.steps[0].answer.is_none() { " on 404" } else { "" };
            lines.push(format!("{label}    {}{condition} {}", step.kind.as_str(), step.says));
        }
        lines.extend(self.edge_cache.as_ref().map(|preview| format!("edge cache  {preview}")));
        lines.extend(self.fallback_note.map(|note| format!("note        {note}")));
        if let Some(answer) = self.steps.last().and_then(|step| step.answer.as_ref()) {
            for (name, value) in &answer.headers {
                lines.push(format!("  {name}: {}", String::from_utf8_lossy(value.as_bytes())));
            }
            lines.push(format!("  content-length: {}", answer.body.len()));
        }
        lines.join("\n") + "\n"
    }

    fn json(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                json!({
                    "target": step.kind.as_str(),
                    "says": step.says,
                    "status": step.answer.as_ref().map(|answer| answer.status.as_u16()),
                    "headers": step.answer.as_ref().map(headers),
                    "bytes": step.answer.as_ref().map(|answer| answer.body.len()),
                })
            })
            .collect();
        let mut told = json!({
            "request": self.request,
            "matched": self.matched,
            "route": { "pointer": self.pointer, "path": self.pattern },
            "passed_over": self.passed_over,
            "steps": steps,
            "note": self.fallback_note,
        });
        if let Some(preview) = &self.edge_cache {
            told["edge_cache"] = preview.to_string().into();
        }
        told
    }
}

fn headers(answer: &Answer) -> Value {
    answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
