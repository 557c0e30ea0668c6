//! Rules that pass requests on to another site, over TLS.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::{bundle, rule};
use crate::support::{
    client::Request,
    scratch,
    server::{Launch, Server},
};

/// An HTTPS server of the test's own, with a certificate for `localhost` that an authority of its own has signed.
struct Site {
    node: Child,
    port: u16,
    authority: PathBuf,
}

const NODE: &str = r"
const https = require('node:https'), fs = require('node:fs')
const folder = process.argv[1]
const tls = { key: fs.readFileSync(folder + '/key.pem'), cert: fs.readFileSync(folder + '/cert.pem') }
const server = https.createServer(tls, (request, response) => {
  if (request.url === '/drip') {
    response.write('one')
    return request.on('end', () => setTimeout(() => response.end('two'), 100)).resume()
  }
  const pieces = []
  request.on('data', (piece) => pieces.push(piece))
  request.on('end', () => {
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.statusCode = request.url === '/gone' ? 404 : 200
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString() }))
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
";

impl Site {
    fn start() -> Self {
        let folder = scratch::folder("site");
        certify(&folder);
        let mut node = Command::new("node")
            .args(["-e", NODE])
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is in PATH");
        let mut line = String::new();
        BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { node, port: line.trim().parse().unwrap(), authority: folder.join("authority.pem") }
    }

    /// Serves rules that lead to this site as `host`.
    fn serve(&self, host: &str, authority: Option<&Path>) -> Server {
        let site = |path: &str| format!("https://{host}:{}{path}", self.port);
        let rules = json!([
            rule("/there/<*>", &site("/below/<*>"), "200"),
            rule("/drip", &site("/drip"), "200"),
            rule("/gone", &site("/gone"), "200"),
            rule("https://whole.example", &site(""), "200"),
            rule("/lost/<*>", &site("/found/<*>"), "404-200"),
        ]);
        let launch = Launch::new(&bundle(&rules)).setting("rewrite.connect-timeout", "5s");
        match authority {
            Some(authority) => launch.env("SSL_CERT_FILE", authority).start(),
            None => launch.start(),
        }
    }

    fn trusted(&self) -> Server {
        self.serve("localhost", Some(&self.authority))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _gone = self.node.kill();
        let _status = self.node.wait();
    }
}

/// Makes an authority and a certificate of its for `localhost`.
fn certify(folder: &Path) {
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
    let authority =
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority.pem";
    let request = "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out request.pem";
    let certificate = "x509 -req -in request.pem -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 \
                       -extfile names -out cert.pem";
    for arguments in [authority, request, certificate] {
        let made = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
        let made = made.expect("openssl is in PATH; tests/prerequisites.sh installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

#[test]
fn a_request_is_passed_on_as_it_came() {
    let site = Site::start();
    let server = site.trusted();
    let reply = Request::post("/there/a%20b?c=d", "hello")
        .field("Host", "app.example")
        .field("Cookie", "x=y")
        .field("X-Forwarded-For", "6.6.6.6")
        .send(server.address())
        .expect(200);
    assert_eq!(reply.values("set-cookie"), ["a=1", "b=2"]);
    let told: Value = reply.json();
    assert_eq!(
        (&told["method"], &told["url"], &told["body"]),
        (&json!("POST"), &json!("/below/a%20b?c=d"), &json!("hello"))
    );
    let headers = &told["headers"];
    assert_eq!(headers["host"], format!("localhost:{}", site.port));
    assert_eq!(
        (&headers["x-forwarded-host"], &headers["x-forwarded-for"]),
        (&json!("app.example"), &json!("127.0.0.1"))
    );
    assert_eq!((&headers["cdn-loop"], &headers["cookie"]), (&json!("edgeplane"), &json!("x=y")));

    let whole = Request::get("/any/path?q").field("Host", "whole.example").send(server.address()).expect(200).json();
    assert_eq!(whole["url"], "/any/path?q");
    let chunked = Request::post("/there/x", "in pieces").chunked().send(server.address()).expect(200).json();
    assert_eq!(chunked["body"], "in pieces");
    assert_eq!(server.get("/drip").expect(200).text(), "onetwo");
    // The site's own page for what is not there.
    assert_eq!(server.get("/gone").expect(404).json()["url"], "/gone");
    assert_eq!(server.get("/lost/x").expect(200).json()["url"], "/found/x");
    assert!(Request::new("HEAD", "/there/x").send(server.address()).expect(200).body.is_empty());
}

#[test]
fn a_site_that_cannot_prove_its_name_is_not_asked() {
    let site = Site::start();
    let unknown = site.serve("localhost", None);
    unknown.get("/there/x").expect(502);
    let misnamed = site.serve("127.0.0.1", Some(&site.authority));
    misnamed.get("/there/x").expect(502);
    // The app itself goes on.
    assert_eq!(unknown.get("/files/new.txt").expect(200).text(), "new");
}

#[test]
fn a_site_that_is_not_there_is_a_502_and_a_circle_a_508() {
    let site = Site::start();
    let server = site.trusted();
    let looped = |hops: &str| Request::get("/there/x").field("CDN-Loop", hops).send(server.address());
    assert_eq!(
        looped("edgeplane, other, edgeplane").expect(200).json()["headers"]["cdn-loop"],
        "edgeplane, other, edgeplane, edgeplane"
    );
    looped("edgeplane, edgeplane, edgeplane, edgeplane").expect(508);
    drop(site);
    server.get("/there/x").expect(502);
}
