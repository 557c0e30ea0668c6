//! Hot: the life of one client connection: a head, its answer, the next head.

use std::sync::Arc;

use super::{
    intake,
    lifecycle::Drain,
    loan::Connection,
    shard::Shard,
    socket::Socket,
    turn::{self, After},
};
/// Serves one client until it leaves, errs, idles for too long or we drain.
pub(crate) async fn serve(socket: Socket, shard: Arc<Shard>, mut drain: Drain) {
    let app = &shard.app;
    let peer = socket.peer();
    let mut connection = Connection::new(socket);
    let mut n_requests = 0;
    loop {
        let received = intake::head(&mut connection, &app.settings.limits, &app.settings.timeouts, &mut drain).await;
        n_requests += 1;
        let last = n_requests >= app.settings.limits.keepalive_requests || drain.has_begun();
        let after = match received {
            Ok(Some((head, n_lines))) => turn::run(connection, head, n_lines, &shard, peer, last).await,
            Ok(None) => return,
            Err(refused) => turn::refuse(connection, refused, &shard, peer).await,
        };
        match after {
            After::Next(next) => connection = next,
            After::Close(connection) => return intake::close(connection).await,
            After::Gone => return,
        }
    }
}
