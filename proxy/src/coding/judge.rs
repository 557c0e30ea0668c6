//! Hot: whether an answer of Compute is compressed, and in which coding: what the request wants against what the answer
//! says. A function of both; nothing here knows of sockets.

use edgeplane_config::{Coding, CompressionSettings};
use http::StatusCode;

use super::{
    accept::{AcceptEncoding, ContentCoding},
    kind,
};
use crate::answer::Head;

/// The fields of a head in their order.
pub trait Fields<'a>: Iterator<Item = (&'a str, &'a [u8])> + Clone {}

impl<'a, F: Iterator<Item = (&'a str, &'a [u8])> + Clone> Fields<'a> for F {}

/// Why an answer is not compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Plain {
    /// There is no content, or a part of one.
    #[error("its status has no content, or a part of one")]
    Status,
    /// It has a `Content-Encoding` already, be it `identity`: the application has decided.
    #[error("it has a Content-Encoding already")]
    Encoded,
    /// `Cache-Control: no-transform`, of the answer or of the request (RFC 9110 7.7).
    #[error("no-transform is said")]
    NoTransform,
    /// It has a digest of these very bytes (RFC 9530).
    #[error("it has a digest of its bytes")]
    Digest,
    /// Content of its type does not shrink, or it has none.
    #[error("content of its type does not shrink")]
    Type,
    /// It says that it is shorter than what is worth it.
    #[error("it is too short to be worth it")]
    Small,
    /// HTTP/1.0 knows no chunks, and a compressed answer's length is not known before its end.
    #[error("the client speaks HTTP/1.0")]
    Version,
    /// The client takes none of what is offered, or would rather have it as it is.
    #[error("the client wants it as it is")]
    Client,
    /// As many answers are being compressed as may be.
    #[error("as many answers are being compressed as may be")]
    Busy,
    /// The settings say so.
    #[error("compression is off")]
    Off,
}

impl Plain {
    /// Those that are counted, in the order of their numbers: while compression is off nobody asks why.
    pub const ALL: [Self; 9] = [
        Self::Status,
        Self::Encoded,
        Self::NoTransform,
        Self::Digest,
        Self::Type,
        Self::Small,
        Self::Version,
        Self::Client,
        Self::Busy,
    ];

    /// In metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Status => "status",
            Self::Encoded => "encoded",
            Self::NoTransform => "no_transform",
            Self::Digest => "digest",
            Self::Type => "type",
            Self::Small => "small",
            Self::Version => "version",
            Self::Client => "client",
            Self::Busy => "busy",
        }
    }
}

/// What a request wants.
#[derive(Clone, Copy, Debug)]
pub struct Wants<'a> {
    accept: AcceptEncoding,
    http11: bool,
    no_transform: bool,
    /// The tags that the client has: only a single field of them is looked at.
    held: Option<&'a [u8]>,
}

impl<'a> Wants<'a> {
    /// Reads them off its head.
    pub fn of(head: &Head<'a>) -> Self {
        Self::by(head.fields.iter().map(|field| (field.name, field.value)), head.http11)
    }

    /// Reads them off its fields.
    pub fn by(fields: impl Fields<'a>, http11: bool) -> Self {
        let (mut no_transform, mut held) = (false, None);
        for (name, value) in fields.clone() {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                13 if is("cache-control") => no_transform |= says_no_transform(value),
                13 if is("if-none-match") => held = held.or(Some(value)),
                _ => {}
            }
        }
        let accepted = fields.filter(|(name, _)| name.len() == 15 && name.eq_ignore_ascii_case("accept-encoding"));
        let accepted = accepted.filter_map(|(_, value)| std::str::from_utf8(value).ok());
        Self { accept: AcceptEncoding::by(accepted), http11, no_transform, held }
    }
}

/// What is made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The coding, or why there is none.
    pub outcome: Result<ContentCoding, Plain>,
    /// For another client it might have been another one: the answer says so (RFC 9110 12.5.5), if it does not already.
    pub varies: bool,
    /// It is a 304 for bytes that went out compressed, with a weak tag.
    pub weakens: bool,
    /// Its events come one at a time, for as long as the client listens.
    pub events: bool,
}

/// What an answer says of itself, as far as it counts.
#[derive(Debug, Default)]
struct Said<'a> {
    kind: &'a [u8],
    etag: &'a [u8],
    encoded: bool,
    no_transform: bool,
    digest: bool,
    part: bool,
    varies: bool,
}

impl<'a> Said<'a> {
    fn by(fields: impl Fields<'a>) -> Self {
        let mut said = Self::default();
        for (name, value) in fields {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                4 if is("etag") => said.etag = value,
                4 if is("vary") => said.varies |= names_accept_encoding(value),
                6 if is("digest") => said.digest = true,
                11 if is("content-md5") || is("repr-digest") => said.digest = true,
                12 if is("content-type") => said.kind = value,
                13 if is("cache-control") => said.no_transform |= says_no_transform(value),
                13 if is("content-range") => said.part = true,
                14 if is("content-digest") => said.digest = true,
                16 if is("content-encoding") => said.encoded = true,
                _ => {}
            }
        }
        said
    }
}

/// Judges an answer whose content has `length` bytes, where that is known.
pub fn judge<'f>(
    wants: &Wants<'_>,
    status: StatusCode,
    fields: impl Fields<'f>,
    length: Option<u64>,
    settings: &CompressionSettings,
) -> Judged {
    let judged = Judged { outcome: Err(Plain::Off), varies: false, weakens: false, events: false };
    if !settings.enabled {
        return judged;
    }
    let said = Said::by(fields);
    if status == StatusCode::NOT_MODIFIED {
        let weakens = is_strong(said.etag) && wants.held.is_some_and(|held| holds_weak(held, said.etag));
        return Judged { outcome: Err(Plain::Status), varies: weakens && !said.varies, weakens, ..judged };
    }
    let essence = kind::essence(said.kind);
    if let Some(why) = of_itself(&said, status, essence, length, settings) {
        return Judged { outcome: Err(why), ..judged };
    }
    let events = essence.eq_ignore_ascii_case(kind::EVENTS);
    Judged { outcome: for_client(wants, settings), varies: !said.varies, weakens: false, events }
}

/// Why nobody gets it compressed.
fn of_itself(
    said: &Said<'_>,
    status: StatusCode,
    essence: &str,
    length: Option<u64>,
    settings: &CompressionSettings,
) -> Option<Plain> {
    let without = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT);
    if without || said.part || status.is_informational() {
        Some(Plain::Status)
    } else if said.encoded {
        Some(Plain::Encoded)
    } else if said.no_transform {
        Some(Plain::NoTransform)
    } else if said.digest {
        Some(Plain::Digest)
    } else if !is_wanted(essence, settings) {
        Some(Plain::Type)
    } else if length.is_some_and(|length| length < settings.bytes_min) {
        Some(Plain::Small)
    } else {
        None
    }
}

fn for_client(wants: &Wants<'_>, settings: &CompressionSettings) -> Result<ContentCoding, Plain> {
    if wants.no_transform {
        return Err(Plain::NoTransform);
    }
    match wants.accept.best(settings.codings.iter().map(|coding| ContentCoding::from(*coding))) {
        ContentCoding::Identity => Err(Plain::Client),
        _ if !wants.http11 => Err(Plain::Version),
        coding => Ok(coding),
    }
}

/// Whether content of a type is compressed: as the settings say, and else where it is known to shrink.
fn is_wanted(essence: &str, settings: &CompressionSettings) -> bool {
    let named = |types: &[String]| types.iter().any(|named| named.eq_ignore_ascii_case(essence));
    if named(&settings.except_types) {
        return false;
    }
    // Nearly everybody writes it in lower case.
    let lower = || kind::shrinks(&essence.to_ascii_lowercase());
    let shrinks = kind::shrinks(essence) || (essence.bytes().any(|byte| byte.is_ascii_uppercase()) && lower());
    shrinks || named(&settings.types)
}

/// Whether a `Cache-Control` says that nothing is to be transformed.
pub(crate) fn says_no_transform(value: &[u8]) -> bool {
    listed(value).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

fn names_accept_encoding(value: &[u8]) -> bool {
    listed(value).any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"))
}

fn listed(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether a tag is one of these very bytes (RFC 9110 8.8.3).
pub(super) fn is_strong(etag: &[u8]) -> bool {
    etag.starts_with(b"\"")
}

/// Whether the client has the weak form of a strong tag, which it can only have from us, and not the strong one.
fn holds_weak(held: &[u8], etag: &[u8]) -> bool {
    let mut weak = false;
    for tag in listed(held) {
        match tag.strip_prefix(b"W/") {
            Some(bare) => weak |= bare == etag,
            None if tag == etag => return false,
            None => {}
        }
    }
    weak
}

impl From<Coding> for ContentCoding {
    fn from(coding: Coding) -> Self {
        match coding {
            Coding::Brotli => Self::Brotli,
            Coding::Zstd => Self::Zstd,
            Coding::Gzip => Self::Gzip,
        }
    }
}
