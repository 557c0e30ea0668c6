//! An answer as it came over the wire.

use std::time::Duration;

use serde_json::Value;

/// One parsed answer; `status` 0 means that none came.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// The final status, or 0 where the connection ended or stayed silent before a head.
    pub(crate) status: u16,
    /// The status line's text after the code.
    pub(crate) reason: String,
    /// Fields in their order, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The content, without the chunked coding.
    pub(crate) body: Vec<u8>,
    /// Whether the message ended as its framing promised.
    pub(crate) complete: bool,
    /// Interim statuses that came before, such as 100.
    pub(crate) interim: Vec<u16>,
    /// When pieces of the body arrived, counted from the request; pieces less than 40 ms apart are one.
    pub(crate) arrivals: Vec<Duration>,
    /// From the request to the end of the answer.
    pub(crate) total: Duration,
}

impl Reply {
    /// The only value of a field; none where it is absent.
    ///
    /// # Panics
    /// When it occurs more than once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} occurs {} times: {values:?}", values.len());
        values.first().copied()
    }

    /// All values of a field, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }

    /// Fails with the whole answer in the message unless the status is `status` and the message is complete.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.summary());
        assert!(self.complete, "truncated: {}", self.summary());
        self
    }

    /// Fails unless the status is one of these; the message may end early.
    #[track_caller]
    pub(crate) fn expect_one_of(self, statuses: &[u16]) -> Self {
        assert!(statuses.contains(&self.status), "not one of {statuses:?}: {}", self.summary());
        self
    }

    /// Fails unless the field has exactly this value.
    #[track_caller]
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        assert_eq!(self.field(name), Some(value), "{name} in {}", self.summary());
        self
    }

    /// Fails unless the field is there and holds `part`, whatever the case.
    #[track_caller]
    pub(crate) fn holding(self, name: &str, part: &str) -> Self {
        let found =
            self.values(name).iter().any(|value| value.to_ascii_lowercase().contains(&part.to_ascii_lowercase()));
        assert!(found, "{name} lacks {part:?} in {}", self.summary());
        self
    }

    /// Fails if the field is there.
    #[track_caller]
    pub(crate) fn without(self, name: &str) -> Self {
        assert!(self.values(name).is_empty(), "{name} in {}", self.summary());
        self
    }

    /// Fails unless the body holds `part`.
    #[track_caller]
    pub(crate) fn saying(self, part: &str) -> Self {
        assert!(self.text().contains(part), "no {part:?} in {}", self.summary());
        self
    }

    /// Fails if the body holds `part`.
    #[track_caller]
    pub(crate) fn hiding(self, part: &str) -> Self {
        assert!(!self.text().contains(part), "{part:?} in {}", self.summary());
        self
    }

    /// The head and the beginning of the body, for messages.
    pub(crate) fn summary(&self) -> String {
        let body: String = self.text().chars().take(300).collect();
        let Self { status, reason, fields, total, .. } = self;
        format!("{status} {reason} {fields:#?} {} bytes after {total:?}: {body}", self.body.len())
    }
}

/// Fails if a page of ours tells a stranger how we are built.
#[track_caller]
pub(crate) fn names_no_internals(page: &str) {
    for word in ["127.0.0.1", "/tmp", "server.js", "node", "panicked", ".rs"] {
        assert!(!page.to_ascii_lowercase().contains(word), "{word} in {page}");
    }
}
