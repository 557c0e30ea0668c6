//! JPEG's frame header (ITU-T T.81 B.2.2), found by walking the marker segments before the first scan.

use super::{Header, be_u16};

pub(super) fn header(source: &[u8]) -> Option<Header> {
    let mut found = None;
    for segment in Segments::of(source) {
        let staged = match segment.marker {
            // SOF3 (lossless), SOF5-7 (hierarchical) and the arithmetic SOF9-15 have a header of the same form; the
            // decoder refuses them itself.
            0xc2 | 0xc6 | 0xca | 0xce => true,
            0xc0 | 0xc1 | 0xc3 | 0xc5 | 0xc7 | 0xc9 | 0xcb | 0xcd | 0xcf => false,
            _ => continue,
        };
        // A second frame header could hide a larger picture behind a small one.
        if found.is_some() {
            return None;
        }
        found = Some(Header {
            height: u32::from(be_u16(segment.payload, 1)?),
            width: u32::from(be_u16(segment.payload, 3)?),
            staged,
            inks: segment.payload.get(5) == Some(&4),
            ..Header::default()
        });
    }
    found
}

/// Whether an end-of-image marker follows the first scan. Entropy-coded data cannot contain one (T.81 B.1.1.5), so
/// its absence means that the file was cut short, which decoders otherwise paint over in grey.
pub(crate) fn is_complete(source: &[u8]) -> bool {
    let mut segments = Segments::of(source);
    segments.by_ref().for_each(drop);
    source.get(segments.at..).is_some_and(|scans| scans.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

/// Whether a sequential file spreads subsampled components over several scans (T.81 B.2.3). It is legal and rare, and
/// zune-jpeg 0.5 decodes it to wrong colours without saying so.
pub(crate) fn is_split(source: &[u8]) -> bool {
    let mut segments = Segments::of(source);
    let mut frame: Option<&[u8]> = None;
    for segment in segments.by_ref() {
        if matches!(segment.marker, 0xc0 | 0xc1) {
            frame = Some(segment.payload);
        }
    }
    let Some(frame) = frame else { return false };
    let components = frame.get(5).copied().unwrap_or_default();
    let subsampled = frame.get(6..).unwrap_or_default().chunks(3).any(|component| component.get(1) != Some(&0x11));
    // After the marker and the length: how many components the first scan has.
    let in_first_scan = source.get(segments.at + 4).copied().unwrap_or(components);
    components > 1 && subsampled && in_first_scan < components
}

/// Whether a file is as cameras and editors write them: 8 bits in one or three components, Huffman coded, sequential in a
/// single scan or progressive in at most `scans_max`.
pub(crate) fn is_plain(source: &[u8], scans_max: usize) -> bool {
    let mut segments = Segments::of(source);
    let is_frame = |marker| matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf);
    let Some(frame) = segments.by_ref().filter(|segment| is_frame(segment.marker)).last() else { return false };
    let (precision, components) = (frame.payload.first(), frame.payload.get(5).copied().unwrap_or_default());
    // Entropy-coded data cannot hold a marker (T.81 B.1.1.5), so that none is missed; what else looks like one only
    // makes the count too high.
    let scans = source.get(segments.at..).unwrap_or_default().windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
    let in_first_scan = source.get(segments.at + 4).copied().unwrap_or_default();
    let is_staged = match frame.marker {
        0xc0 | 0xc1 => false,
        0xc2 => true,
        _ => return false,
    };
    let fits = if is_staged { scans <= scans_max } else { scans == 1 && in_first_scan == components };
    fits && precision == Some(&8) && matches!(components, 1 | 3)
}

/// Whether Adobe's APP14 segment is there: then four inks are stored inverted.
pub(crate) fn has_adobe_marker(source: &[u8]) -> bool {
    Segments::of(source).any(|segment| segment.marker == 0xee && segment.payload.starts_with(b"Adobe"))
}

struct Segment<'a> {
    marker: u8,
    payload: &'a [u8],
}

/// The marker segments up to the first start of scan.
struct Segments<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn of(source: &'a [u8]) -> Self {
        Self { source, at: 2 }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            // Any number of fill bytes may stand before a marker.
            let (0xff, marker) = (*self.source.get(self.at)?, *self.source.get(self.at + 1)?) else { return None };
            match marker {
                0xff => self.at += 1,
                // Start of scan, end of image.
                0xda | 0xd9 => return None,
                // TEM and RSTn stand alone.
                0x01 | 0xd0..=0xd7 => self.at += 2,
                marker => {
                    let length = usize::from(be_u16(self.source, self.at + 2)?);
                    let payload = self.source.get(self.at + 4..self.at + 2 + length)?;
                    self.at += 2 + length;
                    return Some(Segment { marker, payload });
                }
            }
        }
    }
}
