//! What a job consists of, for whoever measures it.

/// A part of a job, in the order of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Bytes to pixels.
    Decode,
    /// To the size and the shape that is wanted.
    Resize,
    /// Pixels to bytes.
    Encode,
}

impl Stage {
    /// Every one, in the order of the work.
    pub const ALL: [Self; 3] = [Self::Decode, Self::Resize, Self::Encode];

    /// Its name in metrics and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Resize => "resize",
            Self::Encode => "encode",
        }
    }
}
