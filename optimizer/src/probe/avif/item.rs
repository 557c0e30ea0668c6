//! Items: what kind they are, where their bytes are, and which belong to which (ISO/IEC 14496-12 8.11).

use super::{
    ITEM_PIECES_MAX,
    boxes::{Boxes, Fields},
};

/// The items of a file. Each question walks the tables anew: they are small, and nothing is allocated for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'a> {
    pub(super) source: &'a [u8],
    pub(super) meta: Boxes<'a>,
}

impl<'a> Items<'a> {
    /// The type of an item.
    pub(super) fn kind(&self, wanted: u32) -> Option<[u8; 4]> {
        let mut table = Fields(self.meta.find(b"iinf")?);
        let (version, _) = table.version()?;
        table.take(if version == 0 { 2 } else { 4 })?;
        Boxes(table.0).filter(|(name, _)| name == b"infe").find_map(|(_, entry)| {
            let mut entry = Fields(entry);
            let (version, _) = entry.version()?;
            let id = match version {
                2 => entry.small(2)?,
                3 => entry.small(4)?,
                _ => return None,
            };
            // The protection index; what is protected we do not read.
            let protection = entry.small(2)?;
            let kind = *entry.take(4)?.first_chunk()?;
            (id == wanted && protection == 0).then_some(kind)
        })
    }

    /// The bytes of an item, in pieces.
    pub(super) fn data(&self, wanted: u32) -> Option<Vec<&'a [u8]>> {
        let mut table = Fields(self.meta.find(b"iloc")?);
        let (version, _) = table.version()?;
        let sizes = table.number(2)?;
        let size = |shift: u32| usize::try_from(sizes >> shift & 0xf).unwrap_or(0);
        let (offset_size, length_size, base_size) = (size(12), size(8), size(4));
        let index_size = if version == 0 { 0 } else { size(0) };
        let wide = version >= 2;
        let count = table.number(if wide { 4 } else { 2 })?;
        for _ in 0..count {
            let id = table.small(if wide { 4 } else { 2 })?;
            let method = if version == 0 { 0 } else { table.number(2)? & 0xf };
            let reference = table.number(2)?;
            let base = table.number(base_size)?;
            let pieces = table.number(2)?;
            if id != wanted {
                let each = index_size + offset_size + length_size;
                table.take(usize::try_from(pieces).ok()?.checked_mul(each)?)?;
                continue;
            }
            // Zero: this file, and not another one.
            if reference != 0 || pieces == 0 || pieces > ITEM_PIECES_MAX as u64 {
                return None;
            }
            let whole = match method {
                0 => self.source,
                1 => self.meta.find(b"idat")?,
                _ => return None,
            };
            let piece = |_| {
                table.take(index_size)?;
                let start = usize::try_from(base.checked_add(table.number(offset_size)?)?).ok()?;
                let length = usize::try_from(table.number(length_size)?).ok()?;
                // No length: to the end.
                let end = if length == 0 { whole.len() } else { start.checked_add(length)? };
                whole.get(start..end)
            };
            return (0..pieces).map(piece).collect();
        }
        None
    }

    /// The auxiliary item of an item.
    pub(super) fn alpha_of(&self, of: u32) -> Option<u32> {
        self.references(b"auxl").find_map(|(from, to)| (to == of).then_some(from))
    }

    /// Whether `from` refers to `to` in this way.
    pub(super) fn refers(&self, how: &[u8; 4], from: u32, to: u32) -> bool {
        self.references(how).any(|found| found == (from, to))
    }

    fn references(&self, how: &[u8; 4]) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        let table = self.meta.find(b"iref").map(Fields).and_then(|mut table| Some((table.version()?.0, table.0)));
        let (version, table) = table.unwrap_or((0, &[]));
        let size = if version == 0 { 2 } else { 4 };
        let how = *how;
        Boxes(table).filter(move |(name, _)| *name == how).flat_map(move |(_, entry)| {
            let mut entry = Fields(entry);
            let from = entry.small(size);
            // The count; the box ends where it says or earlier.
            let count = entry.small(2).unwrap_or(0);
            (0..count).map_while(move |_| Some((from?, entry.small(size)?)))
        })
    }
}
