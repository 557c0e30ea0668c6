//! Memory of connections that are kept and say nothing.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{Scenario, company};
use crate::{
    failure::Failure,
    load::{self, Body, Load, Request, Until, count},
    outcome::{Better, Limit, Metric, OURS, Outcome, Subject, Target, Unit},
    pause::pause,
    peer::{Edgeplane, Launch, Nginx, Role, Running},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "idle", run };

const CONNECTIONS: usize = 10_000;
/// As long as they are held before memory is looked at.
const HOLD: Duration = Duration::from_secs(3);
/// A client that gets no answer for so long is one too many.
const PATIENCE: Duration = Duration::from_secs(5);
/// Each round starts the servers anew.
const ROUNDS: usize = 3;
/// Of the generator, for everything that is no client.
const RESERVE: u64 = 200;
/// Ours, for each connection.
const MOST_BYTES: f64 = 8.0 * 1024.0;
/// More than are opened, as nginx has it.
const ENVIRONMENT: [(&str, &str); 1] = [("EDGEPLANE_LIMITS_CONNECTIONS", "16384")];

const EACH: Metric = Metric::less("RSS per connection", Unit::Bytes);
const BEFORE: Metric = Metric::less("RSS without connections", Unit::Bytes);
const HELD: Metric =
    Metric { name: std::borrow::Cow::Borrowed("connections held"), unit: Unit::Count, better: Better::More };

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let site = stage.site()?;
    let wanted = stage.extent.of(CONNECTIONS, 200);
    let what = format!(
        "{wanted} connections, each of which has made one request for a file of 1 KB, held for {} s with one thread.",
        HOLD.as_secs()
    );
    let mut outcome = Outcome::new("idle", "Idle keep-alive connections", what);
    outcome.targets.push(Target::at_most(&EACH, OURS, MOST_BYTES));
    outcome.targets.push(Target {
        what: format!("connections held by {OURS}"),
        subject: Subject::Figure { of: OURS.into() },
        limit: Limit::AtLeast(count(wanted as u64)),
        ..Target::at_most(&HELD, OURS, 0.0)
    });
    let room = descriptors()?;
    let n = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    if n < wanted {
        outcome.remarks.push(format!("The limit of file descriptors leaves the generator {n} connections."));
    }
    let bytes = site.bytes("1k.css")?;
    let request = Request::get("/1k.css", &[]).expecting(200, Body::Exact(bytes.clone()));
    let company = company::present(stage, &[&Edgeplane, &Nginx], &mut outcome);
    for _ in 0..stage.extent.rounds.min(ROUNDS) {
        for peer in &company {
            let launch = Launch { environment: &ENVIRONMENT, ..Launch::pinned(Role::Static(site)) };
            let server = Running::start(*peer, &launch, stage)?;
            one(stage, &server, &request, &bytes, n, &mut outcome)?;
        }
    }
    Ok(vec![outcome])
}

/// One round of one server.
fn one(
    stage: &Stage,
    server: &Running,
    request: &Request,
    body: &[u8],
    n: usize,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    load::closed(server.address, &Load::of(request.clone(), 8), Until::Requests(500))?;
    pause(stage.extent.of(HOLD, Duration::from_millis(100)) / 3);
    let before = server.tree().memory().now;
    let mut clients = Vec::with_capacity(n);
    while clients.len() < n {
        let Some(client) = client(server.address, &request.bytes, body)? else { break };
        clients.push(client);
    }
    pause(stage.extent.of(HOLD, Duration::from_millis(100)));
    let after = server.tree().memory().now;
    let held = clients.iter().filter(|client| is_open(client)).count();
    if clients.len() < n {
        let (name, next, seconds) = (server.name, clients.len() + 1, PATIENCE.as_secs());
        let remark = format!("{name} did not answer on its connection number {next} within {seconds} s.");
        if !outcome.remarks.contains(&remark) {
            outcome.remarks.push(remark);
        }
    }
    outcome.record(server.name, &HELD, count(held as u64));
    outcome.record(server.name, &BEFORE, count(before));
    if held > 0 {
        outcome.record(server.name, &EACH, count(after.saturating_sub(before)) / count(held as u64));
    }
    Ok(())
}

/// A client that has its answer; `None` when the server takes no more.
fn client(server: SocketAddr, request: &[u8], body: &[u8]) -> Result<Option<TcpStream>, Failure> {
    let opened = TcpStream::connect_timeout(&server, PATIENCE);
    let Ok(mut stream) = opened else { return Ok(None) };
    let mut asked = || -> io::Result<bool> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request)?;
        let mut answer = Vec::with_capacity(2 * body.len());
        let mut piece = [0; 4096];
        while !answer.ends_with(body) {
            match stream.read(&mut piece)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => answer.extend_from_slice(piece.get(..n).unwrap_or_default()),
            }
        }
        Ok(answer.starts_with(b"HTTP/1.1 200 "))
    };
    match asked() {
        Ok(true) => Ok(Some(stream)),
        Ok(false) => Err(Failure::void("a client was not answered with 200")),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(Failure::system("ask on a connection that is kept")(error)),
    }
}

/// Nothing has come, and the server has not closed.
fn is_open(client: &TcpStream) -> bool {
    let silent = |error: io::Error| error.kind() == ErrorKind::WouldBlock;
    client.set_nonblocking(true).is_ok() && client.peek(&mut [0]).is_err_and(silent)
}

/// How many connections this process may open, after it has taken as many descriptors as it is allowed to.
fn descriptors() -> Result<u64, Failure> {
    let refused =
        |errno: nix::errno::Errno| Failure::System { act: "raise the limit of descriptors", source: errno.into() };
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(refused)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(refused)?;
    Ok(hard.saturating_sub(RESERVE))
}
