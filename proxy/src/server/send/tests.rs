//! Everything arrives in its order, whoever is slow; and who is gone is noticed.

use std::{fs, io::Write as _, sync::Arc};

use edgeplane_config::{Settings, StaticSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::*;
use crate::{
    answer::{Body, Head},
    assets::{self, Lookup, Outcome, Pack, Policy},
    server::socket::Socket,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of the large file: some windows, and not a whole number of them.
const LARGE: usize = 5 * 1024 * 1024 + 3;

struct Files {
    _dir: tempfile::TempDir,
    pack: Pack,
    large: Vec<u8>,
}

fn files() -> Files {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("static");
    fs::create_dir(&folder).unwrap();
    let mut large = vec![0; LARGE];
    blake3::Hasher::new().finalize_xof().fill(&mut large);
    fs::write(folder.join("large.bin"), &large).unwrap();
    fs::write(folder.join("small.bin"), &large[..1000]).unwrap();
    let settings = StaticSettings {
        cache_control: String::new(),
        compress: false,
        compress_bytes_max: 0,
        ranges_max: 4,
        files_max: 10,
        ..Settings::default().assets
    };
    let pack = assets::prepare(Some(&folder), &dir.path().join("packs"), &settings).unwrap();
    Files { _dir: dir, pack, large }
}

impl Files {
    fn content(&self, path: &str) -> Content {
        let policy = Policy { cache_control: None, ranges_max: 4, lookup: Lookup::EXACT, overlay: None };
        let head = Head { method: "GET", path, query: None, fields: &[], http11: true, host: "localhost" };
        match assets::answer(&self.pack, path.as_bytes(), &head, &policy) {
            Outcome::Answer(answer) => match answer.body {
                Body::File(content) => content,
                other => panic!("{other:?}"),
            },
            Outcome::Missing => panic!("{path} is missing"),
        }
    }

    /// Pieces of every kind, and what they are together.
    fn mixed(&self) -> (Vec<Piece>, Vec<u8>) {
        let (large, small) = (self.content("/large.bin"), self.content("/small.bin"));
        let mut pieces = vec![Piece::Text("head".into()), Piece::Text("".into())];
        pieces.extend([Piece::File(small.clone()), Piece::File(large.clone()), Piece::Text("between".into())]);
        pieces.extend((0..40).map(|n| Piece::File(small.slice(n..n + 1))));
        pieces.extend([Piece::File(large.slice(1_000_000..3_500_001)), Piece::File(large.slice(77..200_000))]);
        let held = |range: Range<usize>| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&self.large[..range.end]).unwrap();
            let bytes = self.large[range.clone()].to_vec().into();
            Piece::Held(Held { bytes, file: Arc::new(file), offset: range.start as u64 })
        };
        pieces.extend([held(100..LARGE), held(7..9)]);
        pieces.push(Piece::Text("end".into()));
        let together = [
            &b"head"[..],
            &self.large[..1000],
            &self.large,
            b"between",
            &self.large[..40],
            &self.large[1_000_000..3_500_001],
            &self.large[77..200_000],
            &self.large[100..],
            &self.large[7..9],
            b"end",
        ];
        (pieces, together.concat())
    }
}

async fn tcp() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (stream, peer) = accepted.unwrap();
    (Connection::new(Socket::tcp(stream, peer)), client.unwrap())
}

fn unix() -> (Connection, UnixStream) {
    let (server, client) = UnixStream::pair().unwrap();
    (Connection::new(Socket::unix(server)), client)
}

#[tokio::test]
async fn pieces_of_every_kind_arrive_in_their_order() {
    let files = files();
    let (sent, expected) = files.mixed();
    let (mut connection, mut client) = tcp().await;
    let mut got = vec![0; expected.len()];
    let (done, read) = tokio::join!(pieces(&mut connection, &sent, PATIENCE), client.read_exact(&mut got));
    done.unwrap();
    read.unwrap();
    assert!(got == expected && connection.written == expected.len() as u64);
    drop(connection);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0, "more came than was sent");
}

#[tokio::test]
async fn a_reader_of_small_sips_gets_the_same_from_a_cold_file() {
    let files = files();
    let (sent, expected) = files.mixed();
    rustix::fs::fadvise(files.content("/large.bin").file(), 0, None, rustix::fs::Advice::DontNeed).unwrap();
    let (mut connection, mut client) = unix();
    let drink = async {
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let sip = got.len() + 1 + got.len() % 4093;
            let mut sip = vec![0; sip.min(expected.len()) - got.len()];
            client.read_exact(&mut sip).await.unwrap();
            got.extend_from_slice(&sip);
        }
        got
    };
    let (done, got) = tokio::join!(pieces(&mut connection, &sent, PATIENCE), drink);
    done.unwrap();
    assert!(got == expected);
}

#[tokio::test]
async fn nothing_is_written_of_nothing() {
    let (mut connection, mut client) = unix();
    pieces(&mut connection, &[Piece::Text("".into())], PATIENCE).await.unwrap();
    pieces(&mut connection, &[], PATIENCE).await.unwrap();
    connection.socket.shutdown().await.unwrap();
    assert_eq!((connection.written, client.read(&mut [0; 1]).await.unwrap()), (0, 0));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_one_that_left_is_noticed() {
    let files = files();
    let sent = [Piece::Text("head".into()), Piece::File(files.content("/large.bin"))];
    let (mut connection, client) = tcp().await;
    let error = pieces(&mut connection, &sent, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!((1..LARGE as u64).contains(&connection.written), "{} bytes", connection.written);
    drop(client);

    let (mut connection, client) = tcp().await;
    let leave = async {
        let mut client = client;
        client.read_exact(&mut [0; 100_000]).await.unwrap();
    };
    let (done, ()) = tokio::join!(pieces(&mut connection, &sent, PATIENCE), leave);
    let kind = done.unwrap_err().kind();
    assert!(matches!(kind, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe), "{kind:?}");
}

#[tokio::test]
async fn a_fast_reader_leaves_its_thread_to_others() {
    let files = files();
    let content = files.content("/large.bin");
    let (mut connection, mut client) = tcp().await;
    // The reader has a thread of its own, so that there may always be room in the socket.
    let reader = spawn_blocking(move || {
        tokio::runtime::Handle::current().block_on(async move {
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            got.len()
        })
    });
    let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let other = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                yield_now().await;
            }
        }
    });
    file(&mut connection, &content, PATIENCE).await.unwrap();
    let turns = turns.load(std::sync::atomic::Ordering::Relaxed);
    other.abort();
    drop(connection);
    assert_eq!(reader.await.unwrap(), LARGE);
    assert!(turns >= 5, "others had {turns} turns while five windows were sent");
}

#[tokio::test]
async fn a_pack_that_was_cut_short_ends_the_connection_and_nothing_else() {
    let files = files();
    let sent = [Piece::File(files.content("/large.bin"))];
    fs::File::options().write(true).open(files.pack.path().unwrap()).unwrap().set_len(3_000_000).unwrap();
    let (mut connection, mut client) = tcp().await;
    let drink = async {
        let mut got = Vec::new();
        // The server's end is closed once it has failed.
        let _ = (&mut client).take(3_000_000).read_to_end(&mut got).await;
        got
    };
    let send = async {
        let done = pieces(&mut connection, &sent, PATIENCE).await;
        drop(connection);
        done
    };
    let (done, got) = tokio::join!(send, drink);
    assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(files.large.starts_with(&got) && got.len() < LARGE);
    // However little is asked for, the mapping of such a file is not touched.
    let (mut connection, _client) = tcp().await;
    let end = [Piece::File(files.content("/large.bin").slice(LARGE - 10..LARGE))];
    let error = pieces(&mut connection, &end, PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}
