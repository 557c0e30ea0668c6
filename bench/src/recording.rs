//! Page loads recorded from a browser, and as requests for the bundle that is there.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{failure::Failure, load::Request};

/// What `bench/recordings/record.mjs` wrote for the Nuxt bundle, in the binary.
const NUXT: &str = include_str!("../recordings/nuxt3.json");
/// Where the chunks of the bundle lie, as path and as folder.
const CHUNKS: &str = "/_nuxt/";
/// The server's name while it is measured.
const HOST: &str = "localhost";

/// One page with everything it made the browser ask for, in the order of asking.
#[derive(Clone, Debug)]
pub(crate) struct PageLoad {
    pub(crate) steps: Vec<Step>,
}

/// One request of a page load.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) request: Request,
    pub(crate) path: String,
    /// The step whose answer must be complete before: the browser learnt of this one from it, or from one before it.
    pub(crate) after: Option<usize>,
    fields: Vec<(String, String)>,
}

impl Step {
    /// A request without a browser's fields.
    #[cfg(test)]
    pub(crate) fn plain(path: &str, after: Option<usize>) -> Self {
        Self { request: Request::get(path, &[]), path: path.to_owned(), after, fields: Vec::new() }
    }

    /// The same request for another path.
    pub(crate) fn moved(&self, path: &str) -> Self {
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self { request: Request::verbatim("GET", path, fields), path: path.to_owned(), ..self.clone() }
    }
}

/// The recorded page loads, for `bundle`: what its build named is put where the recording leaves it open.
///
/// Only what was answered with 200 is asked for: the rest are questions that only the browser's page could ask.
pub(crate) fn page_loads(bundle: &Path) -> Result<Vec<PageLoad>, Failure> {
    let recording: Value =
        NUXT.parse().map_err(|error: serde_json::Error| malformed(Path::new("nuxt3.json"), &error.to_string()))?;
    let names = names(bundle)?;
    list(&recording, "loads").iter().map(|load| page_load(load, &names, bundle)).collect()
}

fn page_load(load: &Value, names: &BTreeMap<String, String>, bundle: &Path) -> Result<PageLoad, Failure> {
    let mut steps = Vec::new();
    // Where the recorded requests stand among those that are kept.
    let mut places: Vec<Option<usize>> = Vec::new();
    for recorded in list(load, "requests") {
        if recorded.get("status").and_then(Value::as_u64) != Some(200) {
            places.push(None);
            continue;
        }
        let path = named(text(recorded, "path"), names)
            .ok_or_else(|| malformed(bundle, "built from other sources than the recording: run record.mjs again"))?;
        let fields: Vec<_> = list(recorded, "headers").iter().filter_map(field).collect();
        let request = Request::verbatim(
            text(recorded, "method"),
            &path,
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let after = recorded.get("after").and_then(Value::as_u64).and_then(|after| usize::try_from(after).ok());
        let after = after.and_then(|after| places.get(..=after)?.iter().rev().find_map(|place| *place));
        places.push(Some(steps.len()));
        steps.push(Step { request, path, after, fields });
    }
    Ok(PageLoad { steps })
}

/// What the placeholders of the recording stand for in `bundle`: `{build}`, and `{LENGTH.js}` for each chunk.
fn names(bundle: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let folder = bundle.join("static/_nuxt");
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(Failure::file("read", &folder))? {
        let entry = entry.map_err(Failure::file("read", &folder))?;
        let length = entry.metadata().map_err(Failure::file("read", entry.path()))?.len();
        if let (Some(name), Some((_, ending))) =
            (entry.file_name().to_str(), entry.file_name().to_string_lossy().rsplit_once('.'))
        {
            names.insert(format!("{{{length}.{ending}}}"), name.to_owned());
        }
    }
    let path = folder.join("builds/latest.json");
    let latest = fs::read_to_string(&path).map_err(Failure::file("read", &path))?;
    let latest: Value = latest.parse().map_err(|error: serde_json::Error| malformed(&path, &error.to_string()))?;
    names.insert("{build}".into(), text(&latest, "id").to_owned());
    Ok(names)
}

/// The path with its placeholder replaced; `None` when nothing in the bundle is meant by it.
fn named(path: &str, names: &BTreeMap<String, String>) -> Option<String> {
    let Some((before, rest)) = path.split_once('{') else { return Some(path.to_owned()) };
    let (placeholder, after) = rest.split_once('}')?;
    let name = names.get(&format!("{{{placeholder}}}"))?;
    debug_assert!(before.starts_with(CHUNKS) || placeholder == "build", "{path}");
    Some(format!("{before}{name}{after}"))
}

fn field(pair: &Value) -> Option<(String, String)> {
    let [name, value] = pair.as_array()?.as_slice() else { return None };
    Some((name.as_str()?.to_owned(), value.as_str()?.replace("{host}", HOST)))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn malformed(path: &Path, said: &str) -> Failure {
    Failure::Malformed { path: path.into(), said: said.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_the_names_of_the_build() {
        let names = BTreeMap::from([("{12.js}".to_owned(), "aB3.js".to_owned()), ("{build}".into(), "42".into())]);
        for (path, expected) in [
            ("/about", Some("/about")),
            ("/_nuxt/{12.js}", Some("/_nuxt/aB3.js")),
            ("/_nuxt/builds/meta/{build}.json", Some("/_nuxt/builds/meta/42.json")),
            ("/_nuxt/{13.js}", None),
        ] {
            assert_eq!(named(path, &names).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn the_recording_begins_with_the_page_and_waits_for_it() {
        let recording: Value = NUXT.parse().unwrap();
        for load in list(&recording, "loads") {
            let requests = list(load, "requests");
            assert_eq!(text(&requests[0], "path"), text(load, "page"));
            assert!(requests[0]["after"].is_null());
            for (index, request) in requests.iter().enumerate().skip(1) {
                assert!(request["after"].as_u64().is_some_and(|after| after < index as u64), "{request}");
                let host = list(request, "headers").iter().filter_map(field).next();
                assert_eq!(host, Some(("Host".into(), HOST.into())));
            }
        }
    }
}
