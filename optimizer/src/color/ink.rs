//! Four inks to sRGB, by their profile or by the plain formula.

use moxcms::{ColorProfile, DataColorSpace, Layout};

use super::{
    lab::Space,
    light::{byte, encoded, linear},
    profile::options,
};

/// Which numbers the four channels of a JPEG are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inks {
    /// The first three are luma and chroma of what the inks leave (Adobe's transform 2).
    pub(crate) ycck: bool,
    /// 255 is no ink, as Adobe writes it, and not full ink.
    pub(crate) inverted: bool,
}

/// Turns pixels of four channels into RGB. A profile that cannot be used counts as none: the picture is still a picture.
pub(crate) fn to_rgb(mut pixels: Vec<u8>, inks: Inks, profile: Option<&[u8]>) -> Vec<u8> {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        if inks.ycck {
            let [luma, blue, red, _] = pixel.map(f64::from);
            let (blue, red) = (blue - 128.0, red - 128.0);
            let green = luma - 0.344_136 * blue - 0.714_136 * red;
            [pixel[0], pixel[1], pixel[2]] = [byte(luma + 1.402 * red), byte(green), byte(luma + 1.772 * blue)];
        }
        // From here on 255 is full ink.
        if inks.inverted {
            *pixel = pixel.map(|channel| 0xff - channel);
        }
    }
    profiled(&pixels, profile).unwrap_or_else(|| plain(&pixels))
}

fn profiled(inks: &[u8], profile: Option<&[u8]>) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(profile?).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    // The library's name for any four channels is `Rgba`.
    let transform = profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgb, options()).ok()?;
    let mut rgb = vec![0; inks.len() / 4 * 3];
    transform.transform(inks, &mut rgb).ok()?;
    let mut black = [0; 3];
    transform.transform(&[0xff; 4], &mut black).ok()?;
    deepen(&mut rgb, black);
    Some(rgb)
}

/// Makes the darkest that ink can print black, and what lies above it darker in proportion: paper's black is a dark grey
/// on a screen, and looks like fog. Other colour engines call it black point compensation.
fn deepen(rgb: &mut [u8], black: [u8; 3]) {
    let black = f64::from(Space::new().luminance(black));
    // A profile whose full ink is light says nothing of black.
    if !(0.0..0.2).contains(&black) {
        return;
    }
    let table: [u8; 256] = std::array::from_fn(|value| {
        let light = linear(f64::from(value.to_le_bytes()[0]) / 255.0);
        byte(encoded(((light - black) / (1.0 - black)).max(0.0)) * 255.0)
    });
    for channel in rgb {
        *channel = table[usize::from(*channel)];
    }
}

/// Each ink takes away its colour, and black takes away all.
fn plain(inks: &[u8]) -> Vec<u8> {
    let left = |ink: u8, black: u8| {
        let light = u32::from(0xff - ink) * u32::from(0xff - black);
        ((light + 127) / 255).to_le_bytes()[0]
    };
    inks.as_chunks::<4>().0.iter().flat_map(|[c, m, y, k]| [left(*c, *k), left(*m, *k), left(*y, *k)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED_INKS: [u8; 4] = [0, 255, 255, 0];

    #[test]
    fn both_polarities_mean_the_same() {
        let plain = Inks { ycck: false, inverted: false };
        assert_eq!(to_rgb(RED_INKS.to_vec(), plain, None), [255, 0, 0]);
        let stored = RED_INKS.map(|ink| 255 - ink).to_vec();
        assert_eq!(to_rgb(stored, Inks { inverted: true, ..plain }, None), [255, 0, 0]);
        assert_eq!(to_rgb(vec![0, 0, 0, 255], plain, None), [0; 3]);
    }

    #[test]
    fn ycck_is_luma_and_chroma_of_what_the_inks_leave() {
        // Luma and chroma of red, no black ink.
        let stored = vec![76, 85, 255, 255];
        let rgb = to_rgb(stored, Inks { ycck: true, inverted: true }, None);
        assert!(rgb[0] > 250 && rgb[1] < 5 && rgb[2] < 5, "{rgb:?}");
    }

    #[test]
    fn the_darkest_ink_becomes_black_and_paper_stays_white() {
        let mut rgb = [44, 44, 44, 255, 255, 255, 10, 20, 30];
        deepen(&mut rgb, [44; 3]);
        assert_eq!(rgb, [0, 0, 0, 255, 255, 255, 0, 0, 0]);
        let mut rgb = [120; 3];
        deepen(&mut rgb, [200; 3]);
        assert_eq!(rgb, [120; 3]);
    }

    #[test]
    fn a_broken_profile_counts_as_none() {
        let inks = Inks { ycck: false, inverted: false };
        assert_eq!(to_rgb(RED_INKS.to_vec(), inks, Some(b"no profile")), [255, 0, 0]);
        let rgb_profile = ColorProfile::new_srgb().encode().unwrap();
        assert_eq!(to_rgb(RED_INKS.to_vec(), inks, Some(&rgb_profile)), [255, 0, 0]);
    }
}
