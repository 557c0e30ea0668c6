//! AVIF's container (AV1 Image File Format 1.1 over ISO/IEC 23008-12): which bytes are the picture, which its alpha, and
//! what is to be done to them before they are shown.
//!
//! Only what a still picture of one item needs is read. Pictures put together from tiles (`grid`), layers and sequences
//! are recognised and left to those who can.

mod boxes;
mod item;
mod property;
mod stream;

use super::Header;
use boxes::{Boxes, Fields};
use item::Items;
use property::Properties;
pub(crate) use property::{Crop, Named, Range};
pub(crate) use stream::colors as stream_colors;

/// Bytes of coded data of one item: sources have a limit of their own, this one is against pieces that overlap.
const ITEM_PIECES_MAX: usize = 32;

/// A still picture in its container.
#[derive(Clone, Debug)]
pub(crate) struct Container<'a> {
    /// Width and height as coded.
    pub(crate) size: (u32, u32),
    /// The part that is shown, where it is not the whole.
    pub(crate) crop: Option<Crop>,
    /// How the shown part is turned, as an EXIF orientation.
    pub(crate) orientation: u16,
    /// Its colours, where the container names them; it knows better than the stream (ISO/IEC 23000-22 7.3.6.4).
    pub(crate) named: Option<Named>,
    /// A profile, which says more exactly what red, green and blue are, and nothing of the matrix.
    pub(crate) profile: Option<&'a [u8]>,
    /// The coded picture, in pieces.
    pub(crate) color: Vec<&'a [u8]>,
    /// The coded alpha plane, in pieces.
    pub(crate) alpha: Option<Vec<&'a [u8]>>,
    /// Whether colours are multiplied by their alpha already.
    pub(crate) premultiplied: bool,
}

/// What a file turns out to hold.
#[derive(Clone, Debug)]
pub(crate) enum Found<'a> {
    /// A picture that we decode.
    Still(Container<'a>),
    /// A sequence, tiles, layers: pictures that we do not, with the size of the whole.
    Other(u32, u32),
}

/// Reads the container.
pub(crate) fn read(source: &[u8]) -> Option<Found<'_>> {
    let mut meta = Fields(Boxes(source).find(b"meta")?);
    meta.version()?;
    let meta = Boxes(meta.0);
    let mut primary = Fields(meta.find(b"pitm")?);
    let (version, _) = primary.version()?;
    let primary = primary.small(if version == 0 { 2 } else { 4 })?;
    let properties = Properties { iprp: meta.find(b"iprp")? };
    let shape = properties.of(primary)?;
    let items = Items { source, meta };
    let is_plain = items.kind(primary)? == *b"av01" && !shape.layered;
    if !is_plain || Boxes(source).find(b"moov").is_some() {
        return Some(Found::Other(shape.size.0, shape.size.1));
    }
    let alpha = items.alpha_of(primary).filter(|alpha| properties.is_alpha(*alpha));
    let alpha = match alpha {
        Some(alpha) if items.kind(alpha)? == *b"av01" => {
            Some((items.data(alpha)?, items.refers(b"prem", primary, alpha)))
        }
        Some(_) => return Some(Found::Other(shape.size.0, shape.size.1)),
        None => None,
    };
    let premultiplied = alpha.as_ref().is_some_and(|(_, premultiplied)| *premultiplied);
    Some(Found::Still(Container {
        size: shape.size,
        crop: shape.crop,
        orientation: shape.orientation(),
        named: shape.named,
        profile: shape.profile,
        color: items.data(primary)?,
        alpha: alpha.map(|(data, _)| data),
        premultiplied,
    }))
}

/// The size that is shown before it is turned; for the probe.
pub(super) fn header(source: &[u8]) -> Option<Header> {
    // `avis` in the first brand: what is shown is the sequence, of which the still item is only the cover.
    let sequence = source.get(8..12) == Some(b"avis");
    let header = |(width, height)| Header { width, height, alpha: true, ..Header::default() };
    match read(source) {
        Some(Found::Still(container)) => {
            let shown = container.crop.map_or(container.size, |crop| (crop.width, crop.height));
            Some(Header { alpha: container.alpha.is_some(), animated: sequence, ..header(shown) })
        }
        Some(Found::Other(width, height)) => Some(Header { animated: true, ..header((width, height)) }),
        // A sequence need not have a cover.
        None if sequence => Some(Header { animated: true, ..header((1, 1)) }),
        None => None,
    }
}

#[cfg(test)]
mod tests;
