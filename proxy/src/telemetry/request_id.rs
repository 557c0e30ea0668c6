//! Hot: request ids: unguessable enough to be unique across a fleet, cheap enough for every request.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use super::count::Count;

/// Ids longer than this are not taken from anybody: they would fill logs and headers.
const LENGTH_MAX: usize = 128;
/// Ids of ours: 128 bits in hexadecimal digits.
const LENGTH_OWN: u8 = 32;
/// Of an id's second half, this many bits count requests (nine years of a million a second), the others the shards.
const COUNT_BITS: u32 = 48;

/// The id of one request, as in `x-request-id`. Its bytes are in place, so that making one allocates nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId {
    length: u8,
    /// Zeros beyond `length`.
    bytes: [u8; LENGTH_MAX],
}

impl RequestId {
    /// An id another party made: visible ASCII without quotes, at most 128 characters.
    pub fn parse(given: &str) -> Option<Self> {
        let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(&byte);
        let length = u8::try_from(given.len()).ok()?;
        if given.is_empty() || given.len() > LENGTH_MAX || !given.bytes().all(sane) {
            return None;
        }
        let mut bytes = [0; LENGTH_MAX];
        bytes[..given.len()].copy_from_slice(given.as_bytes());
        Some(Self { length, bytes })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII ever gets in.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The id as it is written to the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestId").field(&self.as_str()).finish()
    }
}

/// What the ids of one process have in common: 64 random bits to begin with, and how the rest is scrambled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    process: [u8; 16],
    key: u64,
}

impl Origin {
    pub(super) fn new() -> Self {
        // The standard library seeds its hash keys from the operating system's random source.
        let random = |salt: u64| RandomState::new().hash_one(salt);
        Self { process: hexadecimal(random(1)), key: random(2) }
    }

    /// What makes the ids of the shard `number`. Each counts for itself, beginning where no other will get to.
    pub(super) fn generator(self, number: usize) -> Generator {
        Generator {
            process: self.process,
            start: self.key.wrapping_add((number as u64) << COUNT_BITS),
            n: Count::new(),
        }
    }
}

/// Makes the ids of one shard: what the process has in common, then a count scrambled so that neighbours look nothing
/// alike.
#[derive(Debug)]
pub(super) struct Generator {
    process: [u8; 16],
    start: u64,
    n: Count,
}

impl Generator {
    pub(super) fn next(&self) -> RequestId {
        // The finaliser of splitmix64 is a bijection: no two counts give one id.
        let mut mixed = self.start.wrapping_add(self.n.add(1));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let mut bytes = [0; LENGTH_MAX];
        bytes[..16].copy_from_slice(&self.process);
        bytes[16..usize::from(LENGTH_OWN)].copy_from_slice(&hexadecimal(mixed));
        RequestId { length: LENGTH_OWN, bytes }
    }
}

/// Sixteen digits, lower case.
fn hexadecimal(value: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    digits[..8].copy_from_slice(&eight_digits(value >> 32));
    digits[8..].copy_from_slice(&eight_digits(value & 0xffff_ffff));
    digits
}

/// The digits of a value below 2^32, all at once: each nibble is moved into a byte of its own, and made a character.
fn eight_digits(value: u64) -> [u8; 8] {
    let mut nibbles = (value | value << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // Adding six carries into the high nibble where a digit is a letter.
    let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    let characters = nibbles + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10);
    characters.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, thread};

    use super::*;

    #[test]
    fn no_id_comes_twice_whichever_shard_makes_it() {
        let origin = Origin::new();
        let shards: Vec<_> = (0..8)
            .map(|number| {
                let generator = origin.generator(number);
                thread::spawn(move || (0..10_000).map(|_| generator.next()).collect::<Vec<_>>())
            })
            .collect();
        let ids: Vec<RequestId> = shards.into_iter().flat_map(|shard| shard.join().unwrap()).collect();
        assert_eq!(ids.iter().map(RequestId::as_str).collect::<BTreeSet<_>>().len(), 80_000);
        let well_formed = |id: &str| id.len() == 32 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        assert!(ids.iter().all(|id| well_formed(id.as_str())));
    }

    #[test]
    fn the_counts_of_two_shards_never_meet() {
        let origin = Origin { process: [b'0'; 16], key: u64::MAX - 5 };
        let starts: BTreeSet<u64> = (0..0x1_0000).map(|number| origin.generator(number).start).collect();
        let gaps: Vec<u64> = starts.iter().zip(starts.iter().skip(1)).map(|(one, next)| next - one).collect();
        assert_eq!(starts.len(), 0x1_0000);
        assert!(gaps.iter().all(|gap| *gap >= 1 << COUNT_BITS));
    }

    #[test]
    fn two_processes_have_nothing_in_common() {
        let (one, other) = (Origin::new().generator(0).next(), Origin::new().generator(0).next());
        assert_ne!(one.as_str()[..16], other.as_str()[..16]);
        assert_ne!(one.as_str()[16..], other.as_str()[16..]);
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for value in [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x9999_aaaa_0909_a0a0, u64::MAX] {
            assert_eq!(str::from_utf8(&hexadecimal(value)).unwrap(), format!("{value:016x}"));
        }
    }

    #[test]
    fn a_foreign_id_must_be_harmless_to_be_kept() {
        assert_eq!(RequestId::parse("Root=1-67891233-abcdef").unwrap().as_str(), "Root=1-67891233-abcdef");
        let longest = "x".repeat(128);
        assert_eq!(RequestId::parse(&longest).unwrap().as_str(), longest);
        for given in ["", "a b", "a\r\nb", "\"", &"x".repeat(129), &"x".repeat(1000), "é"] {
            assert_eq!(RequestId::parse(given), None, "{given:?}");
        }
    }
}
