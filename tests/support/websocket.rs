//! The client's side of RFC 6455, as far as short and long text messages go.

use std::net::SocketAddr;

use super::{client::Connection, reply::Reply};

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    connection: Connection,
}

impl WebSocket {
    /// Asks for the upgrade; `Err` is the answer that was no 101.
    pub(crate) fn open(address: SocketAddr, target: &str) -> Result<Self, Box<Reply>> {
        let mut connection = Connection::open(address);
        connection.send(format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ));
        let reply = connection.receive("GET");
        if reply.status != 101 {
            return Err(Box::new(reply));
        }
        // The answer to the sample key of RFC 6455 1.3.
        assert_eq!(reply.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        Ok(Self { connection })
    }

    /// Sends a text message.
    pub(crate) fn send(&mut self, text: &str) {
        const MASK: [u8; 4] = [1, 2, 3, 4];
        let mut frame = vec![0x81];
        match text.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            medium @ 126..65536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&MASK);
        frame.extend(text.bytes().zip(MASK.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.connection.send(frame);
    }

    /// The next message's text; empty where the connection ended.
    pub(crate) fn receive(&mut self) -> String {
        let head = self.connection.take(2);
        let Some(&short) = head.get(1) else { return String::new() };
        let length = match short {
            126 => u64::from_be_bytes(padded(&self.connection.take(2))),
            127 => u64::from_be_bytes(padded(&self.connection.take(8))),
            short => u64::from(short),
        };
        let text = self.connection.take(usize::try_from(length).unwrap());
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Sends a close frame and says whether the other side hung up.
    pub(crate) fn close(mut self) -> bool {
        self.connection.send([0x88, 0x80, 0, 0, 0, 0]);
        self.connection.take(usize::MAX);
        self.connection.is_closed()
    }
}

fn padded(bytes: &[u8]) -> [u8; 8] {
    let mut all = [0; 8];
    all[8 - bytes.len()..].copy_from_slice(bytes);
    all
}
