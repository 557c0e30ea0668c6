//! The parameter table.

use edgeplane_optimizer::{Extract, Rgb};

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
        assert_eq!(refusal, Err(BadRequest::NotInteger("width", 1, 1080)), "{text:?}");
    }
    assert_eq!(parse("url=/a&w=1000"), Err(BadRequest::SizeNotAllowed("width", 1000)));
    assert_eq!(parse("url=/a&w=99999999999999999999"), Err(BadRequest::NotInteger("width", 1, 1080)));
}

#[test]
fn the_height_is_free_of_the_list_and_bounded() {
    // Row 80, settled otherwise: pages send any height.
    assert_eq!(parse("url=/a&w=64&h=601").expect("valid").height, Some(601));
    for text in ["0", "9001", "-1", "x"] {
        assert_eq!(parse(&format!("url=/a&w=64&h={text}")), Err(BadRequest::NotInteger("height", 1, 9000)), "{text}");
    }
}

#[test]
fn the_quality_is_optional_and_between_1_and_100() {
    // Rows 77 to 79.
    assert_eq!(parse("url=/a&w=64").expect("valid").quality, 75);
    assert_eq!(parse("url=/a&w=64&q=100").expect("valid").quality, 100);
    for text in ["0", "101", "-1", "7.5", "foo", "075"] {
        assert_eq!(parse(&format!("url=/a&w=64&q={text}")), Err(BadRequest::NotInteger("quality", 1, 100)), "{text}");
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
fn the_height_is_of_the_list_where_the_operator_wants_it() {
    // Row 80, as AWS documents it.
    let strict = Rules { height_in_sizes: true, ..rules() };
    assert_eq!(Query::parse("url=/a&w=64&h=601", &strict), Err(BadRequest::SizeNotAllowed("height", 601)));
    assert_eq!(Query::parse("url=/a&w=64&h=640", &strict).expect("valid").height, Some(640));
}

fn edits(query: &str) -> Result<Edits, BadRequest> {
    parse(&format!("url=/a&w=64&{query}")).map(|query| query.edits)
}

#[test]
fn numbers_outside_their_range_are_refused_and_their_ends_are_not() {
    // Row 83.
    for (query, name) in [
        ("sharpen=0", "sharpen"),
        ("sharpen=11", "sharpen"),
        ("sharpen=0.0000001", "sharpen"),
        ("sharpen=", "sharpen"),
        ("blur=0.2", "blur"),
        ("blur=1001", "blur"),
        ("blur=true", "blur"),
        ("gamma=0.9", "gamma"),
        ("gamma=3.1", "gamma"),
        ("gamma=2,2", "gamma"),
        ("trim=-1", "trim"),
        ("trim=256", "trim"),
        ("trim=1e1", "trim"),
    ] {
        let refusal = edits(query);
        assert!(matches!(refusal, Err(BadRequest::NotNumber(said, ..)) if said == name), "{query}: {refusal:?}");
    }
    for (query, name, min, max) in [
        ("threshold=-1", "threshold", 0, 255),
        ("threshold=256", "threshold", 0, 255),
        ("threshold=", "threshold", 0, 255),
        ("median=0", "median", 1, 1000),
        ("median=1001", "median", 1, 1000),
        ("median=2.5", "median", 1, 1000),
    ] {
        assert_eq!(edits(query), Err(BadRequest::NotInteger(name, min, max)), "{query}");
    }
    for query in ["sharpen=0.000001&blur=0.3&gamma=3&trim=0&threshold=255&median=1000", "sharpen=10&blur=1000&trim=255"]
    {
        assert!(edits(query).is_ok(), "{query}");
    }
}

#[test]
fn rectangles_are_four_integers() {
    // Row 84.
    for query in
        ["extend=10_0_5", "extend=1_2_3_4_5", "extend=1,2,3,4", "extend=-1_0_0_0", "extend=0_0_0_9001", "extend="]
    {
        assert!(matches!(edits(query), Err(BadRequest::NotEdges("extend", _))), "{query}");
    }
    for query in ["extract=a_b_c_d", "extract=0_0_0_5", "crop=0_0_5", "extract=0_0_5_05"] {
        assert!(matches!(edits(query), Err(BadRequest::NotEdges("extract", _))), "{query}");
    }
    let edits = edits("crop=1_2_3_4&extend=5_6_7_8").expect("valid");
    assert_eq!(edits.extract, Some(Extract { left: 1, top: 2, width: 3, height: 4 }));
    assert_eq!(edits.extend, Some(Extend { top: 5, right: 6, bottom: 7, left: 8 }));
}

#[test]
fn switches_are_on_by_their_presence() {
    // Row 85.
    for name in ["flip", "flop", "negate", "normalize", "grayscale"] {
        let on = edits(name).expect("valid");
        assert!(!on.is_empty(), "{name}");
        for value in ["", "true", "1"] {
            assert_eq!(edits(&format!("{name}={value}")), Ok(on), "{name}={value}");
        }
        for value in ["false", "0"] {
            assert_eq!(edits(&format!("{name}={value}")), Ok(Edits::default()), "{name}={value}");
        }
        assert_eq!(edits(&format!("{name}=yes")), Err(BadRequest::NoSuchValue(name)));
        assert_eq!(edits(&format!("{name}&{name}")), Err(BadRequest::Repeated(name)));
    }
}

#[test]
fn edits_may_stand_alone_and_then_nothing_else_may() {
    assert_eq!(edits_alone("blur=3&rotate=90&flip", 9000), edits("blur=3&rotate=90&flip"));
    assert_eq!(edits_alone("crop=1_2_3_4&b=fff", 9000).expect("valid").background, Some(Rgb([255; 3])));
    assert_eq!(edits_alone("blur=0.1", 9000), edits("blur=0.1"));
    assert_eq!(edits_alone("blur=1&blur=1", 9000), Err(BadRequest::Repeated("blur")));
    assert!(matches!(edits_alone("extend=0_0_0_20", 10), Err(BadRequest::NotEdges("extend", _))));
    for other in ["width=64", "blurr=3", "", "blur=3&url=/a", "blur=3&", "s=64x64", "q=5"] {
        assert_eq!(edits_alone(other, 9000), Err(BadRequest::NoSuchValue("edits")), "{other}");
    }
}

#[test]
fn angles_are_brought_into_one_turn() {
    let angle = |text: &str| edits(&format!("rotate={text}")).map(|edits| edits.rotate.map(|angle| angle.value()));
    for (text, expected) in
        [("90", Some(90.0)), ("-90", Some(270.0)), ("0", None), ("360", None), ("-360", None), ("12.5", Some(12.5))]
    {
        assert_eq!(angle(text), Ok(expected), "{text}");
    }
    for text in ["", "361", "-361", "+90", "90deg", "NaN", "--90"] {
        assert_eq!(angle(text), Err(BadRequest::NotDegrees("rotate")), "{text}");
    }
}

#[test]
fn colours_are_hexadecimal() {
    for text in ["%23ff8000", "ff8000", "FF8000"] {
        assert_eq!(edits(&format!("tint={text}")).expect("valid").tint, Some(Rgb([255, 128, 0])), "{text}");
    }
    for text in ["", "orange", "%23ff80", "rgb(1,2,3)"] {
        assert_eq!(edits(&format!("tint={text}")), Err(BadRequest::NotColor("tint")), "{text}");
    }
}

#[test]
fn a_background_counts_where_it_can_be_seen() {
    let background = |query: &str| edits(&format!("b=fff&{query}")).expect("valid").background;
    assert_eq!(background("h=64&fit=contain"), Some(Rgb([255; 3])));
    assert_eq!(background("rotate=45"), Some(Rgb([255; 3])));
    for query in ["", "fit=contain", "h=64&fit=cover", "rotate=90"] {
        assert_eq!(background(query), None, "{query}");
    }
}

#[test]
fn what_changes_nothing_makes_no_other_key() {
    for query in
        ["median=1", "threshold=0", "gamma=1.0", "rotate=360", "extend=0_0_0_0", "flip=false", "b=000&rotate=45"]
    {
        let expected = if query.contains("45") { edits("rotate=45") } else { Ok(Edits::default()) };
        assert_eq!(edits(query), expected, "{query}");
    }
    assert_eq!(edits("blur=1.50"), edits("blur=1.5"));
}

#[test]
fn a_size_of_ipx_is_a_width_and_a_height() {
    assert_eq!(parse("url=/a&s=640x200"), parse("url=/a&w=640&h=200"));
    assert_eq!(parse("url=/a&resize=64"), parse("url=/a&w=64&h=64"));
    assert_eq!(parse("url=/a&s=640x200&w=640"), parse("url=/a&w=640&h=200"));
    assert_eq!(parse("url=/a&s=640x200&w=64"), Err(BadRequest::Repeated("width")));
    assert_eq!(parse("url=/a&s=640x"), Err(BadRequest::NotInteger("height", 1, 9000)));
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
