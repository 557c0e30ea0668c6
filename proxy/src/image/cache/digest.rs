//! What a key is called outside of this process: a hash of everything that it holds.

use std::fmt;

use edgeplane_optimizer::ImageFormat;

use super::{Identity, Key};
use crate::image::negotiate::Choice;

/// The hash of a key. Equal keys have equal ones in every process of the same optimizer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::image) struct Digest(pub(in crate::image) [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl Digest {
    /// Reads what `Display` writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let digits = text.as_bytes();
        let lower = digits.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit));
        if digits.len() != 64 || !lower {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl Key {
    /// Its name outside of this process.
    pub(in crate::image) fn digest(&self) -> Digest {
        let mut parts = Parts(blake3::Hasher::new());
        parts.add(b"edgeplane image").add(&self.version.to_le_bytes());
        match &self.identity {
            Identity::Content(hash) => parts.add(b"content").add(hash),
            Identity::Compute { site, deployment, places } => {
                parts.add(b"compute").add(site.as_bytes()).add(deployment.as_bytes());
                places.iter().fold(&mut parts, |parts, place| parts.add(place.target().as_bytes()))
            }
            Identity::Remote { site, url } => parts.add(b"remote").add(site.as_bytes()).add(url.as_bytes()),
        };
        // Where the source decides the format, it stands for every one that it may turn out to be.
        let (format, choice) = match self.recipe.choice {
            Choice::Format(format) => (format, "format"),
            Choice::Source { webp: true } => (ImageFormat::Webp, "source or webp"),
            Choice::Source { webp: false } => (ImageFormat::Jpeg, "source"),
        };
        parts.add(self.recipe.order(format).to_string().as_bytes()).add(choice.as_bytes());
        Digest(*parts.0.finalize().as_bytes())
    }
}

/// A hash of parts, each with its length, so that no two lists of parts run into the same bytes.
struct Parts(blake3::Hasher);

impl Parts {
    fn add(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_from_its_text_and_from_no_other() {
        let digest = Digest(*blake3::hash(b"x").as_bytes());
        let text = digest.to_string();
        assert_eq!(Digest::parse(&text), Some(digest));
        for wrong in ["", &text[1..], &text.to_uppercase(), &format!("{text}0"), &text.replace('a', "/")] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
