//! What a request for an image asks for, found out by the steps that answering takes, without making the image.

use std::fmt;

use edgeplane_optimizer::probe;

use super::{
    ImageRequest, Origin, Refusal, Rules, draw::passes, load::Source, locator::locate, negotiate::Choice, query::Query,
};

/// A request for an image, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Where the source is read: `static/photo.jpg`, `Compute /photo`, or a URL.
    pub source: String,
    /// The width asked for, in pixels.
    pub width: u32,
    /// The height asked for, in pixels.
    pub height: Option<u32>,
    /// 1 to 100.
    pub quality: u8,
    /// The media type of the answer, where it can be known before the source is read.
    pub format: Option<&'static str>,
    /// Whether the source is known to be answered as it is, whatever size and format were asked for.
    pub passed: bool,
}

impl Preview {
    /// Understands `request`, or says why it is refused. `native` tells whether decoders that are not memory-safe Rust may
    /// run here.
    ///
    /// # Errors
    /// The [`Refusal`] that an answer would be, as far as it does not depend on the source's bytes.
    pub fn of(request: &ImageRequest, rules: &Rules, origin: &dyn Origin, native: bool) -> Result<Self, Refusal> {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Err(Refusal::MethodNotAllowed);
        }
        let query = Query::parse(request.query.as_deref().unwrap_or_default(), rules)?;
        let locator = locate(&query.url, request.base_path(), rules, origin)?;
        let choice = Choice::of(request.accept.as_deref(), &rules.formats, query.format);
        let (source, format, passed) = match Source::find(locator, origin) {
            Source::File(file) => {
                let probe = probe(&file.bytes)?;
                let (passed, media_type) = (passes(&probe, native), probe.source_type.media_type());
                let format = if passed { media_type } else { choice.settle(&probe).media_type() };
                (format!("static file of {} bytes, {media_type}", file.bytes.len()), Some(format), passed)
            }
            Source::Compute(places) => {
                let target = places.first().map(super::locator::LocalPath::target).unwrap_or_default();
                (format!("Compute {target}"), named(choice), false)
            }
            Source::Remote(url) => (url.to_string(), named(choice), false),
        };
        Ok(Self { source, width: query.width, height: query.height, quality: query.quality, format, passed })
    }
}

fn named(choice: Choice) -> Option<&'static str> {
    match choice {
        Choice::Format(format) => Some(format.media_type()),
        Choice::Source { .. } => None,
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = self.height.map(|height| format!(" and height {height}")).unwrap_or_default();
        let format = self.format.unwrap_or("the source's format");
        if self.passed {
            return write!(f, "answers {format} as it is, from {}", self.source);
        }
        write!(f, "answers {format} at width {}{height}, quality {}, from {}", self.width, self.quality, self.source)
    }
}
