//! Smaller bytes: an image in, an image out, within limits.
//!
//! [`probe`] reads what an image is from its first bytes; [`optimize`] turns it into what an [`Order`] asks for.
//! Both are plain functions: no clock, no network, no cache, bounded memory, so that they may run in another process.
#![forbid(unsafe_code)]

mod order;
mod probe;
mod refusal;

pub use edgeplane_config::ImageFormat;
pub use order::{Encoded, Fit, Limits, Order, Position};
pub use probe::{Probe, SourceType, probe};
pub use refusal::Refusal;

/// Decodes `source`, applies `order` and encodes the result.
///
/// # Errors
/// A [`Refusal`] when the source is no image we decode, when it or the result exceeds `limits`, or when it is corrupt.
pub fn optimize(source: &[u8], order: &Order, limits: &Limits) -> Result<Encoded, Refusal> {
    let _ = (source, order, limits);
    todo!()
}
