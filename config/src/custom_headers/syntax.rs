//! From YAML to values that know where they stand. One document; scalars are texts, whatever they look like; aliases
//! are what their anchors are.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::{
    Rule,
    report::{Anchor, Report},
};

/// Values in a document, each alias counted as all that it stands for. A thousand rules of ten fields have a tenth.
const VALUES_MAX: usize = 500_000;

/// Values inside one another. The deepest form of a header is eight deep; build settings add some.
const DEPTH_MAX: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    pub(super) content: Content<'a>,
    /// In bytes.
    pub(super) offset: usize,
    /// One-based.
    pub(super) line: usize,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Content<'a> {
    /// Nothing was written, or `null`.
    Null,
    /// A scalar.
    Text(Cow<'a, str>),
    /// A sequence.
    List(Rc<[Value<'a>]>),
    /// A mapping, in the order it was written.
    Map(Rc<[(Value<'a>, Value<'a>)]>),
}

/// Why there is no value.
enum Fault {
    Scan(ScanError),
    /// Too many values, or too deep ones.
    TooLarge(usize),
}

/// The document's value; none after one error, because after a slip of syntax nothing that follows can be trusted.
pub(super) fn parse<'a>(text: &'a str, report: &mut Report) -> Option<Value<'a>> {
    let mut reading = Reading { events: Parser::new_from_str(text), anchors: BTreeMap::new(), n_left: VALUES_MAX };
    match reading.document() {
        Ok(value) => value,
        Err(Fault::Scan(error)) => {
            let at = Anchor { pointer: String::new(), offset: error.marker().byte_offset().unwrap_or_default() };
            let help = "write it as in YAML 1.2; indentation is spaces, and a text that begins with `*` needs quotes";
            report.error(Rule::YamlSyntax, &at, error.info(), help);
            None
        }
        Err(Fault::TooLarge(offset)) => {
            let at = Anchor { pointer: String::new(), offset };
            let message =
                format!("there are more than {VALUES_MAX} values, or more than {DEPTH_MAX} inside one another");
            report.error(Rule::YamlSyntax, &at, message, "write aliases out, and remove what is not used");
            None
        }
    }
}

/// A document that is being read.
struct Reading<'a, E: Iterator> {
    events: E,
    anchors: BTreeMap<usize, (Value<'a>, usize)>,
    n_left: usize,
}

impl<'a, E: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reading<'a, E> {
    /// The first document of the stream; there is no second one in such a file.
    fn document(&mut self) -> Result<Option<Value<'a>>, Fault> {
        while let Some((event, span)) = self.next()? {
            if !matches!(event, Event::StreamStart | Event::DocumentStart(..)) {
                return if matches!(event, Event::StreamEnd) { Ok(None) } else { self.value(event, span, 0).map(Some) };
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        self.events.next().transpose().map_err(Fault::Scan)
    }

    /// The value that an event begins.
    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value<'a>, Fault> {
        let (offset, line) = (span.start.byte_offset().unwrap_or_default(), span.start.line());
        let before = self.n_left;
        self.n_left = self.n_left.checked_sub(1).filter(|_| depth < DEPTH_MAX).ok_or(Fault::TooLarge(offset))?;
        let anchor = event.anchor_id();
        let content = match event {
            Event::Scalar(text, style, _, tag) => scalar(text, style, tag.is_some()),
            Event::Alias(id) => {
                let (value, count) = self.anchors.get(&id).cloned().ok_or(Fault::TooLarge(offset))?;
                self.n_left = self.n_left.checked_sub(count).ok_or(Fault::TooLarge(offset))?;
                value.content
            }
            Event::SequenceStart(..) => {
                let mut values = Vec::new();
                while let Some((event, span)) = self.next()? {
                    if event == Event::SequenceEnd {
                        break;
                    }
                    values.push(self.value(event, span, depth + 1)?);
                }
                Content::List(values.into())
            }
            Event::MappingStart(..) => {
                let mut members = Vec::new();
                while let Some((event, span)) = self.next()? {
                    if event == Event::MappingEnd {
                        break;
                    }
                    let key = self.value(event, span, depth + 1)?;
                    let Some((event, span)) = self.next()? else { break };
                    members.push((key, self.value(event, span, depth + 1)?));
                }
                Content::Map(members.into())
            }
            _ => Content::Null,
        };
        let value = Value { content, offset, line };
        if let Some(id) = anchor {
            self.anchors.insert(id, (value.clone(), before - self.n_left));
        }
        Ok(value)
    }
}

/// A plain scalar that says `null` is none (YAML 1.2.2 10.2.1); quoted or tagged it is that text.
fn scalar<'a>(text: Cow<'a, str>, style: ScalarStyle, tagged: bool) -> Content<'a> {
    let is_null = style == ScalarStyle::Plain && !tagged && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
    if is_null { Content::Null } else { Content::Text(text) }
}
