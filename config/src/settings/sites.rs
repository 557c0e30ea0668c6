//! `[[sites]]`: several applications on one node, each with its host names.

use std::path::PathBuf;

use super::{
    Address,
    problem::SettingProblem,
    read::Reader,
    wire::{Raw, SITES, Table, Values, Written},
};

/// What can be said of a site.
const KEYS: [&str; 6] = ["name", "hosts", "bundle", "upstream", "env-file", "public-host"];

/// The name of the site of the command line.
const DEFAULT: &str = "default";

/// One application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// For logs, metrics, folders and the command line: lower-case letters, digits and `-`.
    pub name: String,
    /// Its host names, in lower case and without ports; `*.example.org` is every name below that one.
    pub hosts: Vec<String>,
    /// Its bundle; none: there are upstreams only.
    pub bundle: Option<PathBuf>,
    /// Servers that somebody else starts, instead of Node.
    pub upstream: Vec<Address>,
    /// A file of variables for its Node.
    pub env_file: Option<PathBuf>,
    /// Host names that are this site, for absolute image URLs.
    pub public_host: Vec<String>,
}

/// Reads the sites, in their order.
pub(crate) fn read(tables: &[Table], problems: &mut Vec<SettingProblem>) -> Vec<SiteSettings> {
    let mut sites: Vec<SiteSettings> = Vec::new();
    for table in tables.iter().filter(|table| table.list == SITES) {
        let site = one(table, problems);
        let mut note = |message: String, help: &str| {
            problems.push(SettingProblem::new(table.origin.clone(), Some(SITES), message).with_help(help));
        };
        if sites.iter().any(|other| other.name == site.name) {
            note(format!("there are two sites `{}`", site.name), "name each site once");
        }
        for host in &site.hosts {
            if sites.iter().any(|other| other.hosts.contains(host)) {
                note(format!("`{host}` is a host of another site, too"), "a host belongs to one site");
            }
        }
        sites.push(site);
    }
    sites
}

fn one(table: &Table, problems: &mut Vec<SettingProblem>) -> SiteSettings {
    for (key, written) in &table.values {
        if !KEYS.contains(&key.as_str()) {
            let problem = SettingProblem::new(written.origin.clone(), Some(SITES), format!("a site has no `{key}`"));
            problems.push(problem.with_help(format!("a site has `{}`", KEYS.join("`, `"))));
        }
    }
    let mut values: Values = KEYS
        .into_iter()
        .map(|key| {
            let is_list = matches!(key, "hosts" | "upstream" | "public-host");
            let raw = if is_list { Raw::List(Vec::new()) } else { Raw::Text(String::new()) };
            (key.to_owned(), Written { raw, origin: table.origin.clone() })
        })
        .collect();
    values.extend(table.values.iter().map(|(key, written)| (key.clone(), written.clone())));
    let mut reader = Reader::new(&values);
    let name = reader.parsed("name", String::new(), "write lower-case letters, digits and `-`, at most 63", |text| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = !text.is_empty() && text.len() <= 63 && text.bytes().all(plain) && text != DEFAULT;
        fits.then(|| text.to_owned())
    });
    let site = SiteSettings {
        name,
        hosts: hosts(&mut reader, "hosts", true),
        bundle: reader.path("bundle"),
        upstream: reader.addresses("upstream", Address::upstream),
        env_file: reader.path("env-file"),
        public_host: hosts(&mut reader, "public-host", false),
    };
    if site.hosts.is_empty() {
        reader.note(
            "hosts",
            "the site has no host, so nobody can ask for it",
            "write one, such as \"www.example.org\"",
        );
    }
    if site.bundle.is_none() && site.upstream.is_empty() {
        reader.note("bundle", "the site has neither a bundle nor an upstream", "write `bundle = \"/path/to/bundle\"`");
    }
    problems.extend(reader.problems());
    with_public_hosts(site)
}

/// A site is known by the names that it is asked for, unless it says by which.
fn with_public_hosts(mut site: SiteSettings) -> SiteSettings {
    if site.public_host.is_empty() {
        site.public_host = site.hosts.iter().filter(|host| !host.starts_with('*')).cloned().collect();
    }
    site
}

fn hosts(reader: &mut Reader<'_>, key: &str, wild: bool) -> Vec<String> {
    let hosts: Vec<String> = reader.texts(key).into_iter().map(|host| host.to_ascii_lowercase()).collect();
    for host in &hosts {
        let name = host.strip_prefix("*.").filter(|_| wild).unwrap_or(host);
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let is_address = name.starts_with('[') && name.ends_with(']');
        if !is_name && !is_address {
            let help = "write it without scheme, port and path: \"www.example.org\", or \"*.example.org\"";
            reader.note(key, format!("`{host}` is no host name"), help);
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::settings::tests::load_file as load;

    #[test]
    fn sites_are_read_in_their_order() {
        let text = "[[sites]]\nname = \"shop\"\nhosts = [\"Shop.example\", \"*.shop.example\"]\nbundle = \"shop\"\n\
                    env-file = \"/etc/shop.env\"\n\n\
                    [[sites]]\nname = \"docs\"\nhosts = [\"docs.example\"]\nupstream = [\"127.0.0.1:3000\"]\n\
                    public-host = [\"cdn.example\"]\n";
        let sites = load(text).unwrap().settings.sites;
        let [shop, docs] = &sites[..] else { panic!("{sites:?}") };
        assert_eq!((shop.name.as_str(), docs.name.as_str()), ("shop", "docs"));
        assert_eq!(shop.hosts, ["shop.example", "*.shop.example"]);
        assert!(shop.bundle.as_ref().unwrap().is_absolute() && shop.bundle.as_ref().unwrap().ends_with("shop"));
        assert_eq!(shop.env_file.as_deref(), Some(Path::new("/etc/shop.env")));
        assert_eq!(
            (&shop.public_host[..], &docs.public_host[..]),
            (&["shop.example".to_owned()][..], &["cdn.example".to_owned()][..])
        );
        assert_eq!((docs.upstream.len(), &docs.bundle), (1, &None));
    }

    #[test]
    fn what_is_wrong_with_a_site_is_told() {
        for (text, part) in [
            ("name = \"a\"\nbundle = \"b\"", "has no host"),
            ("name = \"a\"\nhosts = [\"h\"]", "neither a bundle nor an upstream"),
            ("hosts = [\"h\"]\nbundle = \"b\"", "name"),
            ("name = \"default\"\nhosts = [\"h\"]\nbundle = \"b\"", "lower-case letters"),
            ("name = \"../a\"\nhosts = [\"h\"]\nbundle = \"b\"", "lower-case letters"),
            ("name = \"a\"\nhosts = [\"http://h\"]\nbundle = \"b\"", "is no host name"),
            ("name = \"a\"\nhosts = [\"*\"]\nbundle = \"b\"", "is no host name"),
            ("name = \"a\"\nhosts = [\"h\"]\nbundle = \"b\"\nport = 3", "a site has no `port`"),
            ("name = \"a\"\nhosts = 3\nbundle = \"b\"", "write a list"),
            (
                "name = \"a\"\nhosts = [\"h\"]\nbundle = \"b\"\n[[sites]]\nname = \"a\"\nhosts = [\"i\"]\nbundle = \"b\"",
                "two sites `a`",
            ),
            (
                "name = \"a\"\nhosts = [\"h\"]\nbundle = \"b\"\n[[sites]]\nname = \"b\"\nhosts = [\"H\"]\nbundle = \"b\"",
                "`h` is a host of another site, too",
            ),
        ] {
            let problems = load(&format!("[[sites]]\n{text}\n")).unwrap_err();
            assert!(problems.to_string().contains(part), "{text}: {problems}");
        }
        assert!(load("sites = 1").is_err() && load("sites = [1]").is_err());
    }
}
