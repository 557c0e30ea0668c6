//! What a `url` may name.

use async_trait::async_trait;
use edgeplane_config::ImageSettings;

use super::*;
use crate::image::{ComputeFailure, Delivery, Fetched, LocalFile, sample};

/// Routes `/_img` and below, and the same below `/base`, to the image primitive.
struct Routes;

#[async_trait]
impl Origin for Routes {
    fn site(&self) -> &str {
        "site"
    }

    fn deployment(&self) -> &str {
        "deployment"
    }

    fn is_image_route(&self, path: &str) -> bool {
        let path = path.strip_prefix("/base").unwrap_or(path);
        path == "/_img" || path.starts_with("/_img/")
    }

    fn file(&self, _: &str) -> Option<LocalFile> {
        None
    }

    async fn compute(
        &self,
        _: &str,
        _: &crate::image::Validators,
        _: &mut Delivery,
    ) -> Result<Fetched, ComputeFailure> {
        Err(ComputeFailure::Absent)
    }
}

fn find(text: &str, base_path: &str) -> Result<Locator, Refusal> {
    let settings = ImageSettings { domains: vec!["cdn.acme.io".into()], ..sample::settings() };
    let rules = sample::rules(&settings, &sample::tuning());
    locate(text, base_path, &rules, &Routes)
}

fn local(text: &str) -> Vec<String> {
    match find(text, "") {
        Ok(Locator::Local(places)) => places.iter().map(LocalPath::target).collect(),
        other => panic!("{text}: {other:?}"),
    }
}

fn remote(text: &str) -> String {
    match find(text, "") {
        Ok(Locator::Remote(url)) => url.into(),
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str) -> Refusal {
    find(text, "").expect_err(text)
}

#[test]
fn paths_are_normalised_once() {
    assert_eq!(local("/a.png"), ["/a.png"]);
    assert_eq!(local("/my photo é.jpg"), ["/my%20photo%20%C3%A9.jpg"]);
    assert_eq!(local("/a/../b/./c.png?v=1#top"), ["/b/c.png?v=1"]);
    assert_eq!(local("/%2e%2e/%2e%2e/etc/passwd"), ["/etc/passwd"]);
    // Row 65.
    assert_eq!(local("/_imgx.png"), ["/_imgx.png"]);
    assert_eq!(local(" /a.png "), ["/a.png"]);
}

#[test]
fn lengths() {
    // Row 60.
    assert_eq!(local(&format!("/{}", "a".repeat(3071)))[0].len(), 3072);
    assert_eq!(refused(&format!("/{}", "a".repeat(3072))), BadRequest::UrlTooLong.into());
}

#[test]
fn what_is_neither_a_path_nor_an_http_url_is_refused() {
    // Rows 61 to 63, 66, 67, 169.
    assert_eq!(refused("//evil.net/a.png"), BadRequest::UrlProtocolRelative.into());
    for text in [
        "/\\evil.net/a.png",
        "\\\\evil.net\\a.png",
        "/\t/evil.net/a.png",
        "/a\r\n.png",
        "a.png",
        "foo:bar",
        "ftp://cdn.acme.io/a",
        "file:///etc/passwd",
        "data:image/png;base64,AA",
        "javascript:alert(1)",
        "/%",
        "/%zz",
        "/%ff",
        "/a%00.png",
        "/..%2fetc/passwd",
        "/a%5c..%5cb",
        "https://",
        "//",
        "/.//evil.net/x",
    ] {
        assert!(matches!(refused(text), Refusal::BadRequest(_)), "{text}: {:?}", refused(text));
    }
}

#[test]
fn the_image_route_is_never_its_own_source() {
    // Row 64.
    for text in ["/_img?url=/a.png", "/_img/", "/_img/x", "/x/../_img", "/%5Fimg", "https://app.example/_img?url=/a"] {
        assert_eq!(refused(text), BadRequest::UrlRecursive.into(), "{text}");
    }
    assert_eq!(find("/_img", "/base"), Err(BadRequest::UrlRecursive.into()));
}

#[test]
fn remote_urls_are_https_and_allowed() {
    // Rows 8, 9, 68, 69, 71.
    assert_eq!(remote("HTTPS://CDN.acme.io/ok/a.png#x"), "https://cdn.acme.io/ok/a.png");
    assert_eq!(remote("https:cdn.acme.io/ok"), "https://cdn.acme.io/ok");
    assert_eq!(remote(" https://cdn.acme.io:443/ok?a=b"), "https://cdn.acme.io/ok?a=b");
    assert_eq!(refused("http://cdn.acme.io/a.png"), BadRequest::UrlNotHttps.into());
    assert_eq!(refused("https://user:pw@cdn.acme.io/a.png"), BadRequest::UrlUserinfo.into());
    assert_eq!(refused("https://cdn.acme.io@evil.net/a.png"), BadRequest::UrlUserinfo.into());
    assert_eq!(refused("https://evil.net/a.png"), Refusal::NotAllowed);
    assert_eq!(refused("https://cdn.acme.io.evil.net/a.png"), Refusal::NotAllowed);
}

#[test]
fn our_own_hosts_are_read_locally() {
    assert_eq!(local("https://app.example/a.png?b"), ["/a.png?b"]);
    assert_eq!(local("http://APP.example:8080/a.png"), ["/a.png"]);
    assert_eq!(refused("https://app.example:8080@evil.net/a.png"), BadRequest::UrlUserinfo.into());
}

#[test]
fn a_base_path_is_tried_second() {
    let places = |text| match find(text, "/base") {
        Ok(Locator::Local(places)) => places.iter().map(LocalPath::target).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(places("/photo.jpg?v=1"), ["/photo.jpg?v=1", "/base/photo.jpg?v=1"]);
    assert_eq!(places("/base/photo.jpg"), ["/base/photo.jpg"]);
    assert_eq!(places("/basement.jpg"), ["/basement.jpg", "/base/basement.jpg"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_located_or_refused(text in "[a-z:/\\\\%.?#@ \\PC]{0,60}") {
        if let Ok(Locator::Local(places)) = find(&text, "") {
            for place in places {
                proptest::prop_assert!(place.path.starts_with('/') && !place.path.starts_with("//"));
                proptest::prop_assert!(!place.path.split('/').any(|segment| segment == ".."));
            }
        }
    }
}
