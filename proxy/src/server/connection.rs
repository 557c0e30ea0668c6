//! Hot: the life of one client connection: a head, its answer, the next head.

use std::{sync::Arc, time::Instant};

use tokio::task::coop::consume_budget;

use super::{
    door::Door,
    gate, h2, head, intake,
    lifecycle::Drain,
    loan::Connection,
    patience::Patience,
    plain,
    shard::Shard,
    socket::Socket,
    turn::{self, After},
    writer,
};
use crate::service::reply::{Refusal, Refused};

/// Serves one client until it leaves, errs, idles for too long or we drain.
pub(crate) async fn serve(socket: Socket, shard: Arc<Shard>, drain: Drain) {
    let settings = &shard.app.settings;
    let mut patience = Patience::new(settings.timeouts.idle, drain);
    let mut connection = Connection::new(socket);
    let (mut head, mut spare) = (Vec::new(), Vec::new());
    let mut n_requests = 0;
    loop {
        let received =
            head::receive(&mut connection, &mut patience, &mut head, &settings.limits, &settings.timeouts).await;
        n_requests += 1;
        if n_requests == 1 && settings.http2.cleartext && h2::begins(&head) {
            let ahead = [&head[..], &connection.ahead].concat().into();
            let (peer, drain) = (connection.socket.from(), patience.into_drain());
            return Box::pin(h2::serve_after(ahead, connection.socket, peer, shard, drain)).await;
        }
        let last = n_requests >= settings.limits.keepalive_requests || patience.is_ending();
        let mut fields = spare;
        let examined = match received {
            Ok(None) => return,
            Ok(Some(lines)) if lines > settings.limits.request_fields + 1 => Err(Refused::HeadTooLarge),
            Ok(Some(lines)) => {
                fields.resize(lines, httparse::EMPTY_HEADER);
                gate::examine(&head, &mut fields, settings.limits.request_target)
            }
            Err(refused) => Err(refused),
        };
        let door = Door::of(&shard.app);
        let sent = match &examined {
            Ok(passed) if !last => plain::answer(&mut connection, passed, &shard, &door),
            _ => None,
        };
        if sent.is_none() && !connection.out.is_empty() {
            // Answers that were gathered do not wait for one that may take its time.
            if writer::flush(&mut connection, settings.timeouts.write).await.is_err() {
                return;
            }
        }
        // What is rare or long is boxed: a connection is idle most of the time, and should be small then.
        let after = match (sent, examined) {
            (Some(sent), Ok(passed)) => {
                let n_unsent = match sent.rest.clone() {
                    Ok(None) => 0,
                    Err(n_lost) => n_lost,
                    Ok(Some(rest)) => {
                        Box::pin(writer::write_rest(&mut connection, rest, settings.timeouts.write)).await
                    }
                };
                patience.renew(sent.record(&passed, &shard.telemetry, n_unsent));
                // A row of pipelined requests takes its turn like everybody's.
                consume_budget().await;
                if n_unsent > 0 { After::Gone } else { After::Next(connection) }
            }
            (_, Ok(passed)) => {
                let after = Box::pin(turn::run(connection, &head, passed, &shard, last, door)).await;
                patience.renew(Instant::now());
                after
            }
            (_, Err(refused)) => Box::pin(turn::refuse(connection, Refusal::Head(refused), &shard)).await,
        };
        spare = emptied(fields);
        if head.capacity() > head::RETAINED_MAX {
            (head, spare) = (Vec::new(), Vec::new());
        }
        match after {
            After::Next(next) => connection = next,
            After::Close(connection) => return Box::pin(intake::close(connection)).await,
            After::Gone => return,
        }
    }
}

/// The fields' memory for the next request: without its elements, a vector may hold elements that live longer.
fn emptied(mut fields: Vec<httparse::Header<'_>>) -> Vec<httparse::Header<'static>> {
    fields.clear();
    fields.into_iter().map(|_| httparse::EMPTY_HEADER).collect()
}
