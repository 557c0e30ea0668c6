//! Passwords: who comes in, what guessing costs, and that nobody can tell a name from a password.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use edgeplane_config::{Settings, Sources};

use super::*;

/// Of `swordfish`, made by another implementation.
const CHEAP: &str = "$2y$10$abcdefghijklmnopqrstuuivHRne1b8fIlcxc8Qcz3debdq6Vefzy";
/// Of `open sesame`, and twice as dear.
const DEAR: &str = "$2y$11$abcdefghijklmnopqrstuu74xmB/NJkGNKfoNHO3z5FV3/sM3pMe.";

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

struct Door {
    keys: Arc<Keys>,
    list: usize,
    events: Arc<AccessEvents>,
}

fn door(more: &str) -> Door {
    door_of(&format!("\"alice:{CHEAP}\", \"bob:{DEAR}\""), more)
}

fn door_of(users: &str, more: &str) -> Door {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[access]\nusers = [{users}]\n{more}");
    std::fs::write(folder.path().join("edgeplane.toml"), text).unwrap();
    let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
    let settings = Settings::load(&sources).unwrap().settings.access;
    let mut keys = Keys::new(&settings, 2).unwrap();
    let list = keys.list(&settings.everywhere);
    assert_eq!(keys.list(&settings.everywhere), list, "the same users are one list");
    Door { keys: Arc::new(keys), list, events: Arc::default() }
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

impl Door {
    /// What is decided at once.
    fn knock(&self, authorization: &str, client: IpAddr, now: Instant) -> Verdict {
        let fields = [httparse::Header { name: "authorization", value: authorization.as_bytes() }];
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        self.keys.enter(self.list, &HeaderValue::from_static("Basic"), &head, client, now)
    }

    /// What is decided in the end.
    async fn enter(&self, authorization: &str, client: IpAddr, now: Instant) -> Result<(), Refusal> {
        match self.knock(authorization, client, now) {
            Verdict::Welcome { ours } => {
                assert!(ours);
                Ok(())
            }
            Verdict::Refused(refusal) => Err(refusal),
            Verdict::Check(attempt) => self.keys.settle(&attempt, &self.events, now).await,
        }
    }
}

fn is_401(entered: &Result<(), Refusal>) -> bool {
    matches!(entered, Err(Refusal::Password { .. }))
}

#[tokio::test]
async fn the_right_password_is_checked_once() {
    let (door, now) = (door(""), Instant::now());
    let right = basic("alice", "swordfish");
    assert!(matches!(door.knock(&right, HERE, now), Verdict::Check(_)));
    door.enter(&right, HERE, now).await.unwrap();
    assert!(matches!(door.knock(&right, HERE, now), Verdict::Welcome { ours: true }));
    door.enter(&basic("bob", "open sesame"), HERE, now).await.unwrap();
    for (name, password) in
        [("alice", "open sesame"), ("bob", "swordfish"), ("carol", "swordfish"), ("", ""), ("alice", "")]
    {
        assert!(is_401(&door.enter(&basic(name, password), HERE, now).await), "{name}:{password}");
    }
    for nothing in ["", "Bearer x", "Basic"] {
        assert!(is_401(&door.enter(nothing, HERE, now).await), "{nothing}");
    }
    assert_eq!((door.events.checks(), door.keys.n_remembered()), ([2, 5], 2));
}

#[tokio::test]
async fn guesses_are_few_and_right_passwords_are_no_guesses() {
    let (door, now) = (door("failures = \"3/h\""), Instant::now());
    let right = basic("alice", "swordfish");
    let neighbour = IpAddr::from([192, 0, 2, 2]);
    for guess in ["a", "b", "c"] {
        door.enter(&right, HERE, now).await.unwrap();
        assert!(is_401(&door.enter(&basic("alice", guess), HERE, now).await));
    }
    // One of them that cannot even be remembered: nothing that is asked now tells whether it would be right.
    for password in ["d", "swordfish"] {
        let told = door.enter(&basic("alice", password), HERE, now).await;
        assert_eq!(told, Err(Refusal::Failures { retry_after: 1200 }), "{password}");
    }
    assert!(is_401(&door.enter("", HERE, now).await), "who does not guess is only asked");
    door.enter(&right, neighbour, now).await.unwrap();
    door.enter(&right, HERE, now + Duration::from_secs(1200)).await.unwrap();
}

#[tokio::test]
async fn a_thousand_guesses_at_once_are_no_more_than_one_after_the_other() {
    let (door, now) = (door("failures = \"3/h\"\nqueue = 1000"), Instant::now());
    let guesses: Vec<String> = (0..1000).map(|guess| basic("alice", &guess.to_string())).collect();
    let entering = guesses.iter().map(|guess| door.enter(guess, HERE, now));
    let told = join_all(entering).await;
    assert_eq!(told.iter().filter(|told| is_401(told)).count(), 3);
    assert_eq!(told.iter().filter(|told| matches!(told, Err(Refusal::Failures { .. }))).count(), 997);
    assert_eq!(door.events.checks(), [0, 3]);
}

#[tokio::test]
async fn many_people_behind_one_address_are_no_guesses() {
    let users: Vec<String> = (0..20).map(|number| format!("\"user{number}:{CHEAP}\"")).collect();
    let (door, now) = (door_of(&users.join(","), "failures = \"3/h\""), Instant::now());
    let people: Vec<String> = (0..20).map(|number| basic(&format!("user{number}"), "swordfish")).collect();
    door.enter(&people[19], HERE, now).await.unwrap();
    // The last one is remembered, and comes while others are being checked.
    let told = join_all(people.iter().map(|person| door.enter(person, HERE, now))).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    assert_eq!((door.events.checks(), door.keys.n_remembered()), ([20, 0], 20));
}

#[tokio::test]
async fn who_is_remembered_is_not_told_while_guesses_are_being_checked() {
    let (door, now) = (door("failures = \"2/h\""), Instant::now());
    let right = basic("alice", "swordfish");
    door.enter(&right, HERE, now).await.unwrap();
    let attempts = [basic("alice", "a"), basic("alice", "b"), right];
    let told = join_all(attempts.iter().map(|attempt| door.enter(attempt, HERE, now))).await;
    assert!(is_401(&told[0]) && is_401(&told[1]), "{told:?}");
    assert!(matches!(told[2], Err(Refusal::Failures { .. })), "{told:?}");
}

#[tokio::test]
async fn neighbours_leave_room_for_others() {
    let (door, now) = (door("queue = 8"), Instant::now());
    let guesses: Vec<String> = (0..8).map(|guess| basic("alice", &guess.to_string())).collect();
    let near = (0..8_u8).map(|number| IpAddr::from([192, 0, 2, number]));
    let mut attempts: Vec<_> = guesses.iter().map(String::as_str).zip(near).collect();
    let right = basic("alice", "swordfish");
    attempts.push((&right, IpAddr::from([198, 51, 100, 1])));
    let told = join_all(attempts.into_iter().map(|(attempt, client)| door.enter(attempt, client, now))).await;
    assert!(told[..8].iter().all(is_401) && told[8].is_ok(), "{told:?}");
}

#[tokio::test]
async fn a_page_full_of_requests_is_one_check() {
    let (door, now) = (door("failures = \"2/h\""), Instant::now());
    let right = basic("alice", "swordfish");
    let told = join_all((0..100).map(|_| door.enter(&right, HERE, now))).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    assert_eq!(door.events.checks(), [1, 0]);
}

#[tokio::test]
async fn the_queue_has_an_end_and_those_who_are_known_do_not_stand_in_it() {
    let (door, now) = (door("queue = 1"), Instant::now());
    let known = basic("alice", "swordfish");
    door.enter(&known, HERE, now).await.unwrap();
    let guesses = [basic("alice", "a"), basic("alice", "b"), known];
    let told = join_all(guesses.iter().map(|guess| door.enter(guess, HERE, now))).await;
    assert!(is_401(&told[0]) && told[1] == Err(Refusal::Busy) && told[2].is_ok(), "{told:?}");
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let (door, now) = (door("remembered = 1"), Instant::now());
    for (name, password) in [("alice", "swordfish"), ("bob", "open sesame")] {
        door.enter(&basic(name, password), HERE, now).await.unwrap();
    }
    assert_eq!(door.keys.n_remembered(), 1);
    assert!(matches!(door.knock(&basic("bob", "open sesame"), HERE, now), Verdict::Welcome { .. }), "the last one is");
}

/// Clocks say little on a busy machine: work is counted in what it is made of. A hash of cost n is 2^n steps.
#[test]
fn a_wrong_name_costs_what_a_wrong_password_costs() {
    let door = door("");
    let accounts = &door.keys.lists[0];
    for name in ["alice", "bob", "carol", ""] {
        let name = door.keys.digest(0, b"name", name.as_bytes());
        let (hash, more) = accounts.work(&name);
        let cost = hash.split('$').nth(2).unwrap().parse::<u32>().unwrap();
        let steps = (1_u64 << cost) + more.map(|cost| 1 << cost).sum::<u64>();
        assert_eq!(steps, 1 << 11);
        assert!(!accounts.is_right(&name, b"wrong"));
    }
}

#[test]
fn no_secret_is_shown() {
    let door = door("");
    let Verdict::Check(attempt) = door.knock(&basic("alice", "swordfish"), HERE, Instant::now()) else {
        panic!("it is unknown")
    };
    let told = format!("{:?} {attempt:?} {:?}", door.keys, door.keys.lists[0]);
    assert!(!told.contains("swordfish") && !told.contains("$2y") && !told.contains("abcdefghij"), "{told}");
}

async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in waiting.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(cx) {
                *done = Some(value);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
