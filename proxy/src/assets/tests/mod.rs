//! A folder, a pack made of it, and questions to it.

mod answers;
mod contents;
mod large;
mod lookups;
mod packs;
mod preconditions;
mod variants;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use edgeplane_config::{Settings, StaticSettings};
use http::StatusCode;

use super::{Lookup, Outcome, Pack, Policy, answer, prepare};
use crate::answer::{Answer, Body, Head, Piece};

/// 2023-11-14 22:13:20 UTC
const MODIFIED: u64 = 1_700_000_000;

fn settings() -> StaticSettings {
    StaticSettings {
        cache_control: String::new(),
        compress: false,
        compress_bytes_max: 1024 * 1024,
        ranges_max: 4,
        files_max: 20_000,
        ..Settings::default().assets
    }
}

/// A bundle's `static/` and a folder for packs, both temporary.
struct Site {
    dir: tempfile::TempDir,
    settings: StaticSettings,
}

impl Site {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap(), settings: settings() };
        fs::create_dir(site.folder()).unwrap();
        for (name, content) in files {
            site.write(name, content);
        }
        site
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("static")
    }

    fn packs(&self) -> PathBuf {
        self.dir.path().join("packs")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED)).unwrap();
    }

    fn prepare(&self) -> Pack {
        prepare(Some(&self.folder()), &self.packs(), &self.settings).unwrap()
    }

    /// Names of the files in the folder for packs, in order.
    fn shelf(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.packs())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Asks for a path as it would be sent.
fn ask(pack: &Pack, method: &str, path: &str, fields: &[(&str, &str)]) -> Outcome {
    let policy = Policy { cache_control: None, ranges_max: 4, lookup: Lookup::new(&settings()), overlay: None };
    ask_with(pack, method, path, fields, &policy)
}

fn ask_with(pack: &Pack, method: &str, path: &str, fields: &[(&str, &str)], policy: &Policy<'_>) -> Outcome {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
    let head = Head { method, path, query: None, fields: &fields, http11: true, host: "localhost" };
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    answer(pack, &decoded, &head, policy)
}

/// The answer to a GET for a file that exists.
fn get(pack: &Pack, path: &str, fields: &[(&str, &str)]) -> Answer {
    match ask(pack, "GET", path, fields) {
        Outcome::Answer(answer) => answer,
        Outcome::Missing => panic!("{path} is missing"),
    }
}

fn is_missing(pack: &Pack, path: &str) -> bool {
    matches!(ask(pack, "GET", path, &[]), Outcome::Missing)
}

/// The content, put together.
fn content(answer: &Answer) -> Vec<u8> {
    match &answer.body {
        Body::Empty => Vec::new(),
        Body::Whole(bytes) => bytes.to_vec(),
        Body::File(content) => content.bytes().to_vec(),
        Body::Parts(parts) => parts.iter().flat_map(AsRef::as_ref).copied().collect(),
    }
}

/// The value of a field, or nothing.
fn field<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// Bytes that do not compress, the same every time.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn assert_status(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, StatusCode::from_u16(status).unwrap(), "{what}");
}
