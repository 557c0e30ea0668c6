//! Hot: what an answer is kept under, and which requests are not looked up at all.

use std::fmt;

use edgeplane_config::EdgeCacheSettings;
use http::HeaderName;

use super::{epoch::Place, wishes::Wishes};
use crate::answer::Head;

/// A request, as far as it decides about what may be answered from the cache.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its head.
    pub head: &'a Head<'a>,
    /// Whose it is.
    pub site: &'a str,
    /// What Compute answered before a deploy is no answer after it.
    pub deployment: &'a str,
    /// `http` or `https`, as the client spoke it.
    pub scheme: &'a str,
    /// Whether a proxy sent it that is believed, so that a country it names is one.
    pub trusted: bool,
}

/// Fields that name the visitor's country, where a trusted proxy sets them.
pub(super) const COUNTRY: [&str; 2] = ["cloudfront-viewer-country", "cf-ipcountry"];

/// Why a request goes past the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bypass {
    /// It may change something.
    #[error("only GET and HEAD are answered from the cache")]
    Method,
    /// It has a body.
    #[error("the request has a body")]
    Body,
    /// It has a cookie, which is no part of the key.
    #[error("the request carries a Cookie, which is no part of the key")]
    Cookie,
    /// It has preconditions that only the application can judge.
    #[error("the request has preconditions that only the application can judge")]
    Conditions,
    /// It asks for a part of what is not kept.
    #[error("the request asks for a part of what is not kept")]
    Range,
    /// A HEAD for what is not kept: its answer has no content to keep.
    #[error("a HEAD brings nothing that could be kept")]
    Head,
    /// The client asked for that, and `edge-cache.obey-clients` is on.
    #[error("the request's Cache-Control says so")]
    Client,
    /// Compute would not see a field that is in the key.
    #[error("the request's Connection names fields, which Compute does not see")]
    Named,
    /// The request has the field of a country, and comes from somebody who is not believed.
    #[error("the request names a country, and its sender is not believed")]
    Country,
    /// The application said lately that the answer is not to be kept.
    #[error("the application said lately that this page is not to be kept")]
    Told,
}

/// What an answer is kept under: a hash of everything that may decide it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) digest: [u8; 32],
    pub(super) place: Place,
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The beginning of the hash, which is enough to tell two apart by eye.
impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest[..8].iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// A hash of parts, each with its length, so that no two lists of parts run into the same bytes.
pub(super) struct Parts(blake3::Hasher);

impl Parts {
    pub(super) fn new(of: &str) -> Self {
        let mut parts = Self(blake3::Hasher::new());
        parts.add(of.as_bytes());
        parts
    }

    pub(super) fn add(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// An absent part is no empty one.
    fn add_optional(&mut self, part: Option<&[u8]>) -> &mut Self {
        match part {
            Some(part) => self.add(b"1").add(part),
            None => self.add(b"0"),
        }
    }

    /// All values of a field in their order.
    fn add_field(&mut self, head: &Head<'_>, name: &str) -> &mut Self {
        values(head, name).fold(self, |parts, value| parts.add(b"1").add(value)).add(b"0")
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The values of a field as sent, whatever bytes they are of.
pub(super) fn values<'a>(head: &Head<'a>, name: &str) -> impl Iterator<Item = &'a [u8]> {
    head.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// The values of a field as one; none where it is absent.
pub(super) fn joined(head: &Head<'_>, name: &str) -> Option<Vec<u8>> {
    let mut values = values(head, name);
    let mut all = values.next()?.to_vec();
    for value in values {
        all.extend_from_slice(b", ");
        all.extend_from_slice(value);
    }
    Some(all)
}

impl Key {
    /// The key of a request.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(asked: &Asked<'_>, settings: &EdgeCacheSettings) -> Result<Self, Bypass> {
        let head = asked.head;
        if !head.is_read() {
            return Err(Bypass::Method);
        }
        for field in head.fields {
            let is = |known: &str| field.name.eq_ignore_ascii_case(known);
            match field.name.len() {
                6 if is("cookie") && !settings.with_cookies && !all_ignored(field.value, &settings.ignored_cookies) => {
                    return Err(Bypass::Cookie);
                }
                8 if is("if-match") => return Err(Bypass::Conditions),
                19 if is("if-unmodified-since") => return Err(Bypass::Conditions),
                14 if is("content-length") && field.value != b"0" => return Err(Bypass::Body),
                17 if is("transfer-encoding") => return Err(Bypass::Body),
                _ => {}
            }
        }
        let place = Place::of(asked.site, head.host, head.path, head.query);
        let mut parts = Parts::new("edgeplane page");
        parts.add(asked.site.as_bytes()).add(asked.deployment.as_bytes()).add(asked.scheme.as_bytes());
        parts.add(head.host.to_ascii_lowercase().as_bytes()).add(head.path.as_bytes());
        parts.add_optional(head.query.map(str::as_bytes));
        parts.add_field(head, "accept").add_field(head, "authorization");
        for name in COUNTRY.into_iter().chain(own_country(settings)) {
            if asked.trusted {
                parts.add_field(head, name);
            }
        }
        Ok(Self { digest: parts.digest(), place })
    }

    /// The key of one variant of what is kept under this key.
    pub(super) fn variant(&self, selecting: &Selecting) -> [u8; 32] {
        if selecting.is_empty() {
            return self.digest;
        }
        let mut parts = Parts::new("edgeplane variant");
        parts.add(&self.digest);
        for (name, value) in selecting {
            parts.add(name.as_str().as_bytes()).add_optional(value.as_deref());
        }
        parts.digest()
    }
}

/// What a request says in the fields that an answer depends on.
pub(super) type Selecting = Vec<(HeaderName, Option<Box<[u8]>>)>;

/// What a request says in the fields that an answer depends on.
pub(super) fn selecting(head: &Head<'_>, names: &[HeaderName], settings: &EdgeCacheSettings) -> Selecting {
    let value = |name: &HeaderName| {
        let value = joined(head, name.as_str())?;
        // Cookies that are ignored were not sent to Compute either.
        let ignored = *name == http::header::COOKIE && all_ignored(&value, &settings.ignored_cookies);
        (!ignored).then(|| value.into_boxed_slice())
    };
    names.iter().map(|name| (name.clone(), value(name))).collect()
}

/// Why the answer to a request cannot be kept, though it may be answered from what is.
pub(super) fn cannot_keep(asked: &Asked<'_>, settings: &EdgeCacheSettings) -> Option<Bypass> {
    let head = asked.head;
    if head.method == "HEAD" {
        Some(Bypass::Head)
    } else if !values(head, "cookie").all(|cookie| all_ignored(cookie, &settings.ignored_cookies)) {
        Some(Bypass::Cookie)
    } else if values(head, "range").next().is_some() {
        Some(Bypass::Range)
    } else if values(head, "connection").any(names_fields) {
        Some(Bypass::Named)
    } else if !asked.trusted && own_country(settings).is_some_and(|name| values(head, name).next().is_some()) {
        Some(Bypass::Country)
    } else if settings.obey_clients && Wishes::of(head).forbids_keeping() {
        Some(Bypass::Client)
    } else {
        None
    }
}

/// The field that the settings name for the country, where it is none of those that are known.
pub(super) fn own_country(settings: &EdgeCacheSettings) -> Option<&str> {
    settings.country_header.as_deref().filter(|name| !COUNTRY.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// Whether a `Connection` names fields of this connection beside what everybody says (RFC 9110 7.6.1): they go no further,
/// whatever the key says of them.
fn names_fields(connection: &[u8]) -> bool {
    let is_usual = |option: &[u8]| {
        [&b""[..], b"close", b"keep-alive", b"upgrade"].iter().any(|usual| option.eq_ignore_ascii_case(usual))
    };
    !connection.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).all(is_usual)
}

/// Whether a `Cookie` holds nothing but cookies of these names; one that ends in `*` stands for all that begin like it.
pub(super) fn all_ignored(cookie: &[u8], names: &[String]) -> bool {
    let is_ignored = |pair: &[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        names.iter().any(|known| match known.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning.as_bytes()),
            None => name == known.as_bytes(),
        })
    };
    let mut pairs = cookie.split(|byte| matches!(byte, b';' | b',')).map(<[u8]>::trim_ascii);
    pairs.all(|pair| pair.is_empty() || is_ignored(pair))
}
