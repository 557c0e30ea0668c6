//! What a manifest promises of the folders beside it, and where in the manifest it does so.

use crate::{PathPattern, TargetKind, report::Anchor};

/// The promises that only a look at the disk can check. Collected even where the manifest has errors, so that
/// one check tells everything.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// The first target or fallback of each kind.
    targets: [Option<Anchor>; 3],
    /// Whether there are targets whose kind is not known, so that the absence of a kind proves nothing.
    pub(super) unclear: bool,
    /// The file to start, where it is a bare name.
    pub(crate) entrypoint: Option<(Anchor, String)>,
    /// The paths that only Static answers, as there is no fallback.
    pub(crate) static_only: Vec<(Anchor, PathPattern)>,
}

impl Promises {
    /// Notes that something of this kind is targeted at this place.
    pub(super) fn target(&mut self, kind: TargetKind, anchor: &Anchor) {
        self.targets[kind as usize].get_or_insert_with(|| anchor.clone());
    }

    /// The first place where something of this kind is targeted.
    pub(crate) fn first(&self, kind: TargetKind) -> Option<&Anchor> {
        self.targets[kind as usize].as_ref()
    }

    /// Whether nothing is targeted at all.
    pub(super) fn is_empty(&self) -> bool {
        self.targets.iter().all(Option::is_none)
    }
}
