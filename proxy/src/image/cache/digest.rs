//! What a key is called outside of this process: a hash of everything that it holds.

use edgeplane_optimizer::ImageFormat;

use super::{Identity, Key};
use crate::{image::negotiate::Choice, shelf::Digest};

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
