//! Hot: whether an answer may be kept, for how long, and what may be done with it after that (RFC 9111, RFC 5861).
//!
//! Nothing is kept that does not say so: there is no heuristic freshness (RFC 9111 4.2.2), and what could be meant for
//! one person is not kept, whatever else it says.

use std::time::{Duration, SystemTime};

use http::{HeaderName, StatusCode};

use super::directives::Directives;

/// The fields of an answer in their order.
pub trait Fields<'a>: Iterator<Item = (&'a str, &'a [u8])> + Clone {}

impl<'a, F: Iterator<Item = (&'a str, &'a [u8])> + Clone> Fields<'a> for F {}

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unkept {
    /// Its status is that of one moment or of one person.
    #[error("its status is not kept")]
    Status,
    /// `no-store`, `no-cache` or `private`.
    #[error("it says that it is not to be kept")]
    Forbidden,
    /// It sets a cookie, which is somebody's.
    #[error("it sets a cookie")]
    Cookie,
    /// `Vary: *`, or what is no list of names.
    #[error("it depends on more than the request says")]
    Varies,
    /// The request had `Authorization`, and the answer does not say that others may see it (RFC 9111 3.5).
    #[error("it is for one authorized user")]
    Authorized,
    /// It names no lifetime, or one that is over.
    #[error("it names no lifetime")]
    Lifetime,
}

/// For how long an answer may be used, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// What it was old when it came.
    pub(super) age: u64,
    /// It is fresh until it is so old.
    pub(super) lifetime: u64,
    /// After that it may be answered while it is fetched anew.
    pub(super) while_revalidating: u64,
    /// After that it may be answered where fetching it anew fails.
    pub(super) if_error: u64,
}

/// What may be done with a kept answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is an answer.
    Fresh,
    /// It is an answer while it is fetched anew.
    Stale,
    /// It is an answer where fetching it anew fails.
    Spare,
    /// It is none until it was found unchanged.
    Over,
}

impl Terms {
    /// What may be done at an age.
    pub(super) fn standing(&self, age: u64) -> Standing {
        match age.checked_sub(self.lifetime) {
            None => Standing::Fresh,
            Some(past) if past < self.while_revalidating => Standing::Stale,
            Some(past) if past < self.if_error => Standing::Spare,
            Some(_) => Standing::Over,
        }
    }

    /// Whether it is an answer at an age where no other can be had.
    pub(super) fn spares(&self, age: u64) -> bool {
        age.saturating_sub(self.lifetime) < self.while_revalidating.max(self.if_error)
    }
}

/// What is known of an exchange beside its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// The request had `Authorization`.
    pub(super) authorized: bool,
    /// From the request to its answer.
    pub(super) delay: Duration,
    /// When the answer came.
    pub(super) now: SystemTime,
    /// The longest that anything may be answered after its lifetime.
    pub(super) stale_max: u64,
}

/// Judges an answer.
///
/// # Errors
/// Why it is not kept.
pub(super) fn judge<'a>(status: StatusCode, fields: &impl Fields<'a>, around: &Circumstances) -> Result<Terms, Unkept> {
    if !is_kept(status) {
        return Err(Unkept::Status);
    }
    let values = |name: &'static str| of(fields.clone(), name);
    // RFC 9213 2.2: a field that is for caches like this one counts alone.
    let targeted = Directives::of(values("cdn-cache-control"));
    let (said, is_targeted) = match targeted.any {
        true => (targeted, true),
        false => (Directives::of(values("cache-control")), false),
    };
    if said.no_store || said.private || said.no_cache {
        return Err(Unkept::Forbidden);
    }
    if values("set-cookie").next().is_some() {
        return Err(Unkept::Cookie);
    }
    if around.authorized && !said.public && !said.must_revalidate && said.s_maxage.is_none() {
        return Err(Unkept::Authorized);
    }
    let sent = date(values("date").next());
    // RFC 9111 5.3: what is no date, most of all "0", lies in the past.
    let expires = || {
        let expires = date(Some(values("expires").next()?)).unwrap_or(SystemTime::UNIX_EPOCH);
        Some(expires.duration_since(sent.unwrap_or(around.now)).unwrap_or_default().as_secs())
    };
    let lifetime = said.s_maxage.or(said.max_age).or_else(|| if is_targeted { None } else { expires() });
    let lifetime = lifetime.ok_or(Unkept::Lifetime)?;
    let allowed = |said: Option<Option<u64>>| said.map_or(0, |said| said.unwrap_or(u64::MAX).min(around.stale_max));
    let (while_revalidating, if_error) = match said.must_revalidate {
        true => (0, 0),
        false => (allowed(said.while_revalidating), allowed(said.if_error)),
    };
    let age = initial_age(values("age"), sent, around);
    if age >= lifetime.saturating_add(while_revalidating) {
        return Err(Unkept::Lifetime);
    }
    Ok(Terms { age, lifetime, while_revalidating, if_error })
}

/// The names that an answer depends on, in lower case and each once.
///
/// # Errors
/// [`Unkept::Varies`] where no later request could be told to be like this one.
pub(super) fn varies_by<'a>(fields: impl Fields<'a>) -> Result<Vec<HeaderName>, Unkept> {
    let mut names = Vec::new();
    // A body that is encoded depends on what its reader understands, whether that is said or not.
    if of(fields.clone(), "content-encoding").any(|coding| !coding.trim_ascii().eq_ignore_ascii_case(b"identity")) {
        names.push(http::header::ACCEPT_ENCODING);
    }
    for name in of(fields, "vary").flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        match HeaderName::from_bytes(name) {
            _ if name.is_empty() => {}
            Ok(name) if name != "*" => names.push(name),
            _ => return Err(Unkept::Varies),
        }
    }
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    Ok(names)
}

/// The values of a field.
pub(super) fn of<'a>(fields: impl Fields<'a>, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    fields.filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Statuses that say something about a resource and not about one moment (429, 503) or one person (401, 403). RFC 9111
/// would let more be kept; an error should not outlive its mending.
fn is_kept(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 302 | 303 | 307 | 308 | 404 | 410)
}

/// What the answer was old when it came (RFC 9111 4.2.3).
fn initial_age<'a>(mut ages: impl Iterator<Item = &'a [u8]>, date: Option<SystemTime>, around: &Circumstances) -> u64 {
    let apparent = date.and_then(|date| around.now.duration_since(date).ok()).unwrap_or_default();
    // Of several the first counts (RFC 9111 5.1); what is no number says nothing.
    let first = ages.next().and_then(|value| std::str::from_utf8(value.split(|byte| *byte == b',').next()?).ok());
    let told = match first.map(str::trim) {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().unwrap_or(u64::MAX)
        }
        _ => 0,
    };
    told.saturating_add(around.delay.as_secs()).max(apparent.as_secs())
}

/// A date; none where there is none or what stands there is no date.
pub(super) fn date(value: Option<&[u8]>) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value?).ok()?.trim()).ok()
}

#[cfg(test)]
mod tests;
