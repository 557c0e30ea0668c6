//! What pages are called when they are to be forgotten.

use http::{HeaderMap, HeaderName};

/// Pages to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// How the path with its query begins, or the URL where it begins with a scheme. Empty: all.
    pub prefix: String,
    /// Only those with this tag; none: whatever their tags.
    pub tag: Option<String>,
    /// Only this site's; none: every site's.
    pub site: Option<String>,
}

/// The field in which the application names what a page is made of: a list of tags with commas.
pub(super) const TAGS: HeaderName = HeaderName::from_static("cache-tag");

/// What a page is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) site: String,
    /// Scheme and host, `http://host:port`.
    pub(super) origin: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) tags: Vec<String>,
}

impl Purge {
    /// Whether it means this one.
    pub(super) fn means(&self, name: &Name) -> bool {
        let begins = match self.prefix.strip_prefix(&name.origin) {
            Some(rest) if self.prefix.contains("://") => name.target.starts_with(rest),
            _ => name.target.starts_with(&self.prefix),
        };
        begins
            && self.tag.as_ref().is_none_or(|tag| name.tags.contains(tag))
            && self.site.as_ref().is_none_or(|site| *site == name.site)
    }
}

impl Name {
    /// Bytes of it.
    pub(super) fn len(&self) -> usize {
        let tags: usize = self.tags.iter().map(String::len).sum();
        self.site.len() + self.origin.len() + self.target.len() + tags
    }
}

/// The tags of an answer.
pub(super) fn tags(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(TAGS).iter().filter_map(|value| value.to_str().ok());
    let tags = values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purge_means_a_beginning_a_tag_a_site_and_all_of_them_together() {
        let name = Name {
            site: "shop".into(),
            origin: "https://a.example".into(),
            target: "/blog/1?x".into(),
            tags: vec!["post-1".into(), "blog".into()],
        };
        for (prefix, tag, site, meant) in [
            ("", None, None, true),
            ("/blog/", None, None, true),
            ("/blog/1?x", None, Some("shop"), true),
            ("/blog/2", None, None, false),
            ("/blog/", None, Some("other"), false),
            ("https://a.example/blog", None, None, true),
            ("https://a.example/shop", None, None, false),
            ("https://b.example/blog", None, None, false),
            ("http://a.example/blog", None, None, false),
            ("", Some("blog"), None, true),
            ("", Some("blo"), None, false),
            ("/other", Some("blog"), None, false),
        ] {
            let purge = Purge { prefix: prefix.into(), tag: tag.map(Into::into), site: site.map(Into::into) };
            assert_eq!(purge.means(&name), meant, "{purge:?}");
        }
    }

    #[test]
    fn tags_are_a_list_in_one_field_or_several() {
        let mut headers = HeaderMap::new();
        headers.append(TAGS, "a, b,,".parse().unwrap());
        headers.append(TAGS, "c d".parse().unwrap());
        assert_eq!(tags(&headers), ["a", "b", "c d"]);
    }
}
