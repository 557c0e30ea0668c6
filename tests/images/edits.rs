//! Edits over the network: each changes the picture, in the size it should have, and has an answer of its own.

use super::ask;
use crate::support::picture;

const PHOTO: &str = "url=%2Fimages%2Fcoffee.jpg&w=320";

#[test]
fn every_documented_edit_is_applied() {
    let plain = ask(PHOTO, "*/*").expect(200);
    for (edit, width, height) in [
        ("flip", 320, 213),
        ("flop=true", 320, 213),
        ("rotate=90", 320, 480),
        ("rotate=-90", 320, 480),
        ("extract=10_20_100_50", 100, 50),
        ("crop=10_20_100_50", 100, 50),
        ("extend=1_2_3_4", 326, 217),
        ("sharpen=2", 320, 213),
        ("median=5", 320, 213),
        ("blur=3.5", 320, 213),
        ("gamma=2.2", 320, 213),
        ("negate", 320, 213),
        ("normalize", 320, 213),
        ("threshold=100", 320, 213),
        ("tint=%23336699", 320, 213),
        ("grayscale", 320, 213),
    ] {
        let reply = ask(&format!("{PHOTO}&{edit}"), "*/*").expect(200);
        assert_ne!(reply.field("etag"), plain.field("etag"), "{edit} changes nothing");
        let found = picture::of(reply);
        assert!(found.width == width && found.height.abs_diff(height) <= 1, "{edit}: {found:?}");
    }
    let off = ask(&format!("{PHOTO}&flip=false&rotate=0&median=1"), "*/*").expect(200);
    assert_eq!(off.field("etag"), plain.field("etag"));
}

#[test]
fn an_edit_that_cannot_be_is_400_and_says_which() {
    for (edit, names) in [
        ("extract=500_300_200_200", "extract"),
        ("extract=1_2_3", "extract"),
        ("extend=10_0_5", "extend"),
        ("blur=0.2", "blur"),
        ("sharpen=11", "sharpen"),
        ("gamma=0.9", "gamma"),
        ("threshold=256", "threshold"),
        ("median=0", "median"),
        ("rotate=361", "rotate"),
        ("tint=red", "tint"),
        ("negate=maybe", "negate"),
    ] {
        let reply = ask(&format!("{PHOTO}&{edit}"), "*/*").expect(400);
        assert!(reply.text().contains(&format!("\"{names}\" parameter")), "{edit}: {}", reply.summary());
    }
    ask(&format!("{PHOTO}&extend=9000_0_9000_0"), "*/*").expect(413);
}
