//! A JPEG without application segments (ITU-T T.81 B.1.1.3), but for the two that say how its colours are coded.

use super::Piece;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

pub(super) fn bare(source: &[u8]) -> Option<Vec<u8>> {
    let mut kept = source.get(..2).filter(|start| *start == [0xff, SOI])?.to_vec();
    let mut at = 2;
    loop {
        let (0xff, marker) = (*source.get(at)?, *source.get(at + 1)?) else { return None };
        match marker {
            // A fill byte.
            0xff => at += 1,
            EOI => {
                kept.extend([0xff, EOI]);
                return Some(kept);
            }
            marker => {
                let segment = source.get(at..)?;
                let length = usize::from(u16::from_be_bytes(*segment.get(2..)?.first_chunk()?));
                let segment = segment.get(..length.checked_add(2)?)?;
                at += segment.len();
                match piece(marker, segment.get(4..)?) {
                    Piece::Kept => kept.extend(segment),
                    Piece::Dropped => {}
                    Piece::Binding => return None,
                }
                if marker == SOS {
                    let end = at + coded_len(source.get(at..)?)?;
                    kept.extend(source.get(at..end)?);
                    at = end;
                }
            }
        }
    }
}

fn piece(marker: u8, payload: &[u8]) -> Piece {
    match marker {
        // The density, and Adobe's note on which transform the colours went through.
        0xe0 if payload.starts_with(b"JFIF\0") => Piece::Kept,
        0xee if payload.starts_with(b"Adobe") => Piece::Kept,
        0xe2 if payload.starts_with(b"ICC_PROFILE\0") => Piece::Binding,
        0xe0..=0xef | 0xfe => Piece::Dropped,
        _ => Piece::Kept,
    }
}

/// Bytes of entropy-coded data up to the next marker that is neither a stuffed byte nor a restart (T.81 B.1.1.5).
fn coded_len(scan: &[u8]) -> Option<usize> {
    scan.windows(2).position(|pair| matches!(pair, [0xff, next] if !matches!(next, 0x00 | 0xd0..=0xd7 | 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker], &length[..], payload].concat()
    }

    /// A file of the given segments before two scans.
    fn file(segments: &[Vec<u8>]) -> Vec<u8> {
        let scans = [segment(SOS, b"one"), b"\x01\xff\x00\xff\xd0\x02".to_vec(), segment(SOS, b"two"), vec![3]];
        [vec![0xff, SOI], segments.concat(), scans.concat(), vec![0xff, EOI]].concat()
    }

    #[test]
    fn what_draws_the_picture_stays_and_the_rest_goes() {
        let drawing = [segment(0xe0, b"JFIF\0\x01\x02"), segment(0xdb, b"table"), segment(0xee, b"Adobe\0d")];
        let talk = [segment(0xe1, b"Exif\0\0II*\0"), segment(0xfe, b"a comment"), segment(0xe2, b"MPF\0")];
        let mixed = [&drawing[..1], &talk[..2], &drawing[1..], &talk[2..]].concat();
        let with_a_tail = [file(&mixed), b"\xff\xd8a second picture\xff\xd9".to_vec()].concat();
        assert_eq!(bare(&with_a_tail), Some(file(&drawing)));
    }

    #[test]
    fn a_file_with_a_colour_profile_is_not_taken_apart() {
        assert_eq!(bare(&file(&[segment(0xe2, b"ICC_PROFILE\0\x01\x01")])), None);
    }

    #[test]
    fn a_file_that_ends_anywhere_else_is_nothing() {
        let whole = file(&[segment(0xdb, b"table")]);
        for length in 0..whole.len() {
            assert_eq!(bare(&whole[..length]), None, "{length}");
        }
    }
}
