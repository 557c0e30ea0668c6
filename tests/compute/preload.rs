//! Port 3000 becomes the instance's address, however it is asked for; everything else stays.

use edgeplane::compute::Transport;
use edgeplane_config::Address;

use super::app::{App, get, ready, within};

const LISTENS: &str = "const server = require('node:http').createServer((request, response) => response.end('here'));";

#[tokio::test]
async fn every_form_of_listen_is_understood() {
    let forms = [
        "server.listen(3000)",
        "server.listen('3000')",
        "server.listen(3e3, '0.0.0.0')",
        "server.listen(3000, '::', 511)",
        "server.listen(3000, 511, () => {})",
        "server.listen(3000, undefined, undefined, () => {})",
        "server.listen({ port: 3000 })",
        "server.listen({ port: '3000', host: '::', ipv6Only: true, backlog: 10 }, () => {})",
        "server.listen(process.env.PORT, process.env.HOST)",
        "server.listen({ port: 3000, path: undefined, exclusive: true })",
        "server.listen({ port: 3000, signal: new AbortController().signal })",
    ];
    for form in forms {
        let app = App::new("server.js", &format!("{LISTENS}\n{form}"));
        let fleet = app.start().await;
        assert_eq!(get(&fleet, "/").await.as_deref(), Some("here"), "{form}");
        fleet.stop().await;
    }
}

#[tokio::test]
async fn the_callback_is_called_and_the_address_is_the_real_one() {
    let script = format!(
        "{LISTENS}\nserver.listen(3000, () => require('node:fs').writeFileSync('address', JSON.stringify(server.address())))"
    );
    let app = App::new("server.js", &script);
    let fleet = app.start().await;
    let Some(Address::Tcp(address)) = fleet.pick(&[]).map(|pick| pick.address.clone()) else { panic!("TCP expected") };
    let told = std::fs::read_to_string(app.folder().dir.join("address")).unwrap();
    assert!(told.contains(&format!("\"port\":{}", address.port())) && told.contains("127.0.0.1"), "{told}");
}

#[tokio::test]
async fn other_ports_and_paths_stay() {
    let script = format!(
        "{LISTENS}
        const net = require('node:net');
        const seen = [];
        const done = () => seen.length === 3 && server.listen(3000);
        const note = (what) => () => {{ seen.push(what); require('node:fs').writeFileSync('seen', seen.sort().join(' ')); done(); }};
        const any = net.createServer().listen(0, '127.0.0.1', () => note(any.address().port === 0 ? 'bad' : 'any')());
        const path = net.createServer().listen('own.sock', note('path'));
        const both = net.createServer().listen({{ path: 'other.sock' }}, note('option'));"
    );
    let app = App::new("server.js", &script);
    let fleet = app.start().await;
    assert_eq!(std::fs::read_to_string(app.folder().dir.join("seen")).unwrap(), "any option path");
    assert_eq!(get(&fleet, "/").await.as_deref(), Some("here"));
}

#[tokio::test]
async fn a_port_of_the_apps_own_choice_is_moved_too() {
    let app = App::new("server.js", &format!("{LISTENS}\nserver.listen(process.env.PORT)"));
    let mut plan = app.plan(1);
    plan.environment.insert("PORT".into(), "4123".into());
    let fleet = edgeplane::compute::Fleet::start(plan).await.unwrap();
    assert_eq!(get(&fleet, "/").await.as_deref(), Some("here"));
}

#[tokio::test]
async fn an_es_module_that_awaits_is_moved_too() {
    let script = "import { createServer } from 'node:http';
        await new Promise((resolve) => setTimeout(resolve, 20));
        createServer((request, response) => response.end(import.meta.url)).listen(3000, '0.0.0.0');";
    let app = App::new("entry.mjs", script);
    let fleet = app.start().await;
    assert!(get(&fleet, "/").await.unwrap().ends_with("/compute/default/entry.mjs"));
}

#[tokio::test]
async fn a_server_may_close_and_listen_again() {
    let script = format!("{LISTENS}\nserver.listen(3000, () => server.close(() => server.listen(3000)))");
    let app = App::new("server.js", &script);
    let fleet = app.start().await;
    assert_eq!(get(&fleet, "/").await.as_deref(), Some("here"));
}

#[tokio::test]
async fn cluster_workers_and_forked_servers_and_threads_are_moved_too() {
    let cluster = format!(
        "const cluster = require('node:cluster');\nif (cluster.isPrimary) {{ cluster.fork(); cluster.fork(); }} else {{ {LISTENS} server.listen(3000); }}"
    );
    let forked = format!(
        "if (process.argv[2]) {{ {LISTENS} server.listen(3000); }} else require('node:child_process').fork(__filename, ['child']);"
    );
    let thread = format!(
        "const {{ isMainThread, Worker }} = require('node:worker_threads');\nif (isMainThread) new Worker(__filename); else {{ {LISTENS} server.listen(3000); }}"
    );
    for script in [cluster, forked, thread] {
        let app = App::new("server.js", &script);
        let fleet = app.start().await;
        assert_eq!(get(&fleet, "/").await.as_deref(), Some("here"), "{script}");
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_connects_to_its_own_port_reaches_itself() {
    let script = "
        const [http, net] = [require('node:http'), require('node:net')];
        const by = {
            fetch: (done) => fetch('http://localhost:3000/own').then((answer) => answer.text()).then(done),
            http: (done) => http.get('http://127.0.0.1:3000/own', (answer) => answer.on('data', (data) => done(`${data}`))),
            port: (done) => net.connect(3000, () => done('connected')),
            host: (done) => new net.Socket().connect(3000, 'localhost', () => done('connected')),
            options: (done) => new net.Socket().connect({ port: 3000, host: '::1' }, () => done('connected')),
            // Nobody listens on port 1: it must be asked for, and refuse.
            other: (done) => net.connect(1, '127.0.0.1').on('error', (error) => done(error.code)),
        };
        http.createServer((request, response) => {
            const way = by[request.url.slice(1)];
            way ? way((text) => response.end(text)) : response.end('itself');
        }).listen(3000);
    ";
    for transport in [Transport::Loopback, Transport::Unix] {
        let app = App::new("server.js", script);
        let mut plan = app.plan(1);
        plan.transport = transport;
        let fleet = edgeplane::compute::Fleet::start(plan).await.unwrap();
        for (way, expected) in [
            ("/fetch", "itself"),
            ("/http", "itself"),
            ("/port", "connected"),
            ("/host", "connected"),
            ("/options", "connected"),
            ("/other", "ECONNREFUSED"),
        ] {
            let answer = within(way, get(&fleet, way)).await;
            assert_eq!(answer.as_deref(), Some(expected), "{transport:?} {way}");
        }
        fleet.stop().await;
    }
}

#[tokio::test]
async fn other_programs_of_the_app_do_not_load_it() {
    let script = format!(
        "{LISTENS}
        const {{ execFileSync }} = require('node:child_process');
        const ask = 'process.stdout.write(String(require(\"node:net\").Server.prototype.listen).slice(0, 30))';
        const theirs = execFileSync(process.execPath, ['-e', ask]).toString();
        const ours = String(require('node:net').Server.prototype.listen).slice(0, 30);
        require('node:fs').writeFileSync('differ', String(theirs !== ours));
        server.listen(3000)"
    );
    let app = App::new("server.js", &script);
    let _fleet = app.start().await;
    assert_eq!(std::fs::read_to_string(app.folder().dir.join("differ")).unwrap(), "true");
}

#[tokio::test]
async fn over_unix_sockets_it_is_the_same() {
    let app = App::new("server.js", &format!("{LISTENS}\nserver.listen(3000, '0.0.0.0')"));
    let mut plan = app.plan(2);
    plan.transport = Transport::Unix;
    let fleet = edgeplane::compute::Fleet::start(plan).await.unwrap();
    ready(&fleet, 2).await;
    for _ in 0..2 {
        assert_eq!(get(&fleet, "/").await.as_deref(), Some("here"));
    }
    let first = fleet.pick(&[]).unwrap().address.clone();
    assert!(matches!(&first, Address::Unix(path) if path.starts_with(app.root())), "{first:?}");
}
