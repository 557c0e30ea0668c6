//! Who may ask, in the words of `explain`.

use serde_json::{Value, json};

use crate::{access::Preview, service::reply::Refusal};

/// For people.
pub(super) fn lines(preview: &Preview) -> Vec<String> {
    let Preview { place, client, says, refusal } = preview;
    let mut lines = vec![format!("access      {client} ({place})")];
    lines.extend(says.iter().map(|said| format!("            {said}")));
    lines.extend(
        refusal.as_ref().map(|refusal| format!("answers     {}: {refusal}", status(preview).unwrap_or_default())),
    );
    lines
}

/// For programs.
pub(super) fn json(preview: &Preview) -> Value {
    let Preview { place, client, says, refusal } = preview;
    let why = refusal.as_ref().map(ToString::to_string);
    let status = status(preview).and_then(|status| status.split(' ').next()?.parse::<u16>().ok());
    json!({ "client": client.to_string(), "place": place, "says": says, "status": status, "why": why })
}

/// What serving would answer; none where the client may come in.
fn status(preview: &Preview) -> Option<String> {
    let refusal = preview.refusal.clone()?;
    Some(Refusal::Access(refusal).answer().status.to_string())
}
