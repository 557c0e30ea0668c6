//! `[http2]`: what a client may have under way on one connection, and what it may not make us do for nothing.

use std::time::Duration;

use super::{
    quantity::{GIB, KIB, MIB},
    read::Reader,
};

/// `[http2]`: HTTP/2 (RFC 9113) with clients.
#[derive(Clone, Debug)]
pub struct Http2Settings {
    /// Whether it is spoken in cleartext with clients that begin so.
    pub cleartext: bool,
    /// Requests of one connection that are under way at once.
    pub streams: u32,
    /// Bytes of a request's body that may be on their way to us.
    pub stream_window: u32,
    /// Bytes of all bodies of one connection that may be.
    pub connection_window: u32,
    /// Bytes of one answer that wait for the client here.
    pub send_buffer: usize,
    /// Bytes of fields that both sides of a connection remember (RFC 7541 4.2).
    pub header_table: u32,
    /// The age at which a connection takes no more requests.
    pub max_age: Duration,
    /// The span in which the next two are counted.
    pub counted_over: Duration,
    /// Requests that a client may take back.
    pub resets: u32,
    /// Frames that ask for nothing and carry nothing.
    pub idle_frames: u32,
    /// Streams that broke the protocol, in the life of a connection.
    pub broken_streams: usize,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Http2Settings {
    const WINDOW_MIN: u64 = 16 * KIB;
    // RFC 9113 6.9.1: a window has 31 bits.
    const WINDOW_MAX: u64 = 2 * GIB - 1;
    Http2Settings {
        cleartext: reader.boolean("http2.cleartext"),
        streams: reader.count("http2.streams", 1..=10_000),
        stream_window: reader.bytes("http2.stream-window", WINDOW_MIN..=WINDOW_MAX),
        // RFC 9113 6.9.2: it begins with 65,535 bytes, and only a larger one can be asked for.
        connection_window: reader.bytes("http2.connection-window", 64 * KIB..=WINDOW_MAX),
        send_buffer: reader.bytes("http2.send-buffer", 16 * KIB..=64 * MIB),
        header_table: reader.bytes("http2.header-table", 0..=64 * KIB),
        max_age: reader.duration("http2.max-age", Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60)),
        counted_over: reader.duration("http2.counted-over", Duration::from_millis(100)..=Duration::from_secs(60 * 60)),
        resets: reader.count("http2.resets", 1..=1_000_000),
        idle_frames: reader.count("http2.idle-frames", 10..=1_000_000),
        broken_streams: reader.count("http2.broken-streams", 1..=100_000),
    }
}
