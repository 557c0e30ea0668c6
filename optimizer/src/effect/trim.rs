//! The part of a picture that is not background, where the top left pixel is.

use super::median;
use crate::picture::{Channels, Picture, Region};

/// The smallest box around every pixel that differs from the top left one by more than `threshold` in a channel; the
/// whole picture where none does. Single odd pixels do not count: the picture is looked at through a median of three.
pub(crate) fn trim(picture: &Picture, threshold: f64) -> Region {
    let whole = Region::whole(picture.size());
    let (Some(first), true) = (picture.pixels.first_chunk::<3>(), picture.width > 2 || picture.height > 2) else {
        return whole;
    };
    let mut colors = picture.on(*first);
    median::median(&mut colors, 3);
    let found = bounds(&colors, *first, threshold);
    let Some(transparency) = alpha(picture) else { return found.unwrap_or(whole) };
    let background = picture.pixels[3];
    let mut transparency = transparency;
    median::median(&mut transparency, 3);
    let seen = bounds(&transparency, [background; 3], threshold);
    match (found, seen) {
        (Some(one), Some(other)) => one.around(&other),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => whole,
    }
}

/// The alpha channel as a picture of greys.
fn alpha(picture: &Picture) -> Option<Picture> {
    (picture.channels == Channels::Rgba).then(|| {
        let pixels = picture.pixels.as_chunks::<4>().0.iter().flat_map(|pixel| [pixel[3]; 3]).collect();
        Picture { width: picture.width, height: picture.height, channels: Channels::Rgb, pixels }
    })
}

fn bounds(picture: &Picture, background: [u8; 3], threshold: f64) -> Option<Region> {
    let mut found: Option<Region> = None;
    for (y, row) in (0..).zip(picture.pixels.chunks_exact(picture.width as usize * 3)) {
        let differs = |pixel: &[u8; 3]| {
            pixel.iter().zip(background).any(|(one, other)| f64::from(one.abs_diff(other)) > threshold)
        };
        let pixels = row.as_chunks::<3>().0;
        let (Some(left), Some(right)) = (pixels.iter().position(differs), pixels.iter().rposition(differs)) else {
            continue;
        };
        let (left, right) = (u32::try_from(left).unwrap_or(0), u32::try_from(right).unwrap_or(0));
        let line = Region { left, top: y, width: right - left + 1, height: 1 };
        found = Some(found.map_or(line, |found| found.around(&line)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(channels: Channels, outside: [u8; 4], inside: [u8; 4]) -> Picture {
        let pixel = |x, y| if (4..9).contains(&x) && (3..7).contains(&y) { inside } else { outside };
        let pixels = (0..12)
            .flat_map(|y| (0..16).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y)[..channels.len()].to_vec())
            .collect();
        Picture { width: 16, height: 12, channels, pixels }
    }

    const INSIDE: Region = Region { left: 4, top: 3, width: 5, height: 4 };

    #[test]
    fn what_differs_by_more_than_the_threshold_stays() {
        let picture = framed(Channels::Rgb, [200, 200, 200, 0], [200, 200, 189, 0]);
        assert_eq!(trim(&picture, 10.0), INSIDE);
        assert_eq!(trim(&picture, 11.0), Region::whole((16, 12)));
    }

    #[test]
    fn transparency_counts_by_itself() {
        let picture = framed(Channels::Rgba, [0, 0, 0, 0], [0, 0, 0, 255]);
        assert_eq!(trim(&picture, 10.0), INSIDE);
    }

    #[test]
    fn a_speck_is_background() {
        let mut picture = framed(Channels::Rgb, [9; 4], [99; 4]);
        picture.pixels[16 * 3 * 11 + 45] = 255;
        assert_eq!(trim(&picture, 10.0), INSIDE);
    }
}
