//! A route: which paths, which target, which fallback.

use http::HeaderValue;

/// One entry of the manifest's `routes`, in traversal order.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which request paths the route takes.
    pub path: PathPattern,
    /// Where such a request goes.
    pub target: Target,
    /// Where it goes when the target answers 404. Never of the target's kind.
    pub fallback: Option<Target>,
}

/// A path pattern of the specification: literal text in which `*` matches zero or more characters, `/` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(pub(crate) String);

impl PathPattern {
    /// The pattern as the manifest spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the catch-all pattern `/*`.
    pub fn is_catch_all(&self) -> bool {
        self.0 == "/*"
    }
}

/// The primitive a request is routed to, with what only that primitive can carry.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A file below `static/`.
    Static {
        /// `Cache-Control` for successful answers.
        cache_control: Option<HeaderValue>,
    },
    /// The Node.js server. Version 1 of the specification knows one compute resource, `default`.
    Compute,
    /// The image optimizer.
    Image {
        /// `Cache-Control` for successful answers.
        cache_control: Option<HeaderValue>,
    },
}

impl Target {
    /// Which of the three primitives this is.
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Static { .. } => TargetKind::Static,
            Self::Compute => TargetKind::Compute,
            Self::Image { .. } => TargetKind::Image,
        }
    }

    /// `Cache-Control` for successful answers, where the manifest gives one.
    pub fn cache_control(&self) -> Option<&HeaderValue> {
        match self {
            Self::Static { cache_control } | Self::Image { cache_control } => cache_control.as_ref(),
            Self::Compute => None,
        }
    }
}

/// The `kind` of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    /// `"Static"`
    Static,
    /// `"Compute"`
    Compute,
    /// `"ImageOptimization"`
    Image,
}

impl TargetKind {
    /// The manifest's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "Static",
            Self::Compute => "Compute",
            Self::Image => "ImageOptimization",
        }
    }
}
