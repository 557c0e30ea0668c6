//! HTTP/2 (RFC 9113) with clients, over any transport.
//!
//! ```text
//! transport  bytes, past the meter, which counts what clients must not do too often
//! session    one connection: takes requests, ends it in time and in order
//! request    a head, as it would be in HTTP/1.1, for the gate
//! ready      what is plain is answered at once, as in HTTP/1.1
//! exchange   every other stream becomes a connection of its own, on which `turn` answers: incoming, outgoing
//! ```
//!
//! Frames, flow control and HPACK (RFC 7541) are the library's.

mod exchange;
mod incoming;
mod meter;
mod outgoing;
mod payload;
mod ready;
mod request;
mod session;
mod transport;

use std::sync::Arc;

use bytes::Bytes;
use edgeplane_config::Settings;
use h2::server::Builder;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

pub(crate) use self::exchange::Exchange;
use self::{
    meter::{Meter, PREFACE, Watch},
    payload::Payload,
    session::Session,
    transport::Transport,
};
use super::{lifecycle::Drain, shard::Shard};
use crate::compute::forwarded::Peer;

/// What a field of a head counts for beside its bytes (RFC 9113 6.5.2).
const FIELD_BYTES: usize = 32;
/// `:method`, `:scheme`, `:authority` and `:path`.
const PSEUDO_FIELDS: usize = 4;
/// The largest frame a client may send: what it may without asking (RFC 9113 4.2), as more would only take more memory.
const FRAME_MAX: u32 = 16 * 1024;

/// Whether a connection whose first head this is speaks HTTP/2: its preface looks like one (RFC 9113 3.4).
pub(super) fn begins(head: &[u8]) -> bool {
    PREFACE.starts_with(head) && head.ends_with(b"\r\n\r\n")
}

/// Serves one client that speaks HTTP/2 from its first byte on, until it leaves, errs, idles for too long or we drain.
pub(crate) async fn serve<T>(io: T, peer: Peer, shard: Arc<Shard>, drain: Drain)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    serve_after(Bytes::new(), io, peer, shard, drain).await;
}

/// The same, where its first bytes were received already.
pub(crate) async fn serve_after<T>(ahead: Bytes, io: T, peer: Peer, shard: Arc<Shard>, drain: Drain)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let settings = &shard.app.settings;
    let streams = shard.telemetry.streams();
    let _counted = streams.connection();
    let watch = Arc::new(Watch::default());
    let meter = Meter::new(&settings.http2);
    let transport = Transport::new(io, ahead, meter, Arc::clone(&watch), settings.timeouts.write);
    let handshake = builder(settings).handshake::<_, Payload>(transport);
    // Without a preface in time there is nobody to say anything to.
    let beginning = drain.beginning();
    if drain.has_begun() {
        return;
    }
    let begun = tokio::select! {
        begun = timeout(settings.timeouts.head, handshake) => begun,
        // Nobody has asked for anything yet.
        () = beginning => return,
    };
    let Ok(Ok(connection)) = begun else { return };
    Session::new(connection, watch, peer, Arc::clone(&shard), drain, streams).run().await;
}

fn builder(settings: &Settings) -> Builder {
    let (http2, limits) = (&settings.http2, &settings.limits);
    let fields = limits.request_fields + PSEUDO_FIELDS;
    let list = u32::try_from(limits.request_head + fields * FIELD_BYTES).unwrap_or(u32::MAX);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(http2.streams)
        .initial_window_size(http2.stream_window)
        .initial_connection_window_size(http2.connection_window)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(list)
        .header_table_size(http2.header_table)
        .max_send_buffer_size(http2.send_buffer)
        // The meter counts all of these, however they are spread.
        .max_pending_accept_reset_streams(usize::try_from(http2.resets).unwrap_or(usize::MAX))
        .max_local_error_reset_streams(Some(http2.broken_streams));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_is_told_from_every_head() {
        assert!(begins(b"PRI * HTTP/2.0\r\n\r\n"));
        for head in [&b""[..], b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\nhost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"] {
            assert!(!begins(head), "{}", head.escape_ascii());
        }
    }
}
