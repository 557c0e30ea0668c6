//! The command line: what each subcommand prints, and how it ends.

use std::{fs, path::Path};

use edgeplane_optimizer::SourceType;
use serde_json::{Value, json};

use crate::support::{
    bundle::{self, Draft},
    lacking, picture, scratch,
    server::{Finished, Launch},
    shared,
};

fn check(bundle: &Path, more: &[&str]) -> Finished {
    Launch::bare("check").arg(bundle).args(more).finish()
}

fn broken() -> std::path::PathBuf {
    Draft::with_routes(json!([
        {"path": "no-slash", "target": {"kind": "Static"}},
        {"path": "/x/*", "target": {"kind": "Teapot"}},
        {"path": "/*", "target": {"kind": "Compute", "src": "default", "cacheControl": "max-age=1"}},
    ]))
    .key("version", json!(2))
    .write()
}

#[test]
fn bundles_of_real_frameworks_pass() {
    for name in ["nuxt3", "nuxt3-base", "nuxt3-generate", "nitro2", "nitro2-variant", "astro7", "sveltekit2", "gallery"]
    {
        let outcome = check(&bundle::built(name), &[]);
        assert_eq!(outcome.status.code(), Some(0), "{name}: {outcome:#?}");
    }
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_a_way_out() {
    let outcome = check(&broken(), &[]).expect(65);
    for part in ["version", "no-slash", "Teapot", "cacheControl"] {
        assert!(outcome.stdout.contains(part), "{part} missing: {}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains('\x1b'), "colours for nobody: {}", outcome.stdout);
}

#[test]
fn problems_are_there_for_programs_too() {
    let outcome = check(&broken(), &["--format", "json"]).expect(65);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let problems = report["problems"].as_array().unwrap();
    assert!(problems.len() >= 4, "{report:#}");
    for problem in problems {
        for key in ["rule", "severity", "pointer", "file", "line", "column", "message", "help"] {
            assert!(problem.get(key).is_some(), "{key} missing in {problem:#}");
        }
    }
    let version = problems.iter().find(|problem| problem["pointer"] == "/version").expect("a problem at /version");
    assert_eq!(version["severity"], "error");
    let fine: Value =
        serde_json::from_str(&check(&bundle::built("nuxt3"), &["--format", "json"]).expect(0).stdout).unwrap();
    assert!(fine["problems"].is_array());
}

#[test]
fn warnings_pass_unless_they_are_asked_to_matter() {
    let odd = Draft::usual().key("unheardOf", json!(1)).write();
    let outcome = check(&odd, &[]).expect(0);
    assert!(outcome.stdout.contains("unheardOf"), "{outcome:#?}");
    check(&odd, &["--strict"]).expect(65);
}

#[test]
fn what_is_no_bundle_is_refused_and_says_so() {
    let nothing = scratch::folder("empty");
    for (bundle, says) in [
        (nothing.join("not-there"), "not-there"),
        (nothing.clone(), "deploy-manifest.json"),
        (Draft::usual().write_text("{\"version\": 1,}"), "deploy-manifest.json"),
        (Draft::usual().write_text(""), "deploy-manifest.json"),
        (Draft::usual().write_text(&"[".repeat(100_000)), "deploy-manifest.json"),
        (Draft::usual().write_text("\u{feff}\"\\ud800\""), "deploy-manifest.json"),
    ] {
        let outcome = check(&bundle, &[]).expect(65);
        let all = outcome.stdout + &outcome.stderr;
        assert!(all.contains(says) && !all.contains("panicked"), "{all}");
        let served = Launch::new(&bundle).fail().expect(65);
        assert!(!served.stderr.contains("panicked"), "{}", served.stderr);
    }
}

#[test]
fn a_folder_that_holds_the_bundle_will_do() {
    let bundle = Draft::statics().file("index.html", "found").write();
    let project = scratch::folder("project");
    fs::rename(&bundle, project.join(".amplify-hosting")).unwrap();
    check(&project, &[]).expect(0);
    Launch::new(&project).start().get("/").expect(200).saying("found");
}

#[test]
fn usage_and_settings_mistakes_end_with_64_and_name_the_setting() {
    let bundle = Draft::statics().file("index.html", "x").write();
    Launch::bare("no-such-command").finish().expect(64);
    Launch::bare("serve").arg("--no-such-flag").finish().expect(64);
    for (key, value) in
        [("limits.request-body", "much"), ("timeouts.head", "soon"), ("instances", "0"), ("log", "loud")]
    {
        let outcome = Launch::new(&bundle).setting(key, value).fail().expect(64);
        let named =
            outcome.stderr.contains(key) || outcome.stderr.contains(&key.to_uppercase().replace(['.', '-'], "_"));
        assert!(named && outcome.stderr.contains(value), "{key}: {}", outcome.stderr);
    }
    let file = scratch::folder("settings").join("edgeplane.toml");
    fs::write(&file, "[limits]\nrequest-bodyy = \"1MiB\"\n").unwrap();
    let outcome = Launch::new(&bundle).arg("--config").arg(&file).fail().expect(64);
    assert!(outcome.stderr.contains("request-bodyy") && outcome.stderr.contains("request-body"), "{}", outcome.stderr);
}

#[test]
fn the_settings_printed_are_settings() {
    let printed = Launch::bare("settings").finish().expect(0).stdout;
    for key in ["listen", "[limits]", "[timeouts]", "[compute]", "[image]", "request-body"] {
        assert!(printed.contains(key), "{key}");
    }
    let file = scratch::folder("settings").join("edgeplane.toml");
    fs::write(&file, &printed).unwrap();
    let bundle = Draft::statics().file("index.html", "x").write();
    Launch::new(&bundle).arg("--config").arg(&file).start().get("/").expect(200);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = scratch::folder("settings");
    let file = folder.join("edgeplane.toml");
    fs::write(&file, "[static]\ncache-control = \"max-age=1\"\nindex = false\n").unwrap();
    let bundle = Draft::statics().file("index.html", "x").file("a.txt", "x").write();
    let server = Launch::new(&bundle).arg("--config").arg(&file).setting("static.cache-control", "max-age=2").start();
    server.get("/a.txt").expect(200).with("cache-control", "max-age=2");
    server.get("/").expect(404);
    let text = Launch::new(&bundle).setting("log", "json").arg("--log").arg("off").start();
    text.get("/a.txt").expect(200);
    assert_eq!(text.access_log(), [""; 0]);
}

fn explain(words: &[&str]) -> Value {
    let launch =
        Launch::bare("explain").args(words).arg("--bundle").arg(bundle::built("nuxt3")).arg("--format").arg("json");
    serde_json::from_str(&launch.finish().expect(0).stdout).unwrap()
}

#[test]
fn explain_tells_what_serve_does() {
    for path in
        ["/robots.txt", "/_nuxt/none.js", "/files/my%20photo%20%C3%A9.jpg", "/_nuxt/builds/latest.json", "/about"]
    {
        let told = explain(&["GET", path]);
        let served = shared::nuxt().get(path);
        let first = &told["steps"][0];
        if let Some(status) = first["status"].as_u64().filter(|status| *status != 404) {
            assert_eq!(u64::from(served.status), status, "{path}: {told:#}");
            assert_eq!(first["headers"]["etag"].as_str(), served.field("etag"), "{path}");
            assert_eq!(first["headers"]["cache-control"].as_str(), served.field("cache-control"), "{path}");
        } else {
            assert!(served.field("etag").is_none(), "{path}: {told:#}");
        }
    }
    let image = explain(&["GET", "/_amplify/image?url=%2Fphoto.jpg&w=320"]);
    assert_eq!(image["route"]["path"], "/_amplify/image");
    assert_eq!(image["steps"][0]["target"], "ImageOptimization");
    let fallback = explain(&["GET", "/nope.png"]);
    assert_eq!(fallback["route"]["path"], "/*.*");
    assert_eq!(fallback["steps"][1]["target"], "Compute");
    let post = explain(&["POST", "/nope.png"]);
    assert_eq!(post["steps"].as_array().map(Vec::len), Some(1), "{post:#}");
    let conditional = explain(&["GET", "/robots.txt", "-H", "Range: bytes=0-3"]);
    assert_eq!(conditional["steps"][0]["status"], 206);
}

#[test]
fn explain_is_there_for_people() {
    let launch = Launch::bare("explain")
        .arg("GET")
        .arg("/_nuxt/builds/latest.json?x")
        .arg("--bundle")
        .arg(bundle::built("nuxt3"));
    let told = launch.finish().expect(0).stdout;
    for part in ["/_nuxt/builds/*", "/_nuxt/builds/meta/*", "Static", "max-age=1"] {
        assert!(told.contains(part), "{part} missing: {told}");
    }
}

#[test]
fn optimize_works_on_files_and_refuses_what_is_none() {
    let source = bundle::built("nuxt3").join("static/images/coffee.jpg");
    let folder = scratch::folder("optimized");
    for (name, kind) in [
        ("a.webp", SourceType::Webp),
        ("a.jpg", SourceType::Jpeg),
        ("a.png", SourceType::Png),
        ("a.avif", SourceType::Avif),
    ] {
        let out = folder.join(name);
        Launch::bare("optimize").arg(&source).arg(&out).arg("--width").arg("64").finish().expect(0);
        let found = picture::look(&fs::read(&out).unwrap()).unwrap();
        assert_eq!((found.kind, found.width, found.height), (kind, 64, 43), "{name}");
    }
    let named = folder.join("b.bin");
    Launch::bare("optimize")
        .arg(&source)
        .arg(&named)
        .args(&["--width", "32", "--format", "webp", "--quality", "40"])
        .finish()
        .expect(0);
    assert_eq!(picture::look(&fs::read(&named).unwrap()).unwrap().kind, SourceType::Webp);
    let edited = folder.join("d.png");
    let edit = |edits: &str| {
        Launch::bare("optimize").arg(&source).arg(&edited).args(&["--width", "64", "--edits", edits]).finish()
    };
    edit("rotate=90&negate&extend=1_2_3_4").expect(0);
    let found = picture::look(&fs::read(&edited).unwrap()).unwrap();
    assert_eq!((found.width, found.height), (64 + 6, 96 + 4));
    let wrong = edit("blur=0.1").expect(64);
    assert!(wrong.stderr.contains("\"blur\" parameter must be a number between 0.3 and 1000"), "{wrong:#?}");
    edit("width=32").expect(64);
    let text = bundle::built("nuxt3").join("static/robots.txt");
    let outcome = Launch::bare("optimize").arg(&text).arg(folder.join("c.webp")).args(&["--width", "32"]).finish();
    assert!(!outcome.status.success() && outcome.stderr.contains("robots.txt"), "{outcome:#?}");
    let outcome =
        Launch::bare("optimize").arg("not-there.png").arg(folder.join("c.webp")).args(&["--width", "32"]).finish();
    assert!(!outcome.status.success() && outcome.stderr.contains("not-there.png"), "{outcome:#?}");
    Launch::bare("optimize").arg(&source).arg(folder.join("c.webp")).args(&["--width", "0"]).finish().expect(64);
}

#[test]
fn a_pack_made_ahead_serves_the_same_bytes() {
    let bundle = bundle::built("nuxt3-generate");
    let pack = scratch::folder("pack").join("assets.pack");
    Launch::bare("pack").arg(&bundle).arg(&pack).finish().expect(0);
    let server = Launch::new(&bundle).arg("--pack").arg(&pack).start();
    for path in ["/robots.txt", "/images/coffee.jpg", "/files/my%20photo%20%C3%A9.jpg", "/prerendered/"] {
        let (packed, built) = (server.get(path).expect(200), shared::nuxt_generated().get(path).expect(200));
        assert!(packed.body == built.body, "{path}");
        assert_eq!(packed.field("etag"), built.field("etag"), "{path}");
    }
    fs::write(&pack, b"not a pack").unwrap();
    let outcome = Launch::new(&bundle).arg("--pack").arg(&pack).fail();
    assert!(
        matches!(outcome.status.code(), Some(64 | 65 | 69)) && outcome.stderr.contains("assets.pack"),
        "{outcome:#?}"
    );
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = Launch::bare("--help").finish().expect(0).stdout;
    for word in ["serve", "check", "explain", "pack", "optimize", "settings"] {
        assert!(help.contains(word), "{word}");
    }
    let version = || Launch::bare("--version");
    assert_eq!(version().finish().expect(0).stdout.lines().count(), 1);
    let whole = version().arg("-v").finish().expect(0).stdout;
    assert!(whole.starts_with("edgeplane ") && whole.contains("\nlandlock "), "{whole}");
    let without = version().arg("--verbose").without(lacking::LANDLOCK).finish().expect(0).stdout;
    let tail = "\nAVIF sources passed as they are, without image.unsandboxed\n";
    assert!(without.contains("\nlandlock false\nseccomp ") && without.ends_with(tail), "{without}");
}
