//! How packs are made, found again, refused and removed.

use std::os::unix::{
    ffi::OsStrExt,
    fs::{MetadataExt, PermissionsExt, symlink},
};

use super::*;
use crate::assets::{PrepareError, WalkError};

#[test]
fn a_pack_holds_every_file_and_survives_being_opened_again() {
    let files: Vec<(String, Vec<u8>)> =
        (0..40usize).map(|n| (format!("folder {}/\u{e9}%{n}.bin", n % 3), noise(n * n * 100))).collect();
    let site = Site::new(&files.iter().map(|(name, content)| (name.as_str(), &**content)).collect::<Vec<_>>());
    let (first, second) = (site.prepare(), site.prepare());
    assert_eq!(site.shelf().len(), 1, "the second run made another pack");
    for pack in [first, second] {
        assert_eq!(pack.len(), 40);
        for (name, expected) in &files {
            let (bytes, hash) = pack.source(format!("/{name}").as_bytes()).unwrap();
            assert_eq!((&*bytes, hash), (&**expected, *blake3::hash(expected).as_bytes()), "{name}");
        }
    }
}

#[test]
fn contents_lie_at_cache_lines_and_large_ones_at_pages() {
    let site = Site::new(&[("a", b"1"), ("b", &noise(100_000)), ("c", b"2")]);
    let pack = site.prepare();
    let at = |name: &[u8]| pack.source(name).unwrap().0.as_ptr().addr();
    assert_eq!((at(b"/a") % 64, at(b"/b") % 4096, at(b"/c") % 64), (0, 0, 0));
}

#[test]
fn the_bundle_can_change_and_vanish_while_it_is_served() {
    let bytes = noise(300_000);
    let site = Site::new(&[("big.bin", &bytes), ("small.txt", b"words")]);
    let pack = site.prepare();
    fs::File::options().write(true).open(site.file("big.bin")).unwrap().set_len(0).unwrap();
    fs::write(site.file("small.txt"), "others").unwrap();
    assert_eq!(content(&get(&pack, "/big.bin", &[])), bytes);
    assert_eq!(content(&get(&pack, "/small.txt", &[])), b"words");
    fs::remove_dir_all(site.folder()).unwrap();
    assert_eq!(content(&get(&pack, "/big.bin", &[])), bytes);
    let kept = get(&pack, "/big.bin", &[]);
    fs::remove_dir_all(site.packs()).unwrap();
    drop(pack);
    assert_eq!(content(&kept), bytes, "an answer outlives its pack and the pack's file");
}

#[test]
fn a_changed_bundle_gets_another_pack_even_with_the_same_size_and_time() {
    let site = Site::new(&[("file", b"old")]);
    assert_eq!(content(&get(&site.prepare(), "/file", &[])), b"old");
    site.write("file", b"new");
    assert_eq!(content(&get(&site.prepare(), "/file", &[])), b"new");
    assert_eq!(site.shelf().len(), 2);
    site.write("added", b"");
    assert_eq!(site.prepare().len(), 2);
    assert_eq!(site.shelf().len(), 2, "the oldest of three is removed");
}

#[test]
fn a_used_pack_is_kept_rather_than_a_newer_one() {
    let site = Site::new(&[("file", b"1")]);
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    let path = site.prepare().path().unwrap().to_owned();
    fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();
    let _ = site.prepare();
    assert!(fs::metadata(&path).unwrap().modified().unwrap() > long_ago);
}

#[test]
fn damaged_and_foreign_packs_are_made_again() {
    let site = Site::new(&[("file", b"content")]);
    let path = site.prepare().path().unwrap().to_owned();
    let sound = fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    let in_index = flipped.len() - 80;
    flipped[in_index] ^= 1;
    for damaged in [flipped, sound[..sound.len() - 1].to_vec(), Vec::new(), b"foreign".to_vec()] {
        // Replaced and not overwritten: an open pack must never change.
        fs::remove_file(&path).unwrap();
        fs::write(&path, damaged).unwrap();
        assert!(Pack::open(&path).is_err());
        assert_eq!(content(&get(&site.prepare(), "/file", &[])), b"content");
    }
    let error = Pack::open(&site.file("file")).unwrap_err().to_string();
    assert!(error.contains("it is no asset pack") && error.contains("help:"), "{error}");
    assert!(Pack::open(&site.file("nothing")).unwrap_err().is_missing());
    assert!(Pack::open(&site.folder()).is_err());
}

#[test]
fn a_draft_left_behind_is_replaced_and_old_ones_are_removed() {
    let site = Site::new(&[("file", b"content")]);
    let path = site.prepare().path().unwrap().to_owned();
    fs::remove_file(&path).unwrap();
    let draft = path.with_extension("pack.tmp");
    fs::write(&draft, "half a pack").unwrap();
    let old = site.packs().join("0123-quick.pack.tmp");
    fs::write(&old, "").unwrap();
    fs::File::open(&old).unwrap().set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    let young = site.packs().join("4567-quick.pack.tmp");
    fs::write(&young, "").unwrap();
    let _ = site.prepare();
    assert!(path.exists() && young.exists() && !draft.exists() && !old.exists(), "{:?}", site.shelf());
}

#[test]
fn packs_are_readable_by_nobody_else() {
    let site = Site::new(&[("file", b"content")]);
    let path = site.prepare().path().unwrap().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(site.packs()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn links_are_followed_to_files_inside_and_nowhere_else() {
    let site = Site::new(&[("real/file.txt", b"inside")]);
    fs::write(site.dir.path().join("secret"), "outside").unwrap();
    symlink("real/file.txt", site.file("inside.txt")).unwrap();
    symlink("inside.txt", site.file("twice.txt")).unwrap();
    symlink(site.dir.path().join("secret"), site.file("secret")).unwrap();
    symlink("../secret", site.file("relative")).unwrap();
    symlink("real", site.file("folder")).unwrap();
    symlink(".", site.file("loop")).unwrap();
    symlink("self", site.file("self")).unwrap();
    symlink("nothing", site.file("dangling")).unwrap();
    symlink("/dev/zero", site.file("device")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(site.file("socket")).unwrap();
    site.write("back\\slash", b"");
    let pack = site.prepare();
    assert_eq!(pack.len(), 3);
    assert_eq!(content(&get(&pack, "/inside.txt", &[])), b"inside");
    assert_eq!(content(&get(&pack, "/twice.txt", &[])), b"inside");
    for path in ["/secret", "/relative", "/folder/file.txt", "/loop/real/file.txt", "/self", "/dangling", "/device"] {
        assert!(is_missing(&pack, path), "{path}");
    }
}

#[test]
fn a_name_need_not_be_utf_8() {
    let site = Site::new(&[]);
    let name = std::ffi::OsStr::from_bytes(b"latin-1 \xe9\n.txt");
    fs::write(site.folder().join(name), "content").unwrap();
    assert_eq!(content(&get(&site.prepare(), "/latin-1%20%E9%0A.txt", &[])), b"content");
}

#[test]
fn the_static_folder_itself_may_be_a_link() {
    let site = Site::new(&[("file", b"content")]);
    let link = site.dir.path().join("link");
    symlink(site.folder(), &link).unwrap();
    let pack = prepare(Some(&link), &site.packs(), &site.settings).unwrap();
    assert_eq!(content(&get(&pack, "/file", &[])), b"content");
}

#[test]
fn too_many_files_are_refused_with_the_setting_to_raise() {
    let mut site = Site::new(&[("a", b""), ("b/c", b""), ("d", b"")]);
    site.settings.files_max = 3;
    assert_eq!(site.prepare().len(), 3);
    site.settings.files_max = 2;
    let error = prepare(Some(&site.folder()), &site.packs(), &site.settings).unwrap_err();
    assert!(matches!(error, PrepareError::Walk(WalkError::TooManyFiles { max: 2, .. })));
    assert!(error.to_string().contains("files-max"), "{error}");
}

#[test]
fn a_tree_of_folders_without_files_ends_as_well() {
    let mut site = Site::new(&[]);
    fs::create_dir_all(site.file("a/b/c")).unwrap();
    site.settings.files_max = 3;
    assert!(site.prepare().is_empty());
    site.settings.files_max = 2;
    assert!(prepare(Some(&site.folder()), &site.packs(), &site.settings).is_err());
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let site = Site::new(&[("file", b"content")]);
    let nowhere = site.dir.path().join("nowhere");
    let error = prepare(Some(&nowhere), &site.packs(), &site.settings).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
    let file = site.file("file");
    let error = prepare(Some(&site.folder()), &file, &site.settings).unwrap_err();
    assert!(matches!(&error, PrepareError::Shelf { path, .. } if *path == file), "{error}");
}

#[test]
fn a_hole_in_a_file_stays_a_hole() {
    let site = Site::new(&[]);
    let file = fs::File::create(site.file("sparse.bin")).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"end", 64 * 1024 * 1024 - 3).unwrap();
    let pack = site.prepare();
    let written = fs::metadata(pack.path().unwrap()).unwrap().blocks() * 512;
    assert!(written < 2 * 1024 * 1024, "{written} bytes on disk");
    let end = get(&pack, "/sparse.bin", &[("range", "bytes=-4")]);
    assert_eq!(content(&end), b"\0end");
}
