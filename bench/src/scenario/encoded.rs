//! A page of a server behind, compressed on its way.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{Contest, Scenario, proxied::REMARK};
use crate::{
    failure::Failure,
    load::{self, Body, Load, Request},
    outcome::{Metric, Outcome, Target},
    peer::{Coding, Edgeplane, Launch, Nginx, Peer, Role, Running},
    stage::Stage,
    upstream::Upstream,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "encoded", run };

const CONNECTIONS: usize = 8;
const MOST_REQUESTS_TRACED: u64 = 500;
/// What is promised against nginx: no more CPU for the same page in as many bytes.
const MOST: f64 = 1.0;
/// Pages are some 100 KB.
const PAGE_BYTES: usize = 100 * 1024;
/// Our own manual: text as people write it.
const TEXT: [&str; 4] = [
    include_str!("../../../docs/serving.md"),
    include_str!("../../../docs/images.md"),
    include_str!("../../../docs/settings.md"),
    include_str!("../../../docs/observability.md"),
];

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let page = page();
    let upstream = Upstream::with_page(stage, &page)?;
    let page = Bytes::from(page);
    let gzip = one(stage, &upstream, &page, Coding::Gzip, "gzip")?;
    let brotli = one(stage, &upstream, &page, Coding::Brotli, "br")?;
    Ok(vec![gzip, brotli])
}

fn one(stage: &Stage, upstream: &Upstream, page: &Bytes, coding: Coding, token: &str) -> Result<Outcome, Failure> {
    let what = format!(
        "A page of {} bytes of HTML from a small Node server over {CONNECTIONS} keep-alive connections, compressed on its way \
         for `Accept-Encoding: {token}`: Edgeplane by its defaults, nginx at the level that makes it about as small. What every \
         answer decodes to is compared.",
        page.len()
    );
    let mut outcome = Outcome::new(format!("encoded-{token}"), format!("Page compressed on its way, {token}"), what);
    outcome.remarks.push(REMARK.into());
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", MOST));
    let request = Request::get("/page", &[("Accept-Encoding", token)]);
    let request = request.expecting(200, Body::Encoded(coding, page.clone()));
    let role = Role::Encode { upstream: upstream.0.address, coding };
    let mut peers: Vec<&dyn Peer> = vec![&Edgeplane];
    if coding == Coding::Gzip || Nginx::encodes_brotli() {
        peers.push(&Nginx);
    } else {
        outcome.remarks.push("nginx does not compress in brotli here".into());
    }
    for peer in peers.iter().filter(|peer| stage.invites(**peer) && peer.version(&stage.programs).is_some()) {
        let server = Running::start(*peer, &Launch::pinned(role), stage)?;
        let bytes = load::once(server.address, &request)?.body.len();
        outcome.remarks.push(format!("{}: {bytes} bytes", peer.name()));
    }
    let load = Load::of(request, CONNECTIONS);
    Contest::start(stage, role, &peers, &load, &mut outcome)?.traced(MOST_REQUESTS_TRACED).capacity(&mut outcome)?;
    Ok(outcome)
}

/// A page as frameworks render them: text in much markup, and the state that it was rendered from.
fn page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Manual</title></head><body>\n",
    );
    let mut state = Vec::new();
    let lines = TEXT.iter().flat_map(|text| text.lines()).filter(|line| line.len() > 20 && !line.contains("---"));
    for (number, line) in lines.enumerate() {
        let text = line.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        // Writing to a String cannot fail.
        let _ = match line.strip_prefix("| ") {
            Some(_) => {
                let cells =
                    text.trim_matches('|').split(" | ").map(|cell| format!("<td class=\"cell\">{}</td>", cell.trim()));
                writeln!(page, "<tr class=\"row\" data-v-7ba5bd90>{}</tr>", cells.collect::<String>())
            }
            None => writeln!(page, "<p class=\"text\" id=\"line-{number}\" data-v-7ba5bd90>{text}</p>"),
        };
        if number % 4 == 0 {
            state.push(format!(
                "{{\"id\":{number},\"words\":{},\"hash\":\"{:x}\"}}",
                line.split(' ').count(),
                hash(line)
            ));
        }
        if page.len() + state.len() * 64 > PAGE_BYTES {
            break;
        }
    }
    let state = state.join(",");
    page + &format!("<script type=\"application/json\" id=\"state\">[{state}]</script></body></html>\n")
}

/// Something that no coding makes smaller, as every page has some.
fn hash(line: &str) -> u64 {
    line.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_of_its_size() {
        let length = page().len();
        assert!((90_000..115_000).contains(&length), "{length}");
    }
}
