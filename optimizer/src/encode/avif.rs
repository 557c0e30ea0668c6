//! AVIF by libaom: 8 bits a channel, every pixel its own colour (4:4:4), alpha as a second, grey picture.

use avif_serialize::{
    Aviffy,
    constants::{ColorPrimaries, MatrixCoefficients},
};

use super::{foreign::libaom, planes::Planes, quality};
use crate::{Refusal, color::profile::Gamut, picture::Picture};

/// What libaom is told, as its command line names it, for the colours and for the alpha.
///
/// Measured by SSIMULACRA2 at equal bytes (`bench/NOTES.md`, "Pictures"): quantizer matrices and the metric that lets
/// quiet areas keep more than busy ones are worth an eighth of the bytes; speed 5 a few per cent more for five times
/// the time; speed 7 takes a tenth more bytes.
const SETTINGS: [libaom::Setting<'static>; 5] =
    [(c"cpu-used", c"6"), (c"tune", c"ssim"), (c"enable-qm", c"1"), (c"qm-min", c"5"), (c"qm-max", c"15")];

pub(super) fn encode(picture: &Picture, gamut: Gamut, nominal: u8) -> Result<Vec<u8>, Refusal> {
    let planes = Planes::of(picture);
    let level = quality::avif(nominal);
    let colour = libaom::encode(&planes.colour.each_ref(), gamut, level, &SETTINGS)?;
    let alpha = planes.alpha.map(|alpha| libaom::encode(&[&alpha], Gamut::Srgb, level, &SETTINGS)).transpose()?;
    let mut container = Aviffy::new();
    container.set_matrix_coefficients(MatrixCoefficients::Bt601).set_full_color_range(true).set_seq_profile(1);
    container.set_color_primaries(match gamut {
        Gamut::Srgb => ColorPrimaries::Bt709,
        Gamut::DisplayP3 => ColorPrimaries::DisplayP3,
    });
    container.set_chroma_subsampling((false, false)).set_bit_depth(8);
    container.set_width(picture.width).set_height(picture.height);
    let mut file = Vec::with_capacity(colour.len() + alpha.as_ref().map_or(0, Vec::len) + 512);
    container.write_slice(&mut file, &colour, alpha.as_deref()).map_err(|_| Refusal::Encode)?;
    Ok(file)
}
