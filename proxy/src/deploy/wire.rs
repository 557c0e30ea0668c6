//! The list of deployments as it stands on disk: a line of JSON for each.

use serde_json::{Value, json};

use super::store::{Entry, Journal};
use crate::site::is_id;

impl Journal {
    /// Reads it; none where anything in it is not as it is written below.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let told: Value = serde_json::from_str(text).ok()?;
        let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
        let entry = |value: &Value| {
            let id = text(value, "id").filter(|id| is_id(id))?;
            Some(Entry { id, content: text(value, "content")?, since: value.get("since")?.as_u64()? })
        };
        let entries = told.get("deployments")?.as_array()?.iter().map(entry).collect::<Option<_>>()?;
        Some(Self { entries, folder: text(&told, "folder") })
    }

    /// Writes it.
    pub(super) fn text(&self) -> String {
        let entry = |entry: &Entry| json!({ "id": entry.id, "content": entry.content, "since": entry.since });
        let entries: Vec<_> = self.entries.iter().map(entry).collect();
        format!("{:#}\n", json!({ "deployments": entries, "folder": self.folder }))
    }
}
