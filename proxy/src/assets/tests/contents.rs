//! Contents: windows, what is in memory of them, and reading what is not.

use std::os::unix::fs::FileExt as _;

use rustix::fs::{Advice, fadvise};

use super::*;
use crate::assets::Content;

const MIB: usize = 1024 * 1024;

fn file(pack: &Pack, path: &str) -> Content {
    match get(pack, path, &[]).body {
        Body::File(content) => content,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn a_content_is_the_same_bytes_in_memory_and_in_its_file() {
    let bytes = noise(3 * MIB + 5);
    let site = Site::new(&[("a.bin", b"first"), ("large.bin", &bytes)]);
    let whole = file(&site.prepare(), "/large.bin");
    for range in [0..0, 0..7, 5..MIB + 1, 3 * MIB..3 * MIB + 5] {
        let part = whole.slice(range.clone());
        let mut read = vec![0; part.len()];
        part.file().read_exact_at(&mut read, part.offset()).unwrap();
        assert!(part.bytes() == &bytes[range.clone()] && read == part.bytes(), "{range:?}");
    }
    let part = whole.slice(10..20);
    assert_eq!((part.slice(5..100).bytes(), part.slice(2..4).bytes()), (&bytes[15..20], &bytes[12..14]));
    assert_eq!((part.slice(30..40).len(), whole.slice(9 * MIB..usize::MAX).len()), (0, 0));
}

#[test]
fn windows_begin_where_the_file_does_and_leave_nothing_out() {
    let site = Site::new(&[("large.bin", &noise(3 * MIB + 5)), ("empty.bin", b"")]);
    let pack = site.prepare();
    let whole = file(&pack, "/large.bin");
    assert_eq!(whole.window(0), 0..MIB);
    assert_eq!(whole.window(MIB + 1), MIB + 1..2 * MIB);
    assert_eq!(whole.window(3 * MIB), 3 * MIB..3 * MIB + 5);
    assert!(whole.window(3 * MIB + 5).is_empty() && whole.window(9 * MIB).is_empty());
    let part = whole.slice(MIB - 10..2 * MIB + 10);
    assert_eq!((part.window(0), part.window(10), part.window(MIB + 10)), (0..10, 10..MIB + 10, MIB + 10..MIB + 20));
    let empty = file(&pack, "/empty.bin");
    assert!(empty.window(0).is_empty() && empty.is_resident(0..1) && empty.load(0..1).is_ok());
}

#[test]
fn what_left_memory_is_known_to_be_on_the_disk_until_it_is_loaded() {
    /// Of statfs(2): a file system that is nowhere but in memory.
    const TMPFS: i64 = 0x0102_1994;
    let site = Site::new(&[("large.bin", &noise(8 * MIB))]);
    let whole = file(&site.prepare(), "/large.bin");
    if rustix::fs::fstatfs(whole.file()).unwrap().f_type == TMPFS {
        return;
    }
    let forget = || fadvise(whole.file(), 0, None, Advice::DontNeed).unwrap();
    // The middle: the first and last pages of a pack are looked at when it is opened.
    let middle = 3 * MIB..5 * MIB;
    forget();
    assert!(!whole.is_resident(middle.clone()));
    // Only what is asked for is read now.
    fadvise(whole.file(), 0, None, Advice::Random).unwrap();
    whole.load(3 * MIB..3 * MIB + 100).unwrap();
    assert!(whole.is_resident(3 * MIB..3 * MIB + 100));
    assert!(!whole.is_resident(3 * MIB..4 * MIB), "a part was taken for its window");
    whole.load(3 * MIB..4 * MIB).unwrap();
    assert!(whole.is_resident(3 * MIB..4 * MIB) && !whole.is_resident(middle.clone()));
    whole.load(middle.clone()).unwrap();
    assert!(whole.is_resident(middle.clone()) && whole.slice(3 * MIB..4 * MIB).is_resident(0..MIB));
    // Looked at again before long.
    forget();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while whole.is_resident(middle.clone()) {
        assert!(std::time::Instant::now() < deadline, "what was seen once is believed for ever");
        std::thread::yield_now();
    }
    assert!(!whole.is_resident(0..8 * MIB), "one window is there and the others are not");
}

#[test]
fn a_pack_that_was_cut_short_fails_to_load_and_kills_nobody() {
    let site = Site::new(&[("large.bin", &noise(4 * MIB))]);
    let pack = site.prepare();
    let whole = file(&pack, "/large.bin");
    fs::File::options().write(true).open(pack.path().unwrap()).unwrap().set_len(2 * MIB as u64).unwrap();
    assert!(!whole.is_resident(3 * MIB..4 * MIB));
    assert_eq!(whole.load(3 * MIB..4 * MIB).unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}
