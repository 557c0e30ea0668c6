//! The examples of Amplify's pages "Redirects and rewrites" and "Example reference", and each of their sentences.

use super::{Request, check, compile, read, rules, told};

#[test]
fn a_page_is_redirected_for_good() {
    check(
        &read(r#"[{"source": "/original.html", "status": "301", "target": "/destination.html", "condition": null}]"#),
        &[("/original.html", "301 /destination.html"), ("/original.htm", "-"), ("/Original.html", "-")],
    );
}

#[test]
fn a_folder_is_redirected_to_another() {
    check(
        &read(r#"[{"source": "/docs/<*>", "status": "301", "target": "/documents/<*>", "condition": null}]"#),
        &[
            ("/docs/a.html", "301 /documents/a.html"),
            ("/docs/a/b/", "301 /documents/a/b/"),
            ("/docs/", "301 /documents/"),
            ("/docs", "-"),
            ("/docsy/a", "-"),
            ("/docs/a?x=1&y", "301 /documents/a?x=1&y"),
        ],
    );
}

#[test]
fn everything_is_rewritten_to_one_page() {
    check(
        &read(r#"[{"source": "/<*>", "status": "200", "target": "/index.html", "condition": null}]"#),
        &[("/", "to /index.html"), ("/a/b.css", "to /index.html"), ("/a?b=c", "to /index.html?b=c")],
    );
}

#[test]
fn a_subdomain_is_shown_under_another() {
    check(
        &read(r#"[{"source": "https://mydomain.com", "status": "200", "target": "https://www.mydomain.com"}]"#),
        &[
            ("mydomain.com/", "ask https://www.mydomain.com/"),
            ("MyDomain.COM:8080/a/b?c=d", "ask https://www.mydomain.com/a/b?c=d"),
            ("www.mydomain.com/a", "-"),
            ("mydomain.com.evil.example/a", "-"),
            ("/a", "-"),
        ],
    );
}

#[test]
fn a_host_is_redirected_to_another_with_a_folder() {
    check(
        &read(
            r#"[{"source": "https://mydomain.com", "status": "302", "target": "https://www.mydomain.com/documents/",
                 "condition": null}]"#,
        ),
        &[
            ("mydomain.com/", "302 https://www.mydomain.com/documents/"),
            ("mydomain.com./a?b", "302 https://www.mydomain.com/documents/a?b"),
        ],
    );
}

#[test]
fn what_is_not_found_is_a_page_of_the_apps() {
    check(
        &read(r#"[{"source": "/<*>", "status": "404", "target": "/404.html", "condition": null}]"#),
        &[("/nothing", "page /404.html"), ("/", "page /404.html")],
    );
    check(
        &read(r#"[{"source": "/documents/<x>/<y>/<z>", "status": "404", "target": "/documents/index.html"}]"#),
        &[("/documents/a/b/c", "page /documents/index.html"), ("/documents/a/b", "-"), ("/documents/a/b/c/d", "-")],
    );
    check(
        &read(r#"[{"source": "/<*>", "status": "404-200", "target": "/index.html", "condition": null}]"#),
        &[("/nothing?a", "to /index.html?a")],
    );
}

#[test]
fn single_page_apps_keep_their_files() {
    let source = r"</^[^.]+$|\\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|woff2|ttf|map|json|webp)$)([^.]+$)/>";
    check(
        &read(&format!(r#"[{{"source": "{source}", "status": "200", "target": "/index.html"}}]"#)),
        &[
            ("/", "to /index.html"),
            ("/users/7", "to /index.html"),
            ("/app.css", "-"),
            ("/img/a.webp", "-"),
            ("/page.html", "to /index.html"),
            // On Amplify this is taken, too: `rewrite.spare-images` says otherwise.
            ("/_amplify/image?url=%2Fa.png&w=640", "-"),
        ],
    );
}

#[test]
fn another_site_is_shown_below_a_folder() {
    check(
        &read(
            r#"[{"source": "/images/<*>", "status": "200", "target": "https://images.otherdomain.com/<*>",
                 "condition": null}]"#,
        ),
        &[
            ("/images/a%20b/c.png?v=1", "ask https://images.otherdomain.com/a%20b/c.png?v=1"),
            ("/images/", "ask https://images.otherdomain.com/"),
            ("/images", "-"),
        ],
    );
}

#[test]
fn placeholders_stand_for_segments() {
    check(
        &read(
            r#"[{"source": "/docs/<year>/<month>/<date>/<itemid>",
                 "target": "/documents/<year>/<month>/<date>/<itemid>", "status": "301"}]"#,
        ),
        &[
            ("/docs/2026/11/21/a", "301 /documents/2026/11/21/a"),
            ("/docs/2026/11/21/", "-"),
            ("/docs/2026/11/21/a/", "-"),
            ("/docs/2026//21/a", "-"),
        ],
    );
    check(&rules("/<b>/<a> /<a>/<b>/<a> 302"), &[("/1/2?q", "302 /2/1/2?q")]);
}

#[test]
fn a_query_in_the_source_is_wanted_and_not_forwarded() {
    check(
        &read(
            r#"[{"source": "/docs?id=<my-blog-id-value>", "target": "/documents/<my-blog-id-value>", "status": "301"}]"#,
        ),
        &[
            ("/docs?id=7", "301 /documents/7"),
            ("/docs?x=1&id=a%2Fb+c&y", "301 /documents/a%2Fb%20c"),
            ("/docs?id=", "-"),
            ("/docs?ID=7", "-"),
            ("/docs", "-"),
            ("/other?id=7", "-"),
        ],
    );
    check(&rules("/docs?id=7 /seven 302"), &[("/docs?id=7&a=b", "302 /seven"), ("/docs?id=8", "-")]);
}

#[test]
fn a_query_in_the_target_takes_the_place_of_the_requests() {
    check(&rules("/a/<x> /b?page=<x> 302\n/c /d? 302"), &[("/a/1%262?x=y", "302 /b?page=1%262"), ("/c?x", "302 /d?")]);
}

#[test]
fn a_country_is_a_condition() {
    let rules = compile(&read(
        r#"[{"source": "/documents", "status": "302", "target": "/documents/us/", "condition": "<US>"},
            {"source": "/documents", "status": "302", "target": "/documents/all/"}]"#,
    ));
    for (country, expected) in [("US", "us"), ("us", "us"), ("DE", "all"), ("", "all"), ("USA", "all")] {
        let request = Request::of("/documents").from(country);
        assert_eq!(told(&rules, &request), format!("302 /documents/{expected}/"), "{country}");
    }
    assert_eq!(told(&rules, &Request::of("/documents")), "302 /documents/all/");
    assert!(rules.reads_country());
}

#[test]
fn a_wildcard_in_another_place_is_ignored() {
    let rules = rules(
        "/docs/<*>/content /documents/<*>/content 301\n/docs/<*>/content/<*> /documents/<*>/content/<*> 301\n/a /b 301",
    );
    assert_eq!(rules.len(), 1);
    check(&rules, &[("/docs/x/content", "-"), ("/a", "301 /b")]);
}

#[test]
fn rules_are_tried_from_the_top() {
    let (specific, folder) =
        ("/docs/specific-filename.html /documents/different-filename.html 301", "/docs/<*> /documents/<*> 301");
    check(
        &rules(&format!("{specific}\n{folder}")),
        &[("/docs/specific-filename.html", "301 /documents/different-filename.html"), ("/docs/x", "301 /documents/x")],
    );
    check(
        &rules(&format!("{folder}\n{specific}")),
        &[("/docs/specific-filename.html", "301 /documents/specific-filename.html")],
    );
    // Rules for what is not found wait, whatever stands below them.
    check(&rules("/<*> /404.html 404\n/old /new 301"), &[("/old", "301 /new"), ("/x", "page /404.html")]);
    // Hosts and expressions keep their places among the others.
    check(
        &rules("/a /1 302\n</^.[ab]$/> /2 302\n/b /3 302\n/<*> /4 302"),
        &[("/a", "302 /1"), ("/b", "302 /2"), ("/c", "302 /4")],
    );
    check(&rules("/<*> /1/<*> 302\nhttps://h https://i 302"), &[("h/a", "302 /1/a")]);
    check(&rules("https://h https://i 302\n/<*> /1/<*> 302"), &[("h/a", "302 https://i/a"), ("j/a", "302 /1/a")]);
}

#[test]
fn astros_prerendered_pages_are_found_with_and_without_a_slash() {
    check(
        &rules("/about /about/index.html 200\n/rss.xml /rss.xml 200\n/blog/<*> /blog/<*>/index.html 200"),
        &[
            ("/about", "to /about/index.html"),
            ("/rss.xml", "to /rss.xml"),
            ("/blog/a", "to /blog/a/index.html"),
            ("/blog/a/", "to /blog/a/index.html"),
            ("/blog/", "to /blog/index.html"),
        ],
    );
}

#[test]
fn a_redirect_to_the_same_address_is_none() {
    check(
        &rules("/<*> /index.html 301\n/index.html /other 302"),
        &[("/a", "301 /index.html"), ("/index.html", "302 /other"), ("/index.html?a", "302 /other?a")],
    );
    check(
        &rules("/<*> https://www.example.com/<*> 301"),
        &[("example.com/a", "301 https://www.example.com/a"), ("www.example.com/a", "-")],
    );
}

#[test]
fn names_are_matched_and_addresses_are_kept() {
    check(
        &rules("/caf%C3%A9/<x> /tea/<x> 301\n/a+b&c=d/<*> /<*>#part 302"),
        &[
            ("/caf%c3%a9/a%20b", "301 /tea/a%20b"),
            ("/café/ü", "301 /tea/%C3%BC"),
            ("/%63af%C3%A9/%2e", "301 /tea/%2e"),
            ("/a+b&c=d/e?f", "302 /e?f#part"),
        ],
    );
    check(&read(r#"[{"source": "/é", "target": "/à b", "status": "302"}]"#), &[("/%C3%A9", "302 /%C3%A0%20b")]);
}
