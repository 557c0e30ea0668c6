//! GIF's logical screen, and whether a second image follows the first (GIF89a 18-26).

use super::{Header, le_u16};

pub(super) fn header(source: &[u8]) -> Option<Header> {
    let width = u32::from(le_u16(source, 6)?);
    let height = u32::from(le_u16(source, 8)?);
    let flags = *source.get(10)?;
    let animated = images(source, 13 + color_table_len(flags)) > 1;
    Some(Header { width, height, animated, alpha: true, ..Header::default() })
}

/// Counts image descriptors up to two, walking blocks: bytes that merely look like one are inside a block.
fn images(source: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut count = 0;
    while count < 2 {
        let next = match source.get(at) {
            // An extension: its label, then sub-blocks.
            Some(0x21) => after_sub_blocks(source, at + 2),
            // An image: its descriptor, a colour table perhaps, the code size, then sub-blocks.
            Some(0x2c) => {
                count += 1;
                let table = source.get(at + 9).map_or(0, |flags| color_table_len(*flags));
                after_sub_blocks(source, at + 10 + table + 1)
            }
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    count
}

fn color_table_len(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn after_sub_blocks(source: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*source.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
