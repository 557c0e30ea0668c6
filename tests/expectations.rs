//! The table `expectations/nuxt3.json`, row by row, against the Nuxt app.
//!
//! A row names a request (`method`, `path`, `with` its fields, `body`, `chunked`) and what must come back: one of the
//! `status`, `fields` (`=` exactly, `~` holding, `!` not holding, null absent), the content as a `file` of the bundle,
//! a `slice` of one, a `length`, a `text`, what it `says` or `lacks`, values in its `json`, an `image` of some size,
//! `cookies` in order, separate `arrivals`, and whether it is `complete`.
//! `{largest:a/*.b}` in a path is the largest such file of the bundle.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use crate::support::{bundle, client::Request, picture, reply::Reply, shared};

/// Everything a row may say; a misspelled wish would otherwise be fulfilled silently.
const KEYS: [&str; 18] = [
    "because", "method", "path", "with", "body", "chunked", "status", "fields", "file", "slice", "length", "text",
    "says", "lacks", "json", "image", "cookies", "arrivals",
];

/// One row of the table.
struct Row<'a>(&'a Map<String, Value>);

#[test]
fn every_row_of_the_table_holds() {
    let table: Value = serde_json::from_str(include_str!("expectations/nuxt3.json")).unwrap();
    let rows: Vec<Row<'_>> = table.as_array().unwrap().iter().map(|row| Row(row.as_object().unwrap())).collect();
    let files = bundle::built("nuxt3").join("static");
    let server = shared::nuxt();
    let mut broken = Vec::new();
    for row in &rows {
        let reply = server.send(&row.request(&files));
        let faults = row.faults(&reply, &files);
        if !faults.is_empty() {
            broken.push(format!("{}\n  {}\n  {}", row.text("because"), row.text("path"), faults.join("\n  ")));
        }
    }
    assert!(rows.len() > 100, "the table was cut short: {} rows", rows.len());
    assert!(broken.is_empty(), "{} of {} rows:\n{}", broken.len(), rows.len(), broken.join("\n"));
}

impl Row<'_> {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |value| value.as_str().unwrap())
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.0.get(key).into_iter().flat_map(|value| value.as_array().unwrap())
    }

    fn pairs(&self, key: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.0.get(key).into_iter().flat_map(|value| value.as_object().unwrap())
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key).map(|value| value.as_u64().unwrap())
    }

    fn request(&self, files: &Path) -> Request {
        if let Some(key) = self.0.keys().find(|key| !KEYS.contains(&key.as_str()) && *key != "complete") {
            panic!("{} has an unknown key {key}", self.text("because"));
        }
        let method = self.0.get("method").map_or("GET", |value| value.as_str().unwrap());
        let path = expand(self.text("path"), files);
        let mut request = match self.0.get("body") {
            Some(body) => Request::with_body(method, &path, body.as_str().unwrap()),
            None => Request::new(method, &path),
        };
        for (name, value) in self.pairs("with") {
            request = request.field(name, value.as_str().unwrap());
        }
        if self.0.contains_key("chunked") { request.chunked() } else { request }
    }

    fn faults(&self, reply: &Reply, files: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("not as wished: {what}; got {}", reply.summary().replace('\n', " ")));
            }
        };
        demand(self.list("status").any(|status| *status == reply.status), "status");
        let complete = self.0.get("complete").is_none_or(|value| value.as_bool().unwrap());
        demand(reply.complete == complete, "complete");
        for (name, wanted) in self.pairs("fields") {
            demand(field_holds(&reply.values(name), wanted.as_str()), &format!("{name} {wanted}"));
        }
        if self.0.contains_key("file") {
            demand(reply.body == fs::read(files.join(self.text("file"))).unwrap(), "the file's bytes");
        }
        if let [Value::String(name), from, to] = self.list("slice").cloned().collect::<Vec<_>>().as_slice() {
            let range = index(from)..index(to);
            demand(reply.body == fs::read(files.join(name)).unwrap()[range], "the slice's bytes");
        }
        demand(self.number("length").is_none_or(|length| length == reply.body.len() as u64), "length");
        let text = reply.text();
        demand(!self.0.contains_key("text") || self.text("text") == text, "text");
        self.list("says").for_each(|part| demand(text.contains(part.as_str().unwrap()), &format!("says {part}")));
        self.list("lacks").for_each(|part| demand(!text.contains(part.as_str().unwrap()), &format!("lacks {part}")));
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        for (path, wanted) in self.pairs("json") {
            let found = path.split('.').fold(&json, |value, key| &value[key]);
            demand(found == wanted, &format!("{path} = {wanted}, not {found}"));
        }
        if let Some(image) = self.0.get("image") {
            demand(is_image(&reply.body, image), &image.to_string());
        }
        if self.0.contains_key("cookies") {
            demand(self.list("cookies").eq(reply.values("set-cookie").iter()), "cookies");
        }
        let least = self.number("arrivals").unwrap_or(0);
        demand(reply.arrivals.len() as u64 >= least, &format!("{least} arrivals, not {:?}", reply.arrivals));
        faults
    }
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn is_image(bytes: &[u8], wanted: &Value) -> bool {
    let Some(found) = picture::look(bytes) else { return false };
    let kind = format!("{:?}", found.kind).to_ascii_lowercase();
    let near = |key: &str, found: u32| wanted[key].as_u64().is_none_or(|side| side.abs_diff(found.into()) <= 1);
    wanted["type"].as_str().is_none_or(|wanted| wanted == kind)
        && near("width", found.width)
        && near("height", found.height)
}

fn field_holds(values: &[&str], wanted: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return values.is_empty() };
    let (how, text) = wanted.split_at(1);
    let holding = values.iter().any(|value| value.to_ascii_lowercase().contains(&text.to_ascii_lowercase()));
    match how {
        "=" => values == [text],
        "~" => holding,
        "!" => !holding,
        other => panic!("a field's wish begins with =, ~ or !, not {other}"),
    }
}

fn expand(path: &str, files: &Path) -> String {
    let Some((before, rest)) = path.split_once("{largest:") else { return path.to_owned() };
    let (pattern, after) = rest.split_once('}').unwrap();
    let (folder, name) = pattern.rsplit_once('/').unwrap();
    let ending = name.strip_prefix('*').unwrap();
    let largest = fs::read_dir(files.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_str().unwrap().ends_with(ending))
        .max_by_key(|entry| entry.metadata().unwrap().len());
    let name = largest.unwrap_or_else(|| panic!("no file like {pattern}")).file_name();
    format!("{before}{folder}/{}{after}", name.to_str().unwrap())
}
