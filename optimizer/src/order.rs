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
    /// What stays when `fit` crops, and where the image lies when `fit` pads.
    pub position: Position,
    /// The output format.
    pub format: ImageFormat,
    /// 1-100; without meaning for PNG, which loses nothing.
    pub quality: u8,
}

/// How an image meets a width and a height, in sharp's words. Without both of them it keeps its ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// Fill the box, crop what hangs over.
    #[default]
    Cover,
    /// Fit into the box, pad the rest with opaque black, as sharp does unless told otherwise.
    Contain,
    /// Stretch to the box.
    Fill,
    /// As large as possible within the box.
    Inside,
    /// As small as possible around the box.
    Outside,
}

/// Which part stays when cropping, or where the image lies when padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Position {
    #[default]
    Center,
    Top,
    Right,
    Bottom,
    Left,
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
