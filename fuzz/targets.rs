//! What is fuzzed: each target is a function of bytes, which must hold whatever they are.
//!
//! The same functions run under libFuzzer (`fuzz_targets/`, by cargo-fuzz) and under a loop that changes seeds
//! (`stable.rs`, a part of the tests).

use std::{fmt::Write as _, path::Path, time::Duration};

use async_trait::async_trait;
use edgeplane::{
    answer::Head,
    child::image::{Job, Reply, job_head, reply_head},
    image::{ComputeFailure, Delivery, Fetched, ImageRequest, LocalFile, Origin, Preview, Rules, Validators},
    rewrite::{Asked, CustomRules, List, Outcome},
    route::decode,
};
use edgeplane_config::{ImageFormat, ImageSettings, RemotePattern, Settings, parse_custom_rules};
use edgeplane_optimizer::{Fit, Limits, Order, Position, SourceType, optimize as run, price, probe as look};

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const ALL: [Target; 6] = [
    ("query", query),
    ("pattern", pattern),
    ("probe", probe),
    ("optimize", optimize),
    ("protocol", protocol),
    ("rule", rule),
];

/// A deployment with nothing in it, whose image route is `/_img`.
struct Nothing;

#[async_trait]
impl Origin for Nothing {
    fn site(&self) -> &str {
        "site"
    }

    fn deployment(&self) -> &str {
        "deployment"
    }

    fn is_image_route(&self, path: &str) -> bool {
        path == "/_img"
    }

    fn file(&self, path: &str) -> Option<LocalFile> {
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
        assert!(!path.split('/').any(|segment| segment == ".." || segment.eq_ignore_ascii_case("%2e%2e")), "{path}");
        None
    }

    async fn compute(&self, _: &str, _: &Validators, _: &mut Delivery) -> Result<Fetched, ComputeFailure> {
        Err(ComputeFailure::Absent)
    }
}

fn preview(query: String, accept: &str, settings: &ImageSettings) -> Option<Preview> {
    let rules = Rules::new(settings, &Settings::default().image, &["app.example".to_owned()]);
    let request = ImageRequest {
        method: "GET".to_owned(),
        path: "/_img".to_owned(),
        query: Some(query),
        accept: Some(accept.to_owned()),
        if_none_match: None,
        no_cache: false,
        cache_control: None,
    };
    Preview::of(&request, &rules, &Nothing, true).ok()
}

fn settings() -> ImageSettings {
    ImageSettings {
        sizes: vec![16, 640, 1080],
        domains: vec!["cdn.acme.io".to_owned()],
        remote_patterns: Vec::new(),
        formats: ImageFormat::ALL.to_vec(),
        minimum_cache_ttl: Duration::from_secs(60),
        dangerously_allow_svg: false,
    }
}

/// A query and an `Accept`, in two lines: a size of the list and an allowed source come out, or a refusal.
pub(crate) fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (query, accept) = text.split_once('\n').unwrap_or((&text, "image/webp"));
    if let Some(preview) = preview(query.to_owned(), accept, &settings()) {
        assert!([16, 640, 1080].contains(&preview.width), "{preview:?}");
        assert!((1..=100).contains(&preview.quality), "{preview:?}");
        let local = preview.source.starts_with("Compute /");
        assert!(
            local
                || preview.source.starts_with("https://cdn.acme.io/")
                || preview.source.starts_with("https://cdn.acme.io:"),
            "{preview:?}"
        );
    }
}

/// A host name's pattern, a path's pattern and a URL, in three lines: an answer in time, whatever the wildcards.
pub(crate) fn pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default().to_owned();
    let (hostname, pathname, url) = (line(), line(), line());
    let bare = !hostname.contains('*');
    let pattern = RemotePattern { protocol: None, hostname, port: None, pathname: Some(pathname) };
    let settings = ImageSettings { domains: Vec::new(), remote_patterns: vec![pattern.clone()], ..settings() };
    let mut encoded = String::new();
    for byte in url.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(encoded, "%{byte:02x}");
    }
    let Some(preview) = preview(format!("url={encoded}&w=640"), "", &settings) else { return };
    if bare && preview.source.starts_with("https://") {
        let host = preview.source[8..].split(['/', '?', '#']).next().unwrap_or_default();
        assert!(host.eq_ignore_ascii_case(&pattern.hostname), "{pattern:?} allowed {preview:?}");
    }
}

/// Any file: a header within what was read, or a refusal.
pub(crate) fn probe(data: &[u8]) {
    if let Ok(probe) = look(data) {
        assert!(!probe.source_type.is_decoded() || (probe.width > 0 && probe.height > 0), "{probe:?}");
    }
}

/// Small, so that a header changed to a large picture is refused and the cases stay quick.
const LIMITS: Limits = Limits { source_bytes: 1 << 20, side: 256, output_bytes: 1 << 20, native: true };

/// What else is done, as an order's text ends.
const EDITS: [&str; 16] = [
    "",
    ",flip=true",
    ",flop=true,rotate=90",
    ",rotate=33.5,background=ff0000",
    ",trim=10",
    ",extract=1_2_3_4",
    ",extract=0_0_300_300",
    ",extend=1_2_3_4",
    ",median=3",
    ",threshold=128",
    ",blur=2.5",
    ",sharpen=1.5",
    ",gamma=2.2",
    ",normalize=true,grayscale=true",
    ",tint=336699,negate=true",
    ",rotate=180,trim=255,blur=1000,median=1000",
];

/// Four bytes of what is wanted, and a file: an image within its bounds or a refusal.
pub(crate) fn optimize(data: &[u8]) {
    let Some(([width, choice, quality, edits], file)) = data.split_first_chunk() else { return };
    let pick = |from: usize| usize::from(*choice) % from;
    // AVIF takes far longer than all others and reads no byte of the file.
    let format = ["webp", "jpeg", "png"][pick(3)];
    let (fit, position) = (Fit::ALL[pick(Fit::ALL.len())].name(), Position::ALL[pick(Position::ALL.len())].name());
    let (width, height) = (u32::from(*width).clamp(1, 64), if choice & 0x80 == 0 { "" } else { "height=16," });
    let (quality, edits) = (quality % 100 + 1, EDITS[usize::from(*edits) % EDITS.len()]);
    let text = format!("width={width},{height}fit={fit},position={position},format={format},quality={quality}{edits}");
    let order: Order = text.parse().expect("the text of an order");
    if let Ok(encoded) = run(file, &order, &LIMITS, |_| ()) {
        assert!(encoded.width <= LIMITS.side && encoded.height <= LIMITS.side, "{order}");
        assert!(look(&encoded.bytes).is_ok_and(|probe| (probe.width, probe.height) == (encoded.width, encoded.height)));
        let probe = look(file).expect("what was decoded was probed");
        assert!(probe.source_type != SourceType::Svg && price(&probe, &order) > 0);
    }
}

/// What a worker or its owner reads: a word of theirs that is written the same again, or none.
pub(crate) fn protocol(mut data: &[u8]) {
    let whole = data;
    if let Ok(job) = Job::read(&mut data) {
        assert!(job.source.len() <= job.limits.source_bytes && job.source.len() <= whole.len());
        let again = [job_head(&job.order, job.source.len(), &job.limits), job.source].concat();
        let again = Job::read(&mut again.as_slice()).expect("what was written is read");
        assert_eq!(again.order, job.order);
    }
    if let Ok(reply) = Reply::read(&mut &*whole, 1 << 16) {
        let bytes = if let Reply::Encoded(encoded, _) = &reply { encoded.bytes.clone() } else { Vec::new() };
        assert!(Reply::read(&mut [reply_head(&reply), bytes].concat().as_slice(), 1 << 16).is_ok());
    }
}

/// A rule's source and target, a path and a query, in four lines: whatever the client sends, the rule's site is where it
/// goes, and what loops find the automaton finds.
pub(crate) fn rule(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (source, target, path, query) = (line(), line(), line(), line());
    // Expressions are the operator's own, and may take as long as they are allowed to.
    if source.starts_with("</") || !path.starts_with('/') {
        return;
    }
    let quoted = |text: &str| {
        let escape = |c: char| {
            if matches!(c, ' '..='!' | '#'..='[' | ']'..) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }
        };
        text.chars().map(escape).collect::<String>()
    };
    let status = |status: &str| {
        let (source, target) = (quoted(source), quoted(target));
        format!(r#"{{"source": "{source}", "target": "{target}", "status": "{status}"}}"#)
    };
    let list = format!("[{}, {}, {}]", status("302"), status("200"), status("404-200"));
    let Ok((rules, _)) = parse_custom_rules(&list, Path::new("rules")) else { return };
    let Ok(Some(compiled)) = CustomRules::compile(&rules, &Settings::default().rewrite) else { return };
    let head = Head { method: "GET", path, query: Some(query), fields: &[], http11: true, host: "app.example" };
    let mut scratch = Vec::new();
    let asked = Asked::of(&head, decode(path, &mut scratch), None);
    for list in [List::First, List::Last] {
        let found = compiled.find(list, &asked, &|| false).map(|taken| taken.index);
        assert_eq!(found, compiled.of(list).find(|index| compiled.judge(*index, &asked, &|| false).is_ok()));
    }
    for index in 0..compiled.count() {
        match compiled.judge(index, &asked, &|| false) {
            Ok(Outcome::Redirect { location, .. }) => {
                assert_stays(location.to_str().expect("visible ASCII"), target.trim())
            }
            Ok(Outcome::Rewrite { path, .. } | Outcome::Proxy { path, .. }) => {
                assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains("/../"), "{path}");
            }
            Ok(Outcome::Page { .. }) | Err(_) => {}
        }
    }
}

/// A location is on the site that the target names, or on this one.
fn assert_stays(location: &str, target: &str) {
    let Some((scheme, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        assert!(location.starts_with('/') && !location[1..].starts_with(['/', '\\']), "{location} of {target}");
        return;
    };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let site = format!("{scheme}://{authority}/").to_ascii_lowercase();
    let port = |text: &str| text.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let (_, after) = location.split_once("://").expect("an address");
    let end = location.len() - after.len() + after.find('/').expect("a path") + 1;
    let led = location[..end].to_ascii_lowercase();
    assert!(led == site || (port(&led).is_some() && port(&led) == port(&site)), "{location} of {target}");
}
