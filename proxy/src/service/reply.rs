//! The only place where a refusal becomes a status. What the client reads names no path, no address and no cause
//! inside; the log has those.
//!
//! | refusal | status | whose fault |
//! |---|---|---|
//! | the gate's (`Refused`) | 400, 408, 414, 417, 431, 501, 505 | the client's |
//! | a body above the limit | 413 | the client's |
//! | no file, no source image | 404 | the client's or the app's |
//! | a rule leads in a circle | 508 | the operator's |
//! | Compute: no instance ready | 503, `Retry-After` | ours |
//! | Compute: refused, broke off | 502 | the app's |
//! | Compute: out of time | 504 | the app's |
//! | nothing is kept, and nothing else was wanted | 504 | the client's |
//! | image: wrong parameters, not allowed, no image | 400 | the client's |
//! | image: too large | 413 | the source's |
//! | image: the source's server | 502, 504 | the source's |
//! | image: too much to do, or its worker is gone | 503, `Retry-After` | ours |
//! | access: no right password | 401, `WWW-Authenticate` | the client's |
//! | access: an address that may not ask | 403 | the client's |
//! | access: too many requests, too many wrong passwords | 429, `Retry-After` | the client's |
//! | access: too many passwords to check | 503, `Retry-After` | ours |

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    access::Refusal as AccessRefusal,
    answer::{Answer, Body},
    compute::exchange::Failure,
    image::Refusal as ImageRefusal,
};

/// Why a head was not let through. The connection is closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the request head is malformed")]
    Malformed,
    #[error("the request line is malformed")]
    RequestLine,
    #[error("the request target holds a character that must be percent-encoded")]
    TargetCharacter,
    #[error("the Connection field names what it must not, or too much")]
    Connection,
    #[error("a line of the request head does not end in CRLF")]
    LineEnd,
    #[error("the request needs exactly one valid Host field")]
    Host,
    #[error("the request body's length is ambiguous")]
    Length,
    #[error("the request body came in a transfer coding this server does not know")]
    TransferCoding,
    #[error("this method is not supported here")]
    Method,
    #[error("this expectation cannot be met")]
    Expectation,
    #[error("this HTTP version is not supported here")]
    Version,
    #[error("the request target is too long")]
    TargetTooLong,
    #[error("the request head is too large")]
    HeadTooLarge,
    #[error("the request head did not arrive in time")]
    Slow,
}

/// Every way a request ends without what it asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The head was not let through.
    Head(Refused),
    /// The body is larger than `limits.request-body`.
    BodyTooLarge,
    /// The chunked framing of the body is broken.
    BodyFraming,
    /// The body did not arrive in time.
    BodySlow,
    /// Nothing is there.
    NotFound,
    /// Compute has as many requests as there are file descriptors for.
    Crowded,
    /// The request came through too many servers of this kind.
    Loop,
    /// Compute gave no answer.
    Compute(Failure),
    /// Only what is kept was wanted (RFC 9111 5.2.1.7), and nothing is.
    NotKept,
    /// The optimizer gave no image.
    Image(ImageRefusal),
    /// The client may not come in.
    Access(AccessRefusal),
    /// The host belongs to no site of this node.
    Misdirected,
}

impl Refusal {
    /// The status, and a sentence for the client.
    fn describe(&self) -> (StatusCode, String) {
        match self {
            Self::Head(refused) => (head_status(*refused), refused.to_string()),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large".to_owned()),
            Self::BodyFraming => (StatusCode::BAD_REQUEST, "the request body's framing is broken".to_owned()),
            Self::BodySlow => (StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time".to_owned()),
            Self::NotFound => (StatusCode::NOT_FOUND, "there is nothing at this address".to_owned()),
            Self::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "too many requests wait for the application".to_owned()),
            Self::Loop => (StatusCode::LOOP_DETECTED, "the address leads in a circle".to_owned()),
            Self::Compute(failure) => {
                let status = match failure {
                    Failure::NoInstance => StatusCode::SERVICE_UNAVAILABLE,
                    Failure::Connect | Failure::Broken => StatusCode::BAD_GATEWAY,
                    Failure::Timeout => StatusCode::GATEWAY_TIMEOUT,
                };
                (status, failure.to_string())
            }
            Self::NotKept => (StatusCode::GATEWAY_TIMEOUT, "nothing is kept for this request".to_owned()),
            Self::Image(refusal) => (image_status(refusal), refusal.to_string()),
            Self::Access(refusal) => (access_status(refusal), refusal.to_string()),
            // RFC 9110 15.5.20: to this server, which has no answer for such a host.
            Self::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "this server has no such host".to_owned()),
        }
    }

    /// The answer for the client.
    pub(crate) fn answer(&self) -> Answer {
        let (status, sentence) = self.describe();
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        // RFC 9111 4.2.2: 404 and 414 may be stored without this; a mistake should not outlive its mending.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        match self {
            Self::Access(AccessRefusal::Rate { retry_after } | AccessRefusal::Failures { retry_after }) => {
                headers.insert(header::RETRY_AFTER, (*retry_after).into());
            }
            Self::Access(AccessRefusal::Password { challenge }) => {
                headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
            }
            _ => {}
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        let reason = status.canonical_reason().unwrap_or("Error");
        let body = format!("{} {reason}: {sentence}\n", status.as_u16());
        Answer { status, headers, body: Body::Whole(body.into()) }
    }
}

fn head_status(refused: Refused) -> StatusCode {
    match refused {
        Refused::Malformed
        | Refused::RequestLine
        | Refused::TargetCharacter
        | Refused::Connection
        | Refused::LineEnd
        | Refused::Host
        | Refused::Length => StatusCode::BAD_REQUEST,
        Refused::TransferCoding | Refused::Method => StatusCode::NOT_IMPLEMENTED,
        Refused::Expectation => StatusCode::EXPECTATION_FAILED,
        Refused::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        Refused::TargetTooLong => StatusCode::URI_TOO_LONG,
        Refused::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Refused::Slow => StatusCode::REQUEST_TIMEOUT,
    }
}

fn access_status(refusal: &AccessRefusal) -> StatusCode {
    match refusal {
        AccessRefusal::Address => StatusCode::FORBIDDEN,
        AccessRefusal::Password { .. } => StatusCode::UNAUTHORIZED,
        AccessRefusal::Rate { .. } | AccessRefusal::Failures { .. } => StatusCode::TOO_MANY_REQUESTS,
        AccessRefusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn image_status(refusal: &ImageRefusal) -> StatusCode {
    match refusal {
        ImageRefusal::BadRequest(_)
        | ImageRefusal::NotAllowed
        | ImageRefusal::SvgNotAllowed
        | ImageRefusal::NotAnImage => StatusCode::BAD_REQUEST,
        ImageRefusal::SourceMissing => StatusCode::NOT_FOUND,
        ImageRefusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ImageRefusal::SourceTooLarge | ImageRefusal::OutputTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ImageRefusal::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        ImageRefusal::UpstreamFailed => StatusCode::BAD_GATEWAY,
        ImageRefusal::Busy | ImageRefusal::WorkerLost => StatusCode::SERVICE_UNAVAILABLE,
        ImageRefusal::UpstreamTimeout | ImageRefusal::Deadline => StatusCode::GATEWAY_TIMEOUT,
    }
}
