//! Folders that do not keep what their manifest promises.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
};

use edgeplane_config::{Bundle, Rule, Severity};

use crate::fixture::{CATCH_ALL, Fixture, path, routes};

/// A folder that breaks one rule.
pub(crate) struct BundleCase {
    pub(crate) rule: Rule,
    severity: Severity,
    /// Where: the file, and the pointer into it when it is the manifest.
    file: &'static str,
    pointer: &'static str,
    make: fn() -> Fixture,
}

/// Routes to Static at `/a/*` and to Compute otherwise, and everything they need.
fn whole() -> Fixture {
    Fixture::new(&path("\"/a/*\"")).files(&["static/a/b.js", "compute/default/server.js"])
}

/// Everything to Compute.
fn compute_only() -> Fixture {
    Fixture::new(&routes(CATCH_ALL))
}

const MANIFEST: &str = "deploy-manifest.json";

/// Every folder that is refused or remarked upon.
pub(crate) fn cases() -> Vec<BundleCase> {
    let mut cases = manifests();
    cases.extend(statics());
    cases.extend(computes());
    cases
}

fn error(rule: Rule, file: &'static str, pointer: &'static str, make: fn() -> Fixture) -> BundleCase {
    BundleCase { rule, severity: Severity::Error, file, pointer, make }
}

fn warning(rule: Rule, file: &'static str, pointer: &'static str, make: fn() -> Fixture) -> BundleCase {
    BundleCase { rule, severity: Severity::Warning, file, pointer, make }
}

fn manifests() -> Vec<BundleCase> {
    vec![
        error(Rule::ManifestMissing, MANIFEST, "", Fixture::empty),
        error(Rule::ManifestMissing, MANIFEST, "", || Fixture::empty().folder(".amplify-hosting/static")),
        error(Rule::ManifestUnreadable, MANIFEST, "", || Fixture::empty().folder(MANIFEST)),
        error(Rule::ManifestUnreadable, MANIFEST, "", || Fixture::empty().link(MANIFEST, "nowhere.json")),
        error(Rule::ManifestUnreadable, MANIFEST, "", || Fixture::empty().link(MANIFEST, "/dev/zero")),
        error(Rule::ManifestUnreadable, MANIFEST, "", || {
            let fixture = Fixture::empty();
            fs::write(fixture.root.path().join(MANIFEST), b"{\n\"\xc3\xa9\xff\"}").unwrap();
            fixture
        }),
        error(Rule::ManifestTooLarge, MANIFEST, "", || Fixture::new(&" ".repeat(1024 * 1024 + 1))),
        error(Rule::JsonSyntax, MANIFEST, "", || Fixture::new("{\"version\": 1,}")),
    ]
}

fn statics() -> Vec<BundleCase> {
    vec![
        error(Rule::StaticMissing, MANIFEST, "/routes/0/target/kind", || {
            Fixture::new(&path("\"/a/*\"")).files(&["compute/default/server.js"])
        }),
        error(Rule::StaticMissing, MANIFEST, "/routes/0/target/kind", || {
            Fixture::new(&path("\"/a/*\"")).files(&["static", "compute/default/server.js"])
        }),
        error(Rule::StaticMissing, MANIFEST, "/routes/0/fallback/kind", || {
            let fallback = CATCH_ALL.replace("}}", "}, \"fallback\": {\"kind\": \"Static\"}}");
            Fixture::new(&routes(&fallback)).files(&["compute/default/server.js"])
        }),
        warning(Rule::StaticRouteEmpty, MANIFEST, "/routes/0/path", || {
            Fixture::new(&path("\"/docsa/*\"")).files(&["static/docs/a/b.js", "compute/default/server.js"])
        }),
        warning(Rule::StaticRouteEmpty, MANIFEST, "/routes/0/path", || {
            Fixture::new(&path("\"/a\"")).folder("static/a").files(&["compute/default/server.js"])
        }),
        warning(Rule::StaticLinkLeaves, "static/a/passwd", "", || whole().link("static/a/passwd", "/etc/passwd")),
        warning(Rule::StaticLinkLeaves, "static/up", "", || whole().link("static/up", "../compute/default")),
        warning(Rule::StaticLinkLeaves, "static/manifest", "", || {
            whole().link("static/manifest", "../deploy-manifest.json")
        }),
        error(Rule::FolderLeavesBundle, "static", "", || {
            Fixture::new(&routes(CATCH_ALL)).files(&["compute/default/server.js"]).link("static", "/usr")
        }),
        error(Rule::FolderUnreadable, "static", "", || too_deep(whole(), "static")),
    ]
}

fn computes() -> Vec<BundleCase> {
    vec![
        error(Rule::ComputeMissing, MANIFEST, "/routes/0/target/kind", compute_only),
        error(Rule::ComputeMissing, MANIFEST, "/routes/0/target/kind", || compute_only().files(&["compute/server.js"])),
        error(Rule::ComputeMissing, MANIFEST, "/routes/0/target/kind", || compute_only().files(&["compute/default"])),
        error(Rule::EntrypointMissing, MANIFEST, "/computeResources/0/entrypoint", || {
            compute_only().files(&["compute/default/index.js"])
        }),
        error(Rule::EntrypointMissing, MANIFEST, "/computeResources/0/entrypoint", || {
            compute_only().files(&["compute/default/dist/server.js"])
        }),
        error(Rule::EntrypointMissing, MANIFEST, "/computeResources/0/entrypoint", || {
            compute_only().files(&["compute/default/server.js/index.js"])
        }),
        error(Rule::EntrypointMissing, MANIFEST, "/computeResources/0/entrypoint", || {
            compute_only().link("compute/default/server.js", "nothing.js")
        }),
        error(Rule::ComputeLinkLeaves, "compute/default/node_modules/a", "", || {
            whole().link("compute/default/node_modules/a", "../../../../node_modules/a")
        }),
        error(Rule::ComputeLinkLeaves, "compute/default/etc", "", || whole().link("compute/default/etc", "/etc")),
        error(Rule::ComputeLinkLeaves, "compute/default/assets", "", || {
            whole().link("compute/default/assets", "../../static/a")
        }),
        error(Rule::FolderLeavesBundle, "compute/default", "", || compute_only().link("compute/default", "/usr")),
        error(Rule::FolderUnreadable, "compute/default", "", || too_deep(whole(), "compute/default")),
        warning(Rule::ComputeTooLarge, "compute/default", "", || {
            let fixture = whole().with("compute/default/large.node", "");
            let large = fs::File::options().write(true).open(fixture.root.path().join("compute/default/large.node"));
            large.unwrap().set_len(220 * 1024 * 1024).unwrap();
            fixture
        }),
    ]
}

/// Nests folders below `folder` until their path is longer than the system lets anybody name (4096 bytes on Linux).
/// It takes a move, as such a path cannot be created in place; and it works for root, whom no permission stops.
fn too_deep(fixture: Fixture, folder: &str) -> Fixture {
    let name = "d".repeat(200);
    let nested = [name.as_str(); 12].join("/");
    let fixture = fixture.folder(&format!("{folder}/{nested}")).folder(&format!("elsewhere/{nested}"));
    let root = fixture.root.path();
    fs::rename(root.join("elsewhere"), root.join(folder).join(nested).join("moved")).unwrap();
    fixture
}

#[test]
fn each_broken_promise_is_named_and_placed() {
    for BundleCase { rule, severity, file, pointer, make } in cases() {
        let opened = make().open();
        let problems = opened.map_or_else(|problems| problems, |bundle| bundle.warnings);
        let told: Vec<_> =
            problems.iter().map(|problem| (problem.rule, problem.severity, &*problem.location.pointer)).collect();
        assert_eq!(told, [(rule, severity, pointer)], "{problems}");
        let place = &problems.0[0].location.file;
        // What cannot be read lies somewhere below the folder, where the paths of this test get too long to write.
        let below = rule == Rule::FolderUnreadable && place.starts_with(file);
        assert!(place == Path::new(file) || below, "{problems}");
        assert!(problems.0[0].help.is_some());
        assert_eq!(
            problems.0[0].location.position.is_some(),
            file == MANIFEST && rule != Rule::ManifestMissing,
            "{problems}"
        );
    }
}

#[test]
fn a_path_that_is_no_folder_is_named_as_the_user_wrote_it() {
    let fixture = Fixture::empty().files(&["file"]);
    for name in ["nowhere", "file"] {
        let path = fixture.root.path().join(name);
        let problems = Bundle::open(&path, false).unwrap_err();
        assert_eq!((problems.len(), problems.0[0].rule), (1, Rule::BundleMissing), "{problems}");
        assert_eq!(problems.0[0].location.file, path);
    }
}

#[test]
fn text_that_is_not_utf_8_is_placed_to_the_character() {
    let fixture = Fixture::empty();
    fs::write(fixture.root.path().join(MANIFEST), b"{\n\"\xc3\xa9\xff\"}").unwrap();
    let problems = fixture.open().unwrap_err();
    assert_eq!(problems.0[0].location.position, Some((2, 3)), "{problems}");
}

#[test]
fn a_name_that_is_not_utf_8_can_be_told() {
    let fixture = whole();
    let link = fixture.root.path().join("static").join(OsStr::from_bytes(b"\xff.txt"));
    symlink("/etc/passwd", link).unwrap();
    let bundle = fixture.open().unwrap();
    assert_eq!(bundle.warnings.len(), 1);
    assert_eq!(bundle.warnings.0[0].location.file.to_str(), Some("static/\u{fffd}.txt"));
}

#[test]
fn a_missing_entry_point_is_told_in_amplify_s_own_words() {
    let problems = compute_only().files(&["compute/default/index.js"]).open().unwrap_err();
    let help = problems.0[0].help.as_deref().unwrap();
    assert!(
        help.contains("The entrypoint file 'server.js' cannot be found for the specified compute resource."),
        "{help}"
    );
}

#[test]
fn the_disk_is_checked_even_where_the_manifest_has_errors() {
    let fixture = Fixture::new(&path("\"/a/*\"").replace("3.8.1", "three").replace("\"version\": 1", "\"version\": 2"));
    let problems = fixture.open().unwrap_err();
    let rules: Vec<Rule> = problems.iter().map(|problem| problem.rule).collect();
    let wanted = [Rule::VersionUnsupported, Rule::StaticMissing, Rule::ComputeMissing, Rule::FrameworkVersion];
    assert_eq!(rules, wanted, "{problems}");
}

#[test]
fn a_whole_bundle_is_opened_without_remarks() {
    let fixture =
        whole().link("compute/default/node_modules/.bin/a", "../../server.js").link("static/a/same.js", "b.js");
    let bundle = fixture.open().unwrap();
    let root = fs::canonicalize(fixture.root.path()).unwrap();
    assert!(bundle.warnings.is_empty(), "{}", bundle.warnings);
    assert_eq!(bundle.root, root);
    assert_eq!(bundle.static_dir.as_deref(), Some(&*root.join("static")));
    let compute = bundle.compute.unwrap();
    assert_eq!(compute.dir, root.join("compute/default"));
    assert_eq!((compute.entrypoint.as_str(), compute.node_major), ("server.js", 20));
}

#[test]
fn the_bundle_is_found_in_the_project_s_folder() {
    let fixture = Fixture::empty()
        .with(".amplify-hosting/deploy-manifest.json", &routes(CATCH_ALL))
        .files(&[".amplify-hosting/compute/default/server.js", "static/not-of-the-bundle.txt"]);
    let bundle = fixture.open().unwrap();
    assert!(bundle.root.ends_with(".amplify-hosting"));
    assert_eq!(bundle.static_dir, None);
}

#[test]
fn a_link_to_the_bundle_is_as_good_as_the_bundle() {
    let fixture = whole();
    let links = Fixture::empty().link("current", fixture.root.path());
    let bundle = Bundle::open(&links.root.path().join("current"), false).unwrap();
    assert_eq!(bundle.root, fs::canonicalize(fixture.root.path()).unwrap());
}

#[test]
fn an_index_page_answers_for_its_folder() {
    let fixture = Fixture::new(&path("\"/a/\"")).files(&["static/a/index.html", "compute/default/server.js"]);
    assert!(fixture.open().unwrap().warnings.is_empty());
}

#[test]
fn a_sidecar_needs_no_compute_folder() {
    for (fixture, rule) in [
        (compute_only(), Rule::ComputeMissing),
        (compute_only().files(&["compute/default/other.js"]), Rule::EntrypointMissing),
        (whole().link("compute/default/etc", "/etc"), Rule::ComputeLinkLeaves),
    ] {
        assert!(fixture.open().unwrap_err().has(rule));
        let bundle = fixture.open_as_sidecar().unwrap();
        let told: Vec<_> = bundle.warnings.iter().map(|problem| (problem.rule, problem.severity)).collect();
        assert_eq!(told, [(rule, Severity::Warning)]);
        assert_eq!(bundle.compute.is_some(), rule == Rule::ComputeLinkLeaves);
        assert!(bundle.manifest.compute.is_some());
    }
}

#[test]
fn a_purely_static_bundle_needs_no_compute() {
    let manifest = r#"{"version": 1, "routes": [{"path": "/*", "target": {"kind": "Static"}}],
        "framework": {"name": "vite", "version": "7.0.0"}}"#;
    let bundle = Fixture::new(manifest).files(&["static/index.html", "compute/default/left-over.js"]).open().unwrap();
    assert!(bundle.warnings.is_empty() && bundle.compute.is_none(), "{}", bundle.warnings);
}

#[test]
fn a_page_answers_the_routes_of_its_clean_address_and_of_its_folder() {
    for (route, file) in [
        ("/about", "static/about.html"),
        ("/docs/", "static/docs/index.html"),
        ("/docs", "static/docs/index.html"),
        ("/docs/index", "static/docs/index.html"),
    ] {
        let fixture = Fixture::new(&path(&format!("\"{route}\""))).files(&[file, "compute/default/server.js"]);
        let bundle = fixture.open().unwrap();
        assert!(!bundle.warnings.has(Rule::StaticRouteEmpty), "{route} {file}: {}", bundle.warnings);
    }
}
