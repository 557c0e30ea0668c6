//! `explain` tells what serving does, and which rule it is that speaks.

use std::fs;

use serde_json::Value;

use super::{HASH, basic, bundle};
use crate::support::{client::Request, scratch, server::Launch};

const SETTINGS: &str = "trusted-proxies = [\"127.0.0.0/8\"]\n\
    [access]\ndeny = [\"203.0.113.0/24\"]\nwithout-password = [\"198.51.100.0/24\"]\nrate = \"100/s\"\n\
    users = [\"alice:HASH\"]\n\
    [[access-hosts]]\nhost = \"open.test\"\nusers = []\n";

#[test]
fn explain_tells_what_serving_does() {
    let (bundle, file) = (bundle(), scratch::folder("settings").join("edgeplane.toml"));
    fs::write(&file, SETTINGS.replace("HASH", HASH)).unwrap();
    let server = Launch::new(&bundle).arg("--config").arg(&file).start();
    let (right, wrong) = (basic("alice", "swordfish"), basic("alice", "wrong"));
    for (host, client, authorization, status) in [
        ("h", "203.0.113.9", None, Some(403)),
        ("open.test", "203.0.113.9", None, Some(403)),
        ("open.test", "192.0.2.1", None, None),
        ("h", "198.51.100.1", None, None),
        ("h", "192.0.2.1", Some(&right), None),
        ("h", "192.0.2.1", Some(&wrong), Some(401)),
    ] {
        let mut request = Request::get("/assets/app.js").field("Host", host).field("X-Forwarded-For", client);
        let url = format!("http://{host}/assets/app.js");
        let mut explain = Launch::bare("explain").args(&["GET", &url, "--format", "json", "--client", client]);
        if let Some(authorization) = authorization {
            request = request.field("Authorization", authorization);
            explain = explain.arg("-H").arg(format!("authorization: {authorization}"));
        }
        let told = explain.arg("--bundle").arg(&bundle).arg("--config").arg(&file).finish().expect(0).stdout;
        assert!(!told.contains("$2y") && !told.contains("swordfish"), "{told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        server.send(&request).expect(status.unwrap_or(200));
        assert_eq!(told["access"]["status"], Value::from(status), "{told:#}");
        assert_eq!(told["access"]["client"], client, "{told:#}");
        assert_eq!(told["steps"].as_array().unwrap().is_empty(), status.is_some(), "{told:#}");
    }
}

#[test]
fn explain_is_there_for_people() {
    let (bundle, file) = (bundle(), scratch::folder("settings").join("edgeplane.toml"));
    fs::write(&file, SETTINGS.replace("HASH", HASH)).unwrap();
    let explain = |client: &str, url: &str| {
        let explain = Launch::bare("explain").args(&["GET", url, "--client", client]).arg("--bundle").arg(&bundle);
        explain.arg("--config").arg(&file).finish().expect(0).stdout
    };
    let told = explain("203.0.113.9", "/secret-old");
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        [
            "GET /secret-old",
            "access      203.0.113.9 ([access])",
            "            203.0.113.9 is denied by 203.0.113.0/24",
            "            100/s of one address, 100 at once: 429 above, which is not counted here",
            "answers     403 Forbidden: this address may not ask here",
        ]
    );
    let told = explain("192.0.2.1", "/secret-old");
    assert!(told.contains("401 without a name and a password (\"Restricted\"); with them:"), "{told}");
    assert!(told.contains("answers     301 /secret-new"), "{told}");
    let told = explain("192.0.2.1", "http://open.test/");
    assert!(told.contains("access      192.0.2.1 (") && told.contains("edgeplane.toml:7:1)"), "{told}");
}
