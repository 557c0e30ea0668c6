//! One rule, from its four texts; and what a list of them says together.

use std::collections::BTreeSet;

use super::{
    CustomRule, RuleAction, RuleSource, RuleTarget, RuleText,
    source::{self, Fault},
    target,
};
use crate::{Rule, Severity};

/// Characters of a source, a target or a condition, as in Amplify's API.
const TEXT_CHARS_MAX: usize = 2048;

/// A rule as it was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) source: &'a str,
    pub(crate) target: &'a str,
    pub(crate) status: Option<&'a str>,
    pub(crate) condition: Option<&'a str>,
}

/// Which of the texts a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Whole,
    Source,
    Target,
    Status,
    Condition,
}

/// Something to be said about a rule.
#[derive(Clone, Debug)]
pub(crate) struct Remark {
    pub(crate) severity: Severity,
    pub(crate) rule: Rule,
    pub(crate) field: Field,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// What is said to everybody who wrote a rule that Amplify passes over without a word.
const IGNORED: &str = "Amplify ignores such a rule, and it is left out here";

/// Reads the rules of one list, top to bottom.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The sources that are taken for good; rules for what is not found are a list of their own.
    taken: BTreeSet<(bool, String)>,
    everything: [Option<String>; 2],
}

/// Where remarks go.
pub(crate) type Note<'n> = &'n mut dyn FnMut(Remark);

impl Reader {
    /// Reads the next rule; none where it is wrong or left out, which `note` is told.
    pub(crate) fn read(&mut self, texts: &Texts<'_>, place: &str, note: Note<'_>) -> Option<CustomRule> {
        if !fits(texts, note) {
            return None;
        }
        let [source_text, target_text] = [(Field::Source, texts.source), (Field::Target, texts.target)]
            .map(|(field, text)| trimmed(field, text, note));
        let source = source::read(source_text);
        if let Err(fault) = &source {
            note(source_remark(fault, source_text));
        }
        let target = target::read(target_text);
        if let Err(fault) = &target {
            note(target_remark(fault, target_text));
        }
        let action = action(texts.status, note);
        let country = country(texts.condition.unwrap_or_default(), note);
        let (source, mut target, action, country) = (source.ok()?, target.ok()?, action?, country?);
        if !agree(&source, &mut target, action, note) {
            return None;
        }
        let text = RuleText { source: source_text.to_owned(), target: target_text.to_owned(), place: place.to_owned() };
        let rule = CustomRule { source, target, action, country, text };
        self.remark_unreachable(&rule, note);
        Some(rule)
    }

    /// A rule below one that takes all its requests is never asked.
    fn remark_unreachable(&mut self, rule: &CustomRule, note: Note<'_>) {
        let list = rule.action.is_last_resort();
        let source = &rule.text.source;
        let of_path = !matches!(rule.source, RuleSource::Host(_));
        let everything = self.everything[usize::from(list)].as_ref().filter(|_| of_path);
        let same = self.taken.contains(&(list, source.clone())).then_some(source);
        if let Some(earlier) = everything.or(same) {
            note(Remark {
                severity: Severity::Warning,
                rule: Rule::CustomRuleUnreachable,
                field: Field::Source,
                message: format!("the rule `{source}` is never reached: `{earlier}` before it takes its requests"),
                help: "move it up, or remove it".to_owned(),
            });
        }
        if rule.country.is_none() {
            if rule.source.is_everything() {
                self.everything[usize::from(list)].get_or_insert_with(|| source.clone());
            }
            self.taken.insert((list, source.clone()));
        }
    }
}

/// Amplify's API takes no longer ones.
fn fits(texts: &Texts<'_>, note: Note<'_>) -> bool {
    let all = [
        (Field::Source, texts.source, 1),
        (Field::Target, texts.target, 1),
        (Field::Condition, texts.condition.unwrap_or_default(), 0),
    ];
    let mut fits = true;
    for (field, text, least) in all {
        let chars = text.chars().count();
        if !(least..=TEXT_CHARS_MAX).contains(&chars) {
            fits = false;
            note(Remark {
                severity: Severity::Error,
                rule: Rule::CustomRuleLength,
                field,
                message: format!("it has {chars} characters; {least} to {TEXT_CHARS_MAX} are allowed"),
                help: "one rule with `<*>` can stand for many paths".to_owned(),
            });
        }
    }
    fits
}

fn trimmed<'a>(field: Field, text: &'a str, note: Note<'_>) -> &'a str {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        note(Remark {
            severity: Severity::Warning,
            rule: Rule::CustomRuleSpace,
            field,
            message: format!("there is white space around `{trimmed}`"),
            help: "remove it: on Amplify such a rule never matches, and here the space is passed over".to_owned(),
        });
    }
    trimmed
}

fn source_remark(fault: &Fault, text: &str) -> Remark {
    let remark = |severity, rule, message: String, help: &str| Remark {
        severity,
        rule,
        field: Field::Source,
        message,
        help: help.to_owned(),
    };
    let ignored =
        |rule, message: String, help: &str| remark(Severity::Warning, rule, format!("{message}; {IGNORED}"), help);
    match fault {
        Fault::Start => ignored(
            Rule::CustomRuleSource,
            format!("the source `{text}` is neither a path, `https://host` nor `</a regular expression/>`"),
            "begin it with `/`",
        ),
        Fault::Wildcard => ignored(
            Rule::CustomRuleWildcard,
            format!("`<*>` stands in `{text}` where it is not the end, or twice"),
            "keep the one at the end, and write `<name>` for a segment before it",
        ),
        Fault::Angle => ignored(
            Rule::CustomRuleSource,
            format!("a `<` in `{text}` begins no placeholder"),
            "write `<name>` with letters, digits, `-` and `_`, or `<*>`",
        ),
        Fault::Twice(name) => ignored(
            Rule::CustomRuleSource,
            format!("the placeholder `<{name}>` stands twice in `{text}`"),
            "give each a name of its own",
        ),
        Fault::HostPath => ignored(
            Rule::CustomRuleHost,
            format!("the source `{text}` names a host and a path"),
            "write the host alone, paths are appended; or the path alone",
        ),
        Fault::Host => ignored(
            Rule::CustomRuleHost,
            format!("the source `{text}` names no host"),
            "write `https://www.example.com`, without a port",
        ),
        Fault::Query => ignored(
            Rule::CustomRuleSource,
            format!("the query of `{text}` is none a request can have"),
            "write `?name=value` or `?name=<placeholder>`",
        ),
        Fault::Fragment => ignored(
            Rule::CustomRuleSource,
            format!("the source `{text}` has a `#`, which no browser sends"),
            "write it without",
        ),
        Fault::RegexEnd => ignored(
            Rule::CustomRuleRegex,
            format!("the regular expression `{text}` does not end in `/>`"),
            "write `</expression/>`, without flags",
        ),
        Fault::Regex(why) => remark(
            Severity::Error,
            Rule::CustomRuleRegex,
            format!("the regular expression cannot be read: {why}"),
            "write one that JavaScript and this program read alike: no `[^]`",
        ),
    }
}

fn target_remark(fault: &target::Fault, text: &str) -> Remark {
    use target::Fault;
    let (message, help) = match fault {
        Fault::Start => (
            format!("the target `{text}` is neither a path nor an address"),
            "begin it with `/`, `https://` or `http://`",
        ),
        Fault::TwoSlashes => (
            format!("the target `{text}` can be read as a path and as a host"),
            "begin a path with one slash, and an address with `https://`",
        ),
        Fault::Host => (format!("the target `{text}` names no host"), "write `https://www.example.com/path`"),
        Fault::Authority => (
            format!("in the target `{text}` the request would choose the host"),
            "put a `/` between the host and the placeholder",
        ),
        Fault::Angle => (
            format!("a `<` in the target `{text}` begins no placeholder"),
            "write `<name>` or `<*>`, or `%3C` for the character",
        ),
    };
    // Adapters write down redirects to `mailto:` and `//host` as they find them.
    let (severity, end) = match fault {
        Fault::Start | Fault::TwoSlashes => (Severity::Warning, "; the rule is left out"),
        Fault::Host | Fault::Authority | Fault::Angle => (Severity::Error, ""),
    };
    let (rule, field) = (Rule::CustomRuleTarget, Field::Target);
    Remark { severity, rule, field, message: format!("{message}{end}"), help: help.to_owned() }
}

fn action(status: Option<&str>, note: Note<'_>) -> Option<RuleAction> {
    let rule = Rule::CustomRuleStatus;
    let Some(text) = status else {
        note(Remark {
            severity: Severity::Warning,
            rule,
            field: Field::Whole,
            message: "the rule has no `status`; what Amplify does then is not documented, and it is left out here"
                .to_owned(),
            help: "add one: 200, 301, 302, 404 or 404-200".to_owned(),
        });
        return None;
    };
    let action = RuleAction::ALL.into_iter().find(|action| action.as_str() == text.trim());
    if action.is_none() {
        let help = match text.trim() {
            "307" | "303" => "write 302, the nearest that Amplify has",
            "308" => "write 301, the nearest that Amplify has",
            _ => "write 200, 301, 302, 404 or 404-200",
        };
        let message = format!("there is no status `{text}`");
        note(Remark { severity: Severity::Error, rule, field: Field::Status, message, help: help.to_owned() });
    }
    action
}

/// `<US>`; nothing: every country.
#[expect(clippy::option_option, reason = "none: the condition is wrong; some none: there is none")]
fn country(condition: &str, note: Note<'_>) -> Option<Option<String>> {
    let text = condition.trim();
    if text.is_empty() {
        return Some(None);
    }
    let code = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or_default();
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(Some(code.to_ascii_uppercase()));
    }
    note(Remark {
        severity: Severity::Warning,
        rule: Rule::CustomRuleCondition,
        field: Field::Condition,
        message: format!("the condition `{text}` is no country; {IGNORED}"),
        help: "write a country of two letters, such as `<US>`, or nothing".to_owned(),
    });
    None
}

/// What source, target and status must have in common.
fn agree(source: &RuleSource, target: &mut RuleTarget, action: RuleAction, note: Note<'_>) -> bool {
    let mut warn = |rule, field, message: String, help: &str| {
        note(Remark { severity: Severity::Warning, rule, field, message, help: help.to_owned() });
    };
    if let Some(unknown) = target.placeholders().find(|placeholder| !source.has(placeholder)) {
        let message = format!("nothing in the source is called `{unknown}`; the rule is left out");
        let help = match source {
            RuleSource::Path { .. } => "name it in the source, or remove it from the target",
            RuleSource::Regex(_) => "remove it: a regular expression has no placeholders",
            RuleSource::Host(_) => "remove it: paths are appended to a host's target",
        };
        warn(Rule::CustomRulePlaceholder, Field::Target, message, help);
        return false;
    }
    if let RuleSource::Host(host) = source
        && target.site.as_ref().is_none_or(|site| site.host == *host)
    {
        let message = "paths are appended to a host's target, so this one leads back to itself; the rule is left out";
        warn(Rule::CustomRuleTarget, Field::Target, message.to_owned(), "name another host, with `https://`");
        return false;
    }
    if action.is_redirect() {
        return true;
    }
    if target.site.as_ref().is_some_and(|site| !site.secure) {
        let message = format!("what another site answers can be given over https only; {IGNORED}");
        warn(Rule::CustomRuleTarget, Field::Target, message, "write `https://`, or redirect with 301 or 302");
        return false;
    }
    if action == RuleAction::NotFound && target.site.is_some() {
        let message = "a page for what is not found must be a file of this app; the rule is left out".to_owned();
        warn(Rule::CustomRuleTarget, Field::Target, message, "write a path, or 404-200 for another site's answer");
        return false;
    }
    if target.fragment.take().is_some() {
        let message = "the target's fragment has no effect: only a browser that is redirected sees it".to_owned();
        warn(Rule::CustomRuleTarget, Field::Target, message, "remove it, or redirect with 301 or 302");
    }
    true
}
