//! The variants of a picture side by side, as one HTML file that needs nothing else.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgeplane_optimizer::{Order, Stage};

use super::{
    job::Made,
    table::{Sheet, millis},
};

const STYLE: &str = include_str!("page.css");

/// The page: the lossless picture first, then each variant with what it costs and how much it looks like the first.
///
/// A variant under the pointer (or focused) shows the lossless picture in its place, so that the eye sees what differs.
pub(super) fn render(order: &Order, sheet: &Sheet<'_>, lossless: &Made) -> String {
    let title = escape(&sheet.source.path.file_name().unwrap_or_default().to_string_lossy());
    let reference = data(lossless);
    let size = format!("{} x {}", lossless.encoded.width, lossless.encoded.height);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}: variants</title>\n<style>\n{STYLE}</style>\n\
         <h1>{title}</h1>\n<p>{} x {} pixels, {} bytes. Made {size} with quality {}. Point at a picture to see it without \
         loss. The score is SSIMULACRA2 against that: 90 is invisible, 70 high, 50 medium quality.</p>\n<main>\n",
        sheet.source.probe.width,
        sheet.source.probe.height,
        sheet.source.bytes.len(),
        order.quality,
    );
    for made in &sheet.made {
        figure(&mut page, sheet, made, &reference);
    }
    page.push_str("</main>\n</html>\n");
    page
}

fn figure(page: &mut String, sheet: &Sheet<'_>, made: &Made, reference: &str) {
    let encoded = &made.encoded;
    let (format, size) = (encoded.format.extension().to_uppercase(), (encoded.width, encoded.height));
    let score = made.score.map_or_else(|| "-".to_owned(), |score| format!("{score:.1}"));
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<figure tabindex=\"0\">\n<div><img src=\"{}\" width=\"{}\" height=\"{}\" alt=\"{format}\">\
         <img class=\"lossless\" src=\"{reference}\" alt=\"without loss\"></div>\n\
         <figcaption><b>{format}</b><dl>",
        data(made),
        size.0,
        size.1,
    );
    let bytes = encoded.bytes.len().to_string();
    let told = [("bytes", bytes), ("saved", sheet.saved(made)), ("score", score)];
    let times = Stage::ALL.into_iter().zip(made.stages).map(|(stage, time)| (stage.name(), millis(time)));
    for (name, value) in told.into_iter().chain(times) {
        let _ = write!(page, "<div><dt>{name}<dd>{value}</div>");
    }
    page.push_str("</dl></figcaption>\n</figure>\n");
}

/// The file as an address that holds it.
fn data(made: &Made) -> String {
    format!("data:{};base64,{}", made.encoded.format.media_type(), STANDARD.encode(&made.encoded.bytes))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;>&amp;");
    }
}
