//! What is asked of the optimizer, and what it hands back.

use std::{fmt, str::FromStr};

use crate::{Edits, ImageFormat};

/// One transformation, normalised: equal orders give equal bytes.
///
/// Its text, `width=640,fit=cover,position=center,format=webp,quality=75,rotate=90`, is canonical: equal orders have equal texts,
/// and reading a text gives the order it was written from. Cache keys and the worker's protocol are made of it.
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
    /// Whether a picture in Display P3 keeps its colours, tagged so, instead of being brought into sRGB.
    pub keep_p3: bool,
    /// What else is done to it.
    pub edits: Edits,
}

impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(width) = self.width {
            write!(out, "width={width},")?;
        }
        if let Some(height) = self.height {
            write!(out, "height={height},")?;
        }
        let Self { fit, position, format, quality, keep_p3, edits, .. } = self;
        write!(out, "fit={},position={},format={},quality={quality}", fit.name(), position.name(), format.extension())?;
        if *keep_p3 {
            write!(out, ",p3=kept")?;
        }
        edits.fmt(out)
    }
}

/// A text that no order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the text of an order")]
pub struct NotAnOrder;

impl FromStr for Order {
    type Err = NotAnOrder;

    fn from_str(text: &str) -> Result<Self, NotAnOrder> {
        let (mut width, mut height, mut fit, mut position, mut format, mut quality) =
            (None, None, None, None, None, None);
        let (mut keep_p3, mut edits) = (false, Edits::default());
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').ok_or(NotAnOrder)?;
            match name {
                "width" => width = Some(value.parse().map_err(|_| NotAnOrder)?),
                "height" => height = Some(value.parse().map_err(|_| NotAnOrder)?),
                "fit" => fit = Fit::ALL.into_iter().find(|fit| fit.name() == value),
                "position" => position = Position::ALL.into_iter().find(|position| position.name() == value),
                "format" => format = ImageFormat::ALL.into_iter().find(|format| format.extension() == value),
                "quality" => quality = value.parse().ok(),
                "p3" if value == "kept" => keep_p3 = true,
                name => edits.read(name, value)?,
            }
        }
        match (fit, position, format, quality) {
            (Some(fit), Some(position), Some(format), Some(quality)) => {
                Ok(Self { width, height, fit, position, format, quality, keep_p3, edits })
            }
            _ => Err(NotAnOrder),
        }
    }
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

impl Fit {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Cover, Self::Contain, Self::Fill, Self::Inside, Self::Outside];

    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cover => "cover",
            Self::Contain => "contain",
            Self::Fill => "fill",
            Self::Inside => "inside",
            Self::Outside => "outside",
        }
    }
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

impl Position {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Center, Self::Top, Self::Right, Self::Bottom, Self::Left];

    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Center => "center",
            Self::Top => "top",
            Self::Right => "right",
            Self::Bottom => "bottom",
            Self::Left => "left",
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*, sample::select};

    use super::*;

    proptest! {
        #[test]
        fn an_order_is_read_back_from_its_text(
            width in option::of(1u32..10_000),
            height in option::of(1u32..10_000),
            fit in select(Fit::ALL.to_vec()),
            position in select(Position::ALL.to_vec()),
            format in select(ImageFormat::ALL.to_vec()),
            quality in 1u8..=100,
            keep_p3: bool,
            edits in crate::edits::tests::any_edits(),
        ) {
            let order = Order { width, height, fit, position, format, quality, keep_p3, edits };
            prop_assert_eq!(order.to_string().parse(), Ok(order));
        }
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for text in ["", "width=1", "fit=cover,position=center,format=tiff,quality=75", "fit=cover,speed=1"] {
            assert_eq!(text.parse::<Order>(), Err(NotAnOrder), "{text:?}");
        }
    }
}
