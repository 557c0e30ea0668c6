//! What one deployment's image routes may do: its image settings, compiled once (cold).

use std::time::Duration;

use edgeplane_config::{ImageFormat, ImageSettings, ImageTuning};

use super::pattern::Patterns;

/// The rules of one deployment. They die with it; the caches and workers of [`Images`](super::Images) do not.
#[derive(Debug)]
pub struct Rules {
    /// Widths that may be asked for, in pixels.
    pub(super) sizes: Vec<u32>,
    /// The largest side of a result that may be asked for, in pixels.
    pub(super) side_max: u32,
    /// Whether a height must be one of the sizes too. Pages need any.
    pub(super) height_in_sizes: bool,
    /// Whether pictures in Display P3 stay so.
    pub(super) keep_p3: bool,
    /// Formats that may be written beside the source's own.
    pub(super) formats: Vec<ImageFormat>,
    /// Quality where the request names none.
    pub(super) quality: u8,
    /// Remote sources that may be read.
    pub(super) patterns: Patterns,
    /// Hosts that are this deployment: an absolute URL to them is read like a path.
    pub(super) public_hosts: Vec<String>,
    /// The shortest time a result is kept.
    pub(super) ttl_min: Duration,
    /// Whether SVG is passed through.
    pub(super) allow_svg: bool,
}

impl Rules {
    /// Compiles a deployment's settings. `public_hosts` are names without a port, in lower case.
    ///
    /// Settings without sizes get the operator's default list: no settings never mean any width.
    pub fn new(settings: &ImageSettings, tuning: &ImageTuning, public_hosts: &[String]) -> Self {
        let sizes = if settings.sizes.is_empty() { &tuning.default_sizes } else { &settings.sizes };
        Self {
            sizes: sizes.clone(),
            side_max: tuning.side_max,
            height_in_sizes: tuning.height_in_sizes,
            keep_p3: tuning.keep_p3,
            formats: settings.formats.clone(),
            quality: tuning.quality.clamp(1, 100),
            patterns: Patterns::new(settings, tuning.allow_http),
            public_hosts: public_hosts.to_vec(),
            ttl_min: settings.minimum_cache_ttl,
            allow_svg: settings.dangerously_allow_svg,
        }
    }
}
