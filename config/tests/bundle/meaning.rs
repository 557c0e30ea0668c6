//! What a manifest means once it is read.

use std::time::Duration;

use edgeplane_config::{
    Framework, ImageFormat, ImageSettings, Manifest, PathFault, PathPattern, RemotePattern, Rule, Target, TargetKind,
};

use crate::fixture::{CATCH_ALL, IMAGES, framework, image, images, path, remote, routes, target};

fn read(text: &str) -> Manifest {
    Manifest::parse(text).unwrap_or_else(|problems| panic!("{text}\n{problems}")).0
}

fn settings(text: &str) -> ImageSettings {
    read(text).images.unwrap()
}

fn pattern(text: &str) -> RemotePattern {
    settings(&remote(text)).remote_patterns.remove(0)
}

#[test]
fn routes_keep_their_order_targets_and_cache_control() {
    let manifest = read(include_str!("../manifests/nuxt3.json"));
    let told: Vec<_> = manifest
        .routes
        .iter()
        .map(|route| {
            let cache = route.target.cache_control().map(|value| value.to_str().unwrap());
            (route.path.as_str(), route.target.kind(), cache, route.fallback.as_ref().map(Target::kind))
        })
        .collect();
    let year = Some("public, max-age=31536000, immutable");
    let wanted = [
        ("/_amplify/image", TargetKind::Image, Some("public, max-age=300, immutable"), None),
        ("/_nuxt/builds/meta/*", TargetKind::Static, year, None),
        ("/_nuxt/builds/*", TargetKind::Static, Some("public, max-age=1, immutable"), None),
        ("/_nuxt/*", TargetKind::Static, year, None),
        ("/*.*", TargetKind::Static, None, Some(TargetKind::Compute)),
        ("/*", TargetKind::Compute, None, None),
    ];
    assert_eq!(told, wanted);
    assert_eq!(manifest.framework, Framework { name: "nuxt".into(), version: "3.21.11".into() });
    let compute = manifest.compute.unwrap();
    assert_eq!((compute.entrypoint.as_str(), compute.runtime.major), ("server.js", 20));
}

#[test]
fn image_settings_are_sorted_and_each_format_kept_once() {
    let found = settings(include_str!("../manifests/nuxt3.json"));
    assert_eq!(found.sizes, [96, 320, 640, 768, 1024, 1280, 1536]);
    assert_eq!(found.formats, [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif]);
    assert_eq!(found.minimum_cache_ttl, Duration::from_secs(300));
    assert_eq!(found.domains, ["images.example.com"]);
    assert!(!found.dangerously_allow_svg);
    assert_eq!(settings(&image("sizes", "[2, 1, 2.0, 2e0]")).sizes, [1, 2]);
    assert_eq!(
        settings(&image("formats", "[\"image/webp\", \"image/gif\", \"image/webp\"]")).formats,
        [ImageFormat::Webp]
    );
    assert_eq!(settings(&image("formats", "[]")).formats, []);
    assert_eq!(
        settings(&image("domains", "[\"Images.Example.COM\", \"*.a.example\"]")).domains,
        ["images.example.com"]
    );
}

#[test]
fn an_image_route_without_settings_gets_the_default_ones() {
    let manifest = read(include_str!("../manifests/nitro2-variant.json"));
    let found = manifest.images.unwrap();
    assert_eq!(found, ImageSettings::default());
    assert!(found.sizes.is_empty(), "the operator's own are asked for by an empty list");
    assert_eq!(found.formats, [ImageFormat::Avif, ImageFormat::Webp]);
    assert_eq!(found.minimum_cache_ttl, Duration::from_secs(60));
    assert!(found.domains.is_empty() && found.remote_patterns.is_empty() && !found.dangerously_allow_svg);
}

#[test]
fn the_right_spelling_of_the_ttl_wins() {
    let both = image("minimumCacheTTL", "7").replace("\"sizes\"", "\"minumumCacheTTL\": 5, \"sizes\"");
    let (manifest, warnings) = Manifest::parse(&both).unwrap();
    assert_eq!(manifest.images.unwrap().minimum_cache_ttl, Duration::from_secs(7));
    assert!(warnings.has(Rule::ImageTtlSpelling));
}

#[test]
fn remote_patterns_are_normalised_at_load() {
    let found = pattern(
        r#"{"protocol": "https:", "hostname": "**.CDN-1.Example.com", "port": "8443", "pathname": "/é a/%c3/**"}"#,
    );
    assert_eq!(found.protocol.as_deref(), Some("https"));
    assert_eq!(found.hostname, "**.cdn-1.example.com");
    assert_eq!(found.port, Some(8443));
    assert_eq!(found.pathname.as_deref(), Some("/%C3%A9%20a/%C3/**"));
    // Rows 11 and 13 of the pattern table: no port and an empty one are the protocol's own.
    let bare = pattern(r#"{"hostname": "*.img-*.example.com", "port": ""}"#);
    assert_eq!(
        bare,
        RemotePattern { protocol: None, hostname: "*.img-*.example.com".into(), port: None, pathname: None }
    );
    for host in ["localhost", "xn--bcher-kva.example", "127.0.0.1", "[::1]", "a_b.example.com"] {
        assert_eq!(pattern(&format!("{{\"hostname\": \"{host}\"}}")).hostname, host);
    }
}

#[test]
fn the_examples_of_the_specification_for_images_are_accepted() {
    let text = images(
        r#"{"sizes": [100, 200], "domains": ["example.com"],
            "remotePatterns": [{"protocol": "https", "hostname": "example.com", "port": "", "pathname": "/**"}],
            "formats": ["image/webp"], "minumumCacheTTL": 60, "dangerouslyAllowSVG": false}"#,
    );
    assert_eq!(settings(&text).remote_patterns[0].pathname.as_deref(), Some("/**"));
}

#[test]
fn all_six_fallbacks_between_kinds_are_legal() {
    let kinds = [
        r#"{"kind": "Static"}"#,
        r#"{"kind": "Compute", "src": "default"}"#,
        r#"{"kind": "ImageOptimization", "cacheControl": "no-cache"}"#,
    ];
    for (from, target) in kinds.iter().enumerate() {
        for (to, fallback) in kinds.iter().enumerate().filter(|(to, _)| *to != from) {
            let route = format!(r#"{{"path": "/a*", "target": {target}, "fallback": {fallback}}}"#);
            let text = images(IMAGES).replace("{\"path\": \"/i\"", &format!("{route}, {{\"path\": \"/i\""));
            let manifest = read(&text);
            let fallback = manifest.routes[0].fallback.as_ref().unwrap();
            assert_ne!(fallback.kind(), manifest.routes[0].target.kind(), "{from} to {to}");
        }
    }
}

#[test]
fn a_compute_fallback_is_compute_enough_for_images() {
    let text = routes(
        r#"{"path": "/i", "target": {"kind": "ImageOptimization"}},
           {"path": "/*", "target": {"kind": "Static"}, "fallback": {"kind": "Compute", "src": "default"}}"#,
    );
    let (_, warnings) = Manifest::parse(&text).unwrap();
    assert_eq!(warnings.iter().map(|problem| problem.rule).collect::<Vec<_>>(), [Rule::ImageSettingsMissing]);
}

#[test]
fn bounds_are_inclusive() {
    let longest = format!("\"/{}\"", "a".repeat(254));
    assert_eq!(read(&path(&longest)).routes[0].path.as_str().len(), 255);
    let most: String =
        (0..24).map(|number| format!("{{\"path\": \"/{number}\", \"target\": {{\"kind\": \"Static\"}}}},")).collect();
    assert_eq!(read(&routes(&format!("{most}{CATCH_ALL}"))).routes.len(), 25);
    let alphabet = r#""/azAZ09_-.*$/~\"'@:+""#;
    assert_eq!(read(&path(alphabet)).routes[0].path.as_str(), r#"/azAZ09_-.*$/~"'@:+"#);
    for port in ["1", "65535"] {
        let found = pattern(&format!(r#"{{"hostname": "example.com", "port": "{port}"}}"#));
        assert_eq!(found.port, port.parse().ok());
    }
    for version in ["1.0", "1e0"] {
        read(&routes(CATCH_ALL).replace("\"version\": 1,", &format!("\"version\": {version},")));
    }
    assert_eq!(
        read(&framework(r#"{"name": "x", "version": "1.2.3-beta.1+build.5"}"#)).framework.version,
        "1.2.3-beta.1+build.5"
    );
}

#[test]
fn cache_control_is_trimmed() {
    let text = target(r#"{"kind": "Static", "cacheControl": " public, max-age=60 "}"#);
    assert_eq!(read(&text).routes[0].target.cache_control().unwrap(), "public, max-age=60");
}

#[test]
fn patterns_match_as_the_specification_says() {
    let matches = [
        ("/*", "/"),
        ("/*", "/a/b?c"),
        ("/*.*", "/favicon.ico"),
        ("/*.*", "/blog/2021/01/01/hello.world"),
        ("/*.*", "/.well-known/thing"),
        ("/assets/*", "/assets/"),
        ("/docs*.*", "/docs/favicon.ico"),
        ("/a*b*c", "/abbcbc"),
        ("/a*a", "/aa"),
        ("/**", "/a"),
        ("/favicon.ico", "/favicon.ico"),
    ];
    for (pattern, path) in matches {
        assert!(PathPattern::parse(pattern).unwrap().matches(path), "{pattern} does not take {path}");
    }
    let misses = [
        ("/*.*", "/about"),
        ("/assets/*", "/assets"),
        ("/assets/*", "/Assets/a"),
        ("/a*a", "/a"),
        ("/a*b*c", "/acb"),
        ("/favicon.ico", "/faviconxico"),
        ("/favicon.ico", "/favicon.ico/"),
        ("/docsassets/*", "/docs/assets/a"),
    ];
    for (pattern, path) in misses {
        assert!(!PathPattern::parse(pattern).unwrap().matches(path), "{pattern} takes {path}");
    }
}

#[test]
fn a_path_tells_all_its_faults() {
    let long = format!("é{}", "a".repeat(255));
    let wanted = vec![PathFault::Start, PathFault::Length(256), PathFault::Alphabet('é')];
    assert_eq!(PathPattern::parse(&long), Err(wanted));
}

#[test]
fn without_a_bundle_everything_goes_to_compute() {
    let manifest = Manifest::compute_only();
    assert_eq!(manifest.routes.len(), 1);
    assert!(manifest.routes[0].path.is_catch_all());
    assert_eq!(manifest.routes[0].target, Target::Compute);
    assert!(manifest.routes[0].fallback.is_none() && manifest.compute.is_none() && manifest.images.is_none());
}
