//! Boxes of ISO base media files (ISO/IEC 14496-12 4.2), and reading their fields one behind the other.

/// The boxes inside `bytes`, as type and payload. One that claims more than there is ends the walk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = Fields(self.0);
        let size = fields.number(4)?;
        let name = *fields.take(4)?.first_chunk()?;
        let head = if size == 1 { 16 } else { 8 };
        let size = match size {
            // To the end of the file.
            0 => self.0.len(),
            1 => usize::try_from(fields.number(8)?).ok()?,
            size => usize::try_from(size).ok()?,
        };
        let payload = self.0.get(head..size)?;
        self.0 = self.0.get(size..)?;
        Some((name, payload))
    }
}

impl<'a> Boxes<'a> {
    /// The first box of this type.
    pub(super) fn find(mut self, wanted: &[u8; 4]) -> Option<&'a [u8]> {
        self.find_map(|(name, payload)| (&name == wanted).then_some(payload))
    }
}

/// Fields that are read one behind the other; reading past the end gives nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A big-endian number of up to eight bytes; of none, zero.
    pub(super) fn number(&mut self, length: usize) -> Option<u64> {
        let bytes = self.take(length)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of up to four bytes.
    pub(super) fn small(&mut self, length: usize) -> Option<u32> {
        u32::try_from(self.number(length)?).ok()
    }

    /// The version and the flags that a full box begins with.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.small(4)?;
        Some((u8::try_from(word >> 24).ok()?, word & 0xff_ffff))
    }
}
