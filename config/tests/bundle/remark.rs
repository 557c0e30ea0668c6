//! Manifests that are served all the same: one warning each, which `--strict` makes an error.

use edgeplane_config::{Manifest, Rule, Severity};

use crate::fixture::{
    CATCH_ALL, Case, IMAGES, RESOURCE, case, framework, image, path, remote, resource, routes, target,
};

/// Every manifest that is only remarked upon.
pub(crate) fn cases() -> Vec<Case> {
    let domain = |domain: &str| {
        case(Rule::ImageDomain, "/imageSettings/domains/0", image("domains", &format!("[▶\"{domain}\"]")))
    };
    let runtime = |runtime: &str| {
        let text = resource(&RESOURCE.replace("\"nodejs20.x\"", &format!("▶\"{runtime}\"")));
        case(Rule::RuntimeUnlisted, "/computeResources/0/runtime", text)
    };
    let image_route = "{\"path\": \"/i\", \"target\": {\"kind\": ▶\"ImageOptimization\"}}";
    let settings = format!("\"imageSettings\": ▶{IMAGES},\n  \"framework\"");
    vec![
        case(
            Rule::UnknownKey,
            "/$schema",
            routes(CATCH_ALL).replace("  \"version\"", "  ▶\"$schema\": \"x\", \"version\""),
        ),
        case(Rule::UnknownKey, "/routes/0/Fallback", path("\"/a\", ▶\"Fallback\": {}")),
        case(Rule::UnknownKey, "/routes/0/target/cache~1c~0", target("{\"kind\": \"Static\", ▶\"cache/c~\": \"x\"}")),
        case(Rule::PathSpace, "/routes/0/path", path("▶\"/read me.txt\"")),
        case(
            Rule::RouteUnreachable,
            "/routes/1/path",
            routes(&format!("{CATCH_ALL}, {}", CATCH_ALL.replace("\"/*\"", "▶\"/*\""))),
        ),
        case(
            Rule::RouteUnreachable,
            "/routes/1/path",
            path("\"/a\"}, {\"target\": {\"kind\": \"Static\"}, \"path\": ▶\"/a\""),
        ),
        runtime("nodejs14.x"),
        runtime("nodejs22.x"),
        runtime("nodejs24.x"),
        case(Rule::ImageSettingsMissing, "/routes/0/target/kind", routes(&format!("{image_route}, {CATCH_ALL}"))),
        case(
            Rule::ImageSettingsMissing,
            "/routes/0/fallback/kind",
            routes(&CATCH_ALL.replace("}}", "}, \"fallback\": {\"kind\": ▶\"ImageOptimization\"}}")),
        ),
        case(Rule::ImageSettingsUnused, "/imageSettings", routes(CATCH_ALL).replace("\"framework\"", &settings)),
        case(Rule::ImageSizesEmpty, "/imageSettings/sizes", image("sizes", "▶[]")),
        // Row 40.
        domain(""),
        domain("*.example.com"),
        domain("example.com:8080"),
        domain("https://example.com"),
        domain("example.com/"),
        domain("bücher.example"),
        case(Rule::ImageFormatGif, "/imageSettings/formats/1", image("formats", "[\"image/webp\", ▶\"image/gif\"]")),
        case(
            Rule::ImageTtlSpelling,
            "/imageSettings/minumumCacheTTL",
            image("minimumCacheTTL", "60").replace("\"minimumCacheTTL\": 60", "\"minumumCacheTTL\": ▶60"),
        ),
        case(
            Rule::ImagePatternHttp,
            "/imageSettings/remotePatterns/0/protocol",
            remote("{\"protocol\": ▶\"http\", \"hostname\": \"example.com\"}"),
        ),
        case(
            Rule::FrameworkVersionZero,
            "/framework/version",
            framework("{\"name\": \"nitro\", \"version\": ▶\"0.0.0\"}"),
        ),
    ]
}

#[test]
fn each_oddity_is_remarked_upon_and_served() {
    for case in cases() {
        match Manifest::parse(&case.text()) {
            Ok((_, warnings)) => {
                case.assert_only_problem(&warnings, Severity::Warning);
                case.assert_only_problem(&warnings.strict(), Severity::Error);
            }
            Err(problems) => panic!("refused: {}\n{problems}", case.marked),
        }
    }
}
