//! The parameter table.

use super::*;
use crate::image::sample;

fn rules() -> Rules {
    sample::rules(&sample::settings(), &sample::tuning())
}

fn parse(query: &str) -> Result<Query, BadRequest> {
    Query::parse(query, &rules())
}

#[test]
fn both_dialects_mean_the_same() {
    let long = parse("url=%2Fa.png&width=640&height=200&quality=80&format=webp&fit=inside&position=top");
    let short = parse("url=/a.png&w=640&h=200&q=80&f=webp&fit=inside&pos=top");
    let mixed = parse("q=80&h=200&url=/a.png&w=640&width=640&format=webp&fit=inside&position=top&densities=x1");
    assert_eq!(long, short);
    assert_eq!(long, mixed);
    let query = long.expect("valid");
    assert_eq!((query.width, query.height, query.quality), (640, Some(200), 80));
    assert_eq!((query.fit, query.position, query.format), (Fit::Inside, Position::Top, Some(ImageFormat::Webp)));
}

#[test]
fn a_parameter_twice_is_refused() {
    // Rows 59 and 76.
    for (query, name) in [
        ("url=/a&url=/a&w=64", "url"),
        ("url=/a&w=64&w=64", "width"),
        ("url=/a&w=64&width=640", "width"),
        ("url=/a&width=640&w=64", "width"),
        ("url=/a&w=64&q=1&quality=2", "quality"),
        ("url=/a&w=64&fit=fill&fit=fill", "fit"),
    ] {
        assert_eq!(parse(query), Err(BadRequest::Repeated(name)), "{query}");
    }
}

#[test]
fn url_and_width_are_required() {
    // Rows 58 and 72.
    assert_eq!(parse("w=64"), Err(BadRequest::Missing("url")));
    assert_eq!(parse("url=&w=64"), Err(BadRequest::Missing("url")));
    assert_eq!(parse(""), Err(BadRequest::Missing("url")));
    assert_eq!(parse("url=/a"), Err(BadRequest::Missing("width")));
}

#[test]
fn the_width_is_a_plain_number_of_the_list() {
    // Rows 73 to 75.
    for text in ["0", "-1", "640.5", "640px", "%2B640", "+640", "%20640", "1e3", "foo", "NaN", "", "0640", "６４"] {
        let refusal = parse(&format!("url=/a&w={text}"));
        assert_eq!(refusal, Err(BadRequest::NotInteger("width", 1080)), "{text:?}");
    }
    assert_eq!(parse("url=/a&w=1000"), Err(BadRequest::WidthNotAllowed(1000)));
    assert_eq!(parse("url=/a&w=99999999999999999999"), Err(BadRequest::NotInteger("width", 1080)));
}

#[test]
fn the_height_is_free_of_the_list_and_bounded() {
    // Row 80, settled otherwise: pages send any height.
    assert_eq!(parse("url=/a&w=64&h=601").expect("valid").height, Some(601));
    for text in ["0", "9001", "-1", "x"] {
        assert_eq!(parse(&format!("url=/a&w=64&h={text}")), Err(BadRequest::NotInteger("height", 9000)), "{text}");
    }
}

#[test]
fn the_quality_is_optional_and_between_1_and_100() {
    // Rows 77 to 79.
    assert_eq!(parse("url=/a&w=64").expect("valid").quality, 75);
    assert_eq!(parse("url=/a&w=64&q=100").expect("valid").quality, 100);
    for text in ["0", "101", "-1", "7.5", "foo", "075"] {
        assert_eq!(parse(&format!("url=/a&w=64&q={text}")), Err(BadRequest::NotInteger("quality", 100)), "{text}");
    }
}

#[test]
fn words_outside_their_list() {
    // Rows 81 and 82.
    assert_eq!(parse("url=/a&w=64&fit=bogus"), Err(BadRequest::NoSuchValue("fit")));
    assert_eq!(parse("url=/a&w=64&position=bogus"), Err(BadRequest::NoSuchValue("position")));
    assert!(parse("url=/a&w=64&position=centre").is_ok());
    assert_eq!(parse("url=/a&w=64&format=tiff").expect("ignored").format, None);
    assert_eq!(parse("url=/a&w=64&format=jpg").expect("valid").format, Some(ImageFormat::Jpeg));
}

#[test]
fn without_a_height_fit_and_position_make_no_other_key() {
    assert_eq!(parse("url=/a&w=64&fit=fill&position=top"), parse("url=/a&w=64"));
    assert_ne!(parse("url=/a&w=64&h=64&fit=fill"), parse("url=/a&w=64&h=64"));
}

#[test]
fn escapes_are_whole_and_utf8_and_plus_is_a_space() {
    // Row 66, and the spaces that one image module writes.
    for text in ["/%", "/%A", "/%zz", "/%E0%A4", "/%ff"] {
        assert_eq!(parse(&format!("url={text}&w=64")), Err(BadRequest::Encoding("url")), "{text}");
    }
    let query = parse("url=%2Ffiles%2Fmy+photo+%C3%A9.jpg&w=64").expect("valid");
    assert_eq!(query.url, "/files/my photo é.jpg");
    assert!(parse("url=/a&w=64&other=%zz").is_ok());
}

proptest::proptest! {
    #[test]
    fn any_query_is_read_or_refused(query in "[a-z=&%+0-9/]{0,80}") {
        if let Ok(query) = parse(&query) {
            proptest::prop_assert!((1..=100).contains(&query.quality) && rules().sizes.contains(&query.width));
        }
    }
}
