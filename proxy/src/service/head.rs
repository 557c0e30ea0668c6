//! Hot: the rules of `compute::fields` and `compute::forwarded` applied to Pingora's heads.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use pingora::{
    ErrorType, OrErr as _, Result,
    http::{RequestHeader, ResponseHeader},
};

use super::Passage;
use crate::{
    coding::{Answering, Edits, Encoder, Wants},
    compute::{
        fields::{self, Sink, Told},
        forwarded::Forwarding,
    },
    headers::Overlay,
};

/// Makes the request of the client the one for Compute. With `upgrades`, the fields that ask for a WebSocket stay.
pub(super) fn forward(request: &mut RequestHeader, forwarding: &Forwarding<'_>, upgrades: bool) -> Result<()> {
    let mut said = Said::default();
    forwarding.emit(pairs(&request.headers).iter().copied(), &mut said);
    let asks_to_upgrade = |name: &HeaderName| upgrades && (*name == header::UPGRADE || *name == header::CONNECTION);
    remove(request, |name| {
        !forwarding.passes(name.as_str()) || (fields::request_ends_here(name.as_str()) && !asks_to_upgrade(name))
    });
    if !request.headers.contains_key(header::HOST) {
        // Only HTTP/1.0 goes without; in the HTTP/1.1 that Compute is asked in, it must be there.
        request.insert_header(header::HOST, "localhost")?;
    }
    for (name, value) in said.fields {
        request.append_header(name, value)?;
    }
    Ok(())
}

fn remove(request: &mut RequestHeader, goes: impl Fn(&HeaderName) -> bool) {
    let gone: Vec<HeaderName> = request.headers.keys().filter(|name| goes(name)).cloned().collect();
    for name in gone {
        request.remove_header(&name);
    }
}

/// Adds that the host is to be asked over https only, unless the answer says so or otherwise.
pub(super) fn promise(response: &mut ResponseHeader, hsts: &str) -> Result<()> {
    if response.headers.contains_key(header::STRICT_TRANSPORT_SECURITY) {
        return Ok(());
    }
    response.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts)
}

/// Makes the answer of Compute the one for the client.
pub(super) fn pass_on(response: &mut ResponseHeader, request_id: &str, overlay: Option<&Overlay>) -> Result<()> {
    let fields = pairs(&response.headers);
    let told = Told::by(fields.iter().copied(), response.status, response.version != Version::HTTP_10)
        .or_err(ErrorType::InvalidHTTPHeader, "an answer without an end")?;
    let gone: Vec<HeaderName> = response.headers.keys().filter(|name| !told.passes(name.as_str())).cloned().collect();
    let length = told.length();
    drop(fields);
    for name in gone {
        response.remove_header(&name);
    }
    if let Some(length) = length {
        response.insert_header(header::CONTENT_LENGTH, length.to_string())?;
    }
    // RFC 9110 2.5: an intermediary sends its own version.
    response.set_version(Version::HTTP_11);
    if !response.status.is_informational() {
        response.insert_header("x-request-id", request_id)?;
    }
    let Some(overlay) = overlay.filter(|_| !response.status.is_informational()) else { return Ok(()) };
    let status = response.status;
    for field in overlay.fields(status) {
        if overlay.adds(field) {
            response.append_header(&field.name, &field.value)?;
        } else {
            response.insert_header(&field.name, &field.value)?;
        }
    }
    Ok(())
}

/// Makes the answer of Compute one that is compressed on its way, where it is to be.
pub(super) fn compress(
    response: &mut ResponseHeader,
    request: &RequestHeader,
    passage: &Passage,
) -> Result<Option<Encoder>> {
    let (asked, mut said) = (pairs(&request.headers), pairs(&response.headers));
    said.extend(passage.overlay.as_ref().and_then(Overlay::word));
    let wants = Wants::by(asked.iter().copied(), passage.http11);
    let length = response.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let status = response.status;
    let answering = Answering { status, length, has_content: request.method != Method::HEAD };
    let (judged, encoder) = passage.compression.start(&wants, said.iter().copied(), answering);
    let Edits { removed, added } = judged.edits(status, &response.headers);
    drop(said);
    for name in removed {
        response.remove_header(&name);
    }
    for (name, value) in added {
        response.append_header(name, value)?;
    }
    Ok(encoder)
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Fields said anew, for Pingora to write.
#[derive(Default)]
struct Said {
    fields: Vec<(HeaderName, HeaderValue)>,
    name: Option<HeaderName>,
    value: Vec<u8>,
}

impl Sink for Said {
    fn begin(&mut self, name: &str) {
        self.name = HeaderName::from_bytes(name.as_bytes()).ok();
        self.value.clear();
    }

    fn put(&mut self, piece: &[u8]) {
        self.value.extend_from_slice(piece);
    }

    fn end(&mut self) {
        if let (Some(name), Ok(value)) = (self.name.take(), HeaderValue::from_bytes(&self.value)) {
            self.fields.push((name, value));
        }
    }
}
