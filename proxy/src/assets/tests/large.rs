//! Large files and many of them: memory and time stay bounded.

use std::time::Instant;

use super::*;

/// Bytes of this process' own memory, mapped files not counted.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_gigabyte_passes_through_a_small_buffer() {
    let site = Site::new(&[]);
    let len = 1024 * 1024 * 1024;
    fs::File::create(site.file("disk.img")).unwrap().set_len(len).unwrap();
    let before = memory();
    let pack = site.prepare();
    let grown = memory().saturating_sub(before);
    assert!(grown < 256 * 1024 * 1024, "{grown} bytes more");
    assert_eq!(get(&pack, "/disk.img", &[]).body.len(), len);
    let end = get(&pack, "/disk.img", &[("range", "bytes=1073741820-")]);
    assert_eq!(
        (content(&end).as_slice(), field(&end, "content-range")),
        (&[0; 4][..], "bytes 1073741820-1073741823/1073741824")
    );
}

#[test]
fn ten_thousand_files_are_packed_and_opened_again_soon() {
    let site = Site::new(&[]);
    for n in 0..10_000 {
        let folder = site.file(&format!("{}", n % 100));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("file-{n}.txt")), format!("content {n}")).unwrap();
    }
    assert_eq!(site.prepare().len(), 10_000);
    let start = Instant::now();
    let pack = site.prepare();
    assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
    for n in [0, 1, 4_999, 9_999] {
        let answer = get(&pack, &format!("/{}/file-{n}.txt", n % 100), &[]);
        assert_eq!(content(&answer), format!("content {n}").as_bytes());
    }
    assert!(is_missing(&pack, "/0/file-1.txt"));
}
