//! What is asked of the optimizer, and what it hands back.

use crate::ImageFormat;

/// One transformation, normalised: equal orders give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Wanted width in pixels; never enlarges.
    pub width: Option<u32>,
    /// Wanted height in pixels; never enlarges.
    pub height: Option<u32>,
    /// How both are met together.
    pub fit: Fit,
    /// What stays when `fit` crops.
    pub position: Position,
    /// The output format.
    pub format: ImageFormat,
    /// 1-100.
    pub quality: u8,
}

/// How an image meets a width and a height, in sharp's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Fill the box, crop what hangs over.
    #[default]
    Cover,
    /// Fit into the box, pad the rest.
    Contain,
    /// Stretch to the box.
    Fill,
    /// As large as possible within the box.
    Inside,
    /// As small as possible around the box.
    Outside,
}

/// Which part stays when cropping, or where the image lies when padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Position {
    #[default]
    Center,
    Top,
    Right,
    Bottom,
    Left,
}

/// Bounds on one job.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the source.
    pub source_bytes: usize,
    /// Pixels on one side of the source.
    pub side: u32,
    /// Bytes of the result.
    pub output_bytes: usize,
}

/// An optimized image.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Their format.
    pub format: ImageFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}
