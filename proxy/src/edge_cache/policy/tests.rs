//! What is kept and for how long, as tables.

use super::*;

const DAY: u64 = 86_400;

fn around(authorized: bool) -> Circumstances {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    Circumstances { authorized, delay: Duration::from_secs(2), now, stale_max: DAY }
}

fn judged(status: u16, authorized: bool, fields: &[(&str, &str)]) -> Result<Terms, Unkept> {
    let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
    judge(StatusCode::from_u16(status).unwrap(), &fields, &around(authorized))
}

fn said(cache_control: &str) -> Result<Terms, Unkept> {
    judged(200, false, &[("Cache-Control", cache_control)])
}

#[test]
fn nothing_is_kept_that_does_not_say_so() {
    let then = httpdate::fmt_http_date(around(false).now - Duration::from_secs(10 * DAY));
    for fields in [
        &[][..],
        &[("Last-Modified", then.as_str())],
        &[("ETag", "\"a\"")],
        &[("Cache-Control", "public")],
        &[("Cache-Control", "must-revalidate")],
        &[("Cache-Control", "max-age=0")],
        &[("Cache-Control", "s-maxage=0, max-age=60")],
        &[("Cache-Control", "max-age=soon")],
        &[("Expires", "0")],
        &[("Expires", then.as_str())],
        &[("Pragma", "cache")],
    ] {
        assert_eq!(judged(200, false, fields), Err(Unkept::Lifetime), "{fields:?}");
    }
}

#[test]
fn what_could_be_meant_for_one_person_is_not_kept() {
    for (fields, why) in [
        (&[("cache-control", "private, max-age=60")][..], Unkept::Forbidden),
        (&[("cache-control", "private=\"x\", s-maxage=60")], Unkept::Forbidden),
        (&[("cache-control", "s-maxage=60, no-store")], Unkept::Forbidden),
        (&[("cache-control", "s-maxage=60"), ("Cache-Control", "no-cache")], Unkept::Forbidden),
        (&[("cache-control", "no-cache=\"set-cookie\", s-maxage=60")], Unkept::Forbidden),
        (&[("cache-control", "public, s-maxage=60"), ("Set-Cookie", "id=1")], Unkept::Cookie),
        (&[("set-cookie", ""), ("cache-control", "public, s-maxage=60")], Unkept::Cookie),
        (&[("cdn-cache-control", "private"), ("cache-control", "public, max-age=60")], Unkept::Forbidden),
    ] {
        assert_eq!(judged(200, false, fields), Err(why), "{fields:?}");
    }
}

#[test]
fn an_authorized_answer_is_kept_only_where_it_says_so() {
    for (said, kept) in [
        ("max-age=60", false),
        ("max-age=60, public", true),
        ("s-maxage=60", true),
        ("max-age=60, must-revalidate", true),
        ("max-age=60, private, public", false),
    ] {
        assert_eq!(judged(200, true, &[("cache-control", said)]).is_ok(), kept, "{said}");
        assert_eq!(judged(200, false, &[("cache-control", said)]).is_ok(), !said.contains("private"), "{said}");
    }
}

#[test]
fn statuses_of_a_moment_or_a_person_are_not_kept() {
    let fields = [("cache-control", "public, max-age=60")];
    for status in [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410] {
        assert!(judged(status, false, &fields).is_ok(), "{status}");
    }
    for status in [201, 206, 304, 305, 400, 401, 403, 405, 407, 429, 500, 501, 502, 503, 504, 599] {
        assert_eq!(judged(status, false, &fields), Err(Unkept::Status), "{status}");
    }
}

#[test]
fn the_lifetime_is_that_of_the_field_that_is_nearest_to_a_shared_cache() {
    let date = httpdate::fmt_http_date(around(false).now);
    let expires = httpdate::fmt_http_date(around(false).now + Duration::from_secs(300));
    for (fields, lifetime) in [
        (&[("cache-control", "max-age=60")][..], 60),
        (&[("cache-control", "max-age=60, s-maxage=120")], 120),
        (&[("cache-control", "max-age=60"), ("cdn-cache-control", "max-age=600")], 600),
        (&[("cdn-cache-control", "s-maxage=6, max-age=600")], 6),
        (&[("cdn-cache-control", " "), ("cache-control", "max-age=60")], 60),
        (&[("Expires", &expires), ("date", &date)], 300),
        (&[("Expires", &expires)], 300),
        (&[("Expires", &expires), ("cache-control", "max-age=60")], 60),
    ] {
        assert_eq!(judged(200, false, fields).map(|terms| terms.lifetime), Ok(lifetime), "{fields:?}");
    }
    assert_eq!(
        judged(200, false, &[("cdn-cache-control", "public"), ("expires", &expires)]),
        Err(Unkept::Lifetime),
        "a field for caches like this one counts alone"
    );
}

#[test]
fn an_answer_is_as_old_as_its_oldest_witness_says() {
    let past = httpdate::fmt_http_date(around(false).now - Duration::from_secs(30));
    let future = httpdate::fmt_http_date(around(false).now + Duration::from_secs(30));
    for (fields, age) in [
        (&[][..], 2),
        (&[("age", "10")], 12),
        (&[("age", "10, 20")], 12),
        (&[("age", "10"), ("age", "20")], 12),
        (&[("age", "x")], 2),
        (&[("age", "-10")], 2),
        (&[("age", "10.5")], 2),
        (&[("date", past.as_str())], 30),
        (&[("date", past.as_str()), ("age", "100")], 102),
        (&[("date", future.as_str())], 2),
    ] {
        let fields = [&[("cache-control", "max-age=600")], fields].concat();
        assert_eq!(judged(200, false, &fields).map(|terms| terms.age), Ok(age), "{fields:?}");
    }
    let old = [("cache-control", "max-age=600"), ("age", "9999999999999999999999")];
    assert_eq!(judged(200, false, &old), Err(Unkept::Lifetime));
}

#[test]
fn what_is_past_its_lifetime_is_of_use_as_long_as_the_answer_says() {
    let terms = said("s-maxage=10, stale-while-revalidate=5, stale-if-error=20").unwrap();
    for (age, standing) in [
        (0, Standing::Fresh),
        (9, Standing::Fresh),
        (10, Standing::Stale),
        (14, Standing::Stale),
        (15, Standing::Spare),
        (29, Standing::Spare),
        (30, Standing::Over),
        (u64::MAX, Standing::Over),
    ] {
        assert_eq!(terms.standing(age), standing, "{age}");
    }
    let open = said("s-maxage=10, stale-while-revalidate").unwrap();
    assert_eq!(open.while_revalidating, DAY, "without a number: as the settings say");
    let strict = said("s-maxage=10, stale-while-revalidate=5, stale-if-error=5, must-revalidate").unwrap();
    assert_eq!((strict.while_revalidating, strict.if_error), (0, 0));
    assert!(said("s-maxage=0, stale-while-revalidate=60").is_ok());
}

#[test]
fn an_answer_depends_on_what_it_names_and_on_its_coding() {
    let names = |fields: &[(&'static str, &'static str)]| {
        varies_by(fields.iter().map(|(name, value)| (*name, value.as_bytes())))
            .map(|names| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(" "))
    };
    for (fields, expected) in [
        (&[][..], Ok("")),
        (&[("Vary", "Cookie")], Ok("cookie")),
        (&[("Vary", "B, a ,, A"), ("vary", "c")], Ok("a b c")),
        (&[("Content-Encoding", "br")], Ok("accept-encoding")),
        (&[("Content-Encoding", "br"), ("vary", "Accept-Encoding")], Ok("accept-encoding")),
        (&[("Content-Encoding", "identity")], Ok("")),
        (&[("Vary", "a, *")], Err(Unkept::Varies)),
        (&[("Vary", "a b")], Err(Unkept::Varies)),
    ] {
        assert_eq!(names(fields), expected.map(str::to_owned), "{fields:?}");
    }
}
