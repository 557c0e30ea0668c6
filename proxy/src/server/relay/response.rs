//! Hot: the head of an answer, read strictly and written for the client.

use std::mem::MaybeUninit;

use http::{HeaderValue, StatusCode};

use super::request::Lines;
use crate::{
    answer,
    coding::{Answering, Change, Compression, ContentCoding, Encoder, Judged, VARY_VALUE, Wants},
    compute::{
        exchange::{Exchange, Verdict},
        fields::{Extent, Fields, Sink as _, Told},
    },
    edge_cache::{self, CACHE_STATUS, CacheStatus, Fate, Lead},
    headers::Overlay,
    site::is_page,
    telemetry::DateLine,
};

/// Fields in a head; frameworks send about ten, and a page with many preloads and cookies some dozens.
const FIELDS_MAX: usize = 256;
/// Bytes in a head: four times what Node's own client takes.
const HEAD_MAX: usize = 64 * 1024;

const HSTS: &str = "strict-transport-security";

/// How the answer is to be written for the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    /// The request was HEAD.
    pub(super) head_only: bool,
    /// The client's connection is closed after the answer.
    pub(super) close: bool,
    /// For the `x-request-id` field.
    pub(super) request_id: &'a str,
    /// The custom headers.
    pub(super) overlay: Option<&'a Overlay>,
    /// The cookie that pages set.
    pub(super) cookie: Option<&'a HeaderValue>,
    /// There is an edge cache, whose part is told.
    pub(super) cached: bool,
    /// The `strict-transport-security` field, where the answer has none.
    pub(super) hsts: Option<&'a str>,
}

/// Who hears an answer for the edge cache.
pub(super) enum Hearing<'a> {
    /// It may be kept as the answer to `asked`.
    Keeping { lead: &'a mut Lead, asked: &'a answer::Head<'a> },
    /// It may make invalid what is kept.
    Changing(&'a edge_cache::Change),
}

/// What an answer may be compressed by.
pub(super) struct Coder<'a> {
    pub(super) compression: &'a Compression,
    /// What its client wants.
    pub(super) wants: Wants<'a>,
    /// Set where its content is to be compressed.
    pub(super) encoder: &'a mut Option<Encoder>,
}

/// A head that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its bytes.
    pub(super) length: usize,
    /// What the exchange wants done with it.
    pub(super) verdict: Verdict,
    /// What follows; none after an interim answer, which another head follows.
    pub(super) extent: Option<Extent>,
    /// The connection may be used again when all was read.
    pub(super) keeps: bool,
}

/// What came is no answer that could be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit;

/// Reads a head from the front of `bytes`, tells the exchange, and writes to `out` what the client gets to see of it.
/// None while it is not complete. `date` is for an answer that has none. Without a `coder` it goes as it is.
pub(super) fn read(
    bytes: &[u8],
    exchange: &mut Exchange,
    hearing: Option<Hearing<'_>>,
    envelope: Envelope<'_>,
    date: impl FnOnce() -> DateLine,
    coder: Option<Coder<'_>>,
    out: &mut Vec<u8>,
) -> Result<Option<Head>, Unfit> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let Some(length) = parse(&mut response, bytes, &mut fields)? else { return Ok(None) };
    let (Some(code), Some(minor)) = (response.code, response.version) else { return Err(Unfit) };
    let status = StatusCode::from_u16(code).map_err(|_| Unfit)?;
    let fields = response.headers.iter().map(|field| (field.name, field.value));
    let told = Told::by(fields.clone(), status, minor == 1).map_err(|_| Unfit)?;
    let mut verdict = exchange.answered(status);
    let interim = status.is_informational();
    let fate = match hearing {
        Some(hearing) if !interim => hearing.hear(verdict, status, fields.clone(), &told),
        _ => Fate::Pass,
    };
    if fate == Fate::Instead {
        verdict = exchange.hold_back();
    }
    let extent = (!interim).then(|| told.extent(envelope.head_only));
    let head = Head { length, verdict, extent, keeps: told.keeps };
    if verdict != Verdict::Forward {
        return Ok(Some(head));
    }

    let mut lines = Lines(out);
    start(&mut lines, code, response.reason.unwrap_or_default());
    let overlay = envelope.overlay.filter(|_| !interim);
    let stays = |name: &str| told.passes(name) && !overlay.is_some_and(|overlay| overlay.replaces(name, status));
    let custom = overlay.into_iter().flat_map(|overlay| overlay.fields(status));
    let custom = custom.map(|field| (field.name.as_str(), field.value.as_bytes()));
    let coder = coder.filter(|_| !interim);
    let judged = coder.map(|coder| {
        let said = fields.clone().filter(|(name, _)| stays(name)).chain(custom.clone());
        let said = said.chain(overlay.and_then(Overlay::word));
        let has_content = head.extent != Some(Extent::Nothing);
        coder.judge(said, Answering { status, length: told.length(), has_content })
    });
    let (mut dated, mut kind, mut promised) = (false, None, false);
    for (name, value) in fields {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let is_ours = !interim && (is("x-request-id") || (envelope.cached && is(CACHE_STATUS.as_str())));
        if !stays(name) || is_ours || (dated && is("date")) {
            continue;
        }
        dated |= is("date");
        promised |= is(HSTS);
        kind = kind.or_else(|| is("content-type").then_some(value));
        put(&mut lines, name, value, judged.as_ref());
    }
    for (name, value) in custom {
        promised |= name == HSTS;
        put(&mut lines, name, value, judged.as_ref());
    }
    encode(&mut lines, judged.as_ref(), head.extent, told.length());
    if !interim {
        add_cookie(&mut lines, envelope, status, kind, fate);
        let envelope = Envelope { hsts: envelope.hsts.filter(|_| !promised), ..envelope };
        finish(&mut lines, head.extent, (!dated).then(date), fate, envelope);
    }
    lines.end();
    Ok(Some(head))
}

/// The bytes of a head; none while it is not complete.
fn parse<'f, 'b>(
    response: &mut httparse::Response<'f, 'b>,
    bytes: &'b [u8],
    fields: &'f mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<Option<usize>, Unfit> {
    let mut parser = httparse::ParserConfig::default();
    // RFC 9112 5.1: a proxy removes such spaces from an answer.
    parser.allow_spaces_after_header_name_in_responses(true);
    match parser.parse_response_with_uninit_headers(response, bytes, fields) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_MAX => Ok(Some(length)),
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => Ok(None),
        _ => Err(Unfit),
    }
}

impl Coder<'_> {
    fn judge<'f>(self, said: impl Fields<'f>, answer: Answering) -> Judged {
        let (judged, encoder) = self.compression.start(&self.wants, said, answer);
        *self.encoder = encoder;
        judged
    }
}

/// Writes a field, as compression leaves it.
fn put(lines: &mut Lines<'_>, name: &str, value: &[u8], judged: Option<&Judged>) {
    let change = judged.map_or(Change::Same, |judged| judged.change(name, value));
    if change == Change::Gone {
        return;
    }
    lines.begin(name);
    if change == Change::Weak {
        lines.put(b"W/");
    }
    lines.put(value);
    lines.end();
}

/// Says how long the content is, and what became of it.
fn encode(lines: &mut Lines<'_>, judged: Option<&Judged>, extent: Option<Extent>, length: Option<u64>) {
    let coding = judged.and_then(Judged::coding);
    // A 304's length is that of the bytes that the client has (RFC 9110 8.6), which nobody remembers.
    let is_known = coding.is_none() && !judged.is_some_and(|judged| judged.weakens);
    if let Some(length) = length.filter(|_| is_known) {
        put(lines, "Content-Length", itoa::Buffer::new().format(length).as_bytes(), None);
    }
    if let Some(token) = coding.and_then(ContentCoding::token) {
        lines.begin("Content-Encoding");
        lines.put(token.as_bytes());
        lines.end();
        if matches!(extent, Some(Extent::Length(_))) {
            // How long it gets is known when all of it was sent.
            lines.put(b"Transfer-Encoding: chunked\r\n");
        }
    }
    if judged.is_some_and(|judged| judged.varies) {
        lines.begin("Vary");
        lines.put(VARY_VALUE.as_bytes());
        lines.end();
    }
}

impl Hearing<'_> {
    /// Hears the head of a final answer, which goes to the client unless the verdict is another.
    fn hear<'f, F: Fields<'f>>(self, verdict: Verdict, status: StatusCode, fields: F, told: &Told<F>) -> Fate {
        match self {
            // A fallback answers: there is no such page any more.
            Self::Keeping { lead, .. } if verdict == Verdict::Withhold => lead.decline(),
            Self::Keeping { .. } | Self::Changing(_) if verdict != Verdict::Forward => Fate::Pass,
            // What ends with its connection may have been cut off, and nobody could tell (RFC 9112 8).
            Self::Keeping { lead, .. } if told.extent(false) == Extent::Close => lead.decline(),
            Self::Keeping { lead, asked } => {
                lead.hear(asked, status, fields.filter(|(name, _)| told.passes(name)), told.length())
            }
            Self::Changing(change) => {
                change.hear(status, fields.filter_map(place));
                Fate::Pass
            }
        }
    }
}

/// What a field names as changed (RFC 9111 4.4).
fn place<'f>((name, value): (&'f str, &'f [u8])) -> Option<&'f str> {
    let names = name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("content-location");
    std::str::from_utf8(value).ok().filter(|_| names)
}

/// Writes the status line.
fn start(lines: &mut Lines<'_>, code: u16, reason: &str) {
    let code = [code / 100, code / 10 % 10, code % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0));
    for piece in [b"HTTP/1.1 ", &code[..], b" ", reason.as_bytes(), b"\r\n"] {
        lines.put(piece);
    }
}

/// Adds the cookie that pages of this deployment have; `kind` is the answer's media type.
fn add_cookie(lines: &mut Lines<'_>, envelope: Envelope<'_>, status: StatusCode, kind: Option<&[u8]>, fate: Fate) {
    // What is kept is for everybody, and says nothing to one.
    if let Some(cookie) = envelope.cookie.filter(|_| fate != Fate::Keep && is_page(status, kind)) {
        lines.begin("Set-Cookie");
        lines.put(cookie.as_bytes());
        lines.end();
    }
}

/// Adds what every final answer has.
fn finish(lines: &mut Lines<'_>, extent: Option<Extent>, date: Option<DateLine>, fate: Fate, envelope: Envelope<'_>) {
    if envelope.cached {
        let status = if fate == Fate::Keep { CacheStatus::Miss } else { CacheStatus::Bypass };
        lines.begin(CACHE_STATUS.as_str());
        lines.put(status.name().as_bytes());
        lines.end();
    }
    if let Some(hsts) = envelope.hsts {
        lines.begin(HSTS);
        lines.put(hsts.as_bytes());
        lines.end();
    }
    if extent == Some(Extent::Close) {
        // The client's connection outlives the upstream's.
        lines.put(b"Transfer-Encoding: chunked\r\n");
    }
    if let Some(date) = date {
        lines.put(&date);
    }
    lines.put(if envelope.close { b"Connection: close\r\n".as_slice() } else { b"Connection: keep-alive\r\n" });
    lines.begin("x-request-id");
    lines.put(envelope.request_id.as_bytes());
    lines.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: Envelope<'static> = Envelope {
        head_only: false,
        close: false,
        request_id: "id",
        overlay: None,
        cookie: None,
        cached: false,
        hsts: None,
    };

    fn reading(bytes: &[u8]) -> (Result<Option<Head>, Unfit>, String) {
        let mut out = Vec::new();
        let mut exchange = Exchange::new("GET", false, false, 1);
        let read = read(bytes, &mut exchange, None, ENVELOPE, || [b'd'; 37], None, &mut out);
        (read, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_head_is_complete_with_its_empty_line_and_not_before() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for end in 0..head.len() - 2 {
            assert_eq!(reading(&head[..end]).0, Ok(None), "{end}");
        }
        let read = reading(head).0.unwrap().unwrap();
        assert_eq!((read.length, read.extent), (head.len() - 2, Some(Extent::Length(2))));
    }

    #[test]
    fn the_client_gets_the_fields_that_are_for_it() {
        let (_, out) = reading(
            b"HTTP/1.0 404 Nothing Here\r\nServer: x\r\nconnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
              Date: then\r\nX-Request-Id: theirs\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 2, 2\r\n\r\n",
        );
        assert_eq!(
            out,
            "HTTP/1.1 404 Nothing Here\r\nServer: x\r\nDate: then\r\nSet-Cookie: a\r\nset-cookie: b\r\n\
             Content-Length: 2\r\nConnection: keep-alive\r\nx-request-id: id\r\n\r\n"
        );
        let (_, out) = reading(b"HTTP/1.1 200 \r\n\r\n");
        assert!(out.contains("\r\nTransfer-Encoding: chunked\r\ndddd"), "{out}");
    }

    #[test]
    fn an_interim_answer_is_passed_on_as_it_is() {
        let (read, out) = reading(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n");
        assert_eq!(read.unwrap().unwrap().extent, None);
        assert_eq!(out, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in [
            &b"garbage\r\n\r\n"[..],
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 099 Low\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ] {
            assert_eq!(reading(bytes).0, Err(Unfit), "{}", bytes.escape_ascii());
        }
        let long = [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &vec![b'a'; HEAD_MAX]].concat();
        assert_eq!(reading(&long).0, Err(Unfit));
        let many = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"A: b\r\n".repeat(FIELDS_MAX + 1), b"\r\n"].concat();
        assert_eq!(reading(&many).0, Err(Unfit));
    }
}
