//! Browsers that load pages: new connections for each page, at most six, every request when its time has come.

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};

use super::{Connection, Tally};
use crate::{failure::Failure, recording::PageLoad};

/// What browsers open to one host over HTTP/1.1.
const CONNECTIONS: usize = 6;
/// How long the last pages may take when the time is over.
const GRACE: Duration = Duration::from_secs(30);

/// What the browsers saw: the latencies are those of whole page loads.
#[derive(Clone, Debug)]
pub(crate) struct Visits {
    pub(crate) loads: Tally,
    /// Of all page loads together.
    pub(crate) requests: u64,
}

/// So many browsers visit the pages in turn for so long.
pub(super) async fn run(
    address: SocketAddr,
    pages: &[PageLoad],
    n_browsers: usize,
    lasting: Duration,
) -> Result<Visits, Failure> {
    let began = Instant::now();
    let visits = Rc::new(RefCell::new(Visits { loads: Tally::new()?, requests: 0 }));
    let mut browsers = JoinSet::new();
    for first in 0..n_browsers {
        let pages: Vec<_> = pages.iter().cloned().map(Rc::new).collect();
        let visits = Rc::clone(&visits);
        browsers.spawn_local(async move {
            for page in pages.iter().cycle().skip(first % pages.len().max(1)) {
                let clicked = Instant::now();
                let bytes = visit(address, page).await?;
                let mut visits = visits.borrow_mut();
                visits.loads.add(bytes, clicked.elapsed());
                visits.requests += page.steps.len() as u64;
                if began.elapsed() >= lasting {
                    break;
                }
            }
            Ok(())
        });
    }
    timeout(lasting + GRACE, all(&mut browsers)).await.map_err(|_| Failure::void("a page was never complete"))??;
    let mut seen = visits.borrow().clone();
    seen.loads.elapsed = began.elapsed();
    Ok(seen)
}

/// One page load; the bytes of all bodies.
async fn visit(address: SocketAddr, page: &Rc<PageLoad>) -> Result<u64, Failure> {
    let mut asked = JoinSet::new();
    let mut free: Vec<Connection> = Vec::new();
    let (mut n_connections, mut bytes) = (0, 0);
    let mut ready: VecDeque<usize> = waiting_for(page, None).collect();
    loop {
        while let Some(step) = ready.pop_front() {
            let connection = match free.pop() {
                None if n_connections == CONNECTIONS => {
                    ready.push_front(step);
                    break;
                }
                connection => connection,
            };
            n_connections += usize::from(connection.is_none());
            asked.spawn_local(ask(address, connection, Rc::clone(page), step));
        }
        let Some(ended) = asked.join_next().await else { return Ok(bytes) };
        let (connection, step, length) =
            ended.map_err(|panicked| Failure::void(format!("the generator failed: {panicked}")))??;
        free.push(connection);
        bytes += length;
        ready.extend(waiting_for(page, Some(step)));
    }
}

/// The steps that may be asked for when `step` is complete.
fn waiting_for(page: &PageLoad, step: Option<usize>) -> impl Iterator<Item = usize> {
    page.steps.iter().enumerate().filter(move |(_, other)| other.after == step).map(|(index, _)| index)
}

/// One step, on a connection that is free or on a new one.
async fn ask(
    address: SocketAddr,
    connection: Option<Connection>,
    page: Rc<PageLoad>,
    step: usize,
) -> Result<(Connection, usize, u64), Failure> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => Connection::open(address).await?,
    };
    let request = page.steps.get(step).map(|step| &step.request).ok_or_else(|| Failure::void("no such step"))?;
    let length = connection.exchange(request).await?;
    Ok((connection, step, length))
}

/// Waits for all browsers.
async fn all(tasks: &mut JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|panicked| Failure::void(format!("the generator failed: {panicked}")))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
        sync::{Arc, Mutex},
        thread,
    };

    use super::*;
    use crate::recording::Step;

    /// Which connection asked for what.
    type Asked = Arc<Mutex<Vec<(usize, String)>>>;

    /// A server that writes down what it is asked. It lives as long as the tests.
    fn server() -> (SocketAddr, Asked) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let asked = Arc::clone(&asked);
                thread::spawn(move || {
                    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                    for path in lines.filter_map(|line| Some(line.strip_prefix("GET ")?.split(' ').next()?.to_owned()))
                    {
                        asked.lock().unwrap().push((number, path));
                        // A client that is gone ends the loop with its next read.
                        let _ = (&mut &stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    }
                });
            }
        });
        (address, seen)
    }

    #[test]
    fn a_page_is_loaded_in_its_order_over_six_connections_at_most() {
        let (address, asked) = server();
        let parts = (0..12).map(|n| Step::plain(&format!("/part-{n}"), Some(0)));
        let mut steps = vec![Step::plain("/page", None)];
        steps.extend(parts);
        steps.push(Step::plain("/last", Some(12)));
        let page = PageLoad { steps };
        let seen = crate::load::pages(address, std::slice::from_ref(&page), 1, Duration::from_millis(1)).unwrap();
        assert_eq!(seen.requests, 14 * seen.loads.requests);
        assert_eq!(seen.loads.bytes, 28 * seen.loads.requests);
        let asked = asked.lock().unwrap();
        let first = asked.iter().take(14).collect::<Vec<_>>();
        let place = |path: &str| first.iter().position(|(_, asked)| asked == path).unwrap();
        assert_eq!(place("/page"), 0);
        assert!(place("/last") > place("/part-11"), "{first:?}");
        assert!(first.iter().all(|(connection, _)| *connection < CONNECTIONS), "{first:?}");
        assert!(first.iter().any(|(connection, _)| *connection > 0), "{first:?}");
    }
}
