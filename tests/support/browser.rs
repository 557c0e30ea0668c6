//! Headless Chromium, driven through its DevTools protocol: no driver program, no packages.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{client::Request, scratch, wait, websocket::WebSocket};

/// Names under which distributions install it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    address: SocketAddr,
}

/// One tab.
#[derive(Debug)]
pub(crate) struct Page {
    socket: WebSocket,
    count: u64,
}

impl Browser {
    /// Starts a browser with an empty profile.
    ///
    /// # Panics
    /// When none is installed.
    pub(crate) fn start() -> Self {
        let name = NAMES
            .iter()
            .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
            .unwrap_or_else(|| panic!("these tests need a browser in PATH, one of {NAMES:?} (Debian: chromium)"));
        let mut profile = std::ffi::OsString::from("--user-data-dir=");
        profile.push(scratch::folder("browser"));
        let mut child = Command::new(name)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--remote-debugging-port=0", "about:blank"])
            .arg(profile)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        scratch::watch(child.id());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| line.split("ws://").nth(1)?.split('/').next()?.parse().ok())
            .expect("the browser names its debugging address");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Opens `url` in a new tab and waits until it has loaded.
    pub(crate) fn open(&self, url: &str) -> Page {
        let reply = Request::new("PUT", "/json/new?about:blank").send(self.address).expect(200);
        let socket = reply.json()["webSocketDebuggerUrl"].as_str().unwrap().to_owned();
        let path = socket.splitn(4, '/').nth(3).unwrap().to_owned();
        let mut page = Page { socket: WebSocket::open(self.address, &format!("/{path}")).unwrap(), count: 0 };
        page.call("Page.navigate", json!({"url": url}));
        page.until(&format!("location.href.startsWith({}) && document.readyState === 'complete'", json!(url)));
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
        scratch::ended(self.child.id());
    }
}

impl Page {
    /// The value of an expression; promises are awaited.
    ///
    /// # Panics
    /// When it throws.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result:#}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        wait::within(Duration::from_secs(30), expression, || (self.evaluate(expression) == true).then_some(()));
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.count += 1;
        let id = self.count;
        let mut message = json!({"id": id, "method": method});
        message["params"] = parameters;
        self.socket.send(&message.to_string());
        loop {
            let text = self.socket.receive();
            assert!(!text.is_empty(), "the browser went away during {method}");
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == id {
                return message["result"].take();
            }
        }
    }
}
