//! A client that reads one large file at a steady pace, beside the requests that are measured.

use std::{net::SocketAddr, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{Connection, Request, count};
use crate::failure::Failure;

/// What is read, and how fast.
#[derive(Clone, Debug)]
pub(crate) struct Download {
    pub(crate) request: Request,
    pub(crate) bytes_per_second: f64,
}

/// Waits shorter than this are not worth a timer.
const TICK: Duration = Duration::from_millis(1);

/// Reads all of it.
pub(super) async fn run(address: SocketAddr, download: &Download) -> Result<(), Failure> {
    let mut connection = Connection::open(address).await?;
    let began = Instant::now();
    let mut left = connection.begin(&download.request).await?;
    let mut read = 0;
    while left > 0 {
        let piece = connection.piece(&download.request, left).await?;
        left -= piece;
        read += piece;
        let due = began + Duration::from_secs_f64(count(read) / download.bytes_per_second);
        if due > Instant::now() + TICK {
            sleep_until(due).await;
        }
    }
    Ok(())
}
