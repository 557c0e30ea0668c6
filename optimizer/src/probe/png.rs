//! PNG's first chunk, and whether the chunks before the pixels announce an animation (PNG 3rd edition 11.2, 11.3.2).

use super::{Header, be_u32};

const SIGNATURE_LEN: usize = 8;

pub(super) fn header(source: &[u8]) -> Option<Header> {
    let mut chunks = Chunks { source, at: SIGNATURE_LEN };
    let (b"IHDR", ihdr) = chunks.next()? else { return None };
    let mut header = Header { width: be_u32(ihdr, 0)?, height: be_u32(ihdr, 4)?, ..Header::default() };
    // Colour types 4 and 6 have an alpha channel; the others may still have a transparent colour (tRNS).
    header.alpha = matches!(ihdr.get(9)?, 4 | 6);
    for (name, data) in chunks {
        match name {
            b"acTL" => header.animated = be_u32(data, 0)? > 1,
            b"tRNS" => header.alpha = true,
            b"IDAT" | b"IEND" => break,
            _ => {}
        }
    }
    Some(header)
}

struct Chunks<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    /// A chunk whose data the file does not hold ends the walk: the decoder will say so.
    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(be_u32(self.source, self.at)?).ok()?;
        let name = self.source.get(self.at + 4..)?.first_chunk()?;
        let start = self.at + 8;
        let data = self.source.get(start..start.checked_add(length)?)?;
        self.at = start + length + 4;
        Some((name, data))
    }
}
