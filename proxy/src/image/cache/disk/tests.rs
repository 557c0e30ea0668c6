//! What a disk cache must live through: restarts, torn and foreign files, no space, no folder.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use edgeplane_optimizer::{Encoded, ImageFormat, Probe, SourceType};
use tempfile::TempDir;

use super::*;
use crate::image::freshness::Freshness;

const MIB: u64 = 1 << 20;

fn digest(number: u32) -> Digest {
    Digest(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn picture(len: usize) -> Arc<Picture> {
    let probe =
        Probe { source_type: SourceType::Png, width: 1, height: 1, animated: false, alpha: false, memory_bytes: 0 };
    let encoded = Encoded { bytes: vec![7; len], format: ImageFormat::Webp, width: 1, height: 1 };
    Arc::new(Picture::optimized(encoded, &probe, Freshness { ttl: Duration::from_secs(60), store: true }))
}

fn name(url: &str) -> Arc<Name> {
    Arc::new(Name { site: "site".into(), url: url.into() })
}

fn start(folder: &TempDir, bytes_max: u64) -> (Disk, Arc<ImageEvents>) {
    let events = Arc::new(ImageEvents::default());
    let recent = Arc::new(Recent::new(Duration::from_secs(60)));
    let disk = Disk::start(&folder.path().join("images"), bytes_max, 1 << 20, recent, Arc::clone(&events));
    (disk.expect("a folder"), events)
}

async fn put(disk: &Disk, number: u32, len: usize) {
    disk.put(digest(number), picture(len), name(&format!("/{number}.png")), Instant::now());
    disk.settle().await;
}

fn place(folder: &TempDir, number: u32) -> PathBuf {
    let name = digest(number).to_string();
    folder.path().join("images").join(&name[..2]).join(&name[2..])
}

fn faults(events: &ImageEvents, fault: DiskFault) -> u64 {
    events.snapshot().disk_faults[fault as usize]
}

#[tokio::test]
async fn what_was_put_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let (disk, _) = start(&folder, MIB);
    put(&disk, 1, 10_000).await;
    let unfinished = folder.path().join("images/unfinished/17");
    fs::write(&unfinished, "half").expect("write");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder.path().join("images")), mode(&place(&folder, 1))), (0o700, 0o600));
    drop(disk);

    let (disk, events) = start(&folder, MIB);
    // Before the files have been looked at, and after that.
    for _ in 0..2 {
        let (found, found_name) = disk.get(digest(1)).await.expect("kept");
        assert_eq!(
            (found.bytes.len(), &found.etag, found_name.url.as_str()),
            (10_000, &picture(10_000).etag, "/1.png")
        );
        disk.settle().await;
    }
    assert_eq!(disk.used(), DiskUse { bytes: 12_288, entries: 1 });
    assert!(disk.get(digest(2)).await.is_none() && !unfinished.exists());
    assert_eq!(events.snapshot().disk_faults, [0; 4]);
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_missing_and_removed() {
    let folder = tempfile::tempdir().expect("folder");
    let (disk, events) = start(&folder, MIB);
    for number in 0..5 {
        put(&disk, number, 10_000).await;
    }
    let change = |number, change: &dyn Fn(&mut Vec<u8>)| {
        let mut record = fs::read(place(&folder, number)).expect("there");
        change(&mut record);
        fs::write(place(&folder, number), record).expect("write");
    };
    change(0, &|record| record[5_000] ^= 1);
    change(1, &|record| record.truncate(5_000));
    change(2, &Vec::clear);
    change(3, &|record| *record = b"EDGEIMG1 and then something else".to_vec());
    fs::copy(place(&folder, 4), place(&folder, 3)).expect("somebody else's record");
    for number in 0..4 {
        assert!(disk.get(digest(number)).await.is_none(), "{number}");
        assert!(!place(&folder, number).exists(), "{number}");
    }
    assert!(disk.get(digest(4)).await.is_some());
    assert_eq!((faults(&events, DiskFault::Corrupt), disk.used().entries), (4, 1));
    drop(disk);

    // Files with strange names go when they are seen.
    let strange = place(&folder, 4).with_file_name("strange");
    fs::write(&strange, "x").expect("write");
    let (disk, _) = start(&folder, MIB);
    disk.settle().await;
    assert!(!strange.exists() && disk.used().entries == 1);
}

#[tokio::test]
async fn the_bytes_are_bounded_also_those_of_earlier_runs() {
    let folder = tempfile::tempdir().expect("folder");
    let (disk, events) = start(&folder, 10 * 12_288);
    for number in 0..30 {
        put(&disk, number, 10_000).await;
    }
    assert_eq!(disk.used(), DiskUse { bytes: 10 * 12_288, entries: 10 });
    assert_eq!(events.snapshot().evicted, [0, 20]);
    put(&disk, 100, 200_000).await;
    assert!(disk.get(digest(100)).await.is_none(), "larger than the whole cache");
    drop(disk);
    let (disk, _) = start(&folder, 2 * 12_288);
    disk.settle().await;
    while disk.used().entries > 2 {
        tokio::task::yield_now().await;
    }
    let files = (0..30).filter(|number| place(&folder, *number).exists()).count();
    assert_eq!(files, 2);
}

#[tokio::test]
async fn a_purge_takes_what_it_names_and_what_is_on_its_way() {
    let folder = tempfile::tempdir().expect("folder");
    let (disk, _) = start(&folder, MIB);
    let begun = Instant::now();
    for number in [1, 2, 10] {
        put(&disk, number, 1000).await;
    }
    let shelf = Arc::clone(&disk.0);
    let under_way = shelf.recent.begin(Purge { prefix: "/1".into(), site: Some("site".into()) });
    assert!(matches!(disk.purge(Arc::clone(under_way.purge())).await, (2, Ok(()))));
    drop(under_way);
    disk.put(digest(11), picture(1000), name("/11.png"), begun);
    disk.put(digest(12), picture(1000), name("/12.png"), Instant::now());
    disk.settle().await;
    let mut kept = Vec::new();
    for number in [1, 2, 10, 11, 12] {
        if disk.get(digest(number)).await.is_some() {
            kept.push(number);
        }
    }
    assert_eq!(kept, [2, 12]);
}

#[tokio::test]
async fn a_disk_that_does_not_take_anything_costs_nothing_but_the_images() {
    let folder = tempfile::tempdir().expect("folder");
    let (disk, events) = start(&folder, MIB);
    put(&disk, 1, 1000).await;
    // A file where the folder was: whoever runs the tests, nobody can write into that.
    fs::remove_dir_all(folder.path().join("images")).expect("remove");
    fs::write(folder.path().join("images"), "").expect("write");
    for number in [2, 3] {
        put(&disk, number, 1000).await;
    }
    assert!(disk.get(digest(1)).await.is_none() && disk.get(digest(2)).await.is_none());
    assert_eq!(faults(&events, DiskFault::Write), 2 + faults(&events, DiskFault::Read));
    // And when it is tidied away as a whole, it is made again.
    fs::remove_file(folder.path().join("images")).expect("remove");
    put(&disk, 4, 1000).await;
    assert!(disk.get(digest(4)).await.is_some());
}

#[tokio::test]
async fn a_purge_finds_the_longest_names_and_tells_where_it_could_not_look() {
    let folder = tempfile::tempdir().expect("folder");
    let (disk, events) = start(&folder, MIB);
    for length in [10, 5_000, 60_000] {
        let url = format!("/long/{}", "x".repeat(length));
        disk.put(digest(u32::try_from(length).expect("small")), picture(1000), name(&url), Instant::now());
    }
    put(&disk, 1, 1000).await;
    let purge = |prefix: String| Arc::new(Purge { prefix, site: None });
    let end = format!("/long/{}", "x".repeat(60_000));
    assert!(matches!(disk.purge(purge(end)).await, (1, Ok(()))));
    assert!(matches!(disk.purge(purge("/long/".into())).await, (2, Ok(()))));
    assert_eq!(disk.used().entries, 1);
    // Nobody can look there any more, so nobody may say that nothing is left.
    let (images, moved) = (folder.path().join("images"), folder.path().join("moved"));
    fs::rename(&images, &moved).expect("rename");
    fs::write(&images, "").expect("write");
    let before = faults(&events, DiskFault::Read);
    let (purged, result) = disk.purge(purge(String::new())).await;
    assert_eq!((purged, result.map_err(|error| error.level())), (0, Err("disk")));
    assert_eq!(faults(&events, DiskFault::Read), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_and_the_files_agree_whatever_happens_at_once() {
    const FILES: u32 = 40;
    let folder = tempfile::tempdir().expect("folder");
    let (disk, _) = start(&folder, MIB);
    disk.settle().await;
    for _ in 0..60 {
        for number in 0..FILES {
            put(&disk, number, 100).await;
        }
        // Starts that find what is taken away at the same moment, while somebody reads, purges and writes.
        let each = |act: &dyn Fn(&Digest)| (0..FILES).for_each(|number| act(&digest(number)));
        thread::scope(|scope| {
            scope.spawn(|| (0..4).for_each(|_| disk.0.look()));
            scope.spawn(|| each(&|digest| disk.0.remove(digest)));
            scope.spawn(|| each(&|digest| drop(disk.0.read(digest))));
            scope.spawn(|| disk.0.purge(&Purge { prefix: "/1".into(), site: None }).1.expect("purged"));
            scope.spawn(|| disk.0.write(&digest(7), &picture(100), &name("/7.png"), Instant::now()));
        });
        let there = (0..FILES).filter(|number| place(&folder, *number).exists()).count() as u64;
        assert_eq!(disk.used(), DiskUse { bytes: 4096 * there, entries: there });
    }
}
