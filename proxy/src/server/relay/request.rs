//! Hot: the request as Compute reads it.

use crate::{
    compute::{
        fields::{self, Options, Sink},
        forwarded::Forwarding,
    },
    edge_cache::{Lead, is_sent},
    server::upstream::Request,
};

/// Writes fields as HTTP/1.1 does.
pub(super) struct Lines<'a>(pub(super) &'a mut Vec<u8>);

impl Sink for Lines<'_> {
    fn begin(&mut self, name: &str) {
        self.put(name.as_bytes());
        self.put(b": ");
    }

    fn put(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    fn end(&mut self) {
        self.put(b"\r\n");
    }
}

/// Writes the head of the request: the client's target and fields, without those that end here, and what is known
/// about the client. With a `lead`, the answer may be kept: then it is a request that anybody could have sent.
pub(super) fn write(request: &Request<'_>, lead: Option<&Lead>, out: &mut Vec<u8>) {
    let head = request.head;
    let mut lines = Lines(out);
    lines.put(head.method.as_bytes());
    lines.put(b" ");
    lines.put(head.path.as_bytes());
    if let Some(query) = head.query {
        lines.put(b"?");
        lines.put(query.as_bytes());
    }
    lines.put(b" HTTP/1.1\r\n");
    let forwarding = Forwarding {
        client: request.client,
        peer: request.peer,
        host: head.host,
        request_id: request.request_id.as_str(),
        shared: lead.is_some(),
    };
    let sent = head.fields.iter().map(|field| (field.name, field.value));
    let options = Options::of(sent.clone());
    for (name, value) in sent.clone() {
        let stays = fields::request_ends_here(name)
            || !forwarding.passes(name)
            || options.name(name)
            || (lead.is_some() && !is_sent(name))
            || (request.without_body && fields::announces_body(name));
        if !stays {
            lines.begin(name);
            lines.put(value);
            lines.end();
        }
    }
    for (name, value) in lead.into_iter().flat_map(Lead::conditions) {
        lines.begin(name);
        lines.put(value.as_bytes());
        lines.end();
    }
    forwarding.emit(sent, &mut lines);
    lines.end();
}
