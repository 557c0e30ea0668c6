//! Finished images on a Redis or Valkey server that several of us share.
//!
//! It may only help. Whatever it does, or does not do, costs at most the time that the settings give it, and after a
//! failure it is left alone for a while, so that it costs nothing. What it holds is not believed because it holds it:
//! a record counts when it carries the fleet's signature over its place and its bytes, and its own checksum is right.

mod breaker;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use ring::hmac;
use tokio::{runtime::Handle, sync::Mutex, sync::Semaphore, time::timeout};

use super::{
    Digest, Name, Purge,
    purge::{PurgeError, Recent},
    record,
};
use crate::image::{
    events::{ImageEvents, SharedResult},
    picture::Picture,
};
use breaker::Breaker;

/// What our keys begin with; another form of record would have another number.
const PREFIX: &str = "edgeplane:image:1:";
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;
/// A shorter secret can be guessed.
pub(super) const SECRET_BYTES_MIN: usize = 32;
/// Records read at once, each as large as an image may be. Who comes while so many are read waits, within the time that the
/// server has to answer.
const READS: usize = 16;
/// Records that wait to be written, in memory; further ones are not shared.
const WAITING_MAX: usize = 32;
/// Keys looked at together when images are purged.
const PURGE_BATCH: usize = 100;
/// A purge, or writing a record: nobody waits for an image meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// The images on the shared server.
#[derive(Clone, Debug)]
pub(in crate::image) struct Shared(Arc<Store>);

#[derive(Debug)]
struct Store {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
    secret: hmac::Key,
    breaker: Breaker,
    timeout: Duration,
    record_bytes_max: usize,
    reads: Semaphore,
    waiting: Arc<Semaphore>,
    recent: Arc<Recent>,
    events: Arc<ImageEvents>,
}

/// The shared cache cannot be set up as the settings want it.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// The secret cannot be read.
    #[error("read the key of the shared cache `{0}`")]
    Read(String, #[source] std::io::Error),
    /// The secret can be guessed.
    #[error("the key of the shared cache `{0}` has fewer than {SECRET_BYTES_MIN} bytes")]
    Short(String),
    /// The address is none.
    #[error("the address of the shared cache is not valid")]
    Address(#[source] RedisError),
}

/// The server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It cannot be reached, broke off, or refused.
    #[error("the server failed")]
    Failed(#[source] RedisError),
    /// It took too long.
    #[error("the server did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
}

impl Shared {
    /// Prepares for the server at `url` with the secret in `key_file`; nothing is connected yet.
    pub(super) fn new(
        url: &str,
        key_file: &Path,
        timeout: Duration,
        content_bytes_max: usize,
        recent: Arc<Recent>,
        events: Arc<ImageEvents>,
    ) -> Result<Self, ShareError> {
        let told = key_file.display().to_string();
        let secret = std::fs::read(key_file).map_err(|source| ShareError::Read(told.clone(), source))?;
        let secret = secret.trim_ascii_end();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(ShareError::Short(told));
        }
        Ok(Self(Arc::new(Store {
            client: Client::open(url).map_err(ShareError::Address)?,
            connection: Mutex::default(),
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret),
            breaker: Breaker::default(),
            timeout,
            record_bytes_max: content_bytes_max + record::FRONT_BYTES_MAX,
            reads: Semaphore::new(READS),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            recent,
            events,
        })))
    }

    /// The picture that is kept under `digest`, if it comes in time.
    pub(in crate::image) async fn get(&self, digest: &Digest) -> Option<(Picture, Name)> {
        let store = &*self.0;
        let Ok(Ok(_reading)) = timeout(store.timeout, store.reads.acquire()).await else {
            store.events.shared(SharedResult::Skipped);
            return None;
        };
        let most = store.record_bytes_max + SIGNATURE_BYTES;
        let mut command = redis::cmd("GETRANGE");
        command.arg(key(digest)).arg(0).arg(most);
        let value: Vec<u8> = store.ask(&command, store.timeout).await?;
        if value.is_empty() {
            store.events.shared(SharedResult::Miss);
            return None;
        }
        let found = store.open(digest, value);
        store.events.shared(if found.is_some() { SharedResult::Hit } else { SharedResult::Forged });
        found
    }

    /// Keeps a picture that was `begun` then for `ttl`, behind the scenes.
    pub(in crate::image) fn put(
        &self,
        digest: Digest,
        picture: Arc<Picture>,
        name: Arc<Name>,
        ttl: Duration,
        begun: Instant,
    ) {
        let store = Arc::clone(&self.0);
        let (Ok(runtime), Ok(waiting)) = (Handle::try_current(), Arc::clone(&store.waiting).try_acquire_owned()) else {
            return store.events.shared(SharedResult::Skipped);
        };
        runtime.spawn(async move {
            let _waiting = waiting;
            let Some(value) = store.seal(&digest, &picture, &name) else { return };
            if value.len() > store.record_bytes_max || store.recent.forbid_made(&name, begun) {
                return;
            }
            let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX.unsigned_abs());
            let mut command = redis::cmd("SET");
            command.arg(key(&digest)).arg(value).arg("PX").arg(millis);
            if store.ask::<()>(&command, PATIENCE).await.is_some() {
                store.events.shared(SharedResult::Stored);
            }
        });
    }

    /// Forgets what is kept under `digest`.
    pub(in crate::image) fn remove(&self, digest: &Digest) {
        let (store, key) = (Arc::clone(&self.0), key(digest));
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { store.ask::<()>(redis::cmd("UNLINK").arg(key), PATIENCE).await });
        }
    }

    /// Removes what a purge names and says how much that was, and whether it was all.
    pub(in crate::image) async fn purge(&self, purge: &Purge) -> (usize, Result<(), PurgeError>) {
        // Whoever writes a record now may not know of the purge, and the search could pass its place before the record is
        // there. Whoever comes later knows.
        let all = u32::try_from(WAITING_MAX).unwrap_or(1);
        drop(self.0.waiting.acquire_many(all).await);
        let mut images = 0;
        let result = self.0.search(purge, &mut images).await;
        (images, result.map_err(PurgeError::Shared))
    }
}

impl Store {
    /// Looks at all of our keys, a part at a time, and removes what a purge names. Whether the server failed lately does
    /// not matter: somebody waits to hear whether it can be had now.
    async fn search(&self, purge: &Purge, images: &mut usize) -> Result<(), AskError> {
        // Whether a connection broke while nobody used it is found out by the first word on it.
        let _heard = self.insist::<String>(&redis::cmd("PING"), PATIENCE).await;
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{PREFIX}*")).arg("COUNT").arg(PURGE_BATCH);
            let (next, keys): (u64, Vec<String>) = self.insist(&scan, PATIENCE).await?;
            for key in keys {
                if self.name(&key).await?.is_some_and(|name| purge.names(&name)) {
                    let gone: usize = self.insist(redis::cmd("UNLINK").arg(key), PATIENCE).await?;
                    *images += gone;
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Whose record stands under a key; none where there is no record.
    async fn name(&self, key: &str) -> Result<Option<Name>, AskError> {
        let mut beginning = self.beginning(key, record::BEGINNING_BYTES).await?;
        if let Some(more) = record::more(&beginning) {
            beginning = self.beginning(key, more).await?;
        }
        Ok(record::name(&beginning))
    }

    async fn beginning(&self, key: &str, bytes: usize) -> Result<Vec<u8>, AskError> {
        let mut command = redis::cmd("GETRANGE");
        command.arg(key).arg(0).arg(bytes - 1);
        self.insist(&command, PATIENCE).await
    }

    /// One command and its answer. None where it failed, took too long, or where the server is left alone.
    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd, patience: Duration) -> Option<T> {
        if !self.breaker.lets_pass() {
            self.events.shared(SharedResult::Skipped);
            return None;
        }
        self.insist(command, patience).await.ok()
    }

    /// One command and its answer, connected where that is needed, also where the server is left alone.
    async fn insist<T: redis::FromRedisValue>(&self, command: &redis::Cmd, patience: Duration) -> Result<T, AskError> {
        let asked = timeout(patience, async {
            let mut connection = self.connect().await?;
            command.query_async(&mut connection).await
        });
        let (error, result) = match asked.await {
            Ok(Ok(value)) => {
                self.breaker.succeed();
                return Ok(value);
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the shared cache failed");
                (AskError::Failed(error), SharedResult::Error)
            }
            Err(_) => (AskError::Timeout(patience), SharedResult::Timeout),
        };
        self.events.shared(result);
        if self.breaker.fail() {
            tracing::warn!("the shared cache does not answer and is left alone for a while");
        }
        // Another command may be about to connect; then this is its own to find out.
        if let Ok(mut connection) = self.connection.try_lock() {
            *connection = None;
        }
        Err(error)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(PATIENCE));
        let new = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *connection = Some(new.clone());
        Ok(new)
    }

    /// A record with its signature.
    fn seal(&self, digest: &Digest, picture: &Picture, name: &Name) -> Option<Vec<u8>> {
        let mut value = record::front(digest, picture, name)?;
        value.extend_from_slice(&picture.bytes);
        let signature = self.sign(digest, &value);
        value.extend_from_slice(signature.as_ref());
        Some(value)
    }

    fn sign(&self, digest: &Digest, record: &[u8]) -> hmac::Tag {
        let mut signing = hmac::Context::with_key(&self.secret);
        signing.update(&digest.0);
        signing.update(record);
        signing.sign()
    }

    /// The picture in a value, if it is one of ours.
    fn open(&self, digest: &Digest, mut value: Vec<u8>) -> Option<(Picture, Name)> {
        let length = value.len().checked_sub(SIGNATURE_BYTES)?;
        let (record, signature) = value.split_at(length);
        let mut signed = digest.0.to_vec();
        signed.extend_from_slice(record);
        // Compared in constant time.
        hmac::verify(&self.secret, &signed, signature).ok()?;
        value.truncate(length);
        record::read(&value.into(), digest)
    }
}

fn key(digest: &Digest) -> String {
    format!("{PREFIX}{digest}")
}

#[cfg(test)]
mod tests;
