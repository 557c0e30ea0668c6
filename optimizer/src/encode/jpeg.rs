//! Progressive JPEG by jpeg-encoder; transparency is laid on white first.

use jpeg_encoder::{ColorType, Encoder};

use super::bounded::Bounded;
use crate::{Limits, Refusal, picture::Picture};

pub(super) fn encode(picture: Picture, quality: u8, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let picture = picture.on_white();
    let width = u16::try_from(picture.width).map_err(|_| Refusal::Encode)?;
    let height = u16::try_from(picture.height).map_err(|_| Refusal::Encode)?;
    let mut output = Bounded::new(limits.output_bytes);
    let mut encoder = Encoder::new(&mut output, quality);
    // Fewer bytes than a sequential file, and shown coarsely while it arrives.
    encoder.set_progressive(true);
    encoder.set_optimized_huffman_tables(true);
    let result = encoder.encode(&picture.pixels, width, height, ColorType::Rgb);
    output.finish(result)
}
