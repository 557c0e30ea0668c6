//! What the program tells about itself: metrics, health, readiness and the access log.

use serde_json::Value;

use crate::support::{
    bundle::Draft,
    client::Request,
    server::{Launch, Server},
    wait,
};

fn serve(log: &str) -> Server {
    Launch::new(&Draft::usual().file("hello.txt", "hello\n").write()).setting("log", log).start()
}

/// The value of the one series whose line starts with `series`.
fn value(server: &Server, series: &str) -> f64 {
    let text = server.admin("/metrics").expect(200).text();
    let line = text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("no {series} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn requests_are_counted_by_target_and_status_class() {
    let server = serve("off");
    for _ in 0..3 {
        server.get("/hello.txt").expect(200);
    }
    server.get("/page").expect(200);
    server.get("/status/500").expect(500);
    let count = |target: &str, status: &str| {
        value(&server, &format!("edgeplane_requests_total{{status=\"{status}\",target=\"{target}\"}}"))
    };
    wait::until("the counts", || count("static", "2xx") >= 3.0 && count("compute", "5xx") >= 1.0);
    assert!((count("static", "2xx") - 3.0).abs() < 0.5);
    assert!(count("compute", "2xx") >= 1.0);
    assert!(value(&server, "edgeplane_response_bytes_total{target=\"static\"}") > 18.0);
    assert!(value(&server, "edgeplane_request_seconds_count{target=\"static\"}") >= 3.0);
    assert!((value(&server, "edgeplane_instance_ready") - 1.0).abs() < 0.5);
}

#[test]
fn metrics_are_well_formed_and_their_labels_come_from_closed_sets() {
    let server = serve("off");
    for path in ["/a", "/b?x=1", "/made/secret-name.json"] {
        server.get(path);
    }
    let reply = server.admin("/metrics").expect(200).holding("content-type", "text/plain; version=0.0.4");
    let text = reply.text();
    assert!(!text.contains("secret-name"), "a path became a label");
    for line in text.lines() {
        let good = line.starts_with("# HELP edgeplane_")
            || line.starts_with("# TYPE edgeplane_")
            || (line.starts_with("edgeplane_")
                && line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok()));
        assert!(good, "{line}");
    }
}

#[test]
fn the_admin_address_only_reads() {
    let server = serve("off");
    server.admin("/healthz").expect(200).with("cache-control", "no-store");
    let ready = server.admin("/readyz").expect(200);
    assert!(ready.text().contains("ready"), "{}", ready.summary());
    server.admin("/").expect(404);
    server.admin("/../etc/passwd").expect_one_of(&[400, 404]).hiding("root:");
    // None of it is on the address of the app.
    server.get("/metrics").expect(404).hiding("edgeplane_requests_total");
}

#[test]
fn each_request_is_one_line_of_json_that_a_client_cannot_forge() {
    let server = serve("json");
    let reply =
        server.send(&Request::get("/hello.txt?a=1").field("User-Agent", "x\"y\\z").field("Referer", "http://r/"));
    let id = reply.expect(200).field("x-request-id").unwrap().to_owned();
    let line =
        wait::within(wait::PATIENCE, "the line", || server.access_log().into_iter().find(|line| line.contains(&id)));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["method"], &line["path"], &line["query"]), (&"GET".into(), &"/hello.txt".into(), &"a=1".into()));
    assert_eq!(
        (&line["status"], &line["target"], &line["client"]),
        (&200.into(), &"Static".into(), &"127.0.0.1".into())
    );
    assert_eq!(line["user_agent"], "x\"y\\z");
    assert_eq!(line["referer"], "http://r/");
    assert!(line["bytes"].as_u64() > Some(6) && line["duration_ms"].is_number(), "{line}");
}

#[test]
fn each_request_is_one_line_of_text() {
    let server = serve("text");
    let fine = server.get("/page?q").expect(200).field("x-request-id").unwrap().to_owned();
    let refused = server.raw("GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").expect(400);
    let refused = refused.field("x-request-id").unwrap().to_owned();
    let line = |id: &str| {
        wait::within(wait::PATIENCE, "the line", || server.access_log().into_iter().find(|line| line.contains(id)))
    };
    let line_of_fine = line(&fine);
    assert!(line_of_fine.contains("\"GET /page?q\" 200 ") && line_of_fine.contains("Compute"), "{line_of_fine}");
    assert!(line(&refused).contains(" 400 "), "{}", line(&refused));
}

#[test]
fn turned_off_it_says_nothing_on_stdout() {
    let server = serve("off");
    server.get("/hello.txt").expect(200);
    server.get("/page").expect(200);
    assert_eq!(server.access_log(), [""; 0]);
}

#[test]
fn what_is_called_a_total_is_a_counter() {
    let metrics = serve("off").admin("/metrics").text();
    let types: Vec<(&str, &str)> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() >= 8, "{metrics}");
    for (name, kind) in types {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
    }
}
