//! How much a picture still looks like the one it was made from: SSIMULACRA2 (Cloudinary, 2023).

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

use crate::{Edits, Fit, ImageFormat, Limits, Order, Position, Refusal, decode, picture::Picture, probe, shape};

/// A picture that others are held against. What is transparent counts as it looks on white.
pub struct Reference(Ssimulacra2Reference);

impl Reference {
    /// Reads the reference from a file.
    ///
    /// # Errors
    /// A [`Refusal`] when the file is no image we decode, or exceeds `limits`.
    pub fn read(file: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        let picture = pixels(file, limits)?;
        Ssimulacra2Reference::new(&slice(&picture)?).map(Self).map_err(|_| Refusal::Unsupported)
    }

    /// The score of the picture in `file`: 100 for the same pixels, about 90 where nobody sees a difference, 70 for
    /// high quality, 50 for medium, below 0 for a ruin.
    ///
    /// # Errors
    /// A [`Refusal`] when the file is no image we decode, exceeds `limits`, or has another size than the reference.
    pub fn score(&self, file: &[u8], limits: &Limits) -> Result<f64, Refusal> {
        let picture = pixels(file, limits)?;
        self.0.compare(&slice(&picture)?).map_err(|_| Refusal::Unsupported)
    }
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Reference({}x{})", self.0.width(), self.0.height())
    }
}

fn pixels(file: &[u8], limits: &Limits) -> Result<Picture, Refusal> {
    let probe = probe(file)?;
    limits.hold(&probe)?;
    let decoded = decode::decode(file, &probe, limits.native, None)?;
    // As it looks on a page: a format without transparency is not to be scolded for the ground it was laid on.
    Ok(shape::shape(decoded, &as_it_is(), limits)?.picture.on_white())
}

/// Nothing but upright and in sRGB.
fn as_it_is() -> Order {
    let (fit, position, edits) = (Fit::default(), Position::default(), Edits::default());
    Order { width: None, height: None, fit, position, format: ImageFormat::Png, quality: 100, keep_p3: false, edits }
}

fn slice(picture: &Picture) -> Result<PixelSlice<'_>, Refusal> {
    let stride = picture.width as usize * picture.channels.len();
    PixelSlice::new(&picture.pixels, picture.width, picture.height, stride, PixelDescriptor::RGB8_SRGB)
        .map_err(|_| Refusal::Unsupported)
}
