//! TLS and what goes with it: `[tls]`, `[redirect]` and `[proxy-protocol]`.

use std::{path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::{
    Address, Settings,
    problem::{Origin, SettingProblem},
    read::Reader,
    wire::{CERTIFICATES, Raw, Table, Values},
};

const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(365 * 24);

/// The keys of a certificate.
const KEYS: [&str; 2] = ["cert", "key"];

/// `[tls]`: what is spoken on `https://` addresses.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// The certificates, in their order: the first one is for clients that name no host we have one for.
    pub certificates: Vec<CertificateFiles>,
    /// Whether a client that names a host we have no certificate for is turned away.
    pub strict_sni: bool,
    /// From the first byte to the end of the handshake.
    pub handshake_timeout: Duration,
    /// Handshakes under way in one thread; more wait.
    pub handshakes: usize,
    /// Between two looks at the files.
    pub watch_interval: Duration,
    /// The value of `Strict-Transport-Security`; none: it is not sent.
    pub hsts: Option<String>,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
}

/// `[redirect]`: requests that are sent to another host or scheme.
#[derive(Clone, Debug, Default)]
pub struct RedirectSettings {
    /// Whether a request over http is sent to https.
    pub https: bool,
    /// The port that https has for clients.
    pub https_port: u16,
    /// Host names, lower case, whose twin with or without `www.` is sent to them.
    pub hosts: Vec<String>,
}

/// `[proxy-protocol]`: balancers that say who their client is before anything else.
#[derive(Clone, Debug, Default)]
pub struct ProxyProtocolSettings {
    /// Who may say so; everybody else is turned away from such an address.
    pub sources: Vec<IpNet>,
    /// From the connection to the end of what is said.
    pub timeout: Duration,
}

pub(crate) fn read(reader: &mut Reader<'_>) -> TlsSettings {
    TlsSettings {
        certificates: Vec::new(),
        strict_sni: reader.boolean("tls.strict-sni"),
        handshake_timeout: reader.duration("tls.handshake-timeout", 10 * MS..=60 * 60 * 1000 * MS),
        handshakes: reader.count("tls.handshakes", 1..=1_000_000),
        watch_interval: reader.duration("tls.watch-interval", 10 * MS..=DAY),
        hsts: hsts(reader),
    }
}

/// RFC 6797 6.1, where there is an age to name.
fn hsts(reader: &mut Reader<'_>) -> Option<String> {
    const AGE: &str = "tls.hsts-max-age";
    let age = reader.duration(AGE, Duration::ZERO..=10 * YEAR);
    let (subdomains, preload) = (reader.boolean("tls.hsts-subdomains"), reader.boolean("tls.hsts-preload"));
    if preload && (age < YEAR || !subdomains) {
        let help = "set `tls.hsts-max-age` to \"365d\" or more and `tls.hsts-subdomains` to true, or this to false";
        reader.note("tls.hsts-preload", "the lists take no host without its subdomains or for less than a year", help);
    }
    let directive = |wanted: bool, text: &'static str| if wanted { text } else { "" };
    (!age.is_zero()).then(|| {
        let (subdomains, preload) = (directive(subdomains, "; includeSubDomains"), directive(preload, "; preload"));
        format!("max-age={}{subdomains}{preload}", age.as_secs())
    })
}

pub(crate) fn redirect(reader: &mut Reader<'_>) -> RedirectSettings {
    const HOSTS: &str = "redirect.hosts";
    let hosts: Vec<String> = reader.texts(HOSTS).into_iter().map(|host| host.to_ascii_lowercase()).collect();
    for host in &hosts {
        if !is_name(host) {
            let help = "write it without scheme, port and path: www.example.com";
            reader.note(HOSTS, format!("`{host}` is no host name"), help);
        } else if hosts.contains(&twin(host)) {
            let help = "name the one of both that is to stay in the address bar";
            reader.note(HOSTS, format!("`{host}` and its twin would lead to each other"), help);
        }
    }
    RedirectSettings {
        https: reader.boolean("redirect.https"),
        https_port: reader.count("redirect.https-port", 1..=65_535),
        hosts,
    }
}

fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// The name with `www.` where it has none, and without where it has one.
pub fn twin(host: &str) -> String {
    host.strip_prefix("www.").map_or_else(|| format!("www.{host}"), str::to_owned)
}

pub(crate) fn proxy_protocol(reader: &mut Reader<'_>, sources: Vec<IpNet>) -> ProxyProtocolSettings {
    ProxyProtocolSettings { sources, timeout: reader.duration("proxy-protocol.timeout", 10 * MS..=3600 * 1000 * MS) }
}

/// Reads `[[tls.certificates]]`, in their order.
pub(crate) fn certificates(tables: &[Table], problems: &mut Vec<SettingProblem>) -> Vec<CertificateFiles> {
    tables.iter().filter(|table| table.list == CERTIFICATES).filter_map(|table| certificate(table, problems)).collect()
}

fn certificate(table: &Table, problems: &mut Vec<SettingProblem>) -> Option<CertificateFiles> {
    for (key, written) in &table.values {
        if !KEYS.contains(&key.as_str()) {
            let message = format!("a certificate has no `{key}`");
            let problem = SettingProblem::new(written.origin.clone(), Some(CERTIFICATES), message);
            problems.push(problem.with_help("it has `cert` and `key`, the paths of two PEM files"));
        }
    }
    let mut path = |key: &str| {
        let help = format!("write `{key} = \"/path/{key}.pem\"`");
        match table.values.get(key).map(|written| (&written.raw, &written.origin)) {
            Some((Raw::Text(text), origin)) if !text.is_empty() => Some(beside(origin, text)),
            Some((raw, origin)) => {
                let problem = SettingProblem::new(origin.clone(), Some(CERTIFICATES), format!("{raw} is no `{key}`"));
                problems.push(problem.with_help(help));
                None
            }
            None => {
                let message = format!("the certificate has no `{key}`");
                let problem = SettingProblem::new(table.origin.clone(), Some(CERTIFICATES), message);
                problems.push(problem.with_help(help));
                None
            }
        }
    };
    let (cert, key) = (path("cert"), path("key"));
    Some(CertificateFiles { cert: cert?, key: key? })
}

/// A relative path in a file is relative to that file.
fn beside(origin: &Origin, text: &str) -> PathBuf {
    match origin {
        Origin::File { path, .. } => path.parent().map_or_else(|| PathBuf::from(text), |folder| folder.join(text)),
        Origin::Default | Origin::Variable(_) | Origin::Flag(_) => PathBuf::from(text),
    }
}

/// Settings that are right alone and wrong together.
pub(crate) fn contradictions(settings: &Settings, values: &Values) -> Vec<SettingProblem> {
    let (listen, mut problems) = (&settings.listen, Vec::new());
    let mut note = |key: &str, message: &str, help: &str| {
        let origin = values.get(key).map_or(Origin::Default, |written| written.origin.clone());
        problems.push(SettingProblem::new(origin, Some(key), message).with_help(help));
    };
    if listen.iter().any(|listen| listen.tls) && settings.tls.certificates.is_empty() {
        let help = "add [[tls.certificates]] with `cert` and `key`, the paths of two PEM files";
        note("listen", "there is no certificate to speak TLS with", help);
    }
    let is_open = |address: &Address| matches!(address, Address::Tcp(_));
    if listen.iter().any(|listen| listen.proxy_protocol && is_open(&listen.address))
        && settings.proxy_protocol.sources.is_empty()
    {
        let help = "name the balancer's networks in `proxy-protocol.sources`";
        note("listen", "nobody may say who its client is, so every connection would be turned away", help);
    }
    if settings.redirect.https && !listen.iter().any(|listen| listen.tls) && settings.trusted_proxies.is_empty() {
        let help = "listen on an https:// address, or name the proxy that ends TLS in `trusted-proxies`";
        note("redirect.https", "no request ever came over https, so every one would be sent in a circle", help);
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::{Loaded, settings::tests::load_file as load};

    fn complaint(text: &str) -> String {
        let problems = load(text).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{problems}");
        let text = problems.to_string();
        text.find("edgeplane.toml").map_or_else(|| text.clone(), |from| text[from..].to_owned())
    }

    const CERTIFICATE: &str = "[[tls.certificates]]\ncert = \"a.pem\"\nkey = \"/keys/a.key\"\n";

    #[test]
    fn certificates_are_read_in_their_order_and_beside_their_file() {
        let text = format!("listen = [\"https://0.0.0.0:443\"]\n{CERTIFICATE}{}", CERTIFICATE.replace("a.", "b."));
        let Loaded { settings, file, .. } = load(&text).unwrap();
        let folder = file.unwrap().parent().unwrap().to_owned();
        let files = settings.tls.certificates;
        assert_eq!(
            files.iter().map(|files| &*files.cert).collect::<Vec<_>>(),
            [&*folder.join("a.pem"), &*folder.join("b.pem")]
        );
        assert_eq!(files[1].key, std::path::Path::new("/keys/b.key"));
    }

    #[test]
    fn a_mistake_is_shown_with_its_place_and_its_cure() {
        for (text, expected) in [
            (
                "listen = [\"https://0.0.0.0:443\"]",
                "edgeplane.toml:1:10: `listen`: there is no certificate to speak TLS with\n  help: add [[tls.certificates]] \
                 with `cert` and `key`, the paths of two PEM files",
            ),
            (
                "[[tls.certificates]]\ncert = \"a.pem\"",
                "edgeplane.toml:1:1: `tls.certificates`: the certificate has no `key`\n  help: write `key = \
                 \"/path/key.pem\"`",
            ),
            (
                "[[tls.certificates]]\ncert = 5\nkey = \"a\"",
                "edgeplane.toml:2:8: `tls.certificates`: `5` is no `cert`\n  help: write `cert = \"/path/cert.pem\"`",
            ),
            (
                "[[tls.certificates]]\ncert = \"a\"\nkey = \"a\"\nhosts = []",
                "edgeplane.toml:4:9: `tls.certificates`: a certificate has no `hosts`\n  help: it has `cert` and `key`, the \
                 paths of two PEM files",
            ),
            (
                "[redirect]\nhttps = true",
                "edgeplane.toml:2:9: `redirect.https`: no request ever came over https, so every one would be sent in a \
                 circle\n  help: listen on an https:// address, or name the proxy that ends TLS in `trusted-proxies`",
            ),
            (
                "listen = [\"0.0.0.0:80?proxy-protocol\"]",
                "edgeplane.toml:1:10: `listen`: nobody may say who its client is, so every connection would be turned \
                 away\n  help: name the balancer's networks in `proxy-protocol.sources`",
            ),
            (
                "[tls]\nhsts-preload = true\nhsts-max-age = \"365d\"",
                "edgeplane.toml:2:16: `tls.hsts-preload`: the lists take no host without its subdomains or for less than a \
                 year\n  help: set `tls.hsts-max-age` to \"365d\" or more and `tls.hsts-subdomains` to true, or this to false",
            ),
            (
                "[redirect]\nhosts = [\"https://a.example\"]",
                "edgeplane.toml:2:9: `redirect.hosts`: `https://a.example` is no host name\n  help: write it without \
                 scheme, port and path: www.example.com",
            ),
        ] {
            assert_eq!(complaint(text), expected, "{text}");
        }
    }

    #[test]
    fn two_names_that_lead_to_each_other_are_refused() {
        let problems = load("[redirect]\nhosts = [\"a.example\", \"WWW.a.example\"]").unwrap_err();
        assert!(problems.to_string().contains("lead to each other"), "{problems}");
    }

    #[test]
    fn a_proxy_that_ends_tls_is_reason_enough_to_send_others_to_https() {
        assert!(load("trusted-proxies = [\"10.0.0.0/8\"]\n[redirect]\nhttps = true").is_ok());
    }

    #[test]
    fn the_promise_of_tls_is_written_as_browsers_read_it() {
        for (text, value) in [
            ("", None),
            ("hsts-max-age = \"1d\"", Some("max-age=86400")),
            ("hsts-max-age = \"1d\"\nhsts-subdomains = true", Some("max-age=86400; includeSubDomains")),
            (
                "hsts-max-age = \"730d\"\nhsts-subdomains = true\nhsts-preload = true",
                Some("max-age=63072000; includeSubDomains; preload"),
            ),
        ] {
            assert_eq!(load(&format!("[tls]\n{text}")).unwrap().settings.tls.hsts.as_deref(), value, "{text}");
        }
    }
}
