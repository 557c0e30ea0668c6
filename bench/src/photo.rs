//! A photograph drawn by a program: nobody's, and the same on every machine.
//!
//! Clouds of noise at every scale give what a camera gives an encoder: large areas that are smooth, edges that are not
//! straight (a silhouette is where two clouds are equally high), and the grain of a sensor over all of it.

use std::{io::Write as _, path::Path, process::Command};

use flate2::{Compression, Crc, write::ZlibEncoder};

use crate::{
    failure::Failure,
    site::{Random, write},
    stage::Stage,
};

/// Cells of noise across the picture, coarse to fine, and how much each weighs.
const LIGHT: [(usize, f32); 6] = [(3, 90.0), (9, 50.0), (27, 28.0), (81, 16.0), (243, 9.0), (729, 5.0)];
const TINT: [(usize, f32); 2] = [(2, 60.0), (11, 20.0)];
/// Of the sensor.
const GRAIN: f32 = 12.0;
/// Between what is near and what is far.
const SILHOUETTE: f32 = 26.0;
/// The encoder's limits are for what strangers send.
const LIMITS: [(&str, &str); 3] = [
    ("EDGEPLANE_IMAGE_SOURCE_BYTES_MAX", "1GB"),
    ("EDGEPLANE_IMAGE_FETCHED_BYTES_MAX", "1GB"),
    ("EDGEPLANE_IMAGE_OUTPUT_BYTES_MAX", "1GB"),
];

/// Writes a JPEG of that size, as a camera would, to `path`.
pub(crate) fn jpeg(stage: &Stage, width: usize, height: usize, path: &Path) -> Result<(), Failure> {
    let folder = stage.folder("photo")?;
    let drawn = folder.join("drawn.png");
    write(&drawn, &png(width, height, &pixels(width, height)))?;
    let mut command = Command::new(&stage.programs.edgeplane);
    command.arg("optimize").arg(&drawn).arg(path).args(["--width", &width.to_string(), "--quality", "88"]).envs(LIMITS);
    let done = command.output().map_err(|source| Failure::Run { program: "edgeplane optimize".into(), source })?;
    if done.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Failure::Ended { program: "edgeplane optimize".into(), status: done.status.to_string(), told })
}

/// Red, green and blue of every pixel.
fn pixels(width: usize, height: usize) -> Vec<u8> {
    let mut random = Random(3);
    let light = clouds(width, height, &LIGHT, &mut random);
    let warm = clouds(width, height, &TINT, &mut random);
    let green = clouds(width, height, &TINT, &mut random);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for ((light, warm), green) in light.into_iter().zip(warm).zip(green) {
        let grain = (unit(&mut random) - 0.5) * GRAIN;
        // Grey plus contrast plus colour; what is too dark or too bright is cut off, as in a camera.
        let near = if green + 0.35 * light > 0.0 { SILHOUETTE } else { -SILHOUETTE };
        let base = 118.0 + light + near + grain;
        for channel in [base + warm, base + 0.5 * green, base - warm] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
            pixels.push(channel.clamp(0.0, 255.0) as u8);
        }
    }
    pixels
}

/// The sum of lattices of random heights, each smooth between its points.
fn clouds(width: usize, height: usize, octaves: &[(usize, f32)], random: &mut Random) -> Vec<f32> {
    let mut sum = vec![0.0; width * height];
    for (cells, weight) in octaves {
        let step = width.div_ceil(*cells).max(1);
        let columns = width / step + 2;
        let lattice: Vec<f32> =
            (0..columns * (height / step + 2)).map(|_| (unit(random) - 0.5) * 2.0 * weight).collect();
        for (y, row) in sum.chunks_mut(width).enumerate() {
            let (above, down) = place(y, step);
            let corner = |column: usize, row: usize| lattice.get(row * columns + column).copied().unwrap_or(0.0);
            for (x, height) in row.iter_mut().enumerate() {
                let (left, along) = place(x, step);
                let top = mix(corner(left, above), corner(left + 1, above), along);
                let bottom = mix(corner(left, above + 1), corner(left + 1, above + 1), along);
                *height += mix(top, bottom, down);
            }
        }
    }
    sum
}

/// The cell of a pixel, and how far into it the pixel lies, eased so that cells have no seams.
#[expect(clippy::cast_precision_loss, reason = "pixels are few")]
fn place(pixel: usize, step: usize) -> (usize, f32) {
    let part = (pixel % step) as f32 / step as f32;
    (pixel / step, part * part * (3.0 - 2.0 * part))
}

fn mix(from: f32, to: f32, part: f32) -> f32 {
    from + (to - from) * part
}

/// From 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "24 bits are enough for noise")]
const fn unit(random: &mut Random) -> f32 {
    (random.next() >> 40) as f32 / 16_777_216.0
}

/// A PNG file; see its specification, section 5.
fn png(width: usize, height: usize, pixels: &[u8]) -> Vec<u8> {
    let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let header = [&side(width)[..], &side(height), &[8, 2, 0, 0, 0]].concat();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    for row in pixels.chunks(width * 3) {
        // Writing to memory cannot fail. Filter 0: the row as it is.
        let _ = packed.write_all(&[0]);
        let _ = packed.write_all(row);
    }
    let packed = packed.finish().unwrap_or_default();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &packed), (b"IEND", &[])] {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(data);
        file.extend_from_slice(&side(data.len()));
        file.extend_from_slice(kind);
        file.extend_from_slice(data);
        file.extend_from_slice(&sum.sum().to_be_bytes());
    }
    file
}

/// The same JPEG with other bytes: a comment behind its first marker.
pub(crate) fn with_comment(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let (start, rest) = jpeg.split_at(jpeg.len().min(2));
    let length = u16::try_from(comment.len() + 2).unwrap_or(2).to_be_bytes();
    [start, &[0xFF, 0xFE], &length, comment.as_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_photograph_is_the_same_every_time_and_uses_the_whole_range() {
        let picture = pixels(120, 80);
        assert_eq!(picture, pixels(120, 80));
        assert_eq!(picture.len(), 120 * 80 * 3);
        let (least, most) = (picture.iter().min().unwrap(), picture.iter().max().unwrap());
        assert!(*least < 40 && *most > 200, "{least} {most}");
    }

    #[test]
    fn a_comment_stands_behind_the_first_marker() {
        assert_eq!(with_comment(b"\xFF\xD8rest", "no"), b"\xFF\xD8\xFF\xFE\x00\x04norest");
    }
}
