//! What real frameworks emit is accepted, with exactly the remarks it deserves.

use std::{collections::BTreeSet, fs, path::Path};

use edgeplane_config::Rule;

use crate::fixture::Fixture;

/// Emitted by a framework, or printed in the specification: the manifest, the files it needs, the remarks it gets.
struct Emitted {
    name: &'static str,
    files: &'static [&'static str],
    remarks: &'static [(Rule, &'static str)],
}

const NUXT: &[&str] =
    &["static/_nuxt/builds/meta/a.json", "static/_nuxt/builds/latest.json", "compute/default/server.js"];
const NUXT_BASE: &[&str] = &["static/base-path/_nuxt/builds/meta/a.json", "compute/default/server.js"];
const ASTRO_DOCS: &[&str] =
    &["static/docs/assets/somefile", "static/prerendered/index.html", "compute/default/entry.mjs"];
const SVELTEKIT: &[&str] = &["static/robots.txt", "compute/default/index.js"];
const NITRO: &[&str] = &["static/robots.txt", "compute/default/server.js"];

const NODE_22: (Rule, &str) = (Rule::RuntimeUnlisted, "/computeResources/0/runtime");
const NO_ASSETS: (Rule, &str) = (Rule::StaticRouteEmpty, "/routes/0/path");
const NO_SETTINGS: (Rule, &str) = (Rule::ImageSettingsMissing, "/routes/0/target/kind");
const ZERO: (Rule, &str) = (Rule::FrameworkVersionZero, "/framework/version");

const fn emitted(
    name: &'static str,
    files: &'static [&'static str],
    remarks: &'static [(Rule, &'static str)],
) -> Emitted {
    Emitted { name, files, remarks }
}

const EMITTED: [Emitted; 20] = [
    emitted("astro7", &["static/assets/somefile", "compute/default/entry.mjs"], &[NODE_22]),
    emitted("astro7-basepath", ASTRO_DOCS, &[NO_ASSETS, NODE_22]),
    emitted("astro7-basepath-never", ASTRO_DOCS, &[NO_ASSETS, NODE_22]),
    emitted("astro7-basepath-always", ASTRO_DOCS, &[NODE_22]),
    emitted("astro7-basepath-slash", ASTRO_DOCS, &[NODE_22]),
    emitted("nitro2", &["static/assets/img/coffee.jpg", "compute/default/server.js"], &[]),
    emitted("nitro2-basepath", NITRO, &[]),
    emitted("nitro2-variant", NITRO, &[NO_SETTINGS, NODE_22]),
    emitted("nitro3", NITRO, &[ZERO]),
    emitted("nuxt3", NUXT, &[]),
    emitted("nuxt3-basepath", NUXT_BASE, &[]),
    emitted("nuxt3-generate", NUXT, &[(Rule::ImageSettingsUnused, "/imageSettings")]),
    emitted("nuxt4", NUXT, &[]),
    emitted("seed-nuxt", NUXT, &[NO_SETTINGS]),
    emitted("seed-nuxt-basepath", NUXT_BASE, &[NO_SETTINGS]),
    emitted("solidstart", NITRO, &[]),
    emitted("sveltekit2", SVELTEKIT, &[NODE_22]),
    emitted("sveltekit2-basepath", SVELTEKIT, &[NODE_22]),
    emitted("sveltekit2-precompress", SVELTEKIT, &[NODE_22]),
    emitted("tanstack", NITRO, &[ZERO]),
];

fn manifests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manifests"))
}

#[test]
fn what_frameworks_emit_is_accepted_with_exactly_these_remarks() {
    for Emitted { name, files, remarks } in EMITTED {
        let text = fs::read_to_string(manifests().join(name).with_extension("json")).unwrap();
        let fixture = Fixture::new(&text).files(files).files(&["nitro.json"]).with("customRules.json", "[]");
        let bundle = fixture.open().unwrap_or_else(|problems| panic!("{name} is refused:\n{problems}"));
        let told: Vec<_> = bundle.warnings.iter().map(|problem| (problem.rule, &*problem.location.pointer)).collect();
        assert_eq!(told, remarks, "{name}:\n{}", bundle.warnings);
        assert!(bundle.warnings.iter().all(|problem| problem.location.position.is_some()), "{name}");
        assert_eq!(bundle.compute.is_some(), name != "nuxt3-generate", "{name}");
    }
}

#[test]
fn no_emitted_manifest_is_forgotten() {
    let tabled: BTreeSet<String> = EMITTED.iter().map(|emitted| format!("{}.json", emitted.name)).collect();
    let entries = fs::read_dir(manifests()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(entries.collect::<BTreeSet<_>>(), tabled);
}
