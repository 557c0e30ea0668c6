//! The fuzz targets without a fuzzer: seeds of every kind, changed at random for a fixed time.
//!
//! `EDGEPLANE_FUZZ_SECONDS` says for how long, all targets together; `EDGEPLANE_FUZZ_SEED` repeats a run. What fails is
//! written into the cargo target folder and named.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test an unwrap that fails is the failure")]
#![expect(clippy::print_stdout, reason = "how many inputs were tried is what a fuzz run has to say")]

mod targets;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use edgeplane_optimizer::{ImageFormat, Limits, Order, optimize};

/// All targets together.
const SECONDS: u64 = 20;
/// One input. A picture within the targets' bounds takes milliseconds; a busy machine needs patience.
const INPUT_PATIENCE: Duration = Duration::from_secs(20);

/// A small generator of numbers (xorshift64*): a fuzz run must be repeatable, and no more.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        const INTERESTING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'%', b'/', b'*'];
        if self.below(3) == 0 { INTERESTING[self.below(8)] } else { self.next().to_le_bytes()[0] }
    }

    /// A seed with some bytes changed, cut out, doubled, or joined with another seed.
    fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len());
            let end = (at + self.below(16)).min(bytes.len());
            match self.below(6) {
                0..=2 if !bytes.is_empty() => bytes[at] = self.byte(),
                3 => drop(bytes.drain(at..end)),
                4 => bytes.extend_from_within(at..end),
                5 if self.below(8) == 0 => {
                    let other = &seeds[self.below(seeds.len())];
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[self.below(other.len())..]);
                }
                _ => bytes.insert(at, self.byte()),
            }
        }
        bytes
    }
}

/// Runs a target for its share of the time.
fn fuzz(name: &str, seeds: &[Vec<u8>]) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (_, target) = targets::ALL.into_iter().find(|(other, _)| *other == name).expect("a target of that name");
    let share = Duration::from_secs(number("EDGEPLANE_FUZZ_SECONDS").unwrap_or(SECONDS))
        / u32::try_from(targets::ALL.len()).unwrap();
    let begun = Instant::now();
    let seed = number("EDGEPLANE_FUZZ_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        now.as_secs() << 20 | u64::from(now.subsec_micros())
    });
    let mut chance = Chance(seed | 1);
    let mut inputs: u64 = 0;
    for bytes in seeds {
        attempt(name, target, bytes);
    }
    while begun.elapsed() < share {
        attempt(name, target, &chance.changed(seeds));
        inputs += 1;
    }
    assert!(inputs > 0, "no input was tried");
    println!("{name}: {inputs} inputs from seed {seed}");
}

fn attempt(name: &str, target: fn(&[u8]), bytes: &[u8]) {
    let begun = Instant::now();
    let held = catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok();
    if !held || begun.elapsed() > INPUT_PATIENCE {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        fs::write(&path, bytes).expect("the input is kept");
        panic!("{name} did not hold, after {:?}: {}", begun.elapsed(), path.display());
    }
}

fn lines(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A small picture in every format that we read.
fn pictures() -> Vec<Vec<u8>> {
    let avif: [&[u8]; 4] = [
        include_bytes!("../optimizer/tests/optimizer/avif/420.avif"),
        include_bytes!("../optimizer/tests/optimizer/avif/444.avif"),
        include_bytes!("../optimizer/tests/optimizer/avif/premultiplied.avif"),
        include_bytes!("../optimizer/tests/optimizer/avif/orientation5.avif"),
    ];
    let limits = Limits { source_bytes: 1 << 20, side: 64, output_bytes: 1 << 20, native: true };
    let mut pictures: Vec<_> = avif.iter().map(|bytes| bytes.to_vec()).collect();
    for format in ImageFormat::ALL {
        for source in [avif[0], avif[2]] {
            let order = format!("width=24,fit=cover,position=center,format={},quality=80", format.extension());
            let order: Order = order.parse().expect("an order");
            pictures.push(optimize(source, &order, &limits, |_| ()).expect("a picture").bytes);
        }
    }
    pictures.extend(lines(&["GIF89a\x02\0\x02\0\0\0\0,\0\0\0\0\x02\0\x02\0\0\x02\x02\x44\x0a\0;", "<svg xmlns='x'/>"]));
    pictures
}

#[test]
fn query() {
    fuzz(
        "query",
        &lines(&[
            "url=%2Fa.png&w=640&q=75\nimage/avif,image/webp;q=0.8,*/*",
            "url=https%3A%2F%2Fcdn.acme.io%2Fa.png&width=1080&height=7&fit=inside&position=top&format=webp\n*/*",
            "url=/..%2f..%2fetc/passwd&w=640",
            "url=https://user:pw@cdn.acme.io:8443/&w=16&w=16\nimage/webp;q=0.0001",
            "url=//cdn.acme.io\\evil&w=640&q=100&flip&rotate=90&blur=0.3&tint=%23ff00ff&extract=1_2_3_4",
            "url=https://app.example/_img%3Furl=/a&w=640",
        ]),
    );
}

#[test]
fn pattern() {
    fuzz(
        "pattern",
        &lines(&[
            "cdn.acme.io\n/a/**\nhttps://cdn.acme.io/a/b.png",
            "**.acme.io\n/*/a*b*c/**/z\nhttps://x.y.acme.io/q/aabbcc/z",
            "img-*.acme.io\n\nhttps://img-eu.acme.io./a",
            "127.0.0.1\n/**\nhttps://0x7f.1/",
            "acme.io\n/*a*a*a*a*a*a*a*a*b\nhttps://acme.io/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ]),
    );
}

#[test]
fn probe() {
    fuzz("probe", &pictures());
}

#[test]
fn every_decoder() {
    let with_order = |(at, picture): (usize, Vec<u8>)| [vec![32, u8::try_from(at).unwrap(), 75], picture].concat();
    fuzz("optimize", &pictures().into_iter().enumerate().map(with_order).collect::<Vec<_>>());
}

#[test]
fn rule() {
    fuzz(
        "rule",
        &lines(&[
            "/old/<*>\n/<*>\n/old//evil.example\nx=1",
            "/a/<x>-<y>/<*>\n/<y>/<x>?q=<*>#f\n/a/1-2/%2F..%5cb\na&b",
            "https://App.example\nhttps://new.example:8443/base/\n//a/./b\n",
            "/docs?id=<v>&k=7\nhttps://[::1]/<v>\n/docs\nk=7&id=%2F%2Fevil",
            "/caf%C3%A9<*>\n/é <*>\n/caf\u{e9}/\t\n",
        ]),
    );
}

#[test]
fn protocol() {
    use edgeplane::child::image::{Reply, StageTimes, job_head, reply_head};
    let limits = Limits { source_bytes: 100, side: 64, output_bytes: 100, native: true };
    let order: Order = "width=24,fit=cover,position=center,format=webp,quality=80".parse().expect("an order");
    let encoded = edgeplane_optimizer::Encoded { bytes: vec![1, 2, 3], format: ImageFormat::Webp, width: 2, height: 3 };
    let refusal = edgeplane_optimizer::Refusal::TooManyPixels(7, 8);
    fuzz(
        "protocol",
        &[
            [job_head(&order, 3, &limits), vec![1, 2, 3]].concat(),
            [reply_head(&Reply::Encoded(encoded, StageTimes::default())), vec![1, 2, 3]].concat(),
            reply_head(&Reply::Refused(refusal)),
            reply_head(&Reply::Panicked),
        ],
    );
}
