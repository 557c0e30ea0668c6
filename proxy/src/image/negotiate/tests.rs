//! The negotiation table.

use super::*;

const MODERN: &[ImageFormat] = &[ImageFormat::Avif, ImageFormat::Webp];
const REVERSED: &[ImageFormat] = &[ImageFormat::Webp, ImageFormat::Avif];
const NUXT: &[ImageFormat] = &[ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif];

const AVIF: Option<ImageFormat> = Some(ImageFormat::Avif);
const WEBP: Option<ImageFormat> = Some(ImageFormat::Webp);

const CHROME: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const FIREFOX: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const OLD_SAFARI: &str = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5";

fn chosen(accept: &str, formats: &[ImageFormat], wanted: Option<ImageFormat>) -> Option<ImageFormat> {
    match Choice::of(Some(accept), formats, wanted) {
        Choice::Format(format) => Some(format),
        Choice::Source { .. } => None,
    }
}

#[test]
fn accept_chooses_among_the_modern_formats() {
    let cases: &[(u32, &str, Option<ImageFormat>)] = &[
        (86, "", None),
        (86, "*/*", None),
        (86, "image/*", None),
        (86, "image/*,*/*;q=0.8", None),
        (86, "image/png", None),
        (86, "garbage;;,=", None),
        (86, "image/webpx", None),
        (87, "image/avif", AVIF),
        (88, "image/webp", WEBP),
        (89, "image/webp,image/avif", AVIF),
        (89, "image/avif,image/webp", AVIF),
        (90, "image/webp;q=0.9,image/avif;q=0.8", WEBP),
        (91, "image/avif;q=0.5,image/webp", WEBP),
        (92, "image/avif;q=0,image/webp", WEBP),
        (93, "image/avif;q=0", None),
        (93, "image/webp;q=0,*/*", None),
        (93, "image/webp;q=0.000", None),
        (94, "IMAGE/WEBP", WEBP),
        (95, "image/webp ; q=1.0", WEBP),
        (95, "image/webp; Q=0.5", WEBP),
        (96, "image/jpeg, image/webp;q=0.5", WEBP),
        (97, CHROME, AVIF),
        (98, FIREFOX, AVIF),
        (99, OLD_SAFARI, None),
        (100, ",,image/webp", WEBP),
        (101, "image/webp;q=abc", WEBP),
        (101, "image/webp;q=2", WEBP),
        (102, "image/avif;profile=x", AVIF),
        (102, "image/avif;profile=x;q=0", None),
    ];
    for (row, accept, expected) in cases {
        assert_eq!(chosen(accept, MODERN, None), *expected, "row {row}: {accept}");
        assert_eq!(chosen(accept, REVERSED, None), *expected, "row {row}, formats reversed: {accept}");
    }
    assert_eq!(Choice::of(None, MODERN, None), Choice::Source { webp: false });
}

#[test]
fn the_list_restricts_and_its_order_does_not_matter() {
    // Rows 103 to 105.
    assert_eq!(chosen(CHROME, NUXT, None), AVIF);
    assert_eq!(chosen(CHROME, &[ImageFormat::Webp], None), WEBP);
    assert_eq!(chosen(CHROME, &[], None), None);
    assert_eq!(chosen("image/webp,image/png", &[ImageFormat::Png, ImageFormat::Webp], None), WEBP);
    // A browser that can show PNG is no reason to make a PNG of a photo.
    assert_eq!(chosen(OLD_SAFARI, NUXT, None), None);
    assert_eq!(chosen("image/jpeg, image/webp;q=0.5", NUXT, None), None);
}

#[test]
fn the_format_parameter_loses_to_accept_and_to_the_list() {
    let (png, webp) = (Some(ImageFormat::Png), Some(ImageFormat::Webp));
    assert_eq!(chosen(CHROME, NUXT, png), AVIF);
    assert_eq!(chosen("*/*", NUXT, png), png);
    assert_eq!(chosen("*/*", NUXT, webp), webp);
    assert_eq!(chosen(OLD_SAFARI, NUXT, Some(ImageFormat::Jpeg)), Some(ImageFormat::Jpeg));
    assert_eq!(chosen("*/*", MODERN, png), None);
    assert_eq!(chosen("image/webp;q=0", NUXT, webp), None);
}

fn probe_of(source_type: SourceType, alpha: bool) -> Probe {
    Probe { source_type, width: 1, height: 1, animated: false, alpha, memory_bytes: 0 }
}

#[test]
fn the_sources_format_stays_as_far_as_the_client_can_show_it() {
    // Rows 120 and 121.
    let settled =
        |accept, source_type, alpha| Choice::of(Some(accept), &[], None).settle(&probe_of(source_type, alpha));
    assert_eq!(settled("*/*", SourceType::Jpeg, false), ImageFormat::Jpeg);
    assert_eq!(settled("*/*", SourceType::Png, false), ImageFormat::Png);
    assert_eq!(settled("*/*", SourceType::Webp, false), ImageFormat::Jpeg);
    assert_eq!(settled("*/*", SourceType::Webp, true), ImageFormat::Png);
    assert_eq!(settled("image/webp", SourceType::Webp, true), ImageFormat::Webp);
}

#[test]
fn only_what_depends_on_accept_says_so() {
    assert!(depends_on_accept(SourceType::Jpeg, MODERN) && depends_on_accept(SourceType::Webp, &[]));
    assert!(!depends_on_accept(SourceType::Jpeg, &[ImageFormat::Jpeg, ImageFormat::Png]));
}

proptest::proptest! {
    #[test]
    fn any_accept_chooses_from_the_list(accept in "[a-z/;=,.0-9 *\\PC]{0,60}") {
        if let Some(format) = chosen(&accept, &[ImageFormat::Webp], None) {
            proptest::prop_assert_eq!(format, ImageFormat::Webp);
        }
    }
}

#[test]
fn something_stands_in_for_avif_only_where_the_client_can_show_it() {
    use ImageFormat::{Avif, Jpeg, Webp};
    let all = [Avif, Webp, Jpeg];
    let stand_in = |accept, wanted| Choice::of(accept, &all, wanted).standing_in(accept, &all, wanted);
    for (accept, wanted, expected) in [
        (Some("image/avif,image/webp"), None, Some(Choice::Format(Webp))),
        (Some("image/avif,image/webp;q=0.1"), None, Some(Choice::Format(Webp))),
        (Some("image/avif,*/*;q=0.1"), None, Some(Choice::Source { webp: false })),
        (Some("image/avif,image/*"), None, Some(Choice::Source { webp: false })),
        (Some("image/avif,image/png"), None, Some(Choice::Source { webp: false })),
        (Some("image/avif,*/*"), Some(Jpeg), Some(Choice::Format(Jpeg))),
        (Some("image/avif"), None, None),
        (Some("image/avif,*/*;q=0"), None, None),
        (Some("image/webp"), None, None),
        (Some("*/*"), Some(Avif), None),
        (None, Some(Avif), None),
    ] {
        assert_eq!(stand_in(accept, wanted), expected, "{accept:?} {wanted:?}");
    }
}
