//! What is written is read back, and what nobody wrote costs no memory.

use edgeplane_optimizer::{Fit, Position};
use proptest::prelude::*;

use super::*;

fn order() -> Order {
    "width=640,fit=cover,position=center,format=webp,quality=75".parse().expect("an order")
}

const LIMITS: Limits = Limits { source_bytes: 1000, side: 9000, output_bytes: 500, native: false };

#[test]
fn a_job_is_read_back() {
    let order = Order { width: None, height: Some(7), fit: Fit::Inside, position: Position::Top, ..order() };
    let source = vec![7; 1000];
    let bytes = [job_head(&order, source.len(), &LIMITS), source.clone()].concat();
    let job = Job::read(&mut bytes.as_slice()).expect("a job");
    assert_eq!((job.order, job.source), (order, source));
    assert_eq!((job.limits.source_bytes, job.limits.side, job.limits.output_bytes), (1000, 9000, 500));
}

#[test]
fn replies_are_read_back() {
    let times = StageTimes([1, 2, 3].map(Duration::from_micros));
    for format in ImageFormat::ALL {
        let encoded = Encoded { bytes: vec![1, 2, 3], format, width: 640, height: 480 };
        let bytes = [reply_head(&Reply::Encoded(encoded.clone(), times)), encoded.bytes.clone()].concat();
        let Ok(Reply::Encoded(found, took)) = Reply::read(&mut bytes.as_slice(), 3) else { panic!("{format:?}") };
        assert_eq!((found.bytes, found.format, found.width, found.height), (encoded.bytes, format, 640, 480));
        assert_eq!(took, times);
        assert!(Reply::read(&mut bytes.as_slice(), 2).is_err(), "longer than was allowed");
    }
    for refusal in [
        Refusal::NotAnImage,
        Refusal::Corrupt,
        Refusal::Unsupported,
        Refusal::SourceTooLarge(11),
        Refusal::TooManyPixels(9001, 7),
        Refusal::OutputTooLarge(12),
        Refusal::Encode,
        Refusal::ExtractOutside,
    ] {
        let bytes = reply_head(&Reply::Refused(refusal));
        assert!(matches!(Reply::read(&mut bytes.as_slice(), 0), Ok(Reply::Refused(found)) if found == refusal));
    }
    let bytes = reply_head(&Reply::Panicked);
    assert!(matches!(Reply::read(&mut bytes.as_slice(), 0), Ok(Reply::Panicked)));
}

#[test]
fn a_greeting_is_read_back() {
    for (files, calls) in [(false, false), (true, false), (false, true), (true, true)] {
        let confinement = Confinement { files, calls };
        assert_eq!(read_greeting(&mut greeting(confinement).as_slice()).expect("a greeting"), confinement);
    }
}

#[test]
fn a_job_that_promises_too_much_is_not_waited_for() {
    let much = job_head(&order(), 1001, &LIMITS);
    assert_eq!(Job::read(&mut much.as_slice()).expect_err("too much").kind(), io::ErrorKind::InvalidData);
    let mut long = job_head(&order(), 10, &LIMITS);
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Job::read(&mut long.as_slice()).expect_err("too long").kind(), io::ErrorKind::InvalidData);
    let boundless = Limits { source_bytes: usize::MAX, ..LIMITS };
    let huge = job_head(&order(), usize::MAX, &boundless);
    assert_eq!(Job::read(&mut huge.as_slice()).expect_err("no memory").kind(), io::ErrorKind::OutOfMemory);
    let mut other = job_head(&order(), 0, &LIMITS);
    other[3] = 2;
    assert_eq!(Job::read(&mut other.as_slice()).expect_err("another version").kind(), io::ErrorKind::InvalidData);
}

proptest! {
    #[test]
    fn any_bytes_are_a_word_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200), marked: bool) {
        let mut bytes = bytes;
        if marked && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&MARK.to_le_bytes());
        }
        let _ = Job::read(&mut bytes.as_slice());
        let _ = read_greeting(&mut bytes.as_slice());
        if let Ok(Reply::Encoded(encoded, _)) = Reply::read(&mut bytes.as_slice(), 100) {
            prop_assert!(encoded.bytes.len() <= 100);
        }
    }
}
