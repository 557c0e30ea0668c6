//! The preconditions of RFC 9110 13, in all their combinations.

use proptest::prelude::*;

use super::*;

const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
const AT: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const AFTER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";

fn site() -> (Site, Pack, String) {
    let site = Site::new(&[("file.bin", &noise(100))]);
    let pack = site.prepare();
    let etag = field(&get(&pack, "/file.bin", &[]), "etag").to_owned();
    (site, pack, etag)
}

/// Values of If-Match and If-None-Match, whether they match strongly, and weakly.
fn tags(etag: &str) -> Vec<(Option<String>, bool, bool)> {
    let some = |value: String, strong, weak| (Some(value), strong, weak);
    vec![
        (None, false, false),
        some("*".into(), true, true),
        some(etag.into(), true, true),
        some(format!("W/{etag}"), false, true),
        some("\"other\"".into(), false, false),
        some(format!(" ,\"a,b\", W/\"c\" ,\t{etag}"), true, true),
        some(etag.replace('"', ""), false, false),
        some(format!("garbage, {etag}"), false, false),
        some(format!("w/{etag}"), false, false),
        some(etag.trim_end_matches('"').into(), false, false),
        some(String::new(), false, false),
    ]
}

/// Values of the two dates: how they compare with the file's, where they are dates.
fn dates() -> Vec<(Option<&'static str>, Option<std::cmp::Ordering>)> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    vec![
        (None, None),
        (Some(BEFORE), Some(Less)),
        (Some(AT), Some(Equal)),
        (Some(AFTER), Some(Greater)),
        (Some("Tuesday, 14-Nov-23 22:13:19 GMT"), Some(Less)),
        (Some("Tue Nov 14 22:13:20 2023"), Some(Equal)),
        (Some("yesterday"), None),
        (Some("2023-11-14T22:13:20Z"), None),
    ]
}

#[test]
fn every_combination_is_decided_in_the_order_of_rfc_9110() {
    let (_site, pack, etag) = site();
    for (if_match, strong, _) in tags(&etag) {
        for (unmodified, unmodified_order) in dates() {
            for (none_match, _, weak) in tags(&etag) {
                for (modified, modified_order) in dates() {
                    let fields: Vec<(&str, &str)> = [
                        ("If-Match", if_match.as_deref()),
                        ("if-unmodified-since", unmodified),
                        ("IF-NONE-MATCH", none_match.as_deref()),
                        ("if-modified-since", modified),
                    ]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect();
                    let failed =
                        if if_match.is_some() { !strong } else { unmodified_order == Some(std::cmp::Ordering::Less) };
                    let known = if none_match.is_some() {
                        weak
                    } else {
                        modified_order.is_some_and(|order| order != std::cmp::Ordering::Less)
                    };
                    let expected = if failed {
                        412
                    } else if known {
                        304
                    } else {
                        200
                    };
                    assert_status(&get(&pack, "/file.bin", &fields), expected, &format!("{fields:?}"));
                }
            }
        }
    }
}

#[test]
fn preconditions_come_before_the_range() {
    let (_site, pack, etag) = site();
    for (name, value, expected) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-modified-since", AT, 304),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", BEFORE, 412),
        ("if-match", etag.as_str(), 416),
        ("if-none-match", "\"other\"", 416),
    ] {
        let answer = get(&pack, "/file.bin", &[(name, value), ("range", "bytes=100-")]);
        assert_status(&answer, expected, name);
    }
}

#[test]
fn tags_may_come_on_several_lines_and_a_date_may_not() {
    let (_site, pack, etag) = site();
    let lines = [("if-none-match", "\"a\""), ("if-none-match", etag.as_str())];
    assert_status(&get(&pack, "/file.bin", &lines), 304, "two lines of tags");
    let lines = [("if-modified-since", AFTER), ("if-modified-since", AFTER)];
    assert_status(&get(&pack, "/file.bin", &lines), 200, "two dates are none");
}

#[test]
fn a_range_is_answered_only_where_if_range_is_certain() {
    let (_site, pack, etag) = site();
    let weak = format!("W/{etag}");
    let list = format!("{etag}, \"other\"");
    for (value, expected) in [
        (etag.as_str(), 206),
        (AT, 206),
        (weak.as_str(), 200),
        (list.as_str(), 200),
        ("\"other\"", 200),
        (BEFORE, 200),
        (AFTER, 200),
        ("*", 200),
        ("", 200),
        ("yesterday", 200),
    ] {
        let answer = get(&pack, "/file.bin", &[("range", "bytes=0-9"), ("if-range", value)]);
        assert_status(&answer, expected, value);
    }
    let twice = [("range", "bytes=0-9"), ("if-range", &etag), ("if-range", &etag)];
    assert_status(&get(&pack, "/file.bin", &twice), 200, "two values are none");
    let unsatisfiable = [("range", "bytes=200-"), ("if-range", "\"other\"")];
    assert_status(&get(&pack, "/file.bin", &unsatisfiable), 200, "If-Range voids the field before it can fail");
}

#[test]
fn a_date_in_if_range_is_not_certain_where_variants_share_it() {
    let text = "the same words again and again ".repeat(100);
    let mut site = Site::new(&[("page.html", text.as_bytes())]);
    site.settings.compress = true;
    let pack = site.prepare();
    let fields = [("range", "bytes=0-9"), ("if-range", AT)];
    assert_status(&get(&pack, "/page.html", &fields), 200, "a date");
    let etag = field(&get(&pack, "/page.html", &[]), "etag").to_owned();
    let fields = [("range", "bytes=0-9"), ("if-range", etag.as_str())];
    assert_status(&get(&pack, "/page.html", &fields), 206, "its tag");
    let fields = [("range", "bytes=0-9"), ("if-range", etag.as_str()), ("accept-encoding", "gzip")];
    assert_status(&get(&pack, "/page.html", &fields), 200, "the tag of another variant");
}

#[test]
fn a_file_from_the_future_is_as_old_as_the_pack_is_open() {
    let site = Site::new(&[("file", b"x")]);
    let file = fs::File::options().write(true).open(site.file("file")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(1_000_000)).unwrap();
    let pack = site.prepare();
    let date = httpdate::parse_http_date(field(&get(&pack, "/file", &[]), "last-modified")).unwrap();
    assert!(date <= SystemTime::now());
}

#[test]
fn no_field_panics_and_every_part_is_a_part() {
    let (_site, pack, _) = site();
    let bytes = noise(100);
    proptest!(|(
        name in prop::sample::select(vec![
            "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range",
            "accept-encoding",
        ]),
        value in prop_oneof!["[W/\"*, a-z0-9;=-]{0,40}", "bytes=[0-9, -]{0,30}", "\\PC{0,30}"],
        range in "bytes=[0-9,-]{0,12}",
    )| {
        let answer = get(&pack, "/file.bin", &[(name, &value), ("range", &range)]);
        match answer.status.as_u16() {
            200 | 304 => prop_assert_eq!(content(&answer), bytes.clone()),
            206 => for part in match answer.body {
                Body::File(part) => vec![Piece::File(part)],
                Body::Parts(parts) => parts.into_iter().skip(1).step_by(2).collect(),
                Body::Empty | Body::Whole(_) => vec![],
            } {
                prop_assert!(bytes.windows(part.as_ref().len()).any(|window| window == part.as_ref()));
            },
            status => prop_assert!(matches!(status, 412 | 416), "{}", status),
        }
    });
}
