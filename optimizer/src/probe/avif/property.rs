//! Properties of items: size, alpha, colour, and what is done before showing (ISO/IEC 23008-12 6.5).

use super::boxes::{Boxes, Fields};
use crate::color::coded::Code;

/// The part of a picture that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crop {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Which numbers stand for black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// 16 to 235, and their like at greater depths.
    Limited,
    /// All of them.
    Full,
}

/// Colours as a container or a stream names them (ITU-T H.273).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// What red, green and blue are.
    pub(crate) code: Code,
    /// Which matrix makes them of luma and chroma, table 4.
    pub(crate) matrix: u16,
    pub(crate) range: Range,
}

/// What the properties of one item come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape<'a> {
    pub(super) size: (u32, u32),
    pub(super) crop: Option<Crop>,
    pub(super) named: Option<Named>,
    pub(super) profile: Option<&'a [u8]>,
    /// Only one of several layers is to be shown.
    pub(super) layered: bool,
    /// Quarter turns against the clock, then the mirror: 0 swaps top and bottom, 1 left and right.
    quarters: u8,
    mirror: Option<u8>,
}

impl Shape<'_> {
    /// Rotation and then mirror as the EXIF orientation that looks the same.
    pub(super) fn orientation(&self) -> u16 {
        match (self.quarters, self.mirror) {
            (0, Some(1)) | (2, Some(0)) => 2,
            (2, None) => 3,
            (0, Some(0)) | (2, Some(_)) => 4,
            (1, Some(0)) | (3, Some(1)) => 5,
            (3, None) => 6,
            (1 | 3, Some(_)) => 7,
            (1, None) => 8,
            _ => 1,
        }
    }
}

/// Properties of one item that are looked at. Encoders write about ten; without an end to it, tables that name the same
/// property over and over make the search for it quadratic.
const PROPERTIES_MAX: usize = 64;
/// Where a property may stand among all: what is behind is looked for by nobody who means well.
const INDEX_MAX: u16 = 256;

/// The properties of a file and who has which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties<'a> {
    pub(super) iprp: &'a [u8],
}

impl<'a> Properties<'a> {
    /// What an item's properties come to. An item without a size is none.
    pub(super) fn of(&self, item: u32) -> Option<Shape<'a>> {
        let mut shape = Shape::default();
        let mut crop = None;
        for (name, payload) in self.associated(item) {
            let mut fields = Fields(payload);
            match &name {
                b"ispe" => {
                    fields.version()?;
                    shape.size = (fields.small(4)?, fields.small(4)?);
                }
                b"irot" => shape.quarters = fields.take(1)?[0] & 3,
                b"imir" => shape.mirror = Some(fields.take(1)?[0] & 1),
                b"clap" => crop = Some(fields),
                b"colr" => match fields.take(4)? {
                    b"nclx" => shape.named = shape.named.or(Some(nclx(fields)?)),
                    b"prof" | b"rICC" => shape.profile = shape.profile.or(Some(fields.0)),
                    _ => {}
                },
                b"lsel" | b"a1lx" => shape.layered = true,
                _ => {}
            }
        }
        shape.crop = match crop {
            Some(fields) => Some(aperture(fields, shape.size)?),
            None => None,
        };
        (shape.size.0 > 0 && shape.size.1 > 0).then_some(shape)
    }

    /// Whether an item is an alpha plane.
    pub(super) fn is_alpha(&self, item: u32) -> bool {
        self.associated(item).any(|(name, payload)| {
            let urn = payload.get(4..).unwrap_or_default();
            &name == b"auxC" && (urn.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"))
        })
    }

    /// The properties of an item, in the order in which they are listed.
    fn associated(&self, item: u32) -> impl Iterator<Item = ([u8; 4], &'a [u8])> + use<'a> {
        let all = Boxes(self.iprp).find(b"ipco").unwrap_or_default();
        let tables = Boxes(self.iprp).filter(|(name, _)| name == b"ipma").map(|(_, table)| table);
        let indices = tables.flat_map(move |table| indices(table, item)).filter(|index| *index <= INDEX_MAX);
        indices.take(PROPERTIES_MAX).filter_map(move |index| {
            // Counted from one; zero is none.
            Boxes(all).nth(usize::from(index).checked_sub(1)?)
        })
    }
}

/// Primaries, transfer, matrix and range (ISO/IEC 14496-12 12.1.5).
fn nclx(mut fields: Fields<'_>) -> Option<Named> {
    let mut number = || u16::try_from(fields.number(2)?).ok();
    let (code, matrix) = (Code { primaries: number()?, transfer: number()? }, number()?);
    let full = fields.take(1)?[0] & 0x80 != 0;
    Some(Named { code, matrix, range: if full { Range::Full } else { Range::Limited } })
}

/// The numbers of an item's properties.
fn indices(table: &[u8], item: u32) -> impl Iterator<Item = u16> + use<'_> {
    let mut fields = Fields(table);
    let (version, flags) = fields.version().unwrap_or_default();
    let count = fields.number(4).unwrap_or(0);
    let wide = flags & 1 == 1;
    let mut entries = (0..count).map_while(move |_| {
        let id = fields.small(if version == 0 { 2 } else { 4 })?;
        let length = usize::from(fields.take(1)?[0]) * if wide { 2 } else { 1 };
        Some((id, fields.take(length)?))
    });
    let found = entries.find(|(id, _)| *id == item).map_or(&[][..], |(_, bytes)| bytes);
    // The uppermost bit says that the property is essential.
    found.chunks_exact(if wide { 2 } else { 1 }).map(|bytes| match bytes {
        [high, low] => u16::from(high & 0x7f) << 8 | u16::from(*low),
        [low, ..] => u16::from(low & 0x7f),
        [] => 0,
    })
}

/// The clean aperture (ISO/IEC 14496-12 12.1.4): its size, and the offset of its middle from the picture's, as fractions.
/// One that does not lie on whole pixels inside the picture is refused.
fn aperture(mut fields: Fields<'_>, (columns, rows): (u32, u32)) -> Option<Crop> {
    let mut fraction = || {
        let [above, below] = [fields.small(4)?, fields.small(4)?];
        // The numerator of an offset may be negative.
        Some((i64::from(above.cast_signed()), i64::from(below)))
    };
    let [width, height, right, down] = [fraction()?, fraction()?, fraction()?, fraction()?];
    let side = |(above, below): (i64, i64), whole: u32| {
        let side = above.checked_div(below).filter(|_| above % below == 0)?;
        (1..=i64::from(whole)).contains(&side).then_some(side)
    };
    // middle + offset - half the side: over twice the denominator, to stay with whole numbers.
    let start = |(above, below): (i64, i64), side: i64, whole: u32| {
        let doubled = (i64::from(whole) - side).checked_mul(below)?.checked_add(above.checked_mul(2)?)?;
        let start = doubled.checked_div(below.checked_mul(2)?)?;
        let fits = doubled % (below * 2) == 0 && start >= 0 && start + side <= i64::from(whole);
        fits.then_some(start)
    };
    let (width, height) = (side(width, columns)?, side(height, rows)?);
    let (left, top) = (start(right, width, columns)?, start(down, height, rows)?);
    let [left, top, width, height] = [left, top, width, height].map(|number| u32::try_from(number).unwrap_or(0));
    Some(Crop { left, top, width, height })
}
