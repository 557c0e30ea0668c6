//! `[access]` from text to meaning: inheritance, places, and what is kept silent.

use std::{fs, path::Path};

use crate::{AccessSettings, HostPattern, Loaded, SettingProblems, Settings, Sources};

/// Of the password `swordfish`.
const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuivHRne1b8fIlcxc8Qcz3debdq6Vefzy";

fn load_in(folder: &Path, text: &str) -> Result<Loaded, SettingProblems> {
    fs::write(folder.join("edgeplane.toml"), text).unwrap();
    Settings::load(&Sources { folder: folder.to_owned(), ..Sources::default() })
}

fn load(text: &str) -> Result<Loaded, SettingProblems> {
    load_in(tempfile::tempdir().unwrap().path(), text)
}

fn access(text: &str) -> AccessSettings {
    load(text).unwrap().settings.access
}

/// What is told of a wrong file, without the folder it lies in.
fn complaints(text: &str) -> Vec<String> {
    let told = load(text).unwrap_err();
    let short = |told: &str| told.split("edgeplane.toml:").last().unwrap_or_default().to_owned();
    told.0.iter().map(|problem| short(&problem.to_string())).collect()
}

#[test]
fn nobody_is_turned_away_by_default() {
    let access = access("");
    assert!(access.everywhere.is_open() && access.hosts.is_empty());
    assert_eq!(access.failures.to_string(), "10/m");
}

#[test]
fn a_host_is_as_everywhere_but_for_what_it_names() {
    let text = format!(
        "[access]\nallow = [\"10.0.0.0/8\"]\nusers = [\"alice:{HASH}\"]\nrate = \"10/s\"\nburst = 5\n\
         [[access-hosts]]\nhost = \"WWW.example.org\"\nusers = []\nallow = []\n\
         [[access-hosts]]\nhost = \"*.example.org\"\nrate = \"1/h\"\nrealm = \"Staging\"\n\
         [[access-hosts]]\nhost = \"[2001:DB8::1]\"\ndeny = [\"192.0.2.1\", \"2001:db8::/32\"]\n"
    );
    let loaded = load(&text).unwrap();
    let [warning] = &loaded.warnings[..] else { panic!("{:?}", loaded.warnings) };
    assert!(warning.to_string().contains("`[2001:db8::1]` passes by its `deny`"), "{warning}");
    let access = loaded.settings.access;
    assert_eq!((access.everywhere.users.len(), access.everywhere.burst), (1, 5));
    let [www, below, address] = &access.hosts[..] else { panic!("{:?}", access.hosts) };
    assert_eq!(www.host, HostPattern::Exactly("www.example.org".to_owned()));
    assert!(www.policy.users.is_empty() && www.policy.allow.is_empty() && !www.counts_apart);
    assert_eq!(www.policy.rate, access.everywhere.rate);
    assert_eq!(below.host, HostPattern::Below("example.org".to_owned()));
    assert_eq!((below.policy.users.len(), below.policy.rate.unwrap().to_string()), (1, "1/h".to_owned()));
    assert!(below.counts_apart && below.policy.realm == "Staging" && below.place.ends_with("edgeplane.toml:10:1"));
    assert_eq!((address.host.to_string(), address.policy.deny.len()), ("[2001:db8::1]".to_owned(), 2));
}

#[test]
fn users_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users"), format!("# staging\n\nalice:{HASH}\nbob:{HASH}\n")).unwrap();
    let text = "[access]\nusers-file = \"users\"\n[[access-hosts]]\nhost = \"open.test\"\nusers = []\n";
    let access = load_in(folder.path(), text).unwrap().settings.access;
    assert_eq!(access.everywhere.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(access.hosts[0].policy.users.is_empty(), "a host that names its users has no others");
    fs::write(folder.path().join("users"), format!("alice:{HASH}\nbob:swordfish\n")).unwrap();
    let told = load_in(folder.path(), text).unwrap_err().to_string();
    assert!(told.contains("users:2:1: `access.users-file`: what stands after `bob:`"), "{told}");
    assert!(!told.contains("swordfish"), "{told}");
    assert!(load("[access]\nusers-file = \"nowhere\"").unwrap_err().to_string().contains("cannot read"));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_without_a_password() {
    for (text, said) in [
        ("[access]\nusers = [\"swordfish\"]", "2:9: `access.users`: there is no colon"),
        ("[access]\nusers = [\"alice:swordfish\"]", "2:9: `access.users`: what stands after `alice:`"),
        ("[access]\nallow = [\"10.0.0.0/99\"]", "2:9: `access.allow`: `10.0.0.0/99` is no network"),
        ("[access]\nrate = \"fast\"", "2:8: `access.rate`: \"fast\" is not a valid value"),
        ("[access]\nrate = \"0/s\"", "2:8: `access.rate`: \"0/s\" is not a valid value"),
        ("[access]\nfailures = \"\"", "2:12: `access.failures`: \"\" is not a valid value"),
        ("[access]\nfailures = \"1/s\"", "2:12: `access.failures`: \"1/s\" is not a valid value"),
        ("[access]\nrealm = \"a\\\"b\"", "2:9: `access.realm`"),
        ("[[access-hosts]]\nallow = []", "1:1: `access-hosts`: the table has no `host`"),
        ("[[access-hosts]]\nhost = \"http://a\"", "2:8: `access-hosts`: `http://a` is no host"),
        ("[[access-hosts]]\nhost = \"a:80\"", "2:8: `access-hosts`: `a:80` is no host"),
        ("[[access-hosts]]\nhost = \"a\"\nuser = []", "3:8: `access-hosts`: a table of this list has no `user`"),
        ("[[access-hosts]]\nhost = \"a\"\nallow = [\"x\"]", "3:9: `access.allow`: `x` is no network"),
        ("[[access-hosts]]\nhost = \"a\"\n[[access-hosts]]\nhost = \"A\"", "3:1: `access-hosts`: `a` has two tables"),
        ("access-hosts = [1]", "1:17: `access-hosts`: the table has no `host`"),
    ] {
        let told = complaints(text);
        assert_eq!(told.len(), 1, "{text}: {told:?}");
        assert!(told[0].starts_with(said) && !told[0].contains("swordfish"), "{text}: {told:?}");
    }
}

#[test]
fn a_host_that_can_be_passed_by_is_remarked_upon() {
    let host = "[[access-hosts]]\nhost = \"staging.test\"\n";
    let loaded = load(&format!("{host}users = [\"alice:{HASH}\"]")).unwrap();
    let told = loaded.warnings[0].to_string();
    assert!(told.contains("edgeplane.toml:1:1") && told.contains("names another host"), "{told}");
    assert!(!told.contains("abcdefghij"), "{told}");
    assert_eq!(load(&format!("{host}rate = \"1/s\"")).unwrap().warnings, []);
    assert_eq!(load(&format!("[access]\ndeny = [\"::1\"]\n{host}deny = []")).unwrap().warnings, []);
    // Each kind is looked at by itself: another one that holds everywhere says nothing about it.
    let users = format!("users = [\"alice:{HASH}\"]\n");
    for (everywhere, here, told) in [
        ("deny = [\"::1\"]\n", &*users, "`staging.test` is asked for no password"),
        (&*users, "deny = [\"::1\"]\n", "`staging.test` passes by its `deny`"),
        (&*users, "allow = [\"::1\"]\n", "`staging.test` passes by its `allow`"),
        ("allow = [\"::1\"]\n", "users = []\n", ""),
        (&*users, &*users, ""),
    ] {
        let warnings = load(&format!("[access]\n{everywhere}{host}{here}")).unwrap().warnings;
        let said = warnings.iter().map(ToString::to_string).collect::<String>();
        assert_eq!(warnings.len(), usize::from(!told.is_empty()), "{everywhere}{here}: {said}");
        assert!(said.contains(told), "{everywhere}{here}: {said}");
    }
}
