//! The steps in their order, for hosts and clients of all kinds.

use edgeplane_config::{Settings, Sources};

use super::*;

const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuivHRne1b8fIlcxc8Qcz3debdq6Vefzy";

fn access(text: &str) -> Option<Access> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("edgeplane.toml"), text).unwrap();
    let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
    Access::of(&Settings::load(&sources).unwrap().settings.access).unwrap()
}

fn ask(access: &Access, host: &str, client: &str) -> &'static str {
    let head = Head { method: "GET", path: "/", query: None, fields: &[], http11: true, host };
    let (address, named) = match client.strip_prefix("via ") {
        Some(proxy) => (proxy, false),
        None => (client, true),
    };
    match access.enter(&head, Caller { address: address.parse().unwrap(), named }, Instant::now()) {
        Verdict::Welcome { .. } => "in",
        Verdict::Refused(Refusal::Address) => "403",
        Verdict::Refused(Refusal::Rate { .. }) => "429",
        Verdict::Refused(Refusal::Password { .. }) => "401",
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_configures_nothing_has_none() {
    assert!(access("").is_none());
    assert!(access("[access]\nrealm = \"x\"\nwithout-password = [\"::/0\"]\n").is_none());
    assert!(access("[[access-hosts]]\nhost = \"a\"\ndeny = [\"::1\"]\n").is_some());
}

#[test]
fn addresses_come_before_rates_and_rates_before_passwords() {
    let text = format!(
        "[access]\nallow = [\"10.0.0.0/8\", \"2001:db8::/32\"]\ndeny = [\"10.6.0.0/16\"]\nrate = \"1/h\"\nburst = 2\n\
         users = [\"alice:{HASH}\"]\nwithout-password = [\"10.7.0.0/16\"]\n\
         [[access-hosts]]\nhost = \"open.test\"\nallow = []\nusers = []\n\
         [[access-hosts]]\nhost = \"apart.test\"\nburst = 1\nusers = []\n"
    );
    let access = access(&text).unwrap();
    for (host, client, told) in [
        ("h", "192.0.2.1", "403"),
        ("h", "10.6.0.1", "403"),
        ("h", "10.1.0.1", "401"),
        ("h", "10.1.0.1", "401"),
        ("h", "10.1.0.1", "429"),
        ("h", "10.7.0.1", "in"),
        ("h", "2001:db8::1", "401"),
        ("h", "2001:db8::2", "401"),
        ("h", "2001:db8::3", "429"),
        ("open.test", "10.6.0.1", "403"),
        ("open.test", "192.0.2.1", "in"),
        // What is counted everywhere is counted here, and what is turned away before is not.
        ("open.test", "10.7.0.1", "in"),
        ("open.test", "10.7.0.1", "429"),
        ("open.test", "192.0.2.1", "in"),
        ("open.test", "192.0.2.1", "429"),
        ("apart.test", "10.1.0.1", "in"),
        ("apart.test", "10.1.0.1", "429"),
        ("apart.test", "192.0.2.1", "403"),
    ] {
        assert_eq!(ask(&access, host, client), told, "{client} at {host}");
    }
    assert_eq!(access.events().refusals(), [4, 5, 4, 0, 0]);
}

#[test]
fn nobody_is_let_in_for_the_address_of_a_proxy_that_names_nobody() {
    let access = access(&format!(
        "[access]\nallow = [\"10.0.0.0/8\"]\n\
         [[access-hosts]]\nhost = \"users.test\"\nallow = []\nusers = [\"alice:{HASH}\"]\nwithout-password = [\"10.0.0.0/8\"]\n\
         [[access-hosts]]\nhost = \"deny.test\"\nallow = []\ndeny = [\"10.0.0.1\"]\n\
         [[access-hosts]]\nhost = \"rate.test\"\nallow = []\nrate = \"1/h\"\nburst = 1\n"
    ))
    .unwrap();
    for (host, client, told) in [
        ("h", "10.0.0.1", "in"),
        ("h", "via 10.0.0.1", "403"),
        ("users.test", "10.0.0.1", "in"),
        ("users.test", "via 10.0.0.1", "401"),
        ("deny.test", "via 10.0.0.1", "403"),
        ("deny.test", "via 10.0.0.2", "in"),
        ("rate.test", "via 10.0.0.2", "in"),
        ("rate.test", "via 10.0.0.2", "429"),
    ] {
        assert_eq!(ask(&access, host, client), told, "{client} at {host}");
    }
}

#[test]
fn an_authorization_that_needs_not_be_asked_for_is_ours_all_the_same() {
    let access = access(&format!("[access]\nusers = [\"alice:{HASH}\"]\nwithout-password = [\"::1\"]\n")).unwrap();
    for (value, expected) in [("Basic YTpi", true), ("Bearer YTpi", false)] {
        let fields = [httparse::Header { name: "Authorization", value: value.as_bytes() }];
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        let verdict = access.enter(&head, Caller { address: "::1".parse().unwrap(), named: true }, Instant::now());
        assert!(matches!(verdict, Verdict::Welcome { ours } if ours == expected), "{value}: {verdict:?}");
    }
}

#[test]
fn a_preview_names_what_speaks_and_no_secret() {
    let text = format!(
        "[access]\ndeny = [\"10.0.0.0/8\"]\nrate = \"5/s\"\nusers = [\"alice:{HASH}\"]\nwithout-password = [\"127.0.0.0/8\"]\n"
    );
    let access = access(&text).unwrap();
    let preview = |client: &str, authorization: Option<&str>| {
        let fields = authorization.map(|value| httparse::Header { name: "Authorization", value: value.as_bytes() });
        let fields: Vec<_> = fields.into_iter().collect();
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        access.preview(&head, Caller { address: client.parse().unwrap(), named: true })
    };
    for (client, authorization, says, refused) in [
        ("10.1.2.3", None, "10.1.2.3 is denied by 10.0.0.0/8", true),
        ("127.0.0.1", None, "no password is asked for from 127.0.0.0/8", false),
        ("192.0.2.1", None, "401 without a name and a password (\"Restricted\"); with them:", false),
        ("192.0.2.2", Some("Basic YWxpY2U6c3dvcmRmaXNo"), "name and password are right", false),
        ("192.0.2.3", Some("Basic YWxpY2U6c3dvcmRmaXNi"), "name or password is wrong", true),
        ("192.0.2.4", Some("Bearer x"), "5/s of one address, 100 at once", true),
    ] {
        let preview = preview(client, authorization);
        let told = format!("{preview:?}");
        assert!(preview.says.iter().any(|said| said.starts_with(says)), "{client}: {told}");
        assert_eq!(preview.refusal.is_some(), refused, "{client}: {told}");
        assert!(!told.contains("$2y") && !told.contains("swordfish"), "{told}");
    }
}
