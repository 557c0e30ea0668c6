//! `edgeplane explain`: what a request would meet, and why. It walks the same steps as serving does, on the same
//! compiled routes and the same pack, and says what it sees; only Compute and the optimizer are not asked.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use edgeplane_config::{Bundle, HeaderField, Settings, Target, TargetKind};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{
    Failure, admission,
    arguments::{ExplainArgs, Format},
    choice, output, rules,
    ruling::Ruling,
    url::Url,
};
use crate::{
    access::{Access, Caller, Preview as AccessPreview},
    answer::{Answer, Head},
    app::{self, Parts},
    assets::{self, Lookup, Policy},
    child::image::may_run_native,
    coding::{self, Wants},
    compute::forwarded::{Client, Peer},
    decide, edge_cache,
    headers::Overlay,
    image::{ImageRequest, Preview, Refusal as ImageRefusal},
    origin::LocalOrigin,
    redirect::{self, Redirects},
    rewrite::{List, Outcome},
    service::reply::Refusal,
    site::Deployment,
};

/// Explains one request.
pub(crate) fn run(settings: &Settings, args: ExplainArgs) -> Result<(), Failure> {
    let ExplainArgs { method, url, bundle, headers, client, format, .. } = args;
    let sidecar = !settings.upstream.is_empty();
    let bundle = Bundle::open_with(&bundle, sidecar, &settings.headers).map_err(Failure::Bundle)?;
    let scratch = tempfile::tempdir().map_err(|source| Failure::unavailable("make a temporary folder", source))?;
    let pack = assets::prepare(bundle.static_dir.as_deref(), scratch.path(), &settings.assets)
        .map_err(|source| Failure::unavailable("pack the static files", source))?;
    let custom_rules = rules::gather(settings, Some(&bundle))?;
    let (manifest, custom_headers) = (bundle.manifest.clone(), bundle.custom_headers.clone());
    let public_host = settings.public_host.clone();
    let parts = Parts { id: None, manifest, custom_rules, pack, compute: None, custom_headers, public_host };
    let deployment =
        app::activate(settings, parts).map_err(|source| Failure::unavailable("compile the routes", source))?;
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
    let walk = Walk { settings: Arc::new(settings.clone()), bundle, deployment: Arc::new(deployment), scheme };
    let redirects = Redirects::new(&settings.redirect);
    let redirect = decide::redirect(redirects.as_ref(), &head, scheme);
    let explanation = match redirect {
        // Who is sent elsewhere, or may not come in, meets nothing else.
        Some(_) => Explanation { redirect, ..Explanation::of(&head) },
        None => match walk.access(&head, client)? {
            access @ Some(AccessPreview { refusal: Some(_), .. }) => Explanation { access, ..Explanation::of(&head) },
            access => Explanation { access, ..walk.explain(&head)? },
        },
    };
    output::result(&match format {
        Format::Json => format!("{}\n", explanation.json()),
        Format::Text => explanation.text(),
    })
}

/// What a target would do.
struct Step {
    label: &'static str,
    kind: TargetKind,
    says: String,
    answer: Option<Answer>,
    is_missing: bool,
}

/// A request, and what is known of it before any target is.
struct Asked<'a> {
    head: &'a Head<'a>,
    path: &'a [u8],
    overlay: Option<Cow<'a, Overlay>>,
    /// No rule has put another address in the place of the client's.
    as_sent: bool,
}

/// Everything about one request.
struct Explanation {
    request: String,
    /// Who may ask, where not everybody may.
    access: Option<AccessPreview>,
    /// Which deployment answers, where there may be several.
    deployment: Option<String>,
    /// Where the request is sent before anything else is asked.
    redirect: Option<HeaderValue>,
    rules: Option<Ruling>,
    /// None where a rule answers by itself.
    routed: Option<Routed>,
    /// What the rules for what is not found say, where nothing is.
    last: Option<(Ruling, Option<Routed>)>,
}

/// A route, and what its target and fallback would do.
struct Routed {
    matched: String,
    pointer: String,
    pattern: String,
    passed_over: Vec<String>,
    steps: Vec<Step>,
    fallback_note: Option<&'static str>,
    custom: Vec<HeaderField>,
    /// What the edge cache does before Compute is asked, where there is one.
    edge_cache: Option<edge_cache::Preview>,
    /// What becomes of an answer of Compute on its way.
    compression: Option<coding::Preview>,
}

/// The deployment as serving would activate it, but for Node.
struct Walk {
    settings: Arc<Settings>,
    /// How the client asks: `http` or `https`.
    scheme: &'static str,
    bundle: Bundle,
    deployment: Arc<Deployment>,
}

impl Walk {
    /// Whether that client may ask.
    fn access(&self, head: &Head<'_>, client: IpAddr) -> Result<Option<AccessPreview>, Failure> {
        let access =
            Access::of(&self.settings.access).map_err(|source| Failure::unavailable("set up access", source))?;
        let peer = Peer { address: SocketAddr::new(client, 0), scheme: self.scheme };
        let client = Client::of(peer, head, &self.settings.trusted_proxies);
        Ok(access.map(|access| access.preview(head, Caller { address: client.address, named: client.named })))
    }

    fn explain(&self, head: &Head<'_>) -> Result<Explanation, Failure> {
        let mut decoded = Vec::new();
        let asked_path = decide::matched_path(head, &mut decoded);
        // Whoever asks here is believed.
        let country = self.settings.rewrite.country_header.as_deref().and_then(|name| head.field(name));
        let rules = Ruling::of(&self.deployment, List::First, head, asked_path, country);
        let mut routed = match rules.as_ref().and_then(|ruling| ruling.outcome.as_ref()) {
            Some(Outcome::Rewrite { path, query }) => {
                Some(self.readdressed(head, path, query.as_deref(), asked_path)?)
            }
            Some(_) => None,
            None => Some(self.route(head, asked_path, false)?),
        };
        let is_missing = routed.as_ref().and_then(|routed| routed.steps.last()).is_some_and(|step| step.is_missing);
        let mut last = match Ruling::of(&self.deployment, List::Last, head, asked_path, country).filter(|_| is_missing)
        {
            None => None,
            Some(ruling) => {
                let then = match &ruling.outcome {
                    Some(Outcome::Rewrite { path, query }) => {
                        Some(self.readdressed(head, path, query.as_deref(), asked_path)?)
                    }
                    _ => None,
                };
                Some((ruling, then))
            }
        };
        // After the rules for what is not found a bundle without Compute has a page for that.
        let end = match &mut last {
            Some((_, then)) => then.as_mut(),
            None => routed.as_mut(),
        };
        if let Some(end) = end.filter(|end| self.deployment.is_static && end.steps.iter().all(|step| step.is_missing)) {
            let asked = Asked { head, path: asked_path, overlay: self.deployment.overlay(asked_path), as_sent: true };
            end.steps.extend(self.absent(&asked));
        }
        let deployment = choice::deployment(&self.settings, head);
        Ok(Explanation { deployment, rules, routed, last, ..Explanation::of(head) })
    }

    /// The route of another address than the one asked for.
    fn readdressed(
        &self,
        head: &Head<'_>,
        path: &str,
        query: Option<&str>,
        asked_path: &[u8],
    ) -> Result<Routed, Failure> {
        self.route(&Head { path, query, ..*head }, asked_path, true)
    }

    /// The route of an address, under the custom headers of the one that was asked for.
    fn route(&self, head: &Head<'_>, asked_path: &[u8], readdressed: bool) -> Result<Routed, Failure> {
        let routes = &self.deployment.routes;
        let mut decoded = Vec::new();
        let path = decide::matched_path(head, &mut decoded);
        let decision = decide::decide(&self.deployment.automaton, routes, path).ok_or_else(|| Failure::Usage {
            message: "no route takes this path".to_owned(),
            help: "the last route must be /*",
        })?;
        let asked = Asked { head, path, overlay: self.deployment.overlay(asked_path), as_sent: !readdressed };
        let (target, pack, settings) = (&decision.route.target, self.deployment.pack.load(), &self.settings.assets);
        let mut steps = vec![self.step("target", target, &asked)];
        let mut fallback_note = None;
        match (&decision.route.fallback, decision.fallback_for(head)) {
            (Some(_), None) => fallback_note = Some("the fallback is not asked: it is for GET and HEAD only"),
            _ if steps[0].answer.is_some() && !steps[0].is_missing => {}
            _ if decide::has_page(target, &pack, path, head, settings) => steps.extend(self.page(&asked)),
            (_, Some(fallback)) => steps.push(self.step("fallback", fallback, &asked)),
            (None, None) => {}
        }
        let cache = Some(&self.settings.edge_cache).filter(|cache| cache.enabled);
        let asks_compute = steps.iter().any(|step| step.kind == TargetKind::Compute);
        let cache = cache.filter(|_| asks_compute);
        let custom = asked.overlay.as_deref().map(Overlay::all).unwrap_or_default();
        let fields = custom.iter().map(|field| (field.name.as_str(), field.value.as_bytes()));
        let compression = &self.settings.compression;
        let (scheme, deployment) = (self.scheme, "this one");
        let cached = edge_cache::Asked { head, site: "default", deployment, scheme, trusted: false };
        Ok(Routed {
            edge_cache: cache.map(|settings| edge_cache::Preview::of(&cached, settings)),
            compression: asks_compute.then(|| coding::Preview::of(&Wants::of(head), fields, compression)),
            matched: String::from_utf8_lossy(path).into_owned(),
            pointer: format!("/routes/{}", decision.index),
            pattern: decision.route.path.as_str().to_owned(),
            passed_over: routes[..decision.index].iter().map(|route| route.path.as_str().to_owned()).collect(),
            steps,
            fallback_note,
            custom: custom.to_vec(),
        })
    }

    fn step(&self, label: &'static str, target: &Target, asked: &Asked<'_>) -> Step {
        let kind = target.kind();
        let default = app::default_cache_control(&self.settings);
        let policy = decide::files(target, asked.head, &self.settings.assets, &default);
        let policy = policy.map(|policy| if asked.as_sent { policy } else { policy.without_redirects() });
        let found = policy.and_then(|policy| self.file(label, asked, &policy.under(asked.overlay.as_deref())));
        let step = found.unwrap_or_else(|| match target {
            Target::Static { .. } => Step {
                label,
                kind,
                says: "has no such file".to_owned(),
                answer: Some(Refusal::NotFound.answer()),
                is_missing: true,
            },
            Target::Compute => Step { label, kind, says: self.compute(), answer: None, is_missing: false },
            Target::Image { cache_control } => {
                let said = asked.overlay.as_deref().and_then(Overlay::cache_control).or(cache_control.as_ref());
                self.image(label, kind, said, asked.head)
            }
        });
        asked.lay(step)
    }

    /// What the files answer, and which one where it has another name.
    fn file(&self, label: &'static str, asked: &Asked<'_>, policy: &Policy<'_>) -> Option<Step> {
        let pack = self.deployment.pack.load();
        let assets::Outcome::Answer(answer) = assets::answer(&pack, asked.path, asked.head, policy) else {
            return None;
        };
        let name = pack.meant(asked.path, policy.lookup).filter(|_| asked.head.is_read());
        let with = name.map(|name| format!(" with {}", String::from_utf8_lossy(name))).unwrap_or_default();
        let says = format!("answers {}{with}", answer.status);
        Some(Step { label, kind: TargetKind::Static, says, answer: Some(answer), is_missing: false })
    }

    /// The prerendered page that answers where Compute says 404.
    fn page(&self, asked: &Asked<'_>) -> Option<Step> {
        let default = app::default_cache_control(&self.settings);
        let policy = Policy::new(&self.settings.assets, &default).by(Lookup::PAGES).under(asked.overlay.as_deref());
        self.file("page", asked, &policy).map(|step| asked.lay(step))
    }

    /// The page that answers for what is not there.
    fn absent(&self, asked: &Asked<'_>) -> Option<Step> {
        let (default, pack) = (app::default_cache_control(&self.settings), self.deployment.pack.load());
        let policy = Policy::new(&self.settings.assets, &default).under(asked.overlay.as_deref());
        let answer = assets::absent(&pack, asked.path, asked.head, &self.settings.assets, &policy)?;
        let says = format!("answers {} with the page for what is missing", answer.status);
        let step = Step { label: "page", kind: TargetKind::Static, says, answer: Some(answer), is_missing: false };
        Some(asked.lay(step))
    }

    fn image(
        &self,
        label: &'static str,
        kind: TargetKind,
        cache_control: Option<&HeaderValue>,
        head: &Head<'_>,
    ) -> Step {
        let request = ImageRequest::of(head, cache_control);
        let origin = LocalOrigin::new("default", Arc::clone(&self.deployment), Arc::clone(&self.settings));
        let preview = match &self.deployment.image_rules {
            Some(rules) => Preview::of(&request, rules, &origin, may_run_native(self.settings.image.unsandboxed)),
            None => Err(ImageRefusal::SourceMissing),
        };
        match preview {
            Ok(preview) => Step { label, kind, says: preview.to_string(), answer: None, is_missing: false },
            Err(refusal) => {
                let says = format!("refuses: {refusal}");
                let is_missing = refusal == ImageRefusal::SourceMissing;
                Step { label, kind, says, answer: Some(Refusal::Image(refusal).answer()), is_missing }
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

impl Asked<'_> {
    /// With the custom headers over its answer.
    fn lay(&self, mut step: Step) -> Step {
        if let (Some(overlay), Some(answer)) = (&self.overlay, &mut step.answer) {
            overlay.lay(answer);
        }
        step
    }
}

fn request_line(head: &Head<'_>) -> String {
    match head.query {
        Some(query) => format!("{} {}?{query}", head.method, head.path),
        None => format!("{} {}", head.method, head.path),
    }
}

impl Explanation {
    /// Nothing but the request yet.
    fn of(head: &Head<'_>) -> Self {
        let request = request_line(head);
        Self { request, redirect: None, access: None, deployment: None, rules: None, routed: None, last: None }
    }

    fn text(&self) -> String {
        let mut lines = vec![self.request.clone()];
        lines.extend(self.redirect.iter().map(|location| {
            let location = String::from_utf8_lossy(location.as_bytes());
            format!("redirect    {} {location} (the settings below [redirect])", redirect::STATUS.as_str())
        }));
        lines.extend(self.access.iter().flat_map(admission::lines));
        lines.extend(self.deployment.iter().map(|deployment| format!("deployment  {deployment}")));
        lines.extend(self.rules.iter().flat_map(Ruling::lines));
        lines.extend(self.routed.iter().flat_map(Routed::lines));
        if let Some((ruling, then)) = &self.last {
            lines.extend(ruling.lines());
            lines.extend(then.iter().flat_map(Routed::lines));
        }
        lines.join("\n") + "\n"
    }

    fn json(&self) -> Value {
        let mut json = self.routed.as_ref().map_or_else(
            || json!({ "matched": null, "route": null, "passed_over": [], "steps": [], "note": null }),
            Routed::json,
        );
        json["request"] = self.request.clone().into();
        if let Some(location) = &self.redirect {
            let location = String::from_utf8_lossy(location.as_bytes());
            json["redirect"] = json!({ "status": redirect::STATUS.as_u16(), "location": location });
        }
        if let Some(access) = &self.access {
            json["access"] = admission::json(access);
        }
        if let Some(deployment) = &self.deployment {
            json["deployment"] = deployment.clone().into();
        }
        if let Some(rules) = &self.rules {
            json["rules"] = json!({ "first": rules.json(), "outcome": rules.lines().last() });
        }
        if let Some((ruling, then)) = &self.last {
            json["rules"]["last"] = ruling.json().into();
            json["then"] = then.as_ref().map_or(Value::Null, Routed::json);
        }
        json
    }
}

impl Routed {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("matched on  {}", self.matched)];
        for pattern in &self.passed_over {
            lines.push(format!("not         {pattern}"));
        }
        lines.push(format!("route       {} ({})", self.pattern, self.pointer));
        for (place, step) in self.steps.iter().enumerate() {
            let condition = if place == 1 && self.steps[0].answer.is_none() { " on 404" } else { "" };
            lines.push(format!("{:<12}{}{condition} {}", step.label, step.kind.as_str(), step.says));
        }
        lines.extend(self.edge_cache.as_ref().map(|preview| format!("edge cache  {preview}")));
        lines.extend(self.compression.as_ref().map(|preview| format!("compression {preview}")));
        lines.extend(self.fallback_note.map(|note| format!("note        {note}")));
        if let Some(answer) = self.steps.last().and_then(|step| step.answer.as_ref()) {
            for (name, value) in &answer.headers {
                let said = String::from_utf8_lossy(value.as_bytes());
                lines.push(format!("  {name}: {said}{}", self.place(name, value)));
            }
            lines.push(format!("  content-length: {}", answer.body.len()));
        } else {
            for HeaderField { name, value, .. } in &self.custom {
                let said = String::from_utf8_lossy(value.as_bytes());
                lines.push(format!("  {name}: {said}{}", self.place(name, value)));
            }
        }
        lines
    }

    /// Where a custom header was written, behind two spaces; nothing for every other one.
    fn place(&self, name: &HeaderName, value: &HeaderValue) -> String {
        let field = self.custom.iter().find(|field| field.name == name && field.value == value);
        field.map(|field| format!("  ({})", field.place)).unwrap_or_default()
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
        let custom: Vec<Value> = self
            .custom
            .iter()
            .map(|HeaderField { name, value, place }| {
                let value = String::from_utf8_lossy(value.as_bytes());
                json!({ "name": name.as_str(), "value": value, "file": place.file, "line": place.line })
            })
            .collect();
        let mut told = json!({
            "matched": self.matched,
            "route": { "pointer": self.pointer, "path": self.pattern },
            "passed_over": self.passed_over,
            "steps": steps,
            "note": self.fallback_note,
            "custom_headers": custom,
        });
        if let Some(preview) = &self.edge_cache {
            told["edge_cache"] = preview.to_string().into();
        }
        if let Some(preview) = &self.compression {
            told["compression"] = preview.to_string().into();
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
