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

/// Characters a path may have (the specification says "maximum path length").
const PATH_CHARS_MAX: usize = 255;

/// What a path may contain beside letters and digits. The specification's list reads `[ _-.*$/~"'@:+]`, space first;
/// taken at its word, the space belongs to it. Readings differ, so the manifest's reader remarks upon one.
const PATH_MARKS: &str = " _-.*$/~\"'@:+";

/// Why a text is no path pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It is empty or starts with something else than `/`.
    #[error("does not start with `/`")]
    Start,
    /// It is longer than 255 characters.
    #[error("has {0} characters, more than 255")]
    Length(usize),
    /// It contains a character outside the specification's list: the first such.
    #[error("contains {0:?}, which a path cannot contain")]
    Alphabet(char),
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Everything that is wrong with it, at least one fault.
    pub fn parse(text: &str) -> Result<Self, Vec<PathFault>> {
        let mut faults = Vec::new();
        if !text.starts_with('/') {
            faults.push(PathFault::Start);
        }
        let chars = text.chars().count();
        if chars > PATH_CHARS_MAX {
            faults.push(PathFault::Length(chars));
        }
        if let Some(char) = text.chars().find(|char| !char.is_ascii_alphanumeric() && !PATH_MARKS.contains(*char)) {
            faults.push(PathFault::Alphabet(char));
        }
        if faults.is_empty() { Ok(Self(text.to_owned())) } else { Err(faults) }
    }

    /// Whether the pattern takes this path. This is the definition, kept simple to be read: the router has its own
    /// automaton and is held against it.
    pub fn matches(&self, path: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0 == path };
        let Some(mut path) = path.strip_prefix(head) else { return false };
        let mut pieces: Vec<&str> = rest.split('*').collect();
        let tail = pieces.pop().unwrap_or_default();
        for piece in pieces {
            // The leftmost place is always right: it leaves the most for what follows.
            let Some(at) = path.find(piece) else { return false };
            path = &path[at + piece.len()..];
        }
        path.ends_with(tail)
    }

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
