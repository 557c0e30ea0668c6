//! Manifests with one mistake each: the rule that names it, the pointer and the line and column that show it.

use edgeplane_config::{Manifest, Rule, Severity};

use crate::fixture::{
    CATCH_ALL, Case, IMAGES, RESOURCE, case, framework, image, images, path, remote, resource, resources, routes,
    target,
};

/// Every manifest that is refused.
pub(crate) fn cases() -> Vec<Case> {
    let chapters = [
        syntax(),
        document(),
        route_lists(),
        paths(),
        kinds(),
        targets(),
        fallbacks(),
        compute(),
        image_settings(),
        remote_hosts(),
        remote_rest(),
        frameworks(),
    ];
    chapters.into_iter().flatten().collect()
}

#[test]
fn each_mistake_is_named_and_placed() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    for case in cases {
        match Manifest::parse(&case.text()) {
            Ok(_) => panic!("{:?} does not refuse {}", case.rule, case.marked),
            Err(problems) => case.assert_only_problem(&problems, Severity::Error),
        }
    }
}

fn syntax() -> Vec<Case> {
    let json = |marked: &str| case(Rule::JsonSyntax, "", marked);
    vec![
        json("▶"),
        json("▶\u{feff}{}"),
        json("{\n  \"é\": 1▶,\n}"),
        json("{\"version\": 1 ▶// comment\n}"),
        json("{▶version: 1}"),
        json("{▶'version': 1}"),
        json("{\"version\": ▶0x1}"),
        json("{\"version\": ▶+1}"),
        json("{\"version\": ▶NaN}"),
        json("{\"version\": 1▶ \"routes\": []}"),
        json("▶{\"version\": 1"),
        json("{\"version\": ▶}"),
        json("{} ▶{}"),
        json("{\"name\": \"tab▶\there\"}"),
        json("{▶\u{a0}\"version\": 1}"),
        json("{\"name\": \"▶\\x\"}"),
    ]
}

fn document() -> Vec<Case> {
    let whole = routes(CATCH_ALL);
    vec![
        case(Rule::WrongType, "", "▶[]"),
        case(Rule::WrongType, "", "\n ▶null"),
        case(Rule::MissingKey, "", format!("▶{}", whole.replace("  \"version\": 1,\n", ""))),
        case(Rule::WrongType, "/version", whole.replace("\"version\": 1", "\"version\": ▶\"1\"")),
        case(Rule::VersionUnsupported, "/version", whole.replace("\"version\": 1", "\"version\": ▶2")),
        case(Rule::VersionUnsupported, "/version", whole.replace("\"version\": 1", "\"version\": ▶1.5")),
        case(Rule::VersionUnsupported, "/version", whole.replace("\"version\": 1", "\"version\": ▶-1")),
        case(Rule::DuplicateKey, "/version", whole.replace("\"version\": 1", "\"version\": 1, ▶\"version\": 1")),
        case(Rule::DuplicateKey, "/routes/0/path", path("\"/a\", ▶\"path\": \"/b\"")),
        case(Rule::MissingKey, "", format!("▶{}", whole.replace(&format!("  \"routes\": [{CATCH_ALL}],\n"), ""))),
        case(Rule::WrongType, "/routes", whole.replace(&format!("[{CATCH_ALL}]"), "▶{}")),
    ]
}

fn route_lists() -> Vec<Case> {
    let many = |count: usize| {
        format!("{}{CATCH_ALL}", "{\"path\": \"/a*\", \"target\": {\"kind\": \"Static\"}},".repeat(count))
    };
    let numbered = (0..25).fold(many(25), |text, number| text.replacen("/a*", &format!("/{number}*"), 1));
    let image = r#"{"path": "/i", "target": {"kind": ▶"ImageOptimization"}}"#;
    let image_catch_all = r#"{"path": "/*", "target": {"kind": "ImageOptimization"}}"#;
    let statics = r#"{"path": "/*", "target": {"kind": "Static"}}"#;
    let static_images = |list: &str| {
        images(IMAGES)
            .replace(&format!("  \"computeResources\": [{RESOURCE}],\n"), "")
            .replace("{\"path\": \"/i\", \"target\": {\"kind\": \"ImageOptimization\"}}, ", "")
            .replace(&format!("[{CATCH_ALL}]"), list)
    };
    vec![
        case(Rule::RoutesEmpty, "/routes", resources("[]").replace(&format!("[{CATCH_ALL}]"), "▶[]")),
        case(Rule::RoutesTooMany, "/routes", routes(&numbered).replacen('[', "▶[", 1)),
        case(Rule::WrongType, "/routes/0", routes(&format!("▶\"/a\", {CATCH_ALL}"))),
        case(Rule::CatchAllLast, "/routes/0/path", routes(&CATCH_ALL.replace("\"/*\"", "▶\"/**\""))),
        case(
            Rule::CatchAllLast,
            "/routes/1/path",
            routes(&format!("{CATCH_ALL}, {}", CATCH_ALL.replace("\"/*\"", "▶\"/a\""))),
        ),
        case(Rule::MissingKey, "/routes/0", routes(&format!("▶{{\"target\": {{\"kind\": \"Static\"}}}}, {CATCH_ALL}"))),
        case(Rule::MissingKey, "/routes/0", routes(&format!("▶{{\"path\": \"/a\"}}, {CATCH_ALL}"))),
        case(Rule::ImageNeedsCompute, "/routes/0/target/kind", static_images(&format!("[{image}, {statics}]"))),
        case(Rule::StaticOrComputeRoute, "/routes", static_images(&format!("▶[{image_catch_all}]"))),
    ]
}

fn paths() -> Vec<Case> {
    let at = "/routes/0/path";
    vec![
        case(Rule::WrongType, at, path("▶1")),
        case(Rule::PathStart, at, path("▶\"\"")),
        case(Rule::PathStart, at, path("▶\"about\"")),
        case(Rule::PathStart, at, path("▶\"*\"")),
        case(Rule::PathLength, at, path(&format!("▶\"/{}\"", "a".repeat(255)))),
        case(Rule::PathAlphabet, at, path("▶\"/é\"")),
        case(Rule::PathAlphabet, at, path("▶\"/a%20b\"")),
        case(Rule::PathAlphabet, at, path("▶\"/a?b=c\"")),
        case(Rule::PathAlphabet, at, path("▶\"/a#b\"")),
        case(Rule::PathAlphabet, at, path("▶\"/[id]\"")),
        case(Rule::PathAlphabet, at, path("▶\"/(a|b)\"")),
        case(Rule::PathAlphabet, at, path("▶\"/a\\\\b\"")),
        case(Rule::PathAlphabet, at, path("▶\"/a\\nb\"")),
        case(Rule::PathAlphabet, at, path("▶\"/a&b\"")),
    ]
}

/// A slip in the name of a kind is one mistake, not also the absence of what was meant.
fn kinds() -> Vec<Case> {
    let catch_all = |kind: &str| CATCH_ALL.replace("\"Compute\"", kind);
    let image = |kind: &str| format!("{{\"path\": \"/i\", \"target\": {{\"kind\": {kind}}}}}");
    let list =
        |routes: &str| images(IMAGES).replacen(&format!("{}, {CATCH_ALL}", image("\"ImageOptimization\"")), routes, 1);
    let no_resource = |text: String| text.replace(&format!("  \"computeResources\": [{RESOURCE}],\n"), "");
    vec![
        case(Rule::TargetKind, "/routes/0/target/kind", list(&format!("{}, {CATCH_ALL}", image("▶\"Images\"")))),
        case(
            Rule::TargetKind,
            "/routes/1/target/kind",
            no_resource(list(&format!("{}, {}", image("\"ImageOptimization\""), catch_all("▶\"compute\"")))),
        ),
        case(Rule::TargetKind, "/routes/0/target/kind", routes(&catch_all("▶\"COMPUTE\""))),
        case(
            Rule::MissingKey,
            "/routes/0",
            routes("▶{\"path\": \"/a\"}, {\"path\": \"/*\", \"target\": {\"kind\": \"Static\"}}"),
        ),
        case(
            Rule::WrongType,
            "/routes/0",
            routes(&format!("▶1, {}", CATCH_ALL.replace("Compute\", \"src\": \"default", "Static"))),
        ),
    ]
}

fn targets() -> Vec<Case> {
    let at = "/routes/0/target";
    vec![
        case(Rule::WrongType, at, target("▶\"Static\"")),
        case(Rule::MissingKey, at, target("▶{}")),
        case(Rule::WrongType, "/routes/0/target/kind", target("{\"kind\": ▶3}")),
        case(Rule::TargetKind, "/routes/0/target/kind", target("{\"kind\": ▶\"static\"}")),
        case(Rule::TargetKind, "/routes/0/target/kind", target("{\"kind\": ▶\"Lambda\"}")),
        case(Rule::SrcRequired, at, target("▶{\"kind\": \"Compute\"}")),
        case(Rule::SrcOnlyCompute, "/routes/0/target/src", target("{\"kind\": \"Static\", \"src\": ▶\"default\"}")),
        case(Rule::SrcUnknown, "/routes/0/target/src", target("{\"kind\": \"Compute\", \"src\": ▶\"api\"}")),
        case(Rule::WrongType, "/routes/0/target/src", target("{\"kind\": \"Compute\", \"src\": ▶null}")),
        case(
            Rule::CacheControlOnCompute,
            "/routes/0/target/cacheControl",
            target("{\"kind\": \"Compute\", \"src\": \"default\", \"cacheControl\": ▶\"no-store\"}"),
        ),
        case(
            Rule::CacheControlValue,
            "/routes/0/target/cacheControl",
            target("{\"kind\": \"Static\", \"cacheControl\": ▶\"public\\r\\nx: y\"}"),
        ),
        case(
            Rule::CacheControlValue,
            "/routes/0/target/cacheControl",
            target("{\"kind\": \"Static\", \"cacheControl\": ▶\"\"}"),
        ),
        case(
            Rule::WrongType,
            "/routes/0/target/cacheControl",
            target("{\"kind\": \"Static\", \"cacheControl\": ▶3600}"),
        ),
    ]
}

fn fallbacks() -> Vec<Case> {
    let fallback = |target: &str, fallback: &str| {
        let route = format!("{{\"path\": \"/a*\", \"target\": {target}, \"fallback\": {fallback}}}");
        images(IMAGES).replace("{\"path\": \"/i\"", &format!("{route}, {{\"path\": \"/i\""))
    };
    let statics = "{\"kind\": \"Static\"}";
    let compute = "{\"kind\": \"Compute\", \"src\": \"default\"}";
    let image = "{\"kind\": \"ImageOptimization\"}";
    let at = "/routes/0/fallback";
    vec![
        case(Rule::FallbackSameKind, at, fallback(statics, &format!("▶{statics}"))),
        case(Rule::FallbackSameKind, at, fallback(compute, &format!("▶{compute}"))),
        case(Rule::FallbackSameKind, at, fallback(image, &format!("▶{image}"))),
        case(Rule::WrongType, at, fallback(statics, "▶null")),
        case(Rule::SrcRequired, at, fallback(statics, "▶{\"kind\": \"Compute\"}")),
        case(Rule::TargetKind, "/routes/0/fallback/kind", fallback(statics, "{\"kind\": ▶\"Redirect\"}")),
    ]
}

fn compute() -> Vec<Case> {
    let at = "/computeResources/0";
    let statics = r#"[{"path": "/*", "target": {"kind": "Static"}}]"#;
    let unused = routes(CATCH_ALL).replace(&format!("[{CATCH_ALL}]"), statics);
    let unlisted = "  \"computeResources\": [{\"name\"";
    let entrypoint = |name: &str| resource(&RESOURCE.replace("\"server.js\"", &format!("▶{name}")));
    let runtime = |name: &str| resource(&RESOURCE.replace("\"nodejs20.x\"", &format!("▶{name}")));
    let marked_kind = CATCH_ALL.replace("\"Compute\"", "▶\"Compute\"");
    vec![
        case(
            Rule::ComputeResourceMissing,
            "/routes/0/target/kind",
            routes(&marked_kind).replace(&format!("  \"computeResources\": [{RESOURCE}],\n"), ""),
        ),
        case(Rule::ComputeResourceMissing, "/routes/0/target/kind", routes(&marked_kind).replace(RESOURCE, "")),
        case(
            Rule::ComputeResourceMissing,
            "/routes/0/target/kind",
            routes(&format!("{}, {CATCH_ALL}", marked_kind.replace("/*", "/a"))).replace(RESOURCE, ""),
        ),
        case(Rule::ComputeResourceUnused, at, unused.replace(unlisted, "  \"computeResources\": [▶{\"name\"")),
        case(Rule::ComputeResourceRepeated, "/computeResources/1", resources(&format!("[{RESOURCE}, ▶{RESOURCE}]"))),
        case(Rule::WrongType, "/computeResources", resources("▶{}")),
        case(Rule::WrongType, at, resource("▶\"default\"")),
        case(Rule::ComputeName, "/computeResources/0/name", resource(&RESOURCE.replace("\"default\"", "▶\"api\""))),
        case(Rule::MissingKey, at, resource("▶{\"runtime\": \"nodejs20.x\", \"entrypoint\": \"server.js\"}")),
        case(Rule::MissingKey, at, resource("▶{\"name\": \"default\", \"entrypoint\": \"server.js\"}")),
        case(Rule::MissingKey, at, resource("▶{\"name\": \"default\", \"runtime\": \"nodejs20.x\"}")),
        case(Rule::RuntimeUnknown, "/computeResources/0/runtime", runtime("\"node20\"")),
        case(Rule::RuntimeUnknown, "/computeResources/0/runtime", runtime("\"nodejs.x\"")),
        case(Rule::RuntimeUnknown, "/computeResources/0/runtime", runtime("\"nodejs020.x\"")),
        case(Rule::RuntimeUnknown, "/computeResources/0/runtime", runtime("\"nodejs1000.x\"")),
        case(Rule::RuntimeUnknown, "/computeResources/0/runtime", runtime("\"python3.12\"")),
        case(Rule::WrongType, "/computeResources/0/runtime", runtime("20")),
        case(Rule::EntrypointBare, "/computeResources/0/entrypoint", entrypoint("\"dist/server.js\"")),
        case(Rule::EntrypointBare, "/computeResources/0/entrypoint", entrypoint("\"../server.js\"")),
        case(Rule::EntrypointBare, "/computeResources/0/entrypoint", entrypoint("\"..\"")),
        case(Rule::EntrypointBare, "/computeResources/0/entrypoint", entrypoint("\"\"")),
        case(Rule::EntrypointBare, "/computeResources/0/entrypoint", entrypoint("\"/bin/sh\"")),
    ]
}

fn image_settings() -> Vec<Case> {
    let without = |key: &str| {
        let whole = image("sizes", "[640]");
        let line = whole.lines().find(|line| line.trim_start().starts_with(&format!("\"{key}\""))).unwrap();
        whole
            .replace(&format!("{line}\n"), "")
            .replace(",\n  }", "\n  }")
            .replace("\"imageSettings\": {", "\"imageSettings\": ▶{")
    };
    vec![
        case(Rule::WrongType, "/imageSettings", images("▶[]")),
        case(Rule::MissingKey, "/imageSettings", without("sizes")),
        case(Rule::MissingKey, "/imageSettings", without("domains")),
        case(Rule::MissingKey, "/imageSettings", without("remotePatterns")),
        case(Rule::MissingKey, "/imageSettings", without("formats")),
        case(Rule::MissingKey, "/imageSettings", without("minimumCacheTTL")),
        case(Rule::MissingKey, "/imageSettings", without("dangerouslyAllowSVG")),
        case(Rule::ImageSize, "/imageSettings/sizes/1", image("sizes", "[640, ▶0]")),
        case(Rule::ImageSize, "/imageSettings/sizes/0", image("sizes", "[▶-640]")),
        case(Rule::ImageSize, "/imageSettings/sizes/0", image("sizes", "[▶64.5]")),
        case(Rule::ImageSize, "/imageSettings/sizes/0", image("sizes", "[▶4294967296]")),
        case(Rule::WrongType, "/imageSettings/sizes/0", image("sizes", "[▶\"640\"]")),
        case(Rule::WrongType, "/imageSettings/domains/0", image("domains", "[▶1]")),
        case(Rule::ImageFormat, "/imageSettings/formats/0", image("formats", "[▶\"image/jpg\"]")),
        case(Rule::ImageFormat, "/imageSettings/formats/1", image("formats", "[\"image/webp\", ▶\"webp\"]")),
        case(Rule::ImageFormat, "/imageSettings/formats/0", image("formats", "[▶\"image/svg+xml\"]")),
        case(Rule::ImageTtl, "/imageSettings/minimumCacheTTL", image("minimumCacheTTL", "▶-1")),
        case(Rule::ImageTtl, "/imageSettings/minimumCacheTTL", image("minimumCacheTTL", "▶0.5")),
        case(Rule::WrongType, "/imageSettings/minimumCacheTTL", image("minimumCacheTTL", "▶\"60\"")),
        case(Rule::WrongType, "/imageSettings/dangerouslyAllowSVG", image("dangerouslyAllowSVG", "▶\"false\"")),
    ]
}

/// Rows 27, 29 to 31, 33 and 36 of the pattern table.
fn remote_hosts() -> Vec<Case> {
    let refused = [
        "",
        "*",
        "**",
        "*.*",
        "**.*",
        "cdn.**.example.com",
        "**cdn.example.com",
        "img-**.example.com",
        "{a,b}.example.com",
        "img[0-9].example.com",
        "img?.example.com",
        "!example.com",
        "+(a).example.com",
        "bücher.example",
        "https://example.com",
        "example.com/images",
        "example.com:8443",
        "example.com.",
        ".example.com",
        "a..example.com",
        "user@example.com",
        "[::g]",
        "exam ple.com",
    ];
    let mut cases: Vec<Case> = refused
        .iter()
        .map(|host| {
            let pattern = format!("{{\"hostname\": ▶\"{host}\"}}");
            case(Rule::ImagePatternHostname, "/imageSettings/remotePatterns/0/hostname", remote(&pattern))
        })
        .collect();
    let long = format!("{{\"hostname\": ▶\"{}.example.com\"}}", "a".repeat(64));
    cases.push(case(Rule::ImagePatternHostname, "/imageSettings/remotePatterns/0/hostname", remote(&long)));
    cases
}

fn remote_rest() -> Vec<Case> {
    let at = "/imageSettings/remotePatterns/0";
    let with = |member: &str| remote(&format!("{{\"hostname\": \"example.com\", {member}}}"));
    let port = |port: &str| {
        case(Rule::ImagePatternPort, "/imageSettings/remotePatterns/0/port", with(&format!("\"port\": ▶{port}")))
    };
    let pathname = |path: &str| {
        let rule = Rule::ImagePatternPathname;
        case(rule, "/imageSettings/remotePatterns/0/pathname", with(&format!("\"pathname\": ▶{path}")))
    };
    vec![
        case(Rule::WrongType, at, remote("▶\"example.com\"")),
        // Row 37.
        case(Rule::MissingKey, at, remote("▶{\"pathname\": \"/**\"}")),
        case(Rule::UnknownKey, "/imageSettings/remotePatterns/0/search", with("▶\"search\": \"?v=1\"")),
        case(Rule::UnknownKey, "/imageSettings/remotePatterns/0/pathName", with("▶\"pathName\": \"/a\"")),
        case(Rule::ImagePatternProtocol, "/imageSettings/remotePatterns/0/protocol", with("\"protocol\": ▶\"ftp\"")),
        case(Rule::ImagePatternProtocol, "/imageSettings/remotePatterns/0/protocol", with("\"protocol\": ▶\"HTTPS\"")),
        case(Rule::WrongType, "/imageSettings/remotePatterns/0/port", with("\"port\": ▶443")),
        port("\"0\""),
        port("\"65536\""),
        port("\"+80\""),
        port("\"http\""),
        // Row 49.
        pathname("\"\""),
        pathname("\"images/**\""),
        pathname("\"/{a,b}/**\""),
        pathname("\"/a?x=1\""),
        pathname("\"/a/../b\""),
        pathname("\"/100%\""),
    ]
}

fn frameworks() -> Vec<Case> {
    vec![
        case(
            Rule::MissingKey,
            "",
            format!(
                "▶{}",
                routes(CATCH_ALL).replace(",\n  \"framework\": {\"name\": \"nuxt\", \"version\": \"3.8.1\"}", "")
            ),
        ),
        case(Rule::WrongType, "/framework", framework("▶\"nuxt\"")),
        case(Rule::MissingKey, "/framework", framework("▶{\"version\": \"3.8.1\"}")),
        case(Rule::MissingKey, "/framework", framework("▶{\"name\": \"nuxt\"}")),
        case(Rule::FrameworkName, "/framework/name", framework("{\"name\": ▶\" \", \"version\": \"3.8.1\"}")),
        case(Rule::FrameworkVersion, "/framework/version", framework("{\"name\": \"é\", \"version\": ▶\"3.8\"}")),
        case(Rule::FrameworkVersion, "/framework/version", framework("{\"name\": \"nuxt\", \"version\": ▶\"v3.8.1\"}")),
        case(Rule::FrameworkVersion, "/framework/version", framework("{\"name\": \"nuxt\", \"version\": ▶\"latest\"}")),
        case(Rule::WrongType, "/framework/version", framework("{\"name\": \"nuxt\", \"version\": ▶3}")),
    ]
}
