//! Reads one setting after the other, each by its kind, and collects what is wrong with any.

use std::{fmt, ops::RangeInclusive, path::PathBuf, time::Duration};

use super::{
    Amount,
    address::{AddressError, Admin},
    problem::{Origin, SettingProblem},
    quantity,
    wire::{Raw, Values, Written},
};

/// The merged values of every source. A wrong one is noted and a stand-in returned, so that reading goes on; the
/// stand-ins are never used, because [`Reader::problems`] is not empty then.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    values: &'a Values,
    problems: Vec<SettingProblem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(values: &'a Values) -> Self {
        Self { values, problems: Vec::new() }
    }

    /// What was wrong.
    pub(crate) fn problems(self) -> Vec<SettingProblem> {
        self.problems
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Notes a problem with `key`, where it was written.
    pub(crate) fn note(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let origin = self.values.get(key).map_or(Origin::Default, |written| written.origin.clone());
        self.problems.push(SettingProblem::new(origin, Some(key), message).with_help(help));
    }

    /// Notes a problem with `key` that stands somewhere else, as in a file that it names.
    pub(crate) fn note_at(&mut self, origin: Origin, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(SettingProblem::new(origin, Some(key), message).with_help(help));
    }

    /// A size in bytes within `range`.
    pub(crate) fn bytes<N: TryFrom<u64> + Default>(&mut self, key: &str, range: RangeInclusive<u64>) -> N {
        let read = self.scalar(key).and_then(quantity::bytes);
        let wanted = format!(
            "write a size from {} to {}, such as \"64KiB\" or \"11MB\"",
            quantity::write_bytes(*range.start()),
            quantity::write_bytes(*range.end())
        );
        let read = read.filter(|bytes| range.contains(bytes)).and_then(|bytes| N::try_from(bytes).ok());
        self.or_note(key, read, &wanted)
    }

    /// A count within `range`.
    pub(crate) fn count<N: TryFrom<u64> + Default>(&mut self, key: &str, range: RangeInclusive<u64>) -> N {
        let read = self.number(key).filter(|count| range.contains(count)).and_then(|count| N::try_from(count).ok());
        self.or_note(key, read, &format!("write a whole number from {} to {}", range.start(), range.end()))
    }

    /// `auto` or a count of at least one.
    pub(crate) fn amount(&mut self, key: &str) -> Amount {
        const MAX: u64 = 1024;
        if self.text(key).is_some_and(|text| text == "auto") {
            return Amount::Auto;
        }
        let read =
            self.number(key).filter(|count| (1..=MAX).contains(count)).and_then(|count| usize::try_from(count).ok());
        Amount::Just(self.or_note(key, read, &format!("write \"auto\" or a whole number from 1 to {MAX}")))
    }

    /// A duration within `range`.
    pub(crate) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Duration {
        let read = self.text(key).and_then(quantity::duration).filter(|duration| range.contains(duration));
        let wanted = format!(
            "write a duration from {} to {}, such as \"250ms\" or \"15m\"",
            quantity::write_duration(*range.start()),
            quantity::write_duration(*range.end())
        );
        self.or_note(key, read, &wanted)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, key: &str) -> bool {
        let read = match self.raw(key) {
            Some(Raw::Boolean(boolean)) => Some(*boolean),
            Some(Raw::Untyped(text)) => text.parse().ok(),
            _ => None,
        };
        self.or_note(key, read, "write true or false")
    }

    /// A text that `parse` understands; `wanted` says what that is.
    pub(crate) fn parsed<T>(&mut self, key: &str, stand_in: T, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let read = self.text(key).and_then(parse);
        if read.is_none() {
            self.note_wrong(key, wanted);
        }
        read.unwrap_or(stand_in)
    }

    /// A path; `None` where the text is empty. A relative one in a file is relative to that file.
    pub(crate) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.parsed(key, String::new(), "write a path in quotes", |text| Some(text.to_owned()));
        if text.is_empty() {
            return None;
        }
        let path = PathBuf::from(text);
        match self.values.get(key).map(|written| &written.origin) {
            Some(Origin::File { path: file, .. }) => {
                Some(file.parent().map(|folder| folder.join(&path)).unwrap_or(path))
            }
            _ => Some(path),
        }
    }

    /// A program: a bare name is left to PATH, anything with a slash is a path.
    pub(crate) fn program(&mut self, key: &str) -> PathBuf {
        match self.text(key) {
            Some(name) if !name.is_empty() && !name.contains('/') => PathBuf::from(name),
            Some(name) if !name.is_empty() => self.path(key).unwrap_or_default(),
            _ => self.or_note(key, None, "write the name of a program or its path"),
        }
    }

    /// The admin address.
    pub(crate) fn admin(&mut self, key: &str) -> Admin {
        let read = self.text(key).ok_or(AddressError::Host).and_then(Admin::parse);
        read.unwrap_or_else(|why| {
            self.note(
                key,
                format!("{} is not a valid value: {why}", self.shown(key)),
                "write an address such as \"127.0.0.1:9901\", or \"off\"",
            );
            Admin::Off
        })
    }

    /// Addresses, each read by `parse`.
    pub(crate) fn addresses<T: PartialEq>(&mut self, key: &str, parse: fn(&str) -> Result<T, AddressError>) -> Vec<T> {
        let mut addresses = Vec::new();
        for text in self.texts(key) {
            match parse(&text) {
                Ok(address) if addresses.contains(&address) => {
                    self.note(key, format!("`{text}` is named twice"), "name each address once");
                }
                Ok(address) => addresses.push(address),
                Err(why) => self.note(key, format!("`{text}`: {why}"), why.help()),
            }
        }
        addresses
    }

    /// The elements of a list, each as text; one value alone counts as a list of one.
    pub(crate) fn texts(&mut self, key: &str) -> Vec<String> {
        let elements = match self.raw(key) {
            Some(Raw::List(elements)) => elements.iter().map(text_of).collect(),
            Some(Raw::Untyped(text)) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(str::to_owned).collect())
            }
            Some(Raw::Text(text)) => Some(vec![text.clone()]),
            _ => None,
        };
        self.or_note(key, elements, "write a list, such as [\"one\", \"two\"]")
    }

    fn or_note<T: Default>(&mut self, key: &str, read: Option<T>, wanted: &str) -> T {
        if read.is_none() {
            self.note_wrong(key, wanted);
        }
        read.unwrap_or_default()
    }

    fn note_wrong(&mut self, key: &str, wanted: &str) {
        self.note(key, format!("{} is not a valid value", self.shown(key)), wanted);
    }

    fn shown(&self, key: &str) -> String {
        self.values.get(key).map_or_else(String::new, |Written { raw, .. }| raw.to_string())
    }

    fn raw(&self, key: &str) -> Option<&'a Raw> {
        debug_assert!(self.values.contains_key(key), "default.toml has no `{key}`");
        self.values.get(key).map(|written| &written.raw)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        match self.raw(key) {
            Some(Raw::Text(text) | Raw::Untyped(text)) => Some(text.as_str()),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.raw(key) {
            Some(Raw::Number(text) | Raw::Untyped(text)) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn scalar(&self, key: &str) -> Option<&'a str> {
        match self.raw(key) {
            Some(Raw::Text(text) | Raw::Number(text) | Raw::Untyped(text)) => Some(text.as_str()),
            _ => None,
        }
    }
}

fn text_of(raw: &Raw) -> Option<String> {
    match raw {
        Raw::Text(text) | Raw::Number(text) | Raw::Untyped(text) => Some(text.clone()),
        Raw::Boolean(_) | Raw::List(_) | Raw::Foreign(_) => None,
    }
}

/// As a person would write it, for messages.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Number(text) | Self::Untyped(text) => write!(f, "`{text}`"),
            Self::Boolean(boolean) => write!(f, "`{boolean}`"),
            Self::List(_) => f.write_str("this list"),
            Self::Foreign(name) => f.write_str(name),
        }
    }
}
