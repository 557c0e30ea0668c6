//! Bounds on one job, and its price in memory: both known from the header, before anything is allocated.

use crate::{ImageFormat, Order, Probe, Refusal, SourceType, geometry::plan};

/// Bounds on one job.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the source.
    pub source_bytes: usize,
    /// Pixels on one side, of the source and of the box an order asks for.
    pub side: u32,
    /// Bytes of the result.
    pub output_bytes: usize,
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
/// An upper estimate: the decoder's share (see [`Probe::memory_bytes`]), the resizer's rows, and what the encoder of
/// the ordered format holds for the picture that comes out.
pub fn price(probe: &Probe, order: &Order) -> usize {
    let area = |width: u32, height: u32| (width as usize).saturating_mul(height as usize);
    // The orientation is only known once the metadata is read; the dearer one counts.
    let results = [(probe.width, probe.height), (probe.height, probe.width)].map(|upright| {
        let plan = plan(upright, order);
        let (width, height) = plan.pad.map_or(plan.size, |pad| (pad.width, pad.height));
        (area(width, height), area(width.max(height), probe.width.max(probe.height)))
    });
    let result = results.iter().map(|(result, _)| *result).max().unwrap_or(0);
    // The resizer works along one axis first.
    let between = results.iter().map(|(_, between)| *between).max().unwrap_or(0).saturating_mul(4);
    // Bytes per pixel: the resized picture and its turned copy (8), and what the encoder adds. rav1e works on planes of
    // 16 bits with padding, motion and transform state beside them; libwebp keeps planes and token lists.
    let encoder = match order.format {
        ImageFormat::Avif => 40,
        ImageFormat::Webp => 12,
        ImageFormat::Jpeg | ImageFormat::Png => 8,
    };
    probe.memory_bytes.saturating_add(between).saturating_add(result.saturating_mul(8 + encoder))
}

/// Bytes the decoder of such a source holds at its peak.
pub(crate) fn decoder_price(source_type: SourceType, width: u32, height: u32, staged: bool) -> usize {
    let pixels = (width as usize).saturating_mul(height as usize);
    let per_pixel = match source_type {
        // RGB out, and for progressive files every coefficient of up to four components as 16 bits.
        SourceType::Jpeg if staged => 3 + 4 * 2,
        SourceType::Jpeg => 3 + 1,
        // RGBA out, beside the rows an expansion needs.
        SourceType::Png => 4 + 1,
        // RGBA out; the lossless decoder works on a second RGBA frame, the lossy one on planes.
        SourceType::Webp => 8,
        SourceType::Avif
        | SourceType::Gif
        | SourceType::Svg
        | SourceType::Ico
        | SourceType::Bmp
        | SourceType::Tiff
        | SourceType::Jxl
        | SourceType::Heic => 0,
    };
    pixels.saturating_mul(per_pixel)
}
