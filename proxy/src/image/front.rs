//! Hot: the pictures that one thread answered last, written out, so that answering one again costs little more than a file.
//!
//! What a request means depends on its target, its `Accept` and the deployment's rules, and on nothing else. So a
//! request that is equal in these to one that was answered from the cache gets the same picture without being
//! understood once more, as long as that is fresh and nothing was purged since.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use indexmap::IndexMap;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{ImageEvents, Images, Rules, reply::is_held, request::asks_for_content};
use crate::{
    answer::{Answer, Body, Head},
    headers::Overlay,
};

/// Every so many answers one goes the long way, so that the cache behind knows what is in demand.
const LOOK_BEHIND: u32 = 64;
/// What an entry costs beside its content, about.
const OVERHEAD: usize = 2048;
/// From this size on the kernel sends a file for less than it copies bytes.
const SPLICED_BYTES_MIN: usize = 16 * 1024;
/// Pictures that are files as well: each takes a descriptor.
const FILES_MAX: usize = 64;
/// Longer targets are rare, and not worth their place.
const KEY_BYTES_MAX: usize = 4096;

/// The pictures of one thread.
#[derive(Debug, Default)]
pub struct Front {
    entries: IndexMap<Box<[u8]>, Entry>,
    bytes: usize,
    bytes_max: usize,
    files: usize,
    /// The request that is being looked up.
    key: Vec<u8>,
    /// Where the last entry was thrown out.
    at: usize,
    hits: Option<Arc<AtomicU64>>,
}

#[derive(Debug)]
struct Entry {
    rules: Arc<Rules>,
    lasting: Lasting,
    etag: http::HeaderValue,
    content: Bytes,
    /// The content once more, in a file that is nowhere but in memory.
    file: Option<Arc<File>>,
    whole: Box<[u8]>,
    not_modified: Box<[u8]>,
    asked: u32,
}

/// How long an answer may be given again.
#[derive(Clone, Copy, Debug)]
pub struct Lasting {
    /// No longer than this.
    pub(super) until: Instant,
    /// Only while nothing is purged.
    pub(super) generation: u64,
    /// When its source was read, where its age is told.
    pub(super) read: Option<SystemTime>,
}

/// An answer that is written already. What belongs to the connection is to follow the head.
#[derive(Clone, Copy, Debug)]
pub struct ReadyPicture<'f> {
    /// 200 or 304.
    pub status: StatusCode,
    /// The status line and the fields, each line with its end.
    pub head: &'f [u8],
    /// The `Age`, in seconds, where there is one.
    pub age: Option<u64>,
    /// The content; none for the 304 and for HEAD.
    pub content: Option<&'f Bytes>,
    /// A file that is the content, where it is large.
    pub file: Option<&'f Arc<File>>,
}

impl Front {
    /// Room for so many bytes.
    pub(super) fn new(bytes_max: usize, events: &ImageEvents) -> Self {
        Self { bytes_max, hits: Some(events.front()), ..Self::default() }
    }

    /// The answer to a GET or HEAD that is equal to one before; none for every other one.
    pub fn ready(&mut self, head: &Head<'_>, rules: &Arc<Rules>, images: &Images) -> Option<ReadyPicture<'_>> {
        if self.entries.is_empty() || !write_key(&mut self.key, head) {
            return None;
        }
        let (place, _, entry) = self.entries.get_full_mut(&*self.key)?;
        let Lasting { until, generation, read } = entry.lasting;
        let valid = Arc::ptr_eq(&entry.rules, rules) && generation == images.generation() && Instant::now() < until;
        if !valid {
            self.remove(place);
            return None;
        }
        entry.asked += 1;
        if entry.asked.is_multiple_of(LOOK_BEHIND) {
            return None;
        }
        // One thread writes, so nothing is lost.
        if let Some(hits) = &self.hits {
            hits.store(hits.load(Relaxed).wrapping_add(1), Relaxed);
        }
        let age = read.map(|read| SystemTime::now().duration_since(read).unwrap_or_default().as_secs());
        let entry = &self.entries[place];
        let held = head.joined("if-none-match");
        Some(if held.is_some_and(|held| is_held(&entry.etag, &held)) && !asks_for_content(head) {
            ReadyPicture { status: StatusCode::NOT_MODIFIED, head: &entry.not_modified, age, content: None, file: None }
        } else {
            let content = (head.method == "GET").then_some(&entry.content);
            let file = content.and(entry.file.as_ref());
            ReadyPicture { status: StatusCode::OK, head: &entry.whole, age, content, file }
        })
    }

    /// Keeps an answer to a request, to be given again.
    pub fn keep(
        &mut self,
        head: &Head<'_>,
        rules: &Arc<Rules>,
        answer: &Answer,
        overlay: Option<&Overlay>,
        lasting: Lasting,
    ) {
        let Body::Whole(content) = &answer.body else { return };
        let bytes = content.len() + OVERHEAD;
        if answer.status != StatusCode::OK || bytes > self.bytes_max / 4 || !write_key(&mut self.key, head) {
            return;
        }
        let Some(etag) = answer.headers.get(header::ETAG) else { return };
        // Without the file it is copied with each answer, which is dearer and right.
        let spliced = content.len() >= SPLICED_BYTES_MIN && self.files < FILES_MAX;
        let file = spliced.then(|| in_memory(content).ok().map(Arc::new)).flatten();
        let entry = Entry {
            rules: Arc::clone(rules),
            lasting,
            etag: etag.clone(),
            content: content.clone(),
            file,
            whole: lines(answer, overlay, |name| *name != header::AGE),
            not_modified: lines(
                &Answer { status: StatusCode::NOT_MODIFIED, headers: answer.headers.clone(), body: Body::Empty },
                overlay,
                |name| {
                    [header::ETAG, header::CACHE_CONTROL, header::VARY].contains(name) || name == "x-edgeplane-cache"
                },
            ),
            asked: 0,
        };
        self.count(&entry, true);
        if let Some(before) = self.entries.insert(self.key.as_slice().into(), entry) {
            self.count(&before, false);
        }
        while self.bytes > self.bytes_max && !self.entries.is_empty() {
            // Any of them: what is in demand comes back from the cache behind.
            self.at = self.at.wrapping_add(1) % self.entries.len();
            self.remove(self.at);
        }
    }

    fn remove(&mut self, place: usize) {
        if let Some((_, entry)) = self.entries.swap_remove_index(place) {
            self.count(&entry, false);
        }
    }

    /// Counts an entry that comes or goes.
    fn count(&mut self, entry: &Entry, comes: bool) {
        let files = usize::from(entry.file.is_some());
        let bytes = entry.content.len() * (1 + files) + OVERHEAD;
        let change = |sum: &mut usize, by| *sum = if comes { *sum + by } else { *sum - by };
        change(&mut self.bytes, bytes);
        change(&mut self.files, files);
    }
}

/// A file without a name, which is only in memory.
fn in_memory(content: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("picture", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    Ok(file)
}

/// Writes what decides about a picture: path, query, `Accept`. False where that is too much.
fn write_key(key: &mut Vec<u8>, head: &Head<'_>) -> bool {
    key.clear();
    let mut accepts = head.fields("accept");
    let (accept, further) = (accepts.next(), accepts.next());
    let parts = [Some(head.path), head.query, accept];
    // None of them can hold a line end, so no two requests run into the same bytes; an absent one is no empty one.
    for part in parts {
        if let Some(part) = part {
            key.push(b'=');
            key.extend_from_slice(part.as_bytes());
        }
        key.push(b'\n');
    }
    further.is_none() && key.len() <= KEY_BYTES_MAX
}

/// A head of an answer with the fields that are wanted, and the custom headers of its path.
fn lines(answer: &Answer, overlay: Option<&Overlay>, wanted: impl Fn(&http::HeaderName) -> bool) -> Box<[u8]> {
    let fields = answer.headers.iter().filter(|(name, _)| wanted(name));
    let headers: HeaderMap = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut head = BytesMut::with_capacity(512);
    let mut answer = Answer { status: answer.status, headers, body: answer.body.clone() };
    if let Some(overlay) = overlay {
        overlay.lay(&mut answer);
    }
    answer.write_head(&mut head);
    (&*head).into()
}
