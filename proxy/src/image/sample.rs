//! What the tests of this directory share: settings, pictures, a deployment, a server on loopback.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use edgeplane_config::{Amount, ImageFormat, ImageSettings, ImageTuning};
use edgeplane_optimizer::{Edits, Fit, Limits, Order, Position};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{ComputeFailure, Delivery, Fetched, ImageRequest, LocalFile, Origin, Rules, Validators};

pub(super) fn settings() -> ImageSettings {
    ImageSettings {
        sizes: vec![64, 640, 1080],
        domains: Vec::new(),
        remote_patterns: Vec::new(),
        formats: vec![ImageFormat::Webp],
        minimum_cache_ttl: Duration::from_secs(60),
        dangerously_allow_svg: false,
    }
}

/// Amplify's limits, short times, loopback and plain http allowed.
pub(super) fn tuning() -> ImageTuning {
    ImageTuning {
        workers: Amount::Just(2),
        queue: 8,
        timeout: Duration::from_secs(20),
        fetch_timeout: Duration::from_secs(10),
        redirects_max: 3,
        source_bytes_max: 100_000,
        fetched_bytes_max: 1_000_000,
        side_max: 9000,
        output_bytes_max: 4_000_000,
        memory_bytes_max: 64 << 20,
        cache_bytes: 8 << 20,
        front_bytes: 1 << 20,
        disk_bytes: 8 << 20,
        stale_max: Duration::from_secs(3600),
        avif_wait: None,
        behind_max: 4,
        shared_cache: None,
        shared_cache_key_file: None,
        shared_cache_timeout: Duration::from_millis(500),
        quality: 75,
        height_in_sizes: false,
        keep_p3: false,
        default_sizes: vec![640],
        private_addresses: vec!["127.0.0.0/8".parse().expect("network"), "::1/128".parse().expect("network")],
        allow_http: false,
        negative_ttl: Duration::from_secs(60),
        ttl_max: Duration::from_secs(31_536_000),
        unsandboxed: false,
        niceness: 0,
        worker_bytes: 128 << 20,
        worker_idle_bytes: 64 << 20,
        worker_jobs: 1000,
    }
}

/// Rules of a deployment that calls itself `app.example`.
pub(super) fn rules(settings: &ImageSettings, tuning: &ImageTuning) -> Rules {
    Rules::new(settings, tuning, &["app.example".into()])
}

/// A grey PNG of one shade.
pub(super) fn png(width: u32, height: u32, shade: u8) -> Bytes {
    let mut raw = Vec::new();
    for _ in 0..height {
        raw.push(0);
        raw.extend(std::iter::repeat_n(shade, width as usize));
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut deflated, &raw).expect("memory");
    for (name, data) in [(b"IHDR", header), (b"IDAT", deflated.finish().expect("memory")), (b"IEND", Vec::new())] {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(&data);
        bytes.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
        bytes.extend(name);
        bytes.extend(data);
        bytes.extend(crc.sum().to_be_bytes());
    }
    bytes.into()
}

/// A WebP made by our own encoder.
pub(super) fn webp(width: u32, height: u32, shade: u8) -> Bytes {
    let order = Order {
        width: None,
        height: None,
        fit: Fit::Cover,
        position: Position::Center,
        format: ImageFormat::Webp,
        quality: 80,
        keep_p3: false,
        edits: Edits::default(),
    };
    let limits = Limits { source_bytes: usize::MAX, side: 9000, output_bytes: usize::MAX, native: true };
    edgeplane_optimizer::optimize(&png(width, height, shade), &order, &limits, |_| ()).expect("image").bytes.into()
}

/// A GIF of two frames.
pub(super) fn animation() -> Bytes {
    let frame = b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
    let head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
    [head.as_slice(), frame, frame, b";"].concat().into()
}

pub(super) fn get(query: &str, accept: &str) -> ImageRequest {
    ImageRequest {
        method: "GET".into(),
        path: "/_img".into(),
        query: Some(query.into()),
        accept: Some(accept.into()),
        if_none_match: None,
        no_cache: false,
        cache_control: None,
    }
}

/// A deployment with files and a scripted Compute.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) deployment: String,
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) answers: BTreeMap<String, (u16, Option<&'static str>, Bytes)>,
    pub(super) delay: Duration,
    /// Whether Compute gives tags and answers by them.
    pub(super) etags: bool,
    pub(super) asked: AtomicUsize,
}

#[async_trait]
impl Origin for App {
    fn site(&self) -> &str {
        "site"
    }

    fn deployment(&self) -> &str {
        &self.deployment
    }

    fn is_image_route(&self, path: &str) -> bool {
        path == "/_img"
    }

    fn file(&self, path: &str) -> Option<LocalFile> {
        let bytes = self.files.get(path)?.clone();
        Some(LocalFile { hash: *blake3::hash(&bytes).as_bytes(), bytes })
    }

    async fn compute(
        &self,
        path_and_query: &str,
        validators: &Validators,
        delivery: &mut Delivery,
    ) -> Result<Fetched, ComputeFailure> {
        self.asked.fetch_add(1, SeqCst);
        if let Some((200, _, bytes)) = self.answers.get(path_and_query) {
            delivery.announce(bytes.len() as u64)?;
        }
        tokio::time::sleep(self.delay).await;
        let (mut status, cache_control, mut bytes) =
            self.answers.get(path_and_query).ok_or(ComputeFailure::Unreachable)?.clone();
        let etag = self.etags.then(|| format!("\"{}\"", blake3::hash(&bytes)));
        if etag.is_some() && etag == validators.etag {
            (status, bytes) = (304, Bytes::new());
        }
        let validators = Validators { etag, last_modified: None };
        delivery.take(&bytes)?;
        let bytes = delivery.complete();
        let status = StatusCode::from_u16(status).expect("status");
        Ok(Fetched { status, bytes, cache_control: cache_control.map(Into::into), validators })
    }
}

/// A server on loopback that answers paths with prepared bytes and remembers the heads it saw.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) heads: Arc<parking_lot::Mutex<Vec<String>>>,
}

impl Server {
    /// Serves until the test ends. `answers` are whole responses; An unknown path is
    /// accepted and never answered.
    pub(super) async fn start(answers: &[(&str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let heads = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let answers: Arc<BTreeMap<String, Vec<u8>>> =
            Arc::new(answers.iter().map(|(path, bytes)| ((*path).into(), bytes.clone())).collect());
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    seen.lock().push(head);
                    match answers.get(&path) {
                        Some(answer) => {
                            let _ = stream.write_all(answer).await;
                        }
                        None => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, heads }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// A whole response.
pub(super) fn response(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n").as_bytes(), body]
        .concat()
}
