//! Page loads recorded from a browser, and as requests for the bundle that is there.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{failure::Failure, load::Request};

/// What `bench/recordings/record.mjs` wrote for the Nuxt bundle, in the binary.
const NUXT: &str = include_str!("../recordings/nuxt3.json");
/// A chunk is taken for a recorded one when its length differs by at most the length's share of this.
const CHUNK_SLACK: u64 = 50;
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
    let names = Names::of(bundle)?;
    list(&recording, "loads").iter().map(|load| page_load(load, &names, bundle)).collect()
}

fn page_load(load: &Value, names: &Names, bundle: &Path) -> Result<PageLoad, Failure> {
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

/// What a build named: the placeholders of the recording stand for it.
struct Names {
    /// `{build}`.
    build: String,
    /// `{LENGTH.js}`: name and length of each chunk.
    chunks: Vec<(String, u64)>,
}

impl Names {
    fn of(bundle: &Path) -> Result<Self, Failure> {
        let folder = bundle.join("static/_nuxt");
        let mut chunks = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Failure::file("read", &folder))? {
            let entry = entry.map_err(Failure::file("read", &folder))?;
            let length = entry.metadata().map_err(Failure::file("read", entry.path()))?.len();
            chunks.push((entry.file_name().to_string_lossy().into_owned(), length));
        }
        let path = folder.join("builds/latest.json");
        let latest = fs::read_to_string(&path).map_err(Failure::file("read", &path))?;
        let latest: Value = latest.parse().map_err(|error: serde_json::Error| malformed(&path, &error.to_string()))?;
        Ok(Self { build: text(&latest, "id").to_owned(), chunks })
    }

    /// What `placeholder` stands for. The paths of the folder it was built in are in a chunk, so that its length
    /// differs by some bytes from machine to machine: the nearest is meant, if it is near.
    fn get(&self, placeholder: &str) -> Option<&str> {
        if placeholder == "build" {
            return Some(&self.build);
        }
        let (length, ending) = placeholder.split_once('.')?;
        let length: u64 = length.parse().ok()?;
        let alike = self.chunks.iter().filter(|(name, _)| name.rsplit_once('.').is_some_and(|(_, its)| its == ending));
        let (name, nearest) = alike.min_by_key(|(_, its)| its.abs_diff(length))?;
        (nearest.abs_diff(length) <= length / CHUNK_SLACK).then_some(name)
    }
}

/// The path with its placeholder replaced; `None` when nothing in the bundle is meant by it.
fn named(path: &str, names: &Names) -> Option<String> {
    let Some((before, rest)) = path.split_once('{') else { return Some(path.to_owned()) };
    let (placeholder, after) = rest.split_once('}')?;
    Some(format!("{before}{}{after}", names.get(placeholder)?))
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
        let chunks = [("aB3.js", 12), ("aB4.css", 52), ("cD5.js", 8803)];
        let chunks = chunks.map(|(name, length)| (name.to_owned(), length)).to_vec();
        let names = Names { build: "42".into(), chunks };
        for (path, expected) in [
            ("/about", Some("/about")),
            ("/_nuxt/{12.js}", Some("/_nuxt/aB3.js")),
            ("/_nuxt/{52.css}", Some("/_nuxt/aB4.css")),
            ("/_nuxt/builds/meta/{build}.json", Some("/_nuxt/builds/meta/42.json")),
            ("/_nuxt/{8798.js}", Some("/_nuxt/cD5.js")),
            ("/_nuxt/{13.js}", None),
            ("/_nuxt/{8000.js}", None),
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
