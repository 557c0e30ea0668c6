//! Hot: the body of an answer, from the upstream's framing to the client's.

use std::ops::Range;

use crate::{compute::fields::Extent, server::framing::Chunks};

/// What is left of a body.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes; nothing at all, perhaps.
    Length(u64),
    /// Until the last chunk.
    Chunked(Chunks),
    /// Until the upstream closes.
    Close,
}

/// What of the bytes read belongs to the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Where the content now lies, in one piece.
    pub(super) content: Range<usize>,
    /// It lies there in whole chunks, framing and all, and can be passed on like that.
    pub(super) framed: bool,
    /// The body ended.
    pub(super) done: bool,
    /// More came after its end: the connection is not to be trusted any more.
    pub(super) poisoned: bool,
    /// After the content comes what is no chunk.
    pub(super) broken: bool,
}

impl Body {
    /// A body at its start.
    pub(super) fn of(extent: Extent) -> Self {
        match extent {
            Extent::Nothing => Self::Length(0),
            Extent::Length(length) => Self::Length(length),
            Extent::Chunked => Self::Chunked(Chunks::new()),
            Extent::Close => Self::Close,
        }
    }

    /// Whether the client gets it in chunks: what has no length.
    pub(super) fn is_chunked_for_the_client(&self) -> bool {
        !matches!(self, Self::Length(_))
    }

    /// What follows a piece of content for the client, or what ends the body without one.
    pub(super) fn tail(&self, follows_content: bool, done: bool) -> &'static [u8] {
        match (self, follows_content, done) {
            (Self::Length(_), ..) | (_, false, false) => b"",
            (_, true, false) => b"\r\n",
            (_, true, true) => b"\r\n0\r\n\r\n",
            (_, false, true) => b"0\r\n\r\n",
        }
    }

    /// Whether the end of the connection is the end of the body.
    pub(super) fn ends_with_the_connection(&self) -> bool {
        matches!(self, Self::Close)
    }

    /// Takes what belongs to the body from the front of `bytes`. The content of several chunks is moved together, unless
    /// it can be passed on as it is.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Taken {
        if let Self::Chunked(chunks) = self
            && let Some(done) = chunks.take_whole(bytes)
        {
            return Taken { content: 0..bytes.len(), framed: true, done, poisoned: false, broken: false };
        }
        self.take_content(bytes)
    }

    /// The same without any framing, for content that something else is made of.
    pub(super) fn take_content(&mut self, bytes: &mut [u8]) -> Taken {
        match self {
            Self::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= n as u64;
                Taken { content: 0..n, framed: false, done: *left == 0, poisoned: n < bytes.len(), broken: false }
            }
            Self::Chunked(chunks) => gather(chunks, bytes),
            Self::Close => {
                Taken { content: 0..bytes.len(), framed: false, done: false, poisoned: false, broken: false }
            }
        }
    }
}

fn gather(chunks: &mut Chunks, bytes: &mut [u8]) -> Taken {
    let mut content = 0..0;
    let mut at = 0;
    loop {
        let Ok(piece) = chunks.next(&bytes[at..], u64::MAX) else {
            return Taken { content, framed: false, done: false, poisoned: false, broken: true };
        };
        let from = at + piece.framing;
        at = from + piece.content;
        if content.is_empty() {
            content = from..at;
        } else {
            bytes.copy_within(from..at, content.end);
            content.end += piece.content;
        }
        if piece.done || at == bytes.len() {
            let (done, poisoned) = (piece.done, at < bytes.len());
            return Taken { content, framed: false, done, poisoned, broken: false };
        }
    }
}

/// The line before a chunk.
#[derive(Debug)]
pub(super) struct SizeLine {
    bytes: [u8; Self::LENGTH_MAX],
    start: usize,
}

impl SizeLine {
    /// The digits of the largest size, and the line's end.
    const LENGTH_MAX: usize = usize::BITS as usize / 4 + 2;

    /// The line before a chunk of `length` bytes. None before no bytes: that would be the end.
    pub(super) fn of(length: usize) -> Option<Self> {
        let (mut left, mut start) = (length, Self::LENGTH_MAX - 2);
        let mut bytes = [0; Self::LENGTH_MAX];
        bytes[start..].copy_from_slice(b"\r\n");
        while left > 0 {
            start -= 1;
            bytes[start] = b"0123456789abcdef"[left & 0xf];
            left >>= 4;
        }
        (length > 0).then_some(Self { bytes, start })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_of_known_length_ends_after_it() {
        let mut body = Body::of(Extent::Length(5));
        let taken = |content, done, poisoned| Taken { content, framed: false, done, poisoned, broken: false };
        assert_eq!(body.take(&mut b"hel".to_vec()), taken(0..3, false, false));
        assert_eq!(body.take(&mut b"loPOISON".to_vec()), taken(0..2, true, true));
        let mut nothing = Body::of(Extent::Nothing);
        assert_eq!(nothing.take(&mut []), taken(0..0, true, false));
    }

    #[test]
    fn extensions_and_trailers_are_dropped_and_what_follows_is_seen() {
        let mut bytes = b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\nmore".to_vec();
        let taken = Body::of(Extent::Chunked).take(&mut bytes);
        assert_eq!(&bytes[taken.content], b"abcde");
        assert!(taken.done && taken.poisoned);
    }

    #[test]
    fn what_came_before_a_broken_chunk_is_content_all_the_same() {
        let mut bytes = b"3\r\nabc\r\nnonsense\r\n".to_vec();
        let taken = Body::of(Extent::Chunked).take(&mut bytes);
        assert_eq!(&bytes[taken.content], b"abc");
        assert!(taken.broken && !taken.done);
    }

    /// The content of whole chunks, as it is read byte by byte.
    fn unframed(bytes: &[u8]) -> Vec<u8> {
        let mut chunks = Chunks::new();
        let byte_is_content = |byte: &u8| chunks.next(&[*byte], u64::MAX).unwrap().content == 1;
        bytes.iter().copied().filter(byte_is_content).collect()
    }

    #[test]
    fn whole_and_plain_chunks_are_passed_on_as_they_are_and_no_others() {
        for (bytes, framed) in [
            (&b"3\r\nabc\r\n"[..], true),
            (b"3\r\nabc\r\n2\r\nde\r\n", true),
            (b"3\r\nabc\r\n0\r\n\r\n", true),
            (b"0\r\n\r\n", true),
            (b"3\r\nabc\r\n2\r\nd", false),
            (b"3\r\nabc\r\n2", false),
            (b"3\r\nabc", false),
            (b"3;a=b\r\nabc\r\n", false),
            (b"3\r\nabcd\r\n", false),
            (b"0\r\nx: y\r\n\r\n", false),
            (b"3\r\nabc\r\n0\r\n\r\nmore", false),
            (b"0\r\n", false),
            (b"fffffffffffffff\r\nabc\r\n", false),
        ] {
            let taken = Body::of(Extent::Chunked).take(&mut bytes.to_vec());
            assert_eq!(taken.framed, framed, "{}", bytes.escape_ascii());
            let done = bytes.windows(3).any(|three| three == b"0\r\n") && !bytes.ends_with(b"0\r\n");
            assert_eq!(taken.done, done, "{}", bytes.escape_ascii());
        }
        let mut body = Body::of(Extent::Chunked);
        assert!(!body.take(&mut b"3\r\nab".to_vec()).framed);
        let taken = body.take(&mut b"c\r\n2\r\nde\r\n".to_vec());
        assert!(!taken.framed, "what begins in the middle of a chunk is none");
        assert!(body.take(&mut b"0\r\n\r\n".to_vec()).framed);
    }

    #[test]
    fn size_lines_are_hexadecimal() {
        for (length, line) in [(1, "1\r\n"), (16, "10\r\n"), (1024, "400\r\n"), (usize::MAX, "ffffffffffffffff\r\n")] {
            assert_eq!(SizeLine::of(length).unwrap().as_bytes(), line.as_bytes());
        }
        assert!(SizeLine::of(0).is_none());
    }

    proptest! {
        #[test]
        fn content_survives_any_chunks_in_any_reads(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..9),
            reads in prop::collection::vec(1_usize..60, 1..40),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend(SizeLine::of(chunk.len()).unwrap().as_bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
            let (mut body, mut content, mut at, mut done) = (Body::of(Extent::Chunked), Vec::new(), 0, false);
            for read in reads.iter().copied().cycle() {
                let end = (at + read).min(wire.len());
                let taken = body.take(&mut wire[at..end]);
                let bytes = &wire[at + taken.content.start..at + taken.content.end];
                let bytes = if taken.framed { unframed(bytes) } else { bytes.to_vec() };
                content.extend_from_slice(&bytes);
                prop_assert!(!taken.poisoned && !taken.broken);
                at = end;
                done = taken.done;
                if at == wire.len() {
                    break;
                }
                prop_assert!(!done);
            }
            prop_assert!(done);
            prop_assert_eq!(content, chunks.concat());
        }
    }
}
