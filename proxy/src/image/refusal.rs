//! Why a request for an image gets none. Mapped to statuses in `service/reply.rs` and nowhere else.

use edgeplane_optimizer::Millionths;

use super::stock::NoRoom;

/// Every way a request can end without an image. The message is safe to show to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request itself is malformed or asks for what is not offered: 400.
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    /// The source, a redirect of it, or the address it resolves to is outside what the settings allow: 400.
    #[error("\"url\" parameter is not allowed")]
    NotAllowed,
    /// The source is an SVG and `dangerouslyAllowSVG` is not set: 400.
    #[error("SVG files are not allowed")]
    SvgNotAllowed,
    /// The source was read, and is no image or a broken one: 400.
    #[error("the requested resource is not a valid image")]
    NotAnImage,
    /// There is no such source: 404, and the route's fallback is asked.
    #[error("the source image was not found")]
    SourceMissing,
    /// Neither GET nor HEAD: 405 with `Allow: GET, HEAD`.
    #[error("images answer GET and HEAD only")]
    MethodNotAllowed,
    /// The source has too many bytes or pixels: 413.
    #[error("the source image is too large")]
    SourceTooLarge,
    /// The result has too many bytes: 413.
    #[error("the optimized image is too large")]
    OutputTooLarge,
    /// The optimizer could not do it, through no fault of the request: 500.
    #[error("the image could not be optimized")]
    Failed,
    /// The source's server could not be reached or did not answer with an image we can take: 502.
    #[error("the source image could not be fetched")]
    UpstreamFailed,
    /// More jobs wait than the queue holds, or their sources have more bytes than may be held: 503 with `Retry-After`.
    #[error("too many images are being optimized")]
    Busy,
    /// The worker process that had the job is gone: killed, out of memory, or broken by the source. Another one takes
    /// its place: 503 with `Retry-After`.
    #[error("the image could not be optimized just now")]
    WorkerLost,
    /// The source's server took too long: 504.
    #[error("the source image's server did not answer in time")]
    UpstreamTimeout,
    /// The whole took longer than the settings allow: 504.
    #[error("the image could not be optimized in time")]
    Deadline,
}

impl Refusal {
    /// Whether asking again soon would only cost the same once more: the source or its server is the reason, and not
    /// the request, the deployment's rules or our own load.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::SourceMissing
                | Self::UpstreamFailed
                | Self::UpstreamTimeout
                | Self::NotAnImage
                | Self::SourceTooLarge
                | Self::OutputTooLarge
                | Self::Failed
                | Self::WorkerLost
        )
    }

    /// Whether there is reason to believe that an image that was there before is there still.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::UpstreamFailed
                | Self::UpstreamTimeout
                | Self::Busy
                | Self::Failed
                | Self::Deadline
                | Self::WorkerLost
        )
    }
}

impl From<NoRoom> for Refusal {
    fn from(none: NoRoom) -> Self {
        match none {
            NoRoom::TooLarge => Self::SourceTooLarge,
            NoRoom::Full => Self::Busy,
        }
    }
}

impl From<edgeplane_optimizer::Refusal> for Refusal {
    fn from(refusal: edgeplane_optimizer::Refusal) -> Self {
        use edgeplane_optimizer::Refusal as Why;
        match refusal {
            Why::NotAnImage | Why::Corrupt | Why::Unsupported => Self::NotAnImage,
            Why::ExtractOutside => Self::BadRequest(BadRequest::ExtractOutside),
            Why::SourceTooLarge(_) | Why::TooManyPixels(..) => Self::SourceTooLarge,
            Why::OutputTooLarge(_) => Self::OutputTooLarge,
            Why::Encode => Self::Failed,
        }
    }
}

/// What is wrong with a request, in the words of its author's parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum BadRequest {
    #[error("\"{0}\" parameter is required")]
    Missing(&'static str),
    #[error("\"{0}\" parameter cannot be given more than once")]
    Repeated(&'static str),
    #[error("\"{0}\" parameter is not valid percent-encoded UTF-8")]
    Encoding(&'static str),
    #[error("\"{0}\" parameter must be an integer between {1} and {2}")]
    NotInteger(&'static str, u32, u32),
    #[error("\"{0}\" parameter must be a number between {1} and {2}")]
    NotNumber(&'static str, Millionths, Millionths),
    #[error("\"{0}\" parameter must be a number of degrees between -360 and 360")]
    NotDegrees(&'static str),
    #[error("\"{0}\" parameter must be a color: #RRGGBB")]
    NotColor(&'static str),
    #[error("\"{0}\" parameter must be four integers: {1}")]
    NotEdges(&'static str, &'static str),
    #[error("\"{0}\" parameter has no such value")]
    NoSuchValue(&'static str),
    #[error("\"{0}\" parameter of {1} is not allowed")]
    SizeNotAllowed(&'static str, u32),
    #[error("\"extract\" parameter does not lie within the image")]
    ExtractOutside,
    #[error("\"url\" parameter is too long")]
    UrlTooLong,
    #[error("\"url\" parameter is invalid")]
    UrlInvalid,
    #[error("\"url\" parameter cannot be a protocol-relative URL (//)")]
    UrlProtocolRelative,
    #[error("\"url\" parameter cannot be recursive")]
    UrlRecursive,
    #[error("\"url\" parameter cannot contain a user name or a password")]
    UrlUserinfo,
    #[error("\"url\" parameter must be an https URL")]
    UrlNotHttps,
}
