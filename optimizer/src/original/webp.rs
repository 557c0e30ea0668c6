//! A WebP of the chunks that draw it (RFC 9649 2.7).

use super::Piece;

const RIFF_HEADER_LEN: usize = 12;
/// The flags of `VP8X` that promise chunks which are dropped: EXIF and XMP.
const FLAGS_DROPPED: u8 = 0b0000_1100;

pub(super) fn bare(source: &[u8]) -> Option<Vec<u8>> {
    let declared = usize::try_from(u32::from_le_bytes(*source.get(4..)?.first_chunk()?)).ok()?;
    // The size counts from behind itself; what lies behind that is not part of the file.
    let source = source.get(..declared.checked_add(8)?)?;
    let mut kept = source.get(..RIFF_HEADER_LEN)?.to_vec();
    let mut at = RIFF_HEADER_LEN;
    while at < source.len() {
        let rest = source.get(at..)?;
        let name: &[u8; 4] = rest.first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*rest.get(4..)?.first_chunk()?)).ok()?;
        // Chunks are padded to even sizes (2.3).
        let chunk = rest.get(..length.checked_add(8)?.checked_add(length & 1)?)?;
        match piece(name) {
            Piece::Kept => kept.extend(chunk),
            Piece::Dropped => {}
            Piece::Binding => return None,
        }
        at += chunk.len();
    }
    if kept.get(RIFF_HEADER_LEN..)?.starts_with(b"VP8X") {
        *kept.get_mut(RIFF_HEADER_LEN + 8)? &= !FLAGS_DROPPED;
    }
    let size = u32::try_from(kept.len() - 8).ok()?;
    kept.get_mut(4..8)?.copy_from_slice(&size.to_le_bytes());
    Some(kept)
}

fn piece(name: &[u8; 4]) -> Piece {
    match name {
        b"VP8X" | b"VP8 " | b"VP8L" | b"ALPH" => Piece::Kept,
        b"ICCP" => Piece::Binding,
        _ => Piece::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let chunk = |(name, data): &(&[u8; 4], &[u8])| {
            let length = u32::try_from(data.len()).unwrap().to_le_bytes();
            [*name, &length[..], data, &[0][..data.len() % 2]].concat()
        };
        let chunks: Vec<u8> = chunks.iter().flat_map(chunk).collect();
        let size = u32::try_from(chunks.len() + 4).unwrap().to_le_bytes();
        [&b"RIFF"[..], &size, b"WEBP", &chunks].concat()
    }

    #[test]
    fn what_draws_the_picture_stays_and_the_rest_goes() {
        let extended = |flags: u8| [flags, 0, 0, 0, 9, 0, 0, 9, 0, 0];
        let (told, plain) = (extended(0b0001_1100), extended(0b0001_0000));
        let all =
            file(&[(b"VP8X", &told), (b"ALPH", b"odd"), (b"VP8 ", b"even"), (b"EXIF", b"II*"), (b"XMP ", b"<x/>")]);
        let drawing = file(&[(b"VP8X", &plain), (b"ALPH", b"odd"), (b"VP8 ", b"even")]);
        assert_eq!(bare(&[all, b"tail".to_vec()].concat()), Some(drawing));
    }

    #[test]
    fn a_file_with_a_colour_profile_is_not_taken_apart() {
        assert_eq!(bare(&file(&[(b"VP8X", &[0; 10]), (b"ICCP", b"profile."), (b"VP8 ", b"even")])), None);
    }

    #[test]
    fn a_file_that_ends_anywhere_else_is_nothing() {
        let whole = file(&[(b"VP8 ", b"pixels")]);
        for length in 0..whole.len() {
            assert_eq!(bare(&whole[..length]), None, "{length}");
        }
    }
}
