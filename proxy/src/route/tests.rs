//! What the patterns of the specification match, and that the automaton agrees with ten naive lines.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Routes, decode, literal::Literals};

/// Whether one pattern matches the whole path, in the most naive way.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((b'*', rest)) => (0..=path.len()).any(|skipped| matches(rest, &path[skipped..])),
        Some((byte, rest)) => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

fn naive(patterns: &[impl AsRef<str>], path: &[u8]) -> Option<usize> {
    patterns.iter().position(|pattern| matches(pattern.as_ref().as_bytes(), path))
}

/// Dense where it fits, and the lazy automaton for the same patterns.
fn both(patterns: &[impl AsRef<str>]) -> [Routes; 2] {
    let texts = || patterns.iter().map(AsRef::as_ref);
    [Routes::compile(texts()).unwrap(), Routes::compile_within(texts(), 0).unwrap()]
}

fn check(patterns: &[&str], table: &[(&str, Option<usize>)]) {
    for routes in both(patterns) {
        for (path, expected) in table {
            let mut scratch = Vec::new();
            let found = routes.find(decode(path, &mut scratch));
            assert_eq!(found, *expected, "{path} among {patterns:?} ({routes:?})");
        }
    }
}

/// 25 patterns whose dense automaton would have billions of states.
fn exploding() -> Vec<String> {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz";
    (0..25usize)
        .map(|n| {
            let letter = |k: usize| char::from(alphabet[(n * k + k) % alphabet.len()]);
            format!("/*{}*{}*{}*{}", letter(3), letter(5), letter(7), letter(11))
        })
        .collect()
}

#[test]
fn the_nuxt_example_of_the_specification_routes_as_it_says() {
    let patterns = ["/_nuxt/image", "/_nuxt/builds/meta/*", "/_nuxt/builds/*", "/_nuxt/*", "/*.*", "/*"];
    check(
        &patterns,
        &[
            ("/_nuxt/image", Some(0)),
            ("/_nuxt/image/", Some(3)),
            ("/_nuxt/builds/meta/3d.json", Some(1)),
            ("/_nuxt/builds/meta/", Some(1)),
            ("/_nuxt/builds/meta", Some(2)),
            ("/_nuxt/builds/latest.json", Some(2)),
            ("/_nuxt/entry.js", Some(3)),
            ("/_nuxt/", Some(3)),
            ("/_nuxt", Some(5)),
            ("/favicon.ico", Some(4)),
            ("/blog/2021/01/01/hello.world", Some(4)),
            ("/blog/hello", Some(5)),
            ("/", Some(5)),
            ("//about", Some(5)),
            ("/_NUXT/entry", Some(5)),
            ("*", None),
            ("", None),
        ],
    );
}

#[test]
fn the_base_path_example_of_the_specification_routes_as_it_says() {
    let patterns = ["/base-path/_nuxt/image", "/base-path/_nuxt/*", "/base-path/*.*", "/*"];
    check(
        &patterns,
        &[
            ("/base-path/_nuxt/image", Some(0)),
            ("/base-path/_nuxt/entry.js", Some(1)),
            ("/base-path/favicon.ico", Some(2)),
            ("/favicon.ico", Some(3)),
            ("/base-path/", Some(3)),
        ],
    );
}

#[test]
fn only_the_asterisk_is_special() {
    check(&["/a.b+c?[d](e){1}|^$\\d"], &[("/a.b+c?[d](e){1}|^$\\d", Some(0)), ("/aXb+c", None), ("/aab", None)]);
    check(&["/$~\"'@:+.", "/*"], &[("/$~\"'@:+.", Some(0)), ("/$~\"'@:+x", Some(1))]);
}

#[test]
fn an_asterisk_matches_nothing_slashes_and_line_breaks() {
    check(&["/a*z"], &[("/az", Some(0)), ("/a/b/z", Some(0)), ("/a%0A%0Dz", Some(0)), ("/a%0Az%0A", None)]);
    check(&["/**x***"], &[("/x", Some(0)), ("/yxy", Some(0)), ("/y", None)]);
    check(&["/docs*.*"], &[("/docs/favicon.ico", Some(0)), ("/docs.", Some(0)), ("/docs", None)]);
}

#[test]
fn the_path_is_decoded_once_and_only_once() {
    let table: [(&str, &[u8]); 10] = [
        ("/plain", b"/plain"),
        ("/a%20b", b"/a b"),
        ("/caf%C3%A9", "/café".as_bytes()),
        ("/%ff", b"/\xff"),
        ("/%2525", b"/%25"),
        ("/%", b"/%"),
        ("/%2", b"/%2"),
        ("/%zz%20", b"/%zz "),
        ("/a+b", b"/a+b"),
        ("/%2e%2E/%2f%00", b"/..//\0"),
    ];
    let mut scratch = b"left over".to_vec();
    for (raw, expected) in table {
        assert_eq!(decode(raw, &mut scratch), expected, "{raw}");
    }
}

#[test]
fn patterns_that_would_explode_are_searched_lazily_and_soon() {
    let patterns = exploding();
    let start = Instant::now();
    let routes = Routes::compile(patterns.iter().map(String::as_str)).unwrap();
    assert!(routes.is_lazy());
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
    let path = b"/quick/brown/fox/jumps/over/the/lazy/dog/and/more".repeat(8);
    assert_eq!(routes.find(&path), naive(&patterns, &path));
}

/// The patterns that adapters emit, by framework and version, as their builds wrote them.
const FRAMEWORKS: [(&str, &[&str]); 12] = [
    ("astro 7", &["/assets/*", "/*.*", "/*"]),
    ("astro 7, base /docs", &["/docsassets/*", "/docs*.*", "/*"]),
    ("astro 7, base /docs/", &["/docs/assets/*", "/docs/*.*", "/*"]),
    ("nitro 2, base /base/", &["/base/assets/*", "/base/*.*", "/*"]),
    ("nitro 2 with images", &["/_image", "/assets/*", "/*.*", "/*"]),
    ("nitro 3, sveltekit 2, tanstack", &["/*.*", "/*"]),
    ("nuxt 3", &["/_amplify/image", "/_nuxt/builds/meta/*", "/_nuxt/builds/*", "/_nuxt/*", "/*.*", "/*"]),
    (
        "nuxt 3, base /base-path/",
        &[
            "/base-path/_amplify/image",
            "/base-path/_nuxt/builds/meta/*",
            "/base-path/_nuxt/builds/*",
            "/base-path/_nuxt/*",
            "/base-path/*.*",
            "/*",
        ],
    ),
    ("nuxt 3 generate", &["/_nuxt/builds/meta/*", "/_nuxt/builds/*", "/_nuxt/*", "/*"]),
    ("nuxt 3.8", &["/_nuxt/image", "/_nuxt/builds/meta/*", "/_nuxt/builds/*", "/_nuxt/*", "/*.*", "/*"]),
    ("solidstart 1", &["/assets/*", "/_build/*", "/_server/assets/*", "/*.*", "/*"]),
    ("one page", &["/*"]),
];

/// Paths that their routes are for, and paths that only look like it.
const PATHS: [&str; 26] = [
    "/",
    "/index.html",
    "/favicon.ico",
    "/robots.txt",
    "/LICENSE",
    "/about",
    "/about/",
    "/blog/hello.world",
    "/.well-known/thing",
    "/v1.2/users",
    "/assets/",
    "/assets",
    "/assets/img/coffee.jpg",
    "/_nuxt/entry.Dx-1.js",
    "/_nuxt/builds/latest.json",
    "/_nuxt/builds/meta/0f.json",
    "/_nuxt/image",
    "/_amplify/image",
    "/_image",
    "/base-path/_nuxt/entry.js",
    "/base-path/_amplify/image",
    "/base-path/photo.jpg",
    "/docs/favicon.ico",
    "/docsassets/x",
    "/_build/assets/client.js",
    "//about.us",
];

#[test]
fn the_patterns_of_real_frameworks_are_dense_small_and_right() {
    for (framework, patterns) in FRAMEWORKS {
        let [dense, lazy] = both(patterns);
        assert!(!dense.is_lazy() && lazy.is_lazy(), "{framework}");
        assert!(dense.memory_usage() < 64 * 1024, "{framework}: {} bytes", dense.memory_usage());
        for path in PATHS {
            let expected = naive(patterns, path.as_bytes());
            assert_eq!(dense.find(path.as_bytes()), expected, "{framework}: {path}");
            assert_eq!(lazy.find(path.as_bytes()), expected, "{framework}: {path}");
        }
    }
}

#[test]
fn odd_patterns_of_real_frameworks_lead_where_they_say() {
    let find = |patterns: &[&str], path: &str| Routes::compile(patterns.iter().copied()).unwrap().find(path.as_bytes());
    let [_, (_, docs), ..] = FRAMEWORKS;
    assert_eq!(find(docs, "/docs/favicon.ico"), Some(1), "the asterisk of `/docs*.*` crosses a slash");
    assert_eq!(find(docs, "/docs/assets/somefile"), Some(2), "`/docsassets/*` lacks a slash and never matches");
    assert_eq!(find(&["/*.*", "/*"], "/.well-known/thing"), Some(0), "the dot may be in a folder's name");
}

#[test]
fn paths_that_need_ever_new_states_are_given_up_and_still_routed() {
    let patterns = exploding();
    let literals: Vec<_> = patterns.iter().map(|pattern| Literals::parse(pattern)).collect();
    let routes = Routes::compile(patterns.iter().map(String::as_str)).unwrap();
    let mut bytes = vec![0; 400_000];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    let start = Instant::now();
    for chunk in bytes.chunks(200) {
        let mut path = b"/".to_vec();
        path.extend(chunk.iter().map(|byte| b'a' + byte % 26));
        assert_eq!(routes.find(&path), literals.iter().position(|pattern| pattern.matches(&path)));
    }
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
}

#[test]
fn no_patterns_match_nothing() {
    check(&[], &[("/", None), ("", None)]);
}

#[test]
fn the_longest_manifest_the_specification_allows_compiles() {
    let patterns: Vec<String> = (0..25).map(|n| format!("/{n:02}{}*", "x".repeat(251))).collect();
    let [dense, lazy] = both(&patterns);
    let path = format!("/17{}/tail", "x".repeat(251));
    assert_eq!(dense.find(path.as_bytes()), Some(17));
    assert_eq!(lazy.find(path.as_bytes()), Some(17));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_automaton_finds_what_a_naive_loop_finds(
        patterns in prop::collection::vec("/[ab./*]{0,7}", 0..8),
        paths in prop::collection::vec(prop::collection::vec(prop_oneof![
            4 => prop::sample::select(b"ab./".to_vec()),
            1 => prop::sample::select(b"\n\r\0\xff\xc3*".to_vec()),
        ], 0..12), 1..8),
    ) {
        let literals: Vec<_> = patterns.iter().map(|pattern| Literals::parse(pattern)).collect();
        for tail in &paths {
            let path = [b"/", tail.as_slice()].concat();
            let found = literals.iter().position(|pattern| pattern.matches(&path));
            prop_assert_eq!(found, naive(&patterns, &path));
            for routes in both(&patterns) {
                prop_assert_eq!(routes.find(&path), naive(&patterns, &path), "{:?}", routes);
            }
        }
    }

    #[test]
    fn decoding_undoes_encoding(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let raw = percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
        let mut scratch = Vec::new();
        prop_assert_eq!(decode(&raw, &mut scratch), bytes);
    }

    #[test]
    fn decoding_never_panics_and_never_grows(raw in "[%0-9a-fA-Fz/.é]{0,40}") {
        let mut scratch = Vec::new();
        prop_assert!(decode(&raw, &mut scratch).len() <= raw.len());
    }
}
