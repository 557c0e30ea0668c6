//! Bounds on one job, and its price in memory: both known from the header, before anything is allocated.

use crate::{
    ImageFormat, Order, Probe, Refusal, SourceType, effect, encode::WEBP_QUICK_MAX, geometry::plan, picture::Region,
    resize::LIGHT_BYTES, shape::with_edges,
};

/// Bounds on one job.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the source.
    pub source_bytes: usize,
    /// Pixels on one side, of the source and of the box an order asks for.
    pub side: u32,
    /// Bytes of the result.
    pub output_bytes: usize,
    /// Whether decoders may run that are not memory-safe Rust: in a sandbox, or on bytes that are no stranger's. AVIF is
    /// refused without them; a JPEG is decoded whole and not at the scale that is wanted of it, which takes longer and
    /// gives pixels that differ by less than can be seen.
    pub native: bool,
}

impl Limits {
    /// Refuses what the header already condemns.
    pub(crate) fn hold(&self, probe: &Probe) -> Result<(), Refusal> {
        if probe.width > self.side || probe.height > self.side {
            return Err(Refusal::TooManyPixels(probe.width, probe.height));
        }
        Ok(())
    }

    /// Refuses what the header or the order already condemns.
    pub(crate) fn admit(&self, probe: &Probe, order: &Order) -> Result<(), Refusal> {
        self.hold(probe)?;
        let (width, height) = (order.width.unwrap_or(1), order.height.unwrap_or(1));
        if width > self.side || height > self.side {
            return Err(Refusal::TooManyPixels(width, height));
        }
        Ok(())
    }
}

/// Bytes of memory that optimizing such a source holds at its peak, the source itself not counted.
///
/// An upper estimate: the decoder's share (see [`Probe::memory_bytes`]), copies of the whole picture that a rotation or a
/// trim makes, the resizer's rows of light, and what edits and the encoder hold for the picture that comes out.
pub fn price(probe: &Probe, order: &Order) -> usize {
    let edits = &order.edits;
    let stored = area(probe.width, probe.height);
    // The orientation is only known once the metadata is read; the dearer one counts.
    let uprights = [(probe.width, probe.height), (probe.height, probe.width)];
    let result = uprights.map(|upright| result_area(upright, order)).into_iter().max().unwrap_or(0);
    let turned = edits.rotate.map_or(0, |angle| {
        let (width, height) = effect::rotated_size(uprights[0], angle.value());
        area(width, height)
    });
    // An upright copy for both; the turned picture; what a trim looks at: colours, transparency and their medians.
    let copies = if edits.trim.is_some() { stored.max(turned).saturating_mul(12) } else { 0 };
    let copies = copies.saturating_add(turned.saturating_mul(4 + 4));
    // Bytes per pixel of the result: itself and its turned or padded copy (8), a plane of floats and a copy in another
    // space (8), and what the encoder adds, which `tests/memory` asks the kernel about. libaom holds frames with borders
    // and a state for every block (25 measured); libjpeg all coefficients of a file in several scans.
    let encoder = match order.format {
        ImageFormat::Avif => 40,
        ImageFormat::Webp => webp_price(probe.alpha, order.quality),
        ImageFormat::Jpeg | ImageFormat::Png => 8,
    };
    let work = if edits.is_empty() { 8 } else { 16 };
    let medians = edits.median.map_or(0, |_| (order.width.unwrap_or(probe.width) as usize).saturating_mul(512));
    probe
        .memory_bytes
        .saturating_add(copies)
        .saturating_add(medians)
        .saturating_add(2 * LIGHT_BYTES)
        .saturating_add(result.saturating_mul(work + encoder))
}

/// Bytes per pixel that libwebp adds: planes, and a state for every block of them. Alpha is coded without loss, as a picture
/// of its own, and the thorough effort keeps every token until all are counted. Of noise that is 22 measured at a quality of
/// 100; with alpha 33, of which 9 and more are in what the decoder and a copy for edits are priced at, and free by then.
fn webp_price(alpha: bool, quality: u8) -> usize {
    if alpha || quality > WEBP_QUICK_MAX { 24 } else { 4 }
}

fn area(width: u32, height: u32) -> usize {
    (width as usize).saturating_mul(height as usize)
}

/// Pixels that come out of an upright picture, at most.
fn result_area(upright: (u32, u32), order: &Order) -> usize {
    let edits = &order.edits;
    let turned = edits.rotate.map_or(upright, |angle| effect::rotated_size(upright, angle.value()));
    let whole = Region::whole(turned);
    let part = edits.extract.and_then(|part| whole.extract(&part)).unwrap_or(whole);
    let (width, height) = with_edges(&plan((part.width, part.height), order), edits);
    if edits.trim.is_none() {
        return area(width, height);
    }
    // What is left of a trim may have any ratio, and so any height that the picture had.
    let sides = |wanted: Option<u32>, side: u32| wanted.unwrap_or(side).max(1);
    area(width.max(sides(order.width, part.width)), height.max(part.height))
}

/// Bytes the decoder of such a source holds at its peak.
pub(crate) fn decoder_price(source_type: SourceType, width: u32, height: u32, staged: bool, inks: bool) -> usize {
    let pixels = (width as usize).saturating_mul(height as usize);
    let per_pixel = match source_type {
        // Pixels out, and for progressive files every coefficient as 16 bits; four inks are turned into a copy in RGB.
        SourceType::Jpeg if staged => {
            if inks {
                4 + 4 * 2
            } else {
                3 + 4 * 2
            }
        }
        SourceType::Jpeg if inks => 4 + 3 + 1,
        SourceType::Jpeg => 3 + 1,
        // RGBA out, beside the rows an expansion needs; greys come out alone and are copied into three.
        SourceType::Png => 4 + 2,
        // RGBA out; the lossless decoder works on a second RGBA frame, the lossy one on planes.
        SourceType::Webp => 8,
        // Planes of 16 bits at full resolution, twice while filters run, their alpha, and RGBA out.
        SourceType::Avif => 2 * 3 * 2 + 2 + 4,
        SourceType::Gif
        | SourceType::Svg
        | SourceType::Ico
        | SourceType::Bmp
        | SourceType::Tiff
        | SourceType::Jxl
        | SourceType::Heic => 0,
    };
    pixels.saturating_mul(per_pixel)
}
