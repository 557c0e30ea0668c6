//! Who is there to be measured.

use crate::{outcome::Outcome, peer::Peer, stage::Stage};

/// Those of `peers` that are invited and installed; who is missing is remarked.
pub(super) fn present<'a>(stage: &Stage, peers: &[&'a dyn Peer], outcome: &mut Outcome) -> Vec<&'a dyn Peer> {
    let mut company = Vec::new();
    for peer in peers.iter().copied().filter(|peer| stage.invites(*peer)) {
        if peer.version(&stage.programs).is_some() {
            company.push(peer);
        } else {
            stage.note(peer, "", "");
            outcome.remarks.push(format!("{} is not installed.", peer.name()));
        }
    }
    company
}
