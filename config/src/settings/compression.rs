//! `[compression]`: answers of Compute that are compressed on their way.

use super::{
    quantity::{KIB, MIB},
    read::Reader,
};

/// A content coding (RFC 9110 8.4.1) that answers are compressed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
}

impl Coding {
    /// The coding of that name, which is the one in `Accept-Encoding`.
    fn named(name: &str) -> Option<Self> {
        match name {
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            "gzip" => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// `[compression]`: answers of Compute that are compressed on their way.
#[derive(Clone, Debug)]
pub struct CompressionSettings {
    /// Whether any are.
    pub enabled: bool,
    /// The codings offered; of those that a client wants equally the first one is taken.
    pub codings: Vec<Coding>,
    /// Bytes below which an answer of known length is left alone.
    pub bytes_min: u64,
    /// How hard Brotli tries, 0-11.
    pub brotli_level: u8,
    /// How hard Zstandard tries, 1-19.
    pub zstd_level: u8,
    /// How hard gzip tries, 1-9.
    pub gzip_level: u8,
    /// How many bytes Brotli and Zstandard look back; a power of two. gzip's are 32 KiB.
    pub window: u32,
    /// Media types beside those that are known to shrink, lower case, without parameters.
    pub types: Vec<String>,
    /// Media types that are left alone, lower case, without parameters.
    pub except_types: Vec<String>,
    /// Answers that are compressed at once; further ones go as they are.
    pub streams_max: usize,
    /// Those of them that may be event streams, which last.
    pub event_streams_max: usize,
}

/// Reads the table.
pub(super) fn read(reader: &mut Reader<'_>) -> CompressionSettings {
    let settings = CompressionSettings {
        enabled: reader.boolean("compression.enabled"),
        codings: codings(reader),
        bytes_min: reader.bytes("compression.bytes-min", 1..=MIB),
        brotli_level: reader.count("compression.brotli-level", 0..=11),
        zstd_level: reader.count("compression.zstd-level", 1..=19),
        gzip_level: reader.count("compression.gzip-level", 1..=9),
        window: window(reader),
        types: types(reader, "compression.types"),
        except_types: types(reader, "compression.except-types"),
        streams_max: reader.count("compression.streams-max", 0..=65_536),
        event_streams_max: reader.count("compression.event-streams-max", 0..=65_536),
    };
    if reader.is_clean() && settings.event_streams_max > settings.streams_max {
        reader.note(
            "compression.event-streams-max",
            "more event streams than answers of any kind cannot be compressed",
            "raise `compression.streams-max` or lower this",
        );
    }
    settings
}

fn codings(reader: &mut Reader<'_>) -> Vec<Coding> {
    const KEY: &str = "compression.codings";
    let mut codings = Vec::new();
    for name in reader.texts(KEY) {
        match Coding::named(&name) {
            Some(coding) if !codings.contains(&coding) => codings.push(coding),
            Some(_) => reader.note(KEY, format!("`{name}` is there twice"), "name each coding once"),
            None => reader.note(KEY, format!("`{name}` is no coding"), "write \"br\", \"zstd\" and \"gzip\""),
        }
    }
    codings
}

/// A decoder must hold as much, and RFC 9659 has browsers hold 8 MiB. Below 128 KiB the library for Brotli takes another way from
/// level 5 on, which costs ten times the memory and thrice the time.
fn window(reader: &mut Reader<'_>) -> u32 {
    const KEY: &str = "compression.window";
    let window: u32 = reader.bytes(KEY, 128 * KIB..=8 * MIB);
    if window != 0 && !window.is_power_of_two() {
        reader.note(KEY, "a window is a power of two", "write \"128KiB\", \"256KiB\", \"512KiB\" and so on");
    }
    window
}

/// Media types (RFC 9110 8.3.1) without parameters.
fn types(reader: &mut Reader<'_>, key: &str) -> Vec<String> {
    let types = reader.texts(key);
    for text in &types {
        let is_token = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
        };
        if !text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype)) {
            reader.note(key, format!("`{text}` is no media type"), "write it as in \"application/wasm\"");
        }
    }
    types.into_iter().map(|text| text.to_ascii_lowercase()).collect()
}
