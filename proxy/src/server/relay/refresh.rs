//! A page fetched anew behind the scenes, while a stale one is answered: for whoever comes next.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use super::{Request, pass};
use crate::{
    answer::Head,
    compute::{Fleet, forwarded::Client},
    edge_cache::Lead,
    server::shard::Shard,
};

/// A request that outlives the one it was taken from.
#[derive(Debug)]
struct Owned {
    path: String,
    query: Option<String>,
    host: String,
    fields: Vec<(String, Vec<u8>)>,
}

/// Fetches a page as `head` asks for it, on a task of its own. With `has_fallback`, a 404 is nothing that is kept.
pub(crate) fn refresh(
    shard: &Arc<Shard>,
    fleet: &Arc<Fleet>,
    head: &Head<'_>,
    client: &Client,
    has_fallback: bool,
    lead: Box<Lead>,
) {
    let owned = Owned {
        path: head.path.to_owned(),
        query: head.query.map(str::to_owned),
        host: head.host.to_owned(),
        fields: head.fields.iter().map(|field| (field.name.to_owned(), field.value.to_owned())).collect(),
    };
    // Who came first is nobody whom the application hears of.
    let client = Client { address: IpAddr::V4(Ipv4Addr::LOCALHOST), ..client.clone() };
    let (shard, fleet) = (Arc::clone(shard), Arc::clone(fleet));
    tokio::spawn(async move {
        let _use = fleet.enter();
        let Some(_leave) = shard.exchange().await else { return };
        let fields: Vec<_> =
            owned.fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_slice() }).collect();
        let head = Head {
            method: "GET",
            path: &owned.path,
            query: owned.query.as_deref(),
            fields: &fields,
            http11: true,
            host: &owned.host,
        };
        let request = Request {
            head: &head,
            bytes: &[],
            absolute: false,
            rewritten: false,
            without_body: true,
            client: &client,
            peer: SocketAddr::new(client.address, 0),
            request_id: &shard.telemetry.request_id(),
            has_fallback,
            upgrades: false,
            expects_continue: false,
            close: false,
            overlay: None,
            cookie: None,
            change: None,
        };
        // What it came to is told to those who wait for it; nobody else does.
        drop(pass(&shard, &fleet, None, request, Some(lead)).await);
    });
}
