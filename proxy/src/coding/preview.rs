//! What compression would make of the answer to a request, for `edgeplane explain`: the same functions, in words.

use std::fmt;

use edgeplane_config::CompressionSettings;
use http::StatusCode;

use super::{ContentCoding, Fields, Plain, Wants, judge};

/// What would be done with an answer that nothing speaks against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    outcome: Result<ContentCoding, Plain>,
    bytes_min: u64,
}

impl Preview {
    /// Looks at a request, and at the custom headers that its answer will have.
    pub fn of<'f>(wants: &Wants<'_>, custom: impl Fields<'f>, settings: &CompressionSettings) -> Self {
        let page = std::iter::once(("content-type", &b"text/html"[..]));
        let judged = judge(wants, StatusCode::OK, page.chain(custom), None, settings);
        Self { outcome: judged.outcome, bytes_min: settings.bytes_min }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Err(why) => write!(out, "none: {why}"),
            Ok(coding) => {
                let (token, bytes_min) = (coding.token().unwrap_or("identity"), self.bytes_min);
                write!(
                    out,
                    "{token}, where the answer is of a type that shrinks, of {bytes_min} bytes or more, and has neither \
                     Content-Encoding nor no-transform"
                )
            }
        }
    }
}
