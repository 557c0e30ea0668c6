//! Certificates made for the test, as files: which one a client gets, and what becomes of files that change.

use std::{fs, path::Path};

use edgeplane_config::{CertificateFiles, TlsSettings};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use rustls::SignatureScheme::{self, ECDSA_NISTP256_SHA256, ED25519};

use super::*;

const BOTH: [SignatureScheme; 2] = [ED25519, ECDSA_NISTP256_SHA256];

/// Writes a certificate for these names, with a key of that kind.
fn write(folder: &Path, file: &str, algorithm: &'static rcgen::SignatureAlgorithm, names: &[&str]) -> CertificateFiles {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let files = CertificateFiles { cert: folder.join(format!("{file}.pem")), key: folder.join(format!("{file}.key")) };
    fs::write(&files.cert, certificate.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

fn keyring(certificates: Vec<CertificateFiles>, strict_sni: bool) -> Result<Keyring, CertificateError> {
    Keyring::open(&TlsSettings { certificates, strict_sni, ..TlsSettings::default() })
}

/// The place of the certificate that a client gets.
fn place(keyring: &Keyring, host: Option<&str>, schemes: &[SignatureScheme]) -> Option<usize> {
    let found = keyring.find(host, schemes)?;
    keyring.held.load().certificates.iter().position(|certificate| Arc::ptr_eq(&certificate.key, &found))
}

#[test]
fn a_client_gets_the_certificate_of_the_host_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let ecdsa = &PKCS_ECDSA_P256_SHA256;
    let files = vec![
        write(folder.path(), "first", ecdsa, &["first.test"]),
        write(folder.path(), "wild", ecdsa, &["*.wild.test", "wild.test"]),
        write(folder.path(), "exact", ecdsa, &["A.wild.test"]),
        write(folder.path(), "edwards", &PKCS_ED25519, &["first.test"]),
    ];
    let (lax, strict) = (keyring(files.clone(), false).unwrap(), keyring(files, true).unwrap());
    for (host, schemes, place_of_lax, place_of_strict) in [
        (Some("first.test"), &BOTH[..], Some(0), Some(0)),
        (Some("FIRST.test"), &BOTH, Some(0), Some(0)),
        (Some("first.test"), &BOTH[..1], Some(3), Some(3)),
        (Some("wild.test"), &BOTH, Some(1), Some(1)),
        (Some("b.wild.test"), &BOTH, Some(1), Some(1)),
        (Some("a.wild.test"), &BOTH, Some(2), Some(2)),
        (Some("c.b.wild.test"), &BOTH, Some(0), None),
        (Some("other.test"), &BOTH, Some(0), None),
        (Some("test"), &BOTH, Some(0), None),
        (None, &BOTH, Some(0), None),
        (None, &BOTH[..1], Some(3), None),
        (None, &[], None, None),
    ] {
        assert_eq!(place(&lax, host, schemes), place_of_lax, "{host:?} {schemes:?}");
        assert_eq!(place(&strict, host, schemes), place_of_strict, "strict: {host:?} {schemes:?}");
    }
}

#[test]
fn new_files_are_taken_up_and_broken_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), "a", &PKCS_ECDSA_P256_SHA256, &["old.test"]);
    let keyring = keyring(vec![files.clone()], true).unwrap();
    assert!(keyring.refresh(false).is_none(), "nothing has changed");
    assert!(matches!(keyring.refresh(true), Some(Ok(()))), "somebody asked");

    write(folder.path(), "a", &PKCS_ECDSA_P256_SHA256, &["new.test", "newer.test"]);
    assert!(matches!(keyring.refresh(false), Some(Ok(()))));
    assert_eq!(place(&keyring, Some("old.test"), &BOTH), None);
    assert_eq!(place(&keyring, Some("newer.test"), &BOTH), Some(0));

    fs::write(&files.key, "no key, and longer than before? no matter").unwrap();
    assert!(matches!(keyring.refresh(false), Some(Err(CertificateError::Missing { .. }))));
    assert!(keyring.refresh(false).is_none(), "it is told once");
    assert_eq!(place(&keyring, Some("new.test"), &BOTH), Some(0));
    assert_eq!(keyring.expiries()[0].name, "new.test");
    assert_eq!(keyring.reloads(), [2, 1]);
}

#[test]
fn what_cannot_be_used_says_which_file_it_is_and_nothing_of_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good", &PKCS_ECDSA_P256_SHA256, &["a.test"]);
    let other = write(folder.path(), "other", &PKCS_ECDSA_P256_SHA256, &["a.test"]);
    let secret = folder.path().join("secret");
    fs::write(&secret, "-----BEGIN SECRETSECRET\nc2VjcmV0\n").unwrap();
    let garbled = folder.path().join("garbled");
    fs::write(&garbled, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n").unwrap();
    let broken = folder.path().join("broken");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n").unwrap();
    let missing = folder.path().join("missing");
    for (cert, key, said, named) in [
        (&missing, &good.key, "failed to read `", &missing),
        (&good.cert, &missing, "failed to read `", &missing),
        (&good.key, &good.key, "holds no certificate in PEM form", &good.key),
        (&good.cert, &good.cert, "holds no private key that is not encrypted in PEM form", &good.cert),
        (&good.cert, &secret, "holds no private key", &secret),
        (&good.cert, &garbled, "is malformed or neither RSA", &garbled),
        (&broken, &good.key, "the certificate in `", &broken),
        (&good.cert, &other.key, "is not that of the first certificate in `", &other.key),
    ] {
        let files = CertificateFiles { cert: cert.clone(), key: key.clone() };
        let error = keyring(vec![files], false).unwrap_err();
        let told = format!("{error} {:?}", std::error::Error::source(&error));
        assert!(told.contains(said) && told.contains(&*named.to_string_lossy()), "{told}");
        assert!(!told.contains("SECRETSECRET") && !told.contains("c2VjcmV0"), "{told}");
    }
}

#[test]
fn a_keyring_does_not_show_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), "a", &PKCS_ECDSA_P256_SHA256, &["a.test"]);
    let shown = format!("{:?}", keyring(vec![files], false).unwrap());
    assert!(shown.contains("a.test") && !shown.contains("SigningKey") && !shown.contains("KeyPair"), "{shown}");
}
