//! What a source says its colours are, and the way from there to sRGB.

use moxcms::{
    BarycentricWeightScale, Chromaticity, ColorPrimaries, ColorProfile, DataColorSpace, InterpolationMethod, Layout,
    ToneReprCurve, TransformOptions, XyY, curve_from_gamma,
};

use super::coded::Code;
use crate::picture::{Channels, Picture};

/// Bytes of a profile that is looked at. Printing presses' tables take some 2 MB; nothing sensible is larger.
const PROFILE_BYTES_MAX: usize = 4 << 20;

/// The colours of a decoded picture.
#[derive(Clone, Debug, Default)]
pub(crate) enum Source {
    /// sRGB, or nothing that says otherwise.
    #[default]
    Srgb,
    /// By a profile as it stands in the file.
    Icc(Vec<u8>),
    /// By PNG's chunks `gAMA` and `cHRM`.
    Described(Described),
    /// By the numbers of ITU-T H.273, as AVIF and PNG's chunk `cICP` have them.
    Coded(Code),
}

/// What the numbers of a finished picture mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gamut {
    Srgb,
    DisplayP3,
}

/// A tone curve, and primaries where they are given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Described {
    /// The exponent from light to value, as PNG writes it.
    pub(crate) gamma: f32,
    /// White, red, green and blue as x and y.
    pub(crate) primaries: Option<[(f32, f32); 4]>,
}

impl Source {
    /// By a profile, unless it is absurdly large.
    pub(crate) fn icc(profile: Option<Vec<u8>>) -> Self {
        profile.filter(|profile| profile.len() <= PROFILE_BYTES_MAX).map_or(Self::Srgb, Self::Icc)
    }

    fn profile(&self) -> Option<ColorProfile> {
        match self {
            Self::Srgb => None,
            Self::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
            Self::Described(described) => described.profile(),
            Self::Coded(code) => code.profile(),
        }
    }

    /// Brings a picture into sRGB, or leaves it in Display P3 where that is wanted and true. Tells which it is.
    ///
    /// A profile that cannot be used is ignored, as browsers do: the picture is still a picture.
    pub(crate) fn settle(&self, picture: &mut Picture, keep_p3: bool) -> Gamut {
        let Some(profile) = self.profile() else { return Gamut::Srgb };
        let (srgb, p3) = (ColorProfile::new_srgb(), ColorProfile::new_display_p3());
        if profile.color_space == DataColorSpace::Gray {
            from_gray(&profile, &srgb, picture);
            return Gamut::Srgb;
        }
        if profile.color_space != DataColorSpace::Rgb || changes_nothing(&profile, &srgb) {
            return Gamut::Srgb;
        }
        if keep_p3 && changes_nothing(&profile, &p3) {
            return Gamut::DisplayP3;
        }
        convert(&profile, &srgb, picture);
        Gamut::Srgb
    }
}

impl Described {
    fn profile(self) -> Option<ColorProfile> {
        // The chunk is the exponent of sRGB's approximation in nearly every file that has one.
        if !(0.05..20.0).contains(&self.gamma) {
            return None;
        }
        let mut profile = ColorProfile::new_srgb();
        if let Some([white, red, green, blue]) = self.primaries {
            let [red, green, blue] = [red, green, blue].map(|(x, y)| Chromaticity::new(x, y));
            let white = XyY::new(f64::from(white.0), f64::from(white.1), 1.0);
            profile.update_rgb_colorimetry(white, ColorPrimaries { red, green, blue });
        }
        if (self.gamma - 1.0 / 2.2).abs() > 0.01 {
            let curve: ToneReprCurve = curve_from_gamma(1.0 / self.gamma);
            profile.red_trc = Some(curve.clone());
            profile.green_trc = Some(curve.clone());
            profile.blue_trc = Some(curve);
        }
        profile.cicp = None;
        Some(profile)
    }
}

/// As exact as the library can: it costs little beside decoding and encoding, and is how other colour engines do it. So is
/// that the curves count which a profile spells out, and not a number beside them that may stand for another range of light.
pub(super) fn options() -> TransformOptions {
    TransformOptions {
        allow_use_cicp_transfer: false,
        prefer_fixed_point: false,
        interpolation_method: InterpolationMethod::Tetrahedral,
        barycentric_weight_scale: BarycentricWeightScale::High,
        ..TransformOptions::default()
    }
}

/// Colours that tell spaces apart: primaries, mixtures, greys, skin and leaves.
const SAMPLES: [[u8; 3]; 10] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [200, 200, 0],
    [0, 128, 128],
    [128, 128, 128],
    [30, 30, 30],
    [230, 180, 150],
    [60, 110, 40],
    [250, 250, 250],
];

/// Whether both profiles say the same of a colour, to within what a byte can tell.
fn changes_nothing(from: &ColorProfile, to: &ColorProfile) -> bool {
    let Ok(transform) = from.create_transform_8bit(Layout::Rgb, to, Layout::Rgb, options()) else {
        return false;
    };
    let samples = SAMPLES.as_flattened();
    let mut seen = [0; SAMPLES.len() * 3];
    transform.transform(samples, &mut seen).is_ok()
        && samples.iter().zip(seen).all(|(one, other)| one.abs_diff(other) <= 2)
}

fn convert(from: &ColorProfile, to: &ColorProfile, picture: &mut Picture) {
    let layout = match picture.channels {
        Channels::Rgb => Layout::Rgb,
        Channels::Rgba => Layout::Rgba,
    };
    let Ok(transform) = from.create_transform_8bit(layout, to, layout, options()) else { return };
    let mut pixels = vec![0; picture.pixels.len()];
    if transform.transform(&picture.pixels, &mut pixels).is_ok() {
        picture.pixels = pixels;
    }
}

/// A grey profile speaks of one channel; ours holds it three times.
fn from_gray(from: &ColorProfile, to: &ColorProfile, picture: &mut Picture) {
    let Ok(transform) = from.create_transform_8bit(Layout::Gray, to, Layout::Rgb, options()) else {
        return;
    };
    let bytes: [u8; 256] = std::array::from_fn(|byte| byte.to_le_bytes()[0]);
    let mut table = [0; 256 * 3];
    if transform.transform(&bytes, &mut table).is_err() {
        return;
    }
    for pixel in picture.pixels.chunks_exact_mut(picture.channels.len()) {
        let at = usize::from(pixel[0]) * 3;
        // Colour in a picture with a grey profile: the profile does not speak of it.
        if pixel[0] == pixel[1] && pixel[1] == pixel[2] {
            pixel[..3].copy_from_slice(&table[at..at + 3]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(source: &Source, color: [u8; 3], keep_p3: bool) -> ([u8; 3], Gamut) {
        let mut picture = Picture { width: 1, height: 1, channels: Channels::Rgb, pixels: color.to_vec() };
        let gamut = source.settle(&mut picture, keep_p3);
        (picture.pixels.try_into().unwrap(), gamut)
    }

    fn coded(primaries: u16, transfer: u16) -> Source {
        Source::Coded(Code { primaries, transfer })
    }

    fn icc(profile: &ColorProfile) -> Source {
        Source::Icc(profile.encode().unwrap())
    }

    #[test]
    fn wide_colours_come_into_srgb() {
        for source in [icc(&ColorProfile::new_display_p3()), coded(12, 13), coded(12, 1)] {
            let (red, gamut) = settled(&source, [200, 100, 100], false);
            assert!(red[0] > 205 && red[1] < 100 && gamut == Gamut::Srgb, "{source:?} {red:?}");
        }
        let (green, _) = settled(&icc(&ColorProfile::new_adobe_rgb()), [100, 200, 100], false);
        assert!(green[0] < 80 && green[1] > 195, "{green:?}");
        let (green, _) = settled(&coded(9, 14), [100, 200, 100], false);
        assert!(green[0] < 20 && green[1] > 205, "{green:?}");
    }

    #[test]
    fn numbers_say_the_same_as_profiles() {
        for (code, profile) in [
            (coded(12, 13), ColorProfile::new_display_p3()),
            (coded(9, 8), linear(ColorProfile::new_bt2020())),
            (coded(1, 8), linear(ColorProfile::new_srgb())),
        ] {
            for color in [[200, 100, 100], [20, 220, 60], [128, 128, 128], [3, 9, 27]] {
                let (one, other) = (settled(&code, color, false).0, settled(&icc(&profile), color, false).0);
                assert!(one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= 1), "{one:?} {other:?}");
            }
        }
        let gamma = settled(&coded(1, 4), [55; 3], false).0;
        assert!(gamma.iter().all(|channel| channel.abs_diff(52) <= 1), "{gamma:?}");
    }

    fn linear(mut profile: ColorProfile) -> ColorProfile {
        let curve = Some(curve_from_gamma(1.0));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
        profile.cicp = None;
        profile
    }

    #[test]
    fn display_p3_is_kept_where_that_is_wanted_and_nothing_else_is() {
        for source in [icc(&ColorProfile::new_display_p3()), coded(12, 13)] {
            assert_eq!(settled(&source, [200, 100, 100], true), ([200, 100, 100], Gamut::DisplayP3));
        }
        for source in [icc(&ColorProfile::new_adobe_rgb()), coded(9, 14), coded(12, 8)] {
            let (green, gamut) = settled(&source, [100, 200, 100], true);
            assert!(green != [100, 200, 100] && gamut == Gamut::Srgb);
        }
    }

    #[test]
    fn srgb_and_what_cannot_be_read_change_nothing() {
        for source in [Source::Srgb, icc(&ColorProfile::new_srgb()), Source::Icc(b"nothing".to_vec()), coded(1, 1)] {
            assert_eq!(settled(&source, [1, 100, 200], true), ([1, 100, 200], Gamut::Srgb));
        }
        assert!(matches!(Source::icc(Some(vec![0; PROFILE_BYTES_MAX + 1])), Source::Srgb));
    }

    #[test]
    fn a_linear_png_gets_lighter_and_an_ordinary_one_stays() {
        let described = |gamma, primaries| Source::Described(Described { gamma, primaries });
        assert_eq!(settled(&described(0.454_55, None), [10, 100, 200], false).0, [10, 100, 200]);
        let (light, _) = settled(&described(1.0, None), [55, 55, 55], false);
        assert!(light.iter().all(|channel| channel.abs_diff(128) <= 2), "{light:?}");
        let srgb = Some([(0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)]);
        let (same, _) = settled(&described(0.454_55, srgb), [10, 100, 200], false);
        assert!(same.iter().zip([10, 100, 200]).all(|(one, other): (&u8, u8)| one.abs_diff(other) <= 2), "{same:?}");
    }

    #[test]
    fn a_grey_profile_speaks_of_grey() {
        let (light, _) = settled(&icc(&ColorProfile::new_gray_with_gamma(1.0)), [55, 55, 55], false);
        assert!(light.iter().all(|channel| channel.abs_diff(128) <= 3), "{light:?}");
    }
}
