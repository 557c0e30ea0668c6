//! Large files: to readers of every pace, in parts, from a cold disk, and to clients that leave.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::Duration,
};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::support::{
    bundle::Draft,
    client::Request,
    server::{Launch, Server},
    wait,
};

/// Bytes of the large file; no whole number of anything.
const LEN: usize = 208 * 1024 * 1024 + 11;

fn content() -> &'static [u8] {
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let mut bytes = vec![0; LEN];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    })
}

/// A server of its own, with the first `len` bytes of the content as `/large.bin`.
fn start(len: usize) -> Server {
    let bundle = Draft::statics().file("a.txt", "small").file("large.bin", &content()[..len]).write();
    // Compression would read the pack, and make another one, while the tests do things to it.
    Launch::new(&bundle).args(&["--threads", "2"]).setting("static.compress", "false").start()
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| start(LEN))
}

/// The pack file of a server.
fn pack(server: &Server) -> PathBuf {
    fn find(folder: &Path) -> Option<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| match path.is_dir() {
            true => find(&path),
            false => path.extension().is_some_and(|extension| extension == "pack").then_some(path),
        })
    }
    find(server.state()).unwrap()
}

/// Drops the pack from memory, as far as nobody sends it right now.
fn forget(server: &Server) {
    let file = fs::File::open(pack(server)).unwrap();
    posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
}

fn range(from: usize, to: usize) -> Request {
    Request::get("/large.bin").field("Range", &format!("bytes={from}-{}", to - 1))
}

#[test]
fn fast_and_slow_readers_get_every_byte_at_the_same_time() {
    const SIP: usize = 64 * 1024;
    const SLOW: std::ops::Range<usize> = 100_000_001..124_000_000;
    forget(server());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let reply = server().get("/large.bin").expect(200);
                assert!(reply.complete && reply.body == content(), "{} of {LEN} bytes", reply.body.len());
            });
        }
        scope.spawn(|| {
            let mut slow = server().connect();
            slow.send(range(SLOW.start, SLOW.end).bytes(server().address()));
            let mut got = Vec::new();
            let end_of_head = loop {
                got.extend(slow.take(1));
                if got.ends_with(b"\r\n\r\n") {
                    break got.len();
                }
            };
            while got.len() - end_of_head < SLOW.len() {
                got.extend(slow.take(SIP.min(SLOW.len() + end_of_head - got.len())));
                wait::pause(Duration::from_millis(2));
            }
            assert!(got[end_of_head..] == content()[SLOW], "other bytes");
        });
        for _ in 0..50 {
            assert_eq!(server().get("/a.txt").expect(200).text(), "small");
        }
    });
}

#[test]
fn parts_of_a_large_file_are_exact_wherever_they_begin() {
    for (from, to) in [(0, 1), (1_048_575, 1_048_577), (70_000_003, 90_000_007), (LEN - 2_000_000, LEN)] {
        forget(server());
        let reply = server().send(&range(from, to)).expect(206);
        assert!(reply.body == content()[from..to], "{from}-{to}: {} bytes", reply.body.len());
    }
    let several = Request::get("/large.bin").field("Range", "bytes=5-9,33000000-36000000,100-2000100,-3");
    let body = server().send(&several).expect(206).body;
    let mut rest = &body[..];
    for (from, to) in [(5, 10), (33_000_000, 36_000_001), (100, 2_000_101), (LEN - 3, LEN)] {
        let head = rest.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert!(String::from_utf8_lossy(&rest[..head]).contains(&format!("bytes {from}-{}/{LEN}", to - 1)));
        assert!(rest[head..head + to - from] == content()[from..to], "{from}-{to}");
        rest = &rest[head + to - from..];
    }
    assert!(rest.starts_with(b"\r\n--") && rest.ends_with(b"--\r\n"), "{}", String::from_utf8_lossy(rest));
}

#[test]
fn clients_that_leave_midway_leave_nothing_behind() {
    let mut server = start(64 * 1024 * 1024);
    let descriptors = |server: &Server| fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    server.get("/large.bin").expect(200);
    let mut before = 0;
    wait::until("the first client's connection to be closed", || {
        let last = std::mem::replace(&mut before, descriptors(&server));
        last == before
    });
    forget(&server);
    for read in [0, 1, 100_000, 10_000_000] {
        let mut client = server.connect();
        client.send(Request::get("/large.bin").bytes(server.address()));
        client.take(read);
    }
    wait::until("the connections to be closed", || descriptors(&server) <= before);
    wait::until("five lines in the access log", || {
        server.access_log().iter().filter(|line| line.contains("large.bin")).count() == 5
    });
    assert!(server.get("/large.bin").expect(200).complete);
    server.assert_running();
}

#[test]
fn a_pack_that_is_removed_is_served_and_one_that_is_cut_ends_only_that_answer() {
    let mut server = start(32 * 1024 * 1024);
    let pack = pack(&server);
    let file = fs::File::options().write(true).open(&pack).unwrap();
    fs::remove_file(pack).unwrap();
    assert!(server.get("/large.bin").expect(200).body == content()[..32 * 1024 * 1024]);
    file.set_len(16 * 1024 * 1024).unwrap();
    let mut client = server.connect();
    client.send(Request::get("/large.bin").bytes(server.address()));
    let cut = client.receive("GET");
    assert!(!cut.complete && content().starts_with(&cut.body), "{} bytes", cut.body.len());
    assert_eq!(server.get("/a.txt").expect(200).text(), "small");
    server.assert_running();
}
