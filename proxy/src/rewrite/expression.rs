//! Hot: a source that is a regular expression.
//!
//! JavaScript's expressions look ahead, which no automaton does, so an engine that steps back tries them, within limits.
//! The one that Amplify gives every single-page app is known by its form and needs no engine.

use fancy_regex::{Regex, RegexBuilder};

/// A source expression.
#[derive(Debug)]
pub(super) enum Expression {
    /// `^[^.]+$|\.(?!(css|js)$)([^.]+$)`: a path without a dot, or one whose ending is not in the list.
    Page { endings: Box<[Box<str>]> },
    /// Any other.
    Other { regex: Box<Regex>, path_max: usize },
}

/// An expression took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenUp;

impl Expression {
    /// Compiles an expression that may step back so often, for paths of so many bytes.
    pub(super) fn compile(text: &str, steps: usize, path_max: usize) -> Result<Self, Box<fancy_regex::Error>> {
        if let Some(endings) = endings_of(text) {
            return Ok(Self::Page { endings });
        }
        let regex = RegexBuilder::new(text).backtrack_limit(steps).build().map_err(Box::new)?;
        Ok(Self::Other { regex: Box::new(regex), path_max })
    }

    /// Whether it finds something in the path.
    pub(super) fn finds(&self, path: &str) -> Result<bool, GivenUp> {
        match self {
            Self::Page { endings } => Ok(match path.rsplit_once('.') {
                None => !path.is_empty(),
                Some((_, ending)) => !ending.is_empty() && !endings.iter().any(|known| **known == *ending),
            }),
            Self::Other { path_max, .. } if path.len() > *path_max => Err(GivenUp),
            Self::Other { regex, .. } => regex.is_match(path).map_err(|_| GivenUp),
        }
    }
}

/// The list of endings, where the expression is of that form.
fn endings_of(text: &str) -> Option<Box<[Box<str>]>> {
    let list = text.strip_prefix(r"^[^.]+$|\.(?!(")?.strip_suffix(r")$)([^.]+$)")?;
    let endings = list.split('|').map(|ending| {
        let plain = !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| ending.into())
    });
    endings.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGES: &str = r"^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|woff2|ttf|map|json|webp)$)([^.]+$)";

    #[test]
    fn the_expression_of_single_page_apps_takes_pages() {
        let expression = Expression::compile(PAGES, 1000, 1000).unwrap();
        assert!(matches!(expression, Expression::Page { .. }));
        for (path, taken) in [
            ("/", true),
            ("/about", true),
            ("/_amplify/image", true),
            ("/app.js", false),
            ("/v1.2/app.css", false),
            ("/v1.2/users", true),
            ("/page.html", true),
            ("/app.min.js", false),
            ("/app.JS", true),
            ("/dot.", false),
        ] {
            assert_eq!(expression.finds(path), Ok(taken), "{path}");
        }
    }

    #[test]
    fn an_expression_beyond_its_limits_finds_nothing() {
        let slow = Expression::compile(r"^(?:(?!x)a|(?!y)a)*$", 1000, 1000).unwrap();
        assert_eq!(slow.finds(&format!("{}b", "a".repeat(60))), Err(GivenUp));
        let look = Expression::compile("x(?!y)", 1000, 10).unwrap();
        assert_eq!(look.finds("/xz"), Ok(true));
        assert_eq!(look.finds("/xz/and/more"), Err(GivenUp));
    }

    proptest! {
        /// The form that is known is the expression that is written.
        #[test]
        fn the_known_form_agrees_with_the_engine(path in r"/([a-c./]|js|css|png|\n){0,12}") {
            let engine = Regex::new(PAGES).unwrap();
            let known = Expression::compile(PAGES, 1000, 1000).unwrap();
            prop_assert_eq!(known.finds(&path), Ok(engine.is_match(&path).unwrap()), "{}", path);
        }
    }
}
