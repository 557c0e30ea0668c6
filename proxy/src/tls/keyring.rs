//! All certificates, and the one for a client that names a host.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use edgeplane_config::{CertificateFiles, TlsSettings};
use parking_lot::Mutex;
use rustls::{
    SignatureScheme,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::certificate::{Certificate, CertificateError};

/// What became of files that were read anew, as labels, each at the place of its count.
pub(crate) const RELOADS: [&str; 2] = ["taken", "refused"];

/// What tells that a file is another: when it was changed, it or who may read it, its bytes, and which file it is. None where
/// there is none.
type Print = Option<([i64; 4], u64, u64)>;

/// The certificates. Those who shake hands see all old ones or all new ones.
#[derive(Debug)]
pub struct Keyring {
    files: Vec<CertificateFiles>,
    strict: bool,
    held: ArcSwap<Held>,
    /// Of the files as they were when they were read last.
    prints: Mutex<Vec<Print>>,
    reloads: [AtomicU64; RELOADS.len()],
}

#[derive(Debug)]
struct Held {
    certificates: Vec<Certificate>,
    /// Which of them are for a name, in their order.
    names: BTreeMap<String, Vec<usize>>,
}

/// A certificate, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// The first name that it is for, or else its file.
    pub(crate) name: String,
    /// When it ends, in seconds of Unix time.
    pub(crate) not_after: i64,
}

impl Keyring {
    /// Reads the files.
    ///
    /// # Errors
    /// [`CertificateError`] of the first one that cannot be used.
    pub fn open(settings: &TlsSettings) -> Result<Self, CertificateError> {
        let (files, strict) = (settings.certificates.clone(), settings.strict_sni);
        // Looked at before they are read: what changes in between is read again.
        let prints = Mutex::new(prints(&files));
        let held = ArcSwap::from_pointee(Held::open(&files)?);
        Ok(Self { files, strict, held, prints, reloads: Default::default() })
    }

    /// Reads the files anew where one has changed, or in any case when `asked`. Whether they are in use now; none where
    /// there was nothing to do. Those that cannot be used change nothing.
    pub(crate) fn refresh(&self, asked: bool) -> Option<Result<(), CertificateError>> {
        let now = prints(&self.files);
        let mut seen = self.prints.lock();
        if *seen == now && !asked {
            return None;
        }
        *seen = now;
        let read = Held::open(&self.files).map(|held| self.held.store(Arc::new(held)));
        self.reloads[usize::from(read.is_err())].fetch_add(1, Relaxed);
        Some(read)
    }

    /// When each certificate ends.
    pub(crate) fn expiries(&self) -> Vec<Expiry> {
        let held = self.held.load();
        let expiry = |(certificate, files): (&Certificate, &CertificateFiles)| Expiry {
            name: certificate.names.first().cloned().unwrap_or_else(|| files.cert.display().to_string()),
            not_after: certificate.not_after,
        };
        held.certificates.iter().zip(&self.files).map(expiry).collect()
    }

    /// How often files were read anew, each at the place of its label in [`RELOADS`].
    pub(crate) fn reloads(&self) -> [u64; RELOADS.len()] {
        [0, 1].map(|place: usize| self.reloads[place].load(Relaxed))
    }

    fn find(&self, host: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let held = self.held.load();
        let signs = |key: &Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let named = host.and_then(|host| held.named(host));
        let mut of_host = named.into_iter().flatten().map(|place| &held.certificates[*place].key);
        if let Some(key) = of_host.find(|key| signs(key)) {
            return Some(Arc::clone(key));
        }
        if self.strict {
            return None;
        }
        let mut any = held.certificates.iter().map(|certificate| &certificate.key);
        any.find(|key| signs(key)).map(Arc::clone)
    }
}

impl Held {
    fn open(files: &[CertificateFiles]) -> Result<Self, CertificateError> {
        let certificates = files.iter().map(Certificate::open).collect::<Result<Vec<_>, _>>()?;
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, certificate) in certificates.iter().enumerate() {
            for name in &certificate.names {
                names.entry(name.clone()).or_default().push(place);
            }
        }
        Ok(Self { certificates, names })
    }

    /// The certificates for a host: those with its name, else those with a `*` for its first label (RFC 9525 6.3).
    fn named(&self, host: &str) -> Option<&Vec<usize>> {
        let host = host.to_ascii_lowercase();
        self.names.get(&host).or_else(|| {
            let (_, rest) = host.split_once('.')?;
            self.names.get(&format!("*.{rest}"))
        })
    }
}

impl ResolvesServerCert for Keyring {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name(), hello.signature_schemes())
    }
}

fn prints(files: &[CertificateFiles]) -> Vec<Print> {
    let print = |path: &Path| {
        path.metadata().ok().map(|meta| {
            let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
            (times, meta.size(), meta.ino())
        })
    };
    files.iter().flat_map(|files| [print(&files.cert), print(&files.key)]).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
