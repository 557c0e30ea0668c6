//! Why the optimizer gives no image.

/// Every way a job can end without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum Refusal {
    #[error("the source is not an image")]
    NotAnImage,
    #[error("the source image is corrupt or truncated")]
    Corrupt,
    #[error("the source image is of a kind this server does not decode")]
    Unsupported,
    #[error("the source image is {0} bytes, more than the limit")]
    SourceTooLarge(usize),
    #[error("the source image is {0}x{1} pixels, more than the limit")]
    TooManyPixels(u32, u32),
    #[error("the part to extract does not lie within the image")]
    ExtractOutside,
    #[error("the optimized image is {0} bytes, more than the limit")]
    OutputTooLarge(usize),
    #[error("the image could not be encoded")]
    Encode,
}
