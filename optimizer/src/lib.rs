//! Smaller bytes: an image in, an image out, within limits.
//!
//! [`probe`] reads what an image is from its first bytes; [`optimize`] turns it into what an [`Order`] asks for.
//! Both are plain functions: no clock, no network, no cache, bounded memory, so that they may run in another process.
//!
//! The way of one job: `probe` (header only) -> `Limits` -> `decode` -> `shape` (`geometry`, `resize`, `orientation`,
//! `color`, `effect`) -> `encode`. Metadata (EXIF, XMP, ICC) of the source ends there: nothing of it reaches the result.
#![deny(unsafe_code)]

mod color;
mod decimal;
mod decode;
mod edits;
mod effect;
mod encode;
mod geometry;
mod limits;
mod order;
mod orientation;
mod original;
mod picture;
mod probe;
mod refusal;
mod resize;
mod scale;
mod score;
mod shape;
mod stage;

pub use decimal::Millionths;
pub use edgeplane_config::ImageFormat;
pub use edits::{Edits, Extend, Extract, Rgb};
pub use limits::{Limits, price};
pub use order::{Encoded, Fit, NotAnOrder, Order, Position};
pub use probe::{Probe, SourceType, probe};
pub use refusal::Refusal;
pub use score::Reference;
pub use stage::Stage;

/// Names the bytes this version makes: part of every cache key, and raised whenever equal orders would give other bytes.
pub const VERSION: u32 = 5;

/// Whether [`Limits::native`] would let a decoder at such a source that is not memory-safe Rust. True in doubt: a file may
/// turn out to be one that is left to the others.
pub fn wants_native(probe: &Probe, order: &Order) -> bool {
    match probe.source_type {
        SourceType::Avif => true,
        SourceType::Jpeg => !scale::Scale::is_always_whole((probe.width, probe.height), order),
        _ => false,
    }
}

/// Decodes `source`, applies `order` and encodes the result.
///
/// The picture is turned upright by its EXIF orientation, brought into sRGB, edited, made to fit the order's box without
/// ever being enlarged, and written without metadata. `reached` hears of each stage as it ends, for whoever has a clock.
///
/// # Errors
/// A [`Refusal`] when the source is no image we decode, when it or the result exceeds `limits`, or when it is corrupt.
pub fn optimize(
    source: &[u8],
    order: &Order,
    limits: &Limits,
    mut reached: impl FnMut(Stage),
) -> Result<Encoded, Refusal> {
    if source.len() > limits.source_bytes {
        return Err(Refusal::SourceTooLarge(source.len()));
    }
    let probe = probe(source)?;
    limits.admit(&probe, order)?;
    if probe.animated {
        return Err(Refusal::Unsupported);
    }
    let decoded = decode::decode(source, &probe, limits.native, Some(order))?;
    reached(Stage::Decode);
    let unchanged = order.edits.is_empty() && decoded.turn == orientation::Turn::default() && {
        let size = decoded.scale.full;
        geometry::plan(size, order).keeps(size)
    };
    let shaped = shape::shape(decoded, order, limits)?;
    reached(Stage::Resize);
    let gamut = shaped.gamut;
    let encoded = encode::encode(shaped.picture.without_idle_alpha(), gamut, order, limits)?;
    let original = if unchanged && gamut == color::profile::Gamut::Srgb {
        original::bare(source, probe.source_type, order.format)
    } else {
        None
    };
    reached(Stage::Encode);
    Ok(match original {
        Some(bytes) if bytes.len() <= encoded.bytes.len() => Encoded { bytes, ..encoded },
        _ => encoded,
    })
}
