//! A pattern of paths, in the dialect of custom headers, which is not the dialect of routes: `*` stops at `/`.

/// Characters of a pattern: those of the longest path that browsers and servers agree on.
const CHARS_MAX: usize = 2048;

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is nothing in it.
    Empty,
    /// It is longer than any path.
    Long,
    /// It holds a control character, which no path does.
    Control,
}

impl Fault {
    /// What to say of it: what is wrong, and how to mend it.
    pub(super) fn told(self) -> (String, &'static str) {
        match self {
            Self::Empty => ("the pattern is empty".to_owned(), "write `**` for every path, or `/` for the root"),
            Self::Long => (format!("the pattern has more than {CHARS_MAX} characters"), "shorten it with `**`"),
            Self::Control => ("the pattern holds a control character".to_owned(), "remove it"),
        }
    }
}

/// The pattern as a path: patterns are relative to the root, whether they begin with `/` or not.
pub(super) fn parse(text: &str) -> Result<String, Fault> {
    match text {
        "" => Err(Fault::Empty),
        _ if text.chars().count() > CHARS_MAX => Err(Fault::Long),
        _ if text.contains(char::is_control) => Err(Fault::Control),
        _ if text.starts_with('/') => Ok(text.to_owned()),
        // `**` takes the first slash as well as any other.
        _ => Ok(format!("/{text}")),
    }
}

/// What a pattern holds that means something in other dialects and stands for itself here.
pub(super) fn stranger(text: &str) -> Option<&'static str> {
    let braces = text.find('{').is_some_and(|at| text[at..].contains('}'));
    if text.contains("://") {
        Some("a scheme and a host")
    } else if text.contains('?') {
        Some("`?`")
    } else if braces {
        Some("`{...}`")
    } else {
        None
    }
}
