//! What a value on a shared server must be to count.

use std::io::Write as _;

use edgeplane_optimizer::{Encoded, ImageFormat, Probe, SourceType};
use proptest::prelude::*;

use super::*;
use crate::image::freshness::Freshness;

fn shared(secret: &[u8]) -> Result<Shared, ShareError> {
    shared_within(secret, PATIENCE)
}

fn shared_within(secret: &[u8], timeout: Duration) -> Result<Shared, ShareError> {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(secret).expect("write");
    let recent = Arc::new(Recent::new(PATIENCE));
    Shared::new("redis://127.0.0.1:1", file.path(), timeout, 1 << 20, recent, Arc::default())
}

fn picture() -> Picture {
    let probe =
        Probe { source_type: SourceType::Png, width: 1, height: 1, animated: false, alpha: false, memory_bytes: 0 };
    let encoded = Encoded { bytes: vec![7; 100], format: ImageFormat::Webp, width: 1, height: 1 };
    Picture::optimized(encoded, &probe, Freshness { ttl: PATIENCE, store: true })
}

const DIGEST: Digest = Digest([1; 32]);

fn value() -> (Shared, Vec<u8>) {
    let shared = shared(&[b'k'; 32]).expect("a key");
    let value = shared.0.seal(&DIGEST, &picture(), &Name::default()).expect("a value");
    (shared, value)
}

#[test]
fn a_value_counts_only_with_the_fleets_signature_for_its_place() {
    let (shared, value) = value();
    assert!(shared.0.open(&DIGEST, value.clone()).is_some_and(|(found, _)| found.etag == picture().etag));
    assert!(shared.0.open(&Digest([2; 32]), value.clone()).is_none());
    // The line end of a text editor is no part of a secret.
    let same = self::shared(&[[b'k'; 32].as_slice(), b"\n"].concat()).expect("a key");
    assert!(same.0.open(&DIGEST, value.clone()).is_some());
    let other = self::shared(&[b'x'; 32]).expect("a key");
    assert!(other.0.open(&DIGEST, value).is_none());
    for garbage in [Vec::new(), vec![0; 10], vec![0; 1000]] {
        assert!(shared.0.open(&DIGEST, garbage).is_none());
    }
}

proptest! {
    #[test]
    fn a_changed_or_cut_value_does_not_count(at in 0_usize..1000, bit in 0_u8..8, cut in any::<bool>()) {
        let (shared, mut value) = value();
        let at = at % value.len();
        if cut {
            value.truncate(at);
        } else {
            value[at] ^= 1 << bit;
        }
        prop_assert!(shared.0.open(&DIGEST, value).is_none());
    }
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    assert!(matches!(shared(b"secret"), Err(ShareError::Short(_))));
    let recent = Arc::new(Recent::new(PATIENCE));
    let missing = Shared::new("redis://127.0.0.1:1", Path::new("/nowhere"), PATIENCE, 1, recent, Arc::default());
    assert!(matches!(missing, Err(ShareError::Read(..))));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_once() {
    let (shared, _) = value();
    for _ in 0..10 {
        assert!(shared.get(&DIGEST).await.is_none());
    }
    let results = shared.0.events.snapshot().shared;
    assert_eq!((results[SharedResult::Error as usize], results[SharedResult::Skipped as usize]), (1, 9));
}

#[tokio::test]
async fn a_few_read_at_once_and_the_others_wait_no_longer_than_for_an_answer() {
    let shared = shared_within(&[b'k'; 32], Duration::from_millis(20)).expect("a key");
    let reading = shared.0.reads.acquire_many(u32::try_from(READS).unwrap()).await.expect("open");
    assert!(shared.get(&DIGEST).await.is_none());
    let results = || shared.0.events.snapshot().shared;
    assert_eq!((results()[SharedResult::Error as usize], results()[SharedResult::Skipped as usize]), (0, 1));
    drop(reading);
    assert!(shared.get(&DIGEST).await.is_none());
    assert_eq!(results()[SharedResult::Error as usize], 1, "now the server was asked");
}

#[tokio::test]
async fn a_purge_that_reaches_nobody_says_so_however_often_it_is_tried() {
    let (shared, _) = value();
    let everything = Purge { prefix: String::new(), site: None };
    // The second time the server is left alone by all others.
    for _ in 0..2 {
        let (images, result) = shared.purge(&everything).await;
        assert_eq!((images, result.map_err(|error| error.level())), (0, Err("shared")));
    }
    assert_eq!(shared.0.events.snapshot().shared[SharedResult::Skipped as usize], 0);
}

#[tokio::test]
async fn a_purge_waits_for_records_that_are_being_written() {
    let (shared, _) = value();
    let writing = shared.0.waiting.acquire().await.expect("open");
    let everything = Purge { prefix: String::new(), site: None };
    let mut purge = Box::pin(shared.purge(&everything));
    assert!(timeout(Duration::from_millis(50), &mut purge).await.is_err());
    assert_eq!(shared.0.events.snapshot().shared, [0; 7], "nothing was asked for");
    drop(writing);
    assert!(purge.await.1.is_err());
}
