//! A record is read back as it was written, and nothing else is a record.

use edgeplane_optimizer::Encoded;
use proptest::{collection::vec, prelude::*};

use super::*;

fn digest(seed: u8) -> Digest {
    Digest([seed; 32])
}

fn picture(content: Vec<u8>, passed: bool) -> Picture {
    let probe = edgeplane_optimizer::Probe {
        source_type: SourceType::Svg,
        width: 1,
        height: 1,
        animated: false,
        alpha: false,
        memory_bytes: 0,
    };
    let freshness = Freshness { ttl: Duration::from_secs(77), store: true };
    let picture = if passed {
        Picture::passed(content.into(), None, &probe, freshness)
    } else {
        let encoded = Encoded { bytes: content, format: ImageFormat::Webp, width: 1, height: 1 };
        Picture::optimized(encoded, &probe, freshness)
    };
    let validators = Validators { etag: Some("W/\"x\"".into()), last_modified: None };
    picture.made_of(
        Provenance { validators, hash: [3; 32] },
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_182_301_123),
    )
}

fn whole(picture: &Picture, name: &Name) -> Vec<u8> {
    let mut record = front(&digest(1), picture, name).expect("room");
    record.extend_from_slice(&picture.bytes);
    record
}

proptest! {
    #[test]
    fn a_record_is_read_back(content in vec(any::<u8>(), 0..300), url in ".{0,80}", passed in any::<bool>()) {
        let (written, name) = (picture(content, passed), Name { site: "site".into(), url });
        let record = whole(&written, &name);
        prop_assert_eq!(super::name(&record), Some(name.clone()));
        let (found, found_name) = read(&record.into(), &digest(1)).expect("a record");
        prop_assert_eq!(found_name, name);
        prop_assert_eq!(format!("{found:?}"), format!("{written:?}"));
    }

    #[test]
    fn a_record_that_was_changed_anywhere_is_none(at in 0_usize..400, bit in 0_u8..8) {
        let mut record = whole(&picture(vec![7; 200], false), &Name { site: "site".into(), url: "/a.png".into() });
        let at = at % record.len();
        record[at] ^= 1 << bit;
        prop_assert!(read(&record.into(), &digest(1)).is_none());
    }

    #[test]
    fn a_record_that_was_cut_or_prolonged_is_none(length in 0_usize..500) {
        let mut record = whole(&picture(vec![7; 200], true), &Name::default());
        prop_assume!(length != record.len());
        record.resize(length, 7);
        prop_assert!(read(&record.into(), &digest(1)).is_none());
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..400)) {
        let bytes = [MAGIC.as_slice(), &bytes].concat();
        let _ = name(&bytes);
        prop_assert!(read(&bytes.into(), &digest(1)).is_none());
    }
}

#[test]
fn a_record_of_another_key_is_none() {
    let record = Bytes::from(whole(&picture(vec![7; 20], false), &Name::default()));
    assert!(read(&record, &digest(1)).is_some());
    assert!(read(&record, &digest(2)).is_none());
}

#[test]
fn every_kind_of_file_has_a_code_of_its_own() {
    let made = ImageFormat::ALL.map(Form::Made);
    let forms: Vec<Form> = made.into_iter().chain(SOURCE_TYPES.map(Form::Passed)).collect();
    for form in forms {
        assert_eq!(form_code(form).and_then(form_of), Some(form));
    }
}

#[test]
fn how_much_tells_whose_it_is() {
    for length in [0, 100, BEGINNING_BYTES, 65_535] {
        let wanted = Name { site: "site".into(), url: "x".repeat(length) };
        let record = whole(&picture(vec![7; 9000], false), &wanted);
        let beginning = &record[..BEGINNING_BYTES];
        let enough = more(beginning).unwrap_or(BEGINNING_BYTES);
        assert_eq!(name(&record[..enough]), Some(wanted));
        assert_eq!(more(beginning).is_some(), length >= BEGINNING_BYTES);
        if enough > BEGINNING_BYTES {
            assert_eq!((name(&record[..enough - 1]), enough <= FRONT_BYTES_MAX), (None, true));
        }
    }
    // What is no record of ours needs no more to be seen as such.
    assert_eq!((more(b"EDGEIMG1"), more(&[0; 300])), (None, None));
}
