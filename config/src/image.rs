//! Image settings: what the image optimization primitive may fetch and emit.

use std::time::Duration;

/// The manifest's `imageSettings`, or the documented defaults where an image route stands without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSettings {
    /// Output widths a request may ask for, ascending and without repeats, in pixels. Empty: those of the setting
    /// `image.default-sizes`; never any width, so that nobody can fill the cache by counting.
    pub sizes: Vec<u32>,
    /// Remote host names whose images may be optimized, lower case.
    pub domains: Vec<String>,
    /// Remote URLs whose images may be optimized.
    pub remote_patterns: Vec<RemotePattern>,
    /// Output formats, in the manifest's order. Empty: the source's own format.
    pub formats: Vec<ImageFormat>,
    /// The shortest time an optimized image is kept.
    pub minimum_cache_ttl: Duration,
    /// Whether SVG sources are served (never rasterised).
    pub dangerously_allow_svg: bool,
}

impl Default for ImageSettings {
    /// What holds where an image route stands without image settings: the operator's widths, the deployment's own
    /// images only, AVIF before WebP, kept for a minute, no SVG.
    fn default() -> Self {
        Self {
            sizes: Vec::new(),
            domains: Vec::new(),
            remote_patterns: Vec::new(),
            formats: vec![ImageFormat::Avif, ImageFormat::Webp],
            minimum_cache_ttl: Duration::from_secs(60),
            dangerously_allow_svg: false,
        }
    }
}

/// One allowed family of remote URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePattern {
    /// `http` or `https`; absent: https only, or both where the settings allow http.
    pub protocol: Option<String>,
    /// A literal host or one with wildcards: `*` is one label, a leading `**` is one or more. Lower case, punycode.
    pub hostname: String,
    /// The port; absent or empty: the protocol's default port.
    pub port: Option<u16>,
    /// A glob over the percent-normalised path: `*` stays within a segment, `**` does not. Absent: any.
    pub pathname: Option<String>,
}

/// A format the optimizer can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageFormat {
    /// `image/avif`
    Avif,
    /// `image/webp`
    Webp,
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
}

impl ImageFormat {
    /// The formats of the specification.
    pub const ALL: [Self; 4] = [Self::Avif, Self::Webp, Self::Jpeg, Self::Png];

    /// The media type, as in `Content-Type` and the manifest.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Avif => "image/avif",
            Self::Webp => "image/webp",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// The usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Avif => "avif",
            Self::Webp => "webp",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
    }
}
