//! Custom rules with one mistake each, and lists of them in every form they come in.

use std::path::Path;

use edgeplane_config::{
    CustomRule, Piece, Placeholder, Rule, RuleAction, RuleSource, Severity, parse_custom_rules, read_custom_rules,
};

use crate::fixture::{CATCH_ALL, Case, Fixture, case, routes};

const NAME: &str = "customRules.json";

fn source(text: &str) -> String {
    format!("[{{\"source\": {text}, \"target\": \"/b\", \"status\": \"302\"}}]")
}

fn target(source: &str, text: &str, status: &str) -> String {
    format!("[{{\"source\": \"{source}\", \"target\": {text}, \"status\": \"{status}\"}}]")
}

fn after(rest: &str) -> String {
    format!("[{{\"source\": \"/a\", \"target\": \"/b\"{rest}}}]")
}

/// Every list that is refused.
fn errors() -> Vec<Case> {
    let rest = |rule, pointer, text: &str| case(rule, pointer, after(text));
    let to = |text: &str| case(Rule::CustomRuleTarget, "/0/target", target("/<a>", text, "302"));
    vec![
        case(Rule::JsonSyntax, "", "▶ \n"),
        case(Rule::JsonSyntax, "", "▶["),
        case(Rule::WrongType, "", "▶1"),
        case(Rule::WrongType, "/0", "[▶\"/a\"]"),
        case(Rule::MissingKey, "", "▶{\"name\": \"app\"}"),
        case(Rule::MissingKey, "/app", "{\"app\": ▶{}}"),
        case(Rule::WrongType, "/app/customRules", "{\"app\": {\"customRules\": ▶{}}}"),
        case(Rule::MissingKey, "/0", "[▶{\"target\": \"/b\", \"status\": \"301\"}]"),
        case(Rule::MissingKey, "/0", "[▶{\"source\": \"/b\", \"status\": \"301\"}]"),
        case(Rule::DuplicateKey, "/0/target", after(", ▶\"target\": \"/c\", \"status\": \"301\"")),
        rest(Rule::WrongType, "/0/status", ", \"status\": ▶301"),
        rest(Rule::CustomRuleStatus, "/0/status", ", \"status\": ▶\"308\""),
        rest(Rule::CustomRuleStatus, "/0/status", ", \"status\": ▶\"\""),
        case(Rule::CustomRuleLength, "/0/source", source("▶\"\"")),
        case(Rule::CustomRuleLength, "/0/source", source(&format!("▶\"/{}\"", "é".repeat(2048)))),
        case(Rule::CustomRuleRegex, "/0/source", source("▶\"</(/>\"")),
        to("▶\"https://<a>.example/\""),
        to("▶\"https://example.com<a>\""),
        to("▶\"https://user@example.com/\""),
        to("▶\"https://:443/\""),
        to("▶\"https://example.com:0/\""),
        to("▶\"https://exa mple.com/\""),
        to("▶\"/<a\""),
        to("▶\"/<a b>\""),
    ]
}

/// Every list that is only remarked upon.
fn remarks() -> Vec<Case> {
    let from = |rule, text: &str| case(rule, "/0/source", source(text));
    let rest = |rule, pointer, text: &str| case(rule, pointer, after(text));
    let second = |rest: &str| format!("[{{\"source\": \"/a\", \"target\": \"/b\", \"status\": \"301\"}}, {rest}]");
    vec![
        from(Rule::CustomRuleSource, "▶\"a\""),
        from(Rule::CustomRuleSource, "▶\"<*>\""),
        from(Rule::CustomRuleSource, "▶\"/docs?id=<my-blog-id-value\""),
        from(Rule::CustomRuleSource, "▶\"/<a>/<a>\""),
        from(Rule::CustomRuleSource, "▶\"/a?<b>=c\""),
        from(Rule::CustomRuleSource, "▶\"/a?b=c<d>\""),
        from(Rule::CustomRuleSource, "▶\"/a#b\""),
        from(Rule::CustomRuleWildcard, "▶\"/docs/<*>/content\""),
        from(Rule::CustomRuleWildcard, "▶\"/docs/<*>/content/<*>\""),
        from(Rule::CustomRuleWildcard, "▶\"/docs/<*>?a=b\""),
        from(Rule::CustomRuleHost, "▶\"https://example.com/specific-path\""),
        from(Rule::CustomRuleHost, "▶\"https://example.com:8080\""),
        from(Rule::CustomRuleRegex, "▶\"</a/i>\""),
        from(Rule::CustomRuleSpace, "▶\"/a \""),
        rest(Rule::CustomRuleCondition, "/0/condition", ", \"status\": \"301\", \"condition\": ▶\"US\""),
        rest(Rule::CustomRuleCondition, "/0/condition", ", \"status\": \"301\", \"condition\": ▶\"<USA>\""),
        rest(Rule::UnknownKey, "/0/state", ", \"status\": \"301\", ▶\"state\": \"1\""),
        case(Rule::CustomRuleStatus, "/0", "[▶{\"source\": \"/a\", \"target\": \"/b\"}]"),
        case(Rule::CustomRulePlaceholder, "/0/target", target("/<a>", "▶\"/<b>\"", "302")),
        case(Rule::CustomRulePlaceholder, "/0/target", target("</a/>", "▶\"/<*>\"", "302")),
        case(Rule::CustomRulePlaceholder, "/0/target", target("https://a.b", "▶\"https://c.d/<*>\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"http://example.com/\"", "200")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"b\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"mailto:a@example.com\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"javascript:alert(1)\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"//evil.example/\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"/\\\\evil.example/\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"https://example.com/\"", "404")),
        case(Rule::CustomRuleTarget, "/0/target", target("/a", "▶\"/b#c\"", "200")),
        case(Rule::CustomRuleTarget, "/0/target", target("https://a.b", "▶\"/c\"", "302")),
        case(Rule::CustomRuleTarget, "/0/target", target("https://a.b", "▶\"https://A.b/c\"", "301")),
        case(
            Rule::CustomRuleUnreachable,
            "/1/source",
            second("{\"source\": ▶\"/a\", \"target\": \"/c\", \"status\": \"302\"}"),
        ),
        case(
            Rule::CustomRuleUnreachable,
            "/1/source",
            second("{\"source\": ▶\"/c\", \"target\": \"/c\", \"status\": \"302\"}").replacen("/a", "/<*>", 1),
        ),
    ]
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    errors().into_iter().chain(remarks()).collect()
}

fn read(text: &str) -> Vec<CustomRule> {
    let (rules, problems) = parse_custom_rules(text, Path::new(NAME)).unwrap();
    assert!(problems.is_empty(), "{problems}");
    rules
}

#[test]
fn each_mistake_is_named_and_placed() {
    for case in errors() {
        match parse_custom_rules(&case.text(), Path::new(NAME)) {
            Ok(_) => panic!("{:?} does not refuse {}", case.rule, case.marked),
            Err(problems) => case.assert_only_problem(&problems, Severity::Error),
        }
    }
}

#[test]
fn what_amplify_passes_over_is_remarked_upon() {
    for case in remarks() {
        let (_, problems) = parse_custom_rules(&case.text(), Path::new(NAME)).unwrap();
        case.assert_only_problem(&problems, Severity::Warning);
        assert!(problems.iter().all(|problem| problem.location.file == Path::new(NAME)), "{problems}");
    }
}

#[test]
fn a_list_is_the_same_in_every_form() {
    let list = r#"[{"source": "/a/<b>", "target": "/c/<b>?d", "status": "301", "condition": null}]"#;
    let inner = format!("{{\"customRules\": {list}, \"name\": \"x\"}}");
    for (text, place) in [
        (list.to_owned(), "customRules.json:1:2 (/0)"),
        (inner.clone(), "customRules.json:1:18 (/customRules/0)"),
        (format!("{{\"app\": {inner}}}"), "customRules.json:1:26 (/app/customRules/0)"),
    ] {
        let rules = read(&text);
        let [rule] = &rules[..] else { panic!("{rules:?}") };
        assert_eq!(rule.action, RuleAction::MovedPermanently);
        assert_eq!(rule.text.place, place);
        assert_eq!(rule.to_string(), "/a/<b> -> /c/<b>?d 301");
        let name = Piece::Placeholder(Placeholder::Name("b".to_owned()));
        let expected = RuleSource::Path { pieces: vec![Piece::Text("/a/".to_owned()), name], query: Vec::new() };
        assert_eq!(rule.source, expected);
    }
    assert!(read("[]").is_empty());
}

#[test]
fn several_mistakes_are_told_at_once() {
    let text = r#"[{"source": "a", "target": "b", "status": "9"}, {"source": 1, "target": "/b"}]"#;
    let problems = parse_custom_rules(text, Path::new(NAME)).unwrap_err();
    let told: Vec<_> = problems.iter().map(|problem| problem.location.pointer.as_str()).collect();
    assert_eq!(told, ["/0/source", "/0/target", "/0/status", "/1/source"], "{problems}");
}

#[test]
fn a_bundle_brings_its_rules() {
    let bundle = || Fixture::new(&routes(CATCH_ALL)).files(&["compute/default/server.js"]);
    assert!(bundle().open().unwrap().custom_rules.is_empty());
    let ruled = bundle().with(NAME, &source("\"/docs/<*>/x\"")).open().unwrap();
    assert!(ruled.custom_rules.is_empty() && ruled.custom_rule_problems.has(Rule::CustomRuleWildcard));
    let ruled = bundle().with(NAME, &source("\"/docs/<*>\"")).open().unwrap();
    assert_eq!((ruled.custom_rules.len(), ruled.custom_rule_problems.len()), (1, 0));
    for broken in [bundle().with(NAME, "{"), bundle().folder(NAME), bundle().link(NAME, "nowhere")] {
        // The specification knows no such file, so the bundle is none the worse.
        let opened = broken.open().unwrap();
        assert!(opened.warnings.is_empty() && opened.custom_rule_problems.has_errors());
        let named = opened.custom_rule_problems.iter().all(|problem| problem.location.file == Path::new(NAME));
        assert!(named, "{}", opened.custom_rule_problems);
    }
}

#[test]
fn a_file_of_rules_is_read_in_full_or_not_at_all() {
    let fixture = Fixture::empty().with("rules.json", &source("\"/a\"")).with("long.json", &" ".repeat(1 << 21));
    let read = |name: &str| read_custom_rules(&fixture.root.path().join(name));
    assert_eq!(read("rules.json").unwrap().0.len(), 1);
    for name in ["missing.json", "long.json"] {
        assert!(read(name).unwrap_err().has(Rule::CustomRulesUnreadable), "{name}");
    }
}
