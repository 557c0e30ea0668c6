//! What a key holds, that the cache stays within its bytes, and that a purge leaves nothing.

use std::time::{Duration, Instant};

use bytes::Bytes;
use edgeplane_config::ImageFormat;
use edgeplane_optimizer::{Probe, SourceType};

use super::*;
use crate::image::freshness::Freshness;

fn recipe(width: u32) -> Recipe {
    Recipe {
        width,
        height: None,
        fit: Fit::Cover,
        position: Position::Center,
        quality: 75,
        keep_p3: false,
        edits: Edits::default(),
        choice: Choice::Format(ImageFormat::Webp),
    }
}

fn key(width: u32) -> Key {
    Key { version: 1, identity: Identity::Content([7; 32]), recipe: recipe(width) }
}

fn picture(len: usize) -> Outcome {
    let probe =
        Probe { source_type: SourceType::Gif, width: 1, height: 1, animated: true, alpha: false, memory_bytes: 0 };
    let freshness = Freshness { ttl: Duration::from_secs(60), store: true };
    Ok(Arc::new(Picture::passed(Bytes::from(vec![0; len]), None, &probe, freshness)))
}

fn memory() -> Memory {
    Memory::new(85_000, Arc::default())
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn what_differs_in_bytes_differs_in_key() {
    let base = key(64);
    let identity = |identity| Key { identity, ..base.clone() };
    let compute = |site: &str, deployment: &str, path: &str| {
        let places = vec![LocalPath { path: path.into(), query: None }];
        identity(Identity::Compute { site: site.into(), deployment: deployment.into(), places })
    };
    let remote = |site: &str, url: &str| identity(Identity::Remote { site: site.into(), url: url.into() });
    let keys = [
        base.clone(),
        key(640),
        Key { version: 2, ..base.clone() },
        identity(Identity::Content([8; 32])),
        Key { recipe: Recipe { height: Some(64), ..recipe(64) }, ..base.clone() },
        Key { recipe: Recipe { quality: 76, ..recipe(64) }, ..base.clone() },
        Key { recipe: Recipe { choice: Choice::Source { webp: true }, ..recipe(64) }, ..base.clone() },
        Key { recipe: Recipe { choice: Choice::Source { webp: false }, ..recipe(64) }, ..base.clone() },
        compute("a", "1", "/x"),
        compute("b", "1", "/x"),
        compute("a", "2", "/x"),
        compute("a", "1", "/y"),
        remote("a", "https://h/x"),
        remote("b", "https://h/x"),
        remote("a", "https://h/x?y"),
    ];
    for (one, first) in keys.iter().enumerate() {
        for (other, second) in keys.iter().enumerate() {
            assert_eq!(first == second, one == other, "{first:?} and {second:?}");
            assert_eq!(first.digest() == second.digest(), one == other, "{first:?} and {second:?}");
        }
    }
}

#[tokio::test]
async fn the_cache_stays_within_its_bytes() {
    // Row 152.
    let cache = memory();
    let insert = async |width, len, keep| cache.insert(key(width), picture(len), Arc::default(), keep, None).await;
    for width in 0..40 {
        insert(width, 10_000, MINUTE).await;
    }
    let weighed = cache.weighed().await;
    assert!((10_000..=85_000).contains(&weighed), "{weighed}");
    insert(100, 90_000, MINUTE).await;
    cache.weighed().await;
    assert!(cache.get(&key(100)).await.is_none(), "larger than the whole cache");
}

#[tokio::test]
async fn an_entry_lives_as_long_as_it_was_given() {
    let cache = memory();
    for (width, keep) in [(1, Duration::ZERO), (2, Duration::from_millis(30)), (3, MINUTE)] {
        cache.insert(key(width), picture(10), Arc::default(), keep, None).await;
    }
    assert!(cache.get(&key(1)).await.is_none());
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(cache.get(&key(2)).await.is_none());
    assert!(cache.get(&key(3)).await.is_some());
}

fn named(url: &str) -> Arc<Name> {
    Arc::new(Name { site: "site".into(), url: url.into() })
}

fn everything() -> Purge {
    Purge { prefix: String::new(), site: None }
}

fn levels() -> Cache {
    Cache::new(memory(), MINUTE, MINUTE)
}

#[tokio::test]
async fn nothing_of_before_a_purge_comes_back_whichever_way() {
    let (cache, name) = (levels(), named("/a.png"));
    let picture = picture(10).expect("a picture");
    let looked = Instant::now();
    assert_eq!(cache.purge(everything()).await.images, 0);
    cache.keep(&key(1), &picture, &name, looked).await;
    cache.extend(&key(2), &picture, &name, looked).await;
    cache.rest(&key(3), &picture, &name, MINUTE, looked).await;
    cache.keep_refusal(&key(4), Refusal::SourceMissing, &name, MINUTE, looked).await;
    for width in 1..=4 {
        assert!(cache.at_hand(&key(width)).await.is_none(), "{width}");
    }
    // And what began after it stays.
    let later = Instant::now() + Duration::from_millis(1);
    cache.keep(&key(1), &picture, &name, later).await;
    cache.rest(&key(3), &picture, &name, MINUTE, later).await;
    assert!(cache.at_hand(&key(1)).await.is_some() && cache.at_hand(&key(3)).await.is_some());
}

#[tokio::test]
async fn what_a_purge_has_not_come_to_yet_is_not_brought_nearer() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = levels().with_disk(&folder.path().join("images"), 1 << 20, 1 << 20, &Arc::default());
    let picture = picture(10).expect("a picture");
    for url in ["/a.png", "/b.png"] {
        let width = u32::from(url.as_bytes()[1]);
        cache.keep(&key(width), &picture, &named(url), Instant::now()).await;
    }
    cache.settle().await;
    let (a, b) = (key(u32::from(b'a')), key(u32::from(b'b')));
    let under_way = cache.hold_purge(Purge { prefix: "/a".into(), site: None });
    let found = |key| cache.find(key, Instant::now());
    assert!(found(&a).await.is_none() && found(&b).await.is_some());
    drop(under_way);
    let before = cache.generation();
    let purged = cache.purge(everything()).await;
    assert_eq!((purged.images, purged.failures.len()), (2, 0));
    assert!(found(&a).await.is_none() && found(&b).await.is_none());
    assert!(cache.generation() >= before + 2, "whoever had it at hand meanwhile keeps it no longer");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_may_hold_what_a_purge_names() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("images");
    std::fs::write(&file, "").expect("write");
    let cache = levels().with_disk(&file, 1 << 20, 1 << 20, &Arc::default());
    let failures = cache.purge(everything()).await.failures;
    assert_eq!(failures.iter().map(PurgeError::level).collect::<Vec<_>>(), ["disk"]);
    // None is wanted, so none is missing.
    let cache = levels().with_disk(&file, 0, 1 << 20, &Arc::default());
    assert!(cache.purge(everything()).await.failures.is_empty());
}
