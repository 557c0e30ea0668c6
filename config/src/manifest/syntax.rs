//! From text to JSON values, strictly: what RFC 8259 does not allow is refused, as `JSON.parse` refuses it.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::Value,
    errors::{ParseError, ParseErrorKind as Kind},
    parse_to_ast,
};

use crate::{
    Rule,
    report::{Anchor, Report},
};

/// The document's value, or `None` and one error: after a slip of syntax, nothing that follows can be trusted.
pub(crate) fn parse<'a>(text: &'a str, report: &mut Report) -> Option<Value<'a>> {
    if text.starts_with('\u{feff}') {
        let help = "save the file as UTF-8 without a byte order mark";
        report.error(Rule::JsonSyntax, &Anchor::default(), "the file starts with a byte order mark", help);
        return None;
    }
    match parse_to_ast(text, &CollectOptions::default(), &strict()) {
        Ok(parsed) => {
            if let Some((offset, char)) = stray_character(text) {
                let message = format!("the character {char:?} cannot stand here in JSON");
                let help = "inside a string write it as an escape, such as \\n; outside of one remove it";
                report.error(Rule::JsonSyntax, &at(offset), message, help);
                return None;
            }
            if parsed.value.is_none() {
                let help = "write the manifest: an object with `version`, `routes` and `framework`";
                report.error(Rule::JsonSyntax, &Anchor::default(), "the file is empty", help);
            }
            parsed.value
        }
        Err(error) => {
            let (message, help) = explain(&error);
            report.error(Rule::JsonSyntax, &at(error.range().start), message, help);
            None
        }
    }
}

fn at(offset: usize) -> Anchor {
    Anchor { pointer: String::new(), offset }
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// Two liberties that the parser always takes: raw control characters in strings, and more white space than JSON's
/// four characters. Returns the first such character of a text that parses.
fn stray_character(text: &str) -> Option<(usize, char)> {
    let (mut in_string, mut escaped) = (false, false);
    for (offset, char) in text.char_indices() {
        let stray =
            if in_string { char < ' ' } else { char.is_whitespace() && !matches!(char, ' ' | '\t' | '\n' | '\r') };
        if stray {
            return Some((offset, char));
        }
        match char {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
    }
    None
}

/// What is wrong, and the remedy for the slips people make by hand.
fn explain(error: &ParseError) -> (String, &'static str) {
    let help = match error.kind() {
        Kind::TrailingCommasNotAllowed => "remove the comma before the closing bracket",
        Kind::CommentsNotAllowed | Kind::UnterminatedCommentBlock => "remove the comment: JSON has none",
        Kind::ExpectedComma => "put a comma between the two",
        Kind::SingleQuotedStringsNotAllowed => "use double quotes",
        Kind::ExpectedStringObjectProperty => "put the name in double quotes",
        Kind::UnterminatedArray | Kind::UnterminatedObject | Kind::ExpectedObjectValue => {
            "complete the file: it may have been cut off"
        }
        Kind::MultipleRootJsonValues => "remove what follows the first value",
        Kind::NestingDepthExceeded => "a manifest is five levels deep",
        _ => "write JSON as in RFC 8259; `JSON.stringify` does",
    };
    let message = error.kind().to_string();
    let mut chars = message.chars();
    let message = chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect();
    (message, help)
}
