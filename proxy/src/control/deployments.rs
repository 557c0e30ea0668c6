//! Deploys, rollbacks and their state, on the control socket.
//!
//! `POST /deploy?site=SITE&id=ID` with a tar archive as its body, `POST /rollback?site=SITE&to=ID`, `GET /status`. The
//! archive comes from the caller's own files: there is no path here that the server would open for somebody.

use std::{
    io::{self, Read},
    sync::Arc,
};

use bytes::{Buf as _, Bytes};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, Receiver},
    task::spawn_blocking,
};

use super::wire::chain;
use crate::deploy::{ActivateError, ArchiveError, ReplaceError, Replaced, Steward, unpack};

/// Pieces of an archive between the socket and the disk.
const PIECES: usize = 16;

/// What is answered.
pub(super) type Told = (StatusCode, String);

/// Takes an archive in and makes it the current deployment.
pub(super) async fn deploy(request: Request<Incoming>, steward: Arc<Steward>) -> Told {
    let asked = Asked::of(request.uri().query());
    let (tell, told) = mpsc::channel(PIECES);
    // A caller who goes away after the last byte does not end it halfway.
    let done =
        tokio::spawn(async move { take_in(&steward, asked, Pieces { told, piece: Bytes::new(), ended: false }).await });
    let mut body = request.into_body();
    let mut whole = false;
    loop {
        let piece = match body.frame().await {
            None => {
                whole = true;
                break;
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => piece,
                _ => continue,
            },
            Some(Err(error)) => {
                let _ = tell.send(Err(io::Error::other(error))).await;
                break;
            }
        };
        // An archive that is refused needs no more of it.
        if tell.send(Ok(piece)).await.is_err() {
            break;
        }
    }
    if whole {
        // Said expressly: the end of the channel alone could be that of the caller.
        let _ = tell.send(Ok(Bytes::new())).await;
    }
    drop(tell);
    told_of(done.await)
}

async fn take_in(steward: &Steward, asked: Asked, pieces: Pieces) -> Result<Replaced, ReplaceError> {
    let change = steward.change(asked.site.as_deref())?;
    let draft = steward.draft(&change)?;
    let (root, bounds) = (draft.path().join("bundle"), steward.bounds());
    let to = root.clone();
    let unpacked = spawn_blocking(move || {
        let mut pieces = pieces;
        unpack(&mut pieces, &to, &bounds)?;
        // What follows the archive's own end is read, so that a caller who was cut off is told from one who is done.
        pieces.finish()
    });
    unpacked.await.map_err(ActivateError::from)??;
    steward.deploy(&change, &root, asked.id).await
}

/// Makes a deployment that is kept the current one.
pub(super) async fn roll_back(query: Option<&str>, steward: Arc<Steward>) -> Told {
    let asked = Asked::of(query);
    let done = tokio::spawn(async move {
        let change = steward.change(asked.site.as_deref())?;
        steward.roll_back(&change, asked.to.as_deref()).await
    });
    told_of(done.await)
}

/// What is deployed.
pub(super) fn status(steward: &Steward) -> Told {
    (StatusCode::OK, format!("{}\n", steward.status()))
}

fn told_of(done: Result<Result<Replaced, ReplaceError>, tokio::task::JoinError>) -> Told {
    match done {
        Ok(Ok(Replaced { id, unchanged })) => {
            (StatusCode::OK, format!("{}\n", json!({ "deployment": id, "unchanged": unchanged })))
        }
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the running deployment stays");
            let mut told = json!({ "error": chain(&error) });
            let status = match &error {
                ReplaceError::Activate(ActivateError::Bundle(problems)) => {
                    told["error"] = "the bundle is refused".into();
                    told["problems"] = problems.to_string().into();
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                ReplaceError::Busy(_) | ReplaceError::Taken(_) => StatusCode::CONFLICT,
                ReplaceError::NoSite(_) | ReplaceError::NotKept(_) | ReplaceError::NoneKept => StatusCode::NOT_FOUND,
                ReplaceError::Archive(_) | ReplaceError::Name(_) => StatusCode::BAD_REQUEST,
                ReplaceError::Silent(_) | ReplaceError::Activate(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, format!("{told}\n"))
        }
        Err(_) => {
            let told: Value = json!({ "error": "it came to no end; the log says why" });
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{told}\n"))
        }
    }
}

/// What a query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    site: Option<String>,
    id: Option<String>,
    to: Option<String>,
}

impl Asked {
    fn of(query: Option<&str>) -> Self {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let value = Some(value.into_owned()).filter(|value| !value.is_empty());
            match &*name {
                "site" => asked.site = value,
                "id" => asked.id = value,
                "to" => asked.to = value,
                _ => {}
            }
        }
        asked
    }
}

/// An archive as it comes, for whoever reads it on a thread that may block. An empty piece is its end.
struct Pieces {
    told: Receiver<io::Result<Bytes>>,
    piece: Bytes,
    ended: bool,
}

impl Pieces {
    /// Reads to the end.
    fn finish(&mut self) -> Result<(), ArchiveError> {
        io::copy(self, &mut io::sink()).map(drop).map_err(ArchiveError::Read)
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.ended {
            self.piece = self.told.blocking_recv().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
            self.ended = self.piece.is_empty();
        }
        let n = into.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut into[..n]);
        Ok(n)
    }
}
