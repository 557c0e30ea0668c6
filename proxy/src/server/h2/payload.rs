//! Hot: what DATA frames are made of: bytes that were made for them, or parts of files where they lie.

use bytes::{Buf, Bytes};

use crate::{answer::Piece, assets::Content};

/// The content of DATA frames.
#[derive(Debug)]
pub(super) enum Payload {
    /// Made for this answer, or kept in memory.
    Bytes(Bytes),
    /// A file of the pack, without so many bytes at its beginning.
    File(Content, usize),
}

impl Payload {
    /// Of a piece of an answer.
    pub(super) fn of(piece: &Piece) -> Self {
        match piece {
            Piece::Text(bytes) => Self::Bytes(bytes.clone()),
            Piece::File(content) => Self::File(content.clone(), 0),
            Piece::Held(held) => Self::Bytes(held.bytes.clone()),
        }
    }

    /// A part of it, from its front.
    pub(super) fn split_to(&mut self, length: usize) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes.split_to(length.min(bytes.len()))),
            Self::File(content, at) => {
                let part = content.slice(*at..at.saturating_add(length));
                *at += part.len();
                Self::File(part, 0)
            }
        }
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(content, at) => content.len() - at,
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::File(content, at) => content.bytes().get(*at..).unwrap_or_default(),
        }
    }

    fn advance(&mut self, n: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(n),
            Self::File(content, at) => *at = (*at + n).min(content.len()),
        }
    }
}
