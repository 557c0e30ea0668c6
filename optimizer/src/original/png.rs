//! A PNG of the chunks that draw it (W3C PNG 11.2, and `tRNS` of 11.3).

use super::Piece;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
/// 1/2.2 in `gAMA`'s steps of 1/100,000: what sRGB is taken for where nothing else is said.
const GAMMA: [u8; 4] = 45_455_u32.to_be_bytes();

pub(super) fn bare(source: &[u8]) -> Option<Vec<u8>> {
    let mut kept = source.strip_prefix(SIGNATURE).map(|_| SIGNATURE.to_vec())?;
    let mut at = SIGNATURE.len();
    loop {
        let rest = source.get(at..)?;
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let name: &[u8; 4] = rest.get(4..)?.first_chunk()?;
        // Length, name, data, checksum.
        let chunk = rest.get(..length.checked_add(12)?)?;
        match piece(name, chunk.get(8..8 + length)?) {
            Piece::Kept => kept.extend(chunk),
            Piece::Dropped => {}
            Piece::Binding => return None,
        }
        if name == b"IEND" {
            return Some(kept);
        }
        at += chunk.len();
    }
}

fn piece(name: &[u8; 4], data: &[u8]) -> Piece {
    match name {
        b"tRNS" => Piece::Kept,
        b"iCCP" | b"cICP" | b"cHRM" => Piece::Binding,
        b"gAMA" if data != GAMMA => Piece::Binding,
        // An upper-case first letter: needed to draw (5.4).
        [b'A'..=b'Z', ..] => Piece::Kept,
        _ => Piece::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let chunk = |(name, data): &(&[u8; 4], &[u8])| {
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            [&length[..], *name, data, b"sum."].concat()
        };
        [SIGNATURE.to_vec(), chunks.iter().flat_map(chunk).collect()].concat()
    }

    #[test]
    fn what_draws_the_picture_stays_and_the_rest_goes() {
        let all: [(&[u8; 4], &[u8]); 7] = [
            (b"IHDR", b"header"),
            (b"gAMA", &GAMMA),
            (b"tRNS", b"clear"),
            (b"eXIf", b"II*\0"),
            (b"IDAT", b"pixels"),
            (b"tEXt", b"Author\0someone"),
            (b"IEND", b""),
        ];
        let drawing = [all[0], all[2], all[4], all[6]];
        assert_eq!(bare(&[file(&all), b"tail".to_vec()].concat()), Some(file(&drawing)));
    }

    #[test]
    fn chunks_that_change_the_colours_bind_the_file() {
        for binding in [(b"iCCP", &b"name"[..]), (b"cICP", b"\x09\x10\x00\x01"), (b"gAMA", b"\0\x01\x86\xa0")] {
            assert_eq!(bare(&file(&[(b"IHDR", b"header"), binding, (b"IEND", b"")])), None, "{binding:?}");
        }
    }

    #[test]
    fn a_file_that_ends_anywhere_else_is_nothing() {
        let whole = file(&[(b"IHDR", b"header"), (b"IDAT", b"pixels"), (b"IEND", b"")]);
        for length in 0..whole.len() {
            assert_eq!(bare(&whole[..length]), None, "{length}");
        }
    }
}
