//! What the tests share: the program as a process, a client that sends bytes as written, and bundles to serve.

pub(crate) mod allocation;
pub(crate) mod browser;
pub(crate) mod bundle;
pub(crate) mod client;
pub(crate) mod lacking;
pub(crate) mod node;
pub(crate) mod origin;
pub(crate) mod picture;
pub(crate) mod process;
pub(crate) mod reply;
pub(crate) mod scratch;
pub(crate) mod server;
pub(crate) mod shared;
pub(crate) mod tls;
pub(crate) mod wait;
pub(crate) mod websocket;
