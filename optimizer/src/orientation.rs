//! EXIF's orientation (Exif 3.0, tag 0x0112): read from the metadata, applied to the pixels.

use crate::{geometry::Area, picture::Picture};

const TAG_ORIENTATION: u16 = 0x0112;
const TYPE_SHORT: u16 = 3;

/// How stored pixels become an upright picture: mirror, then swap rows and columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Mirror left and right.
    mirror: bool,
    /// Mirror top and bottom.
    flip: bool,
    /// Then swap rows and columns.
    transpose: bool,
}

impl Turn {
    /// The turn a TIFF block (an EXIF payload, with or without its `Exif\0\0` prefix) asks for. Whatever is missing,
    /// malformed or out of range means upright: a picture is not refused for its metadata.
    pub(crate) fn of_exif(exif: &[u8]) -> Self {
        let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        orientation(tiff).map_or_else(Self::default, Self::of_orientation)
    }

    /// The turn that this value of the tag asks for.
    pub(crate) fn of_orientation(orientation: u16) -> Self {
        let (mirror, flip, transpose) = match orientation {
            2 => (true, false, false),
            3 => (true, true, false),
            4 => (false, true, false),
            5 => (false, false, true),
            6 => (false, true, true),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { mirror, flip, transpose }
    }

    /// This turn, and then top and bottom mirrored.
    pub(crate) fn flipped(self) -> Self {
        if self.transpose { Self { mirror: !self.mirror, ..self } } else { Self { flip: !self.flip, ..self } }
    }

    /// This turn, and then left and right mirrored.
    pub(crate) fn flopped(self) -> Self {
        if self.transpose { Self { flip: !self.flip, ..self } } else { Self { mirror: !self.mirror, ..self } }
    }

    /// This turn, and then so many quarters clockwise.
    pub(crate) fn quartered(self, quarters: u32) -> Self {
        (0..quarters % 4).fold(self, |turn, _| {
            let flipped = turn.flipped();
            Self { transpose: !flipped.transpose, ..flipped }
        })
    }

    /// The upright size of a picture stored in `size`.
    pub(crate) fn oriented(self, size: (u32, u32)) -> (u32, u32) {
        if self.transpose { (size.1, size.0) } else { size }
    }

    /// Where an area of the upright picture lies in a stored picture of `size`.
    pub(crate) fn stored(self, area: Area, size: (u32, u32)) -> Area {
        let mut area = if self.transpose {
            Area { left: area.top, top: area.left, width: area.height, height: area.width }
        } else {
            area
        };
        if self.mirror {
            area.left = f64::from(size.0) - area.left - area.width;
        }
        if self.flip {
            area.top = f64::from(size.1) - area.top - area.height;
        }
        area
    }

    /// Turns stored pixels upright.
    pub(crate) fn apply(self, picture: Picture) -> Picture {
        if self == Self::default() {
            return picture;
        }
        let pixel = picture.channels.len();
        let (columns, rows) = (picture.width as usize, picture.height as usize);
        let (width, height) = self.oriented(picture.size());
        let mut pixels = Vec::with_capacity(picture.pixels.len());
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (column, row) = if self.transpose { (y, x) } else { (x, y) };
                let column = if self.mirror { columns - 1 - column } else { column };
                let row = if self.flip { rows - 1 - row } else { row };
                let at = (row * columns + column) * pixel;
                pixels.extend_from_slice(&picture.pixels[at..at + pixel]);
            }
        }
        Picture { width, height, channels: picture.channels, pixels }
    }
}

/// Reads the tag from the first directory only: one pass, no allocation, whatever the block claims of itself.
fn orientation(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.first_chunk::<4>()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| -> Option<usize> {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        usize::try_from(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }).ok()
    };
    let directory = long(4)?;
    let entries = usize::from(short(directory)?);
    for entry in 0..entries {
        let at = directory.checked_add(2 + entry * 12)?;
        if short(at)? == TAG_ORIENTATION {
            return (short(at + 2)? == TYPE_SHORT).then(|| short(at + 8))?;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    /// A block with one entry, in either byte order.
    fn block(orientation: u16, little: bool) -> Vec<u8> {
        let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        bytes.extend(long(8));
        bytes.extend(short(1));
        bytes.extend(short(TAG_ORIENTATION));
        bytes.extend(short(TYPE_SHORT));
        bytes.extend(long(1));
        bytes.extend(short(orientation));
        bytes.extend([0; 6]);
        bytes
    }

    #[test]
    fn reads_both_byte_orders_and_both_prefixes() {
        for little in [true, false] {
            let tiff = block(6, little);
            assert_eq!(Turn::of_exif(&tiff), Turn::of_orientation(6));
            assert_eq!(Turn::of_exif(&[b"Exif\0\0".as_slice(), &tiff].concat()), Turn::of_orientation(6));
        }
    }

    #[test]
    fn what_makes_no_sense_means_upright() {
        for bad in [&block(0, true)[..], &block(9, false), &block(6, true)[..17], b"", b"II*\0\xff\xff\xff\xff"] {
            assert_eq!(Turn::of_exif(bad), Turn::default(), "{bad:?}");
        }
    }

    #[test]
    fn the_eight_orientations() {
        // Stored as two rows of three; what a viewer shows for each value of the tag.
        let shown: [(&[u8], u32); 8] = [
            (b"abcdef", 3),
            (b"cbafed", 3),
            (b"fedcba", 3),
            (b"defabc", 3),
            (b"adbecf", 2),
            (b"daebfc", 2),
            (b"fcebda", 2),
            (b"cfbead", 2),
        ];
        for (orientation, (expected, width)) in (1..).zip(shown) {
            let pixels = b"abcdef".iter().flat_map(|byte| [*byte; 3]).collect();
            let stored = Picture { width: 3, height: 2, channels: Channels::Rgb, pixels };
            let upright = Turn::of_orientation(orientation).apply(stored);
            let seen: Vec<u8> = upright.pixels.iter().step_by(3).copied().collect();
            assert_eq!((seen.as_slice(), upright.width), (expected, width), "orientation {orientation}");
        }
    }

    #[test]
    fn turns_add_up() {
        let orientation = Turn::of_orientation;
        let upright = Turn::default();
        assert_eq!([1, 2, 3].map(|quarters| upright.quartered(quarters)), [6, 3, 8].map(orientation));
        assert_eq!((upright.flipped(), upright.flopped()), (orientation(4), orientation(2)));
        for tag in 1..=8 {
            let turn = orientation(tag);
            assert_eq!(turn.quartered(4), turn);
            assert_eq!(turn.flipped().flopped(), turn.quartered(2), "orientation {tag}");
            assert_eq!(turn.quartered(1).flipped(), turn.flopped().quartered(1), "orientation {tag}");
        }
    }

    #[test]
    fn an_area_is_found_in_the_stored_picture() {
        // The top left pixel of the upright picture, in a stored picture of 3x2.
        let corner = Area { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
        let expected = [(0, 0), (2, 0), (2, 1), (0, 1), (0, 0), (0, 1), (2, 1), (2, 0)];
        for (orientation, (left, top)) in (1..).zip(expected) {
            let area = Turn::of_orientation(orientation).stored(corner, (3, 2));
            assert_eq!(
                area,
                Area { left: f64::from(left), top: f64::from(top), ..corner },
                "orientation {orientation}"
            );
        }
    }
}
