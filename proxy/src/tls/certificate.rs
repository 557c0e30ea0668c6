//! One certificate and its key, read from two PEM files.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use edgeplane_config::CertificateFiles;
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_parser::{extensions::GeneralName, prelude::X509Certificate};

/// Bytes of a file: a chain of four certificates has some 8 KiB. A device has no end.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Bits of a mode that let others than the owner and the group do anything with a key, and the group write it.
const OPEN_MODE: u32 = 0o027;

/// Why a certificate cannot be used. Nothing here tells what is in a file: it may be a key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no PEM, or holds something else.
    #[error("`{}` holds no {wanted} in PEM form, which begins with `-----BEGIN {label}-----`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What that begins with.
        label: &'static str,
    },
    /// What is in the file cannot be understood.
    #[error("the certificate in `{}` is malformed", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The key is of a kind that nobody can sign with here.
    #[error("the key in `{}` is malformed or neither RSA (2048 bits and more) nor ECDSA (P-256, P-384) nor Ed25519", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The two files do not belong together.
    #[error("the key in `{}` is not that of the first certificate in `{}`", key.display(), cert.display())]
    Mismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
}

/// A certificate with its key.
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// Host names, lower case, those with a `*.` included.
    pub(super) names: Vec<String>,
    /// When it ends, in seconds of Unix time.
    pub(super) not_after: i64,
}

/// Nothing of the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub(super) fn open(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let CertificateFiles { cert: cert_path, key: key_path } = files;
        let missing = |path: &Path, wanted, label| CertificateError::Missing { path: path.to_owned(), wanted, label };
        let text = text(cert_path)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| missing(cert_path, "certificate", "CERTIFICATE"))?;
        let malformed = || CertificateError::Malformed { path: cert_path.clone() };
        let (_, parsed) = x509_parser::parse_x509_certificate(&chain[0]).map_err(|_| malformed())?;
        let (names, not_after) = (names(&parsed), parsed.validity().not_after.timestamp());

        let text = key_text(key_path)?;
        let key = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| missing(key_path, "private key that is not encrypted", "PRIVATE KEY"))?;
        let key = ring::sign::any_supported_type(&key).map_err(|_| CertificateError::Key { path: key_path.clone() })?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) => Ok(Self { key: Arc::new(key), names, not_after }),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(CertificateError::Mismatch { cert: cert_path.clone(), key: key_path.clone() })
            }
            Err(_) => Err(malformed()),
        }
    }
}

/// The host names that a certificate is for. Those of addresses are of no use: no client names one (RFC 6066 3).
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|names| &names.value.general_names);
    let dns = names.filter_map(|name| if let GeneralName::DNSName(name) = name { Some(*name) } else { None });
    dns.map(str::to_ascii_lowercase).collect()
}

fn text(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let read = || {
        let mut text = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        Ok(text)
    };
    read().map_err(|source| CertificateError::Read { path: path.to_owned(), source })
}

/// The text of a key, and a word where too many may read it.
fn key_text(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let text = text(path)?;
    if let Ok(meta) = path.metadata()
        && meta.permissions().mode() & OPEN_MODE != 0
    {
        let mode = format!("{:03o}", meta.permissions().mode() & 0o777);
        tracing::warn!(file = %path.display(), mode, "others may read or write this private key; set its mode to 0600 or 0640");
    }
    Ok(text)
}
