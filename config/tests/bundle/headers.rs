//! Custom headers: the three forms of the file, where it lies, and everything that can be wrong with it.

use std::{fmt::Write as _, fs, path::Path};

use edgeplane_config::{HeaderRule, HeaderSettings, Problems, Rule, Severity, custom_headers};
use proptest::prelude::*;

use crate::fixture::{CATCH_ALL, Case, Fixture, case, routes};

/// Files with one problem each, and how bad it is.
pub(crate) fn cases() -> Vec<(Severity, Case)> {
    let error = |rule, pointer, text: &str| (Severity::Error, case(rule, pointer, text));
    let warning = |rule, pointer, text: &str| (Severity::Warning, case(rule, pointer, text));
    let pattern = |text: &str| format!("customHeaders:\n  - pattern: ▶{text}\n    headers: []\n");
    let header = |key: &str, value: &str| {
        format!("customHeaders:\n  - pattern: '**'\n    headers:\n      - key: {key}\n        value: {value}\n")
    };
    let many = format!("customHeaders:\n  {}", "- {pattern: a, headers: []}\n  ".repeat(1001));
    let (key, value) = ("/customHeaders/0/headers/0/key", "/customHeaders/0/headers/0/value");
    let mut cases = vec![
        error(Rule::YamlSyntax, "", "customHeaders:\n  - pattern: ▶*.json\n"),
        error(Rule::YamlSyntax, "", "customHeaders: ▶[\n"),
        error(Rule::DuplicateKey, "/customHeaders", "customHeaders: []\n▶customHeaders: []\n"),
        warning(Rule::UnknownKey, "/version", "▶version: 1\ncustomHeaders: []\n"),
        warning(Rule::MissingKey, "", "▶{}\n"),
        error(Rule::WrongType, "", "▶just a text\n"),
        error(Rule::WrongType, "/customHeaders", "customHeaders: ▶none\n"),
        error(Rule::WrongType, "/customHeaders/0", "customHeaders:\n  - ▶'**'\n"),
        error(Rule::MissingKey, "/customHeaders/0", "customHeaders:\n  - ▶pattern: '**'\n"),
        error(Rule::MissingKey, "/customHeaders/0", "customHeaders:\n  - ▶headers: []\n"),
        error(Rule::HeaderPattern, "/customHeaders/0/pattern", &pattern("''")),
        error(Rule::HeaderPattern, "/customHeaders/0/pattern", &pattern("\"a\\tb\"")),
        error(Rule::HeaderPattern, "/customHeaders/0/pattern", &pattern(&"a".repeat(2049))),
        warning(Rule::HeaderPattern, "/customHeaders/0/pattern", &pattern("'*.{js,css}'")),
        warning(Rule::HeaderPattern, "/customHeaders/0/pattern", &pattern("'/a?b=1'")),
        warning(Rule::HeaderPattern, "/customHeaders/0/pattern", &pattern("'https://example.com/**'")),
        error(Rule::HeadersTooMany, "/customHeaders", &many.replacen("- {", "▶- {", 1)),
        error(Rule::HeaderValue, value, &header("X", "|\n          ▶a\n          b")),
        error(Rule::HeaderValue, value, &header("X", "▶café")),
        error(Rule::HeaderValue, value, &header("X", &format!("▶{}", "a".repeat(16 * 1024 + 1)))),
        error(Rule::WrongType, value, &header("X", "▶[a, b]")),
        warning(
            Rule::HeaderRepeated,
            "/customHeaders/0/headers/1",
            &header("X-A", "1\n      - ▶key: x-a\n        value: 2"),
        ),
        error(
            Rule::HeaderApplication,
            "",
            "▶applications:\n  - {appRoot: a, customHeaders: []}\n  - {appRoot: b, customHeaders: []}\n",
        ),
    ];
    cases.extend(["▶'a b'", "▶'X-Frame-Options:'", "▶é"].map(|name| error(Rule::HeaderName, key, &header(name, "x"))));
    cases.extend(RESERVED.map(|name| error(Rule::HeaderReserved, key, &header(&format!("▶{name}"), "x"))));
    let unreadable = case(Rule::HeadersUnreadable, "", "▶\u{1}");
    cases.push((Severity::Error, unreadable));
    cases
}

const RESERVED: [&str; 8] =
    ["Content-Length", "CONNECTION", "Transfer-Encoding", "keep-alive", "Date", "ETag", "Location", "x-request-id"];

/// The rules of a text, as of a file that the settings name.
fn read(text: &str, app_root: &str) -> (Vec<HeaderRule>, Problems) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customHttp.yml");
    fs::write(&file, text).unwrap();
    custom_headers(&HeaderSettings { file: Some(file), app_root: app_root.to_owned() }, None)
}

#[test]
fn every_problem_is_told_with_its_place() {
    for (severity, case) in cases() {
        if case.rule == Rule::HeadersUnreadable {
            continue;
        }
        case.assert_only_problem(&read(&case.text(), "").1, severity);
    }
}

#[test]
fn every_help_and_message_is_a_fragment() {
    for (_, case) in cases() {
        for problem in &read(&case.text(), "").1 {
            for text in [problem.message.as_str(), problem.help.as_deref().unwrap()] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{problem}");
                assert!(!text.starts_with(|char: char| char.is_uppercase()), "{problem}");
            }
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.yml");
    fs::write(&large, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let latin = folder.path().join("latin.yml");
    fs::write(&latin, b"customHeaders: []\n# caf\xe9\n").unwrap();
    for file in [folder.path().to_owned(), folder.path().join("none.yml"), large, latin] {
        let settings = HeaderSettings { file: Some(file.clone()), app_root: String::new() };
        let (rules, problems) = custom_headers(&settings, None);
        assert!(rules.is_empty() && problems.has(Rule::HeadersUnreadable), "{}: {problems}", file.display());
    }
}

/// `pattern: name=value (line)`, one for each field.
fn told(rules: &[HeaderRule]) -> Vec<String> {
    let of = |rule: &HeaderRule| {
        let fields = rule.fields.iter().map(|field| {
            format!("{}: {}={} ({})", rule.pattern, field.name, field.value.to_str().unwrap(), field.place.line)
        });
        fields.collect::<Vec<_>>()
    };
    rules.iter().flat_map(of).collect()
}

/// The example of the user guide.
const PROJECT: &str = "\
customHeaders:
  - pattern: '*.json'
    headers:
      - key: custom-header-name-1
        value: custom-header-value-1
      - key: custom-header-name-2
        value: custom-header-value-2
  - pattern: '/path/*'
    headers:
      - key: custom-header-name-1
        value: custom-header-value-2
";

/// The same for a monorepo.
const MONOREPO: &str = "\
applications:
  - appRoot: app1
    customHeaders:
      - pattern: '**/*'
        headers: [{key: X, value: y}]
  - appRoot: ./apps/two/
    customHeaders:
      - pattern: /path/*.json
        headers:
          - {key: custom-header-name-2, value: 0}
";

#[test]
fn the_form_of_a_project_is_read_with_its_lines() {
    let (rules, problems) = read(PROJECT, "");
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(
        told(&rules),
        [
            "/*.json: custom-header-name-1=custom-header-value-1 (4)",
            "/*.json: custom-header-name-2=custom-header-value-2 (6)",
            "/path/*: custom-header-name-1=custom-header-value-2 (10)",
        ]
    );
}

#[test]
fn the_form_of_a_monorepo_is_read_for_one_application() {
    for (app_root, wanted) in [
        ("app1", "/**/*: x=y (5)"),
        ("apps/two", "/path/*.json: custom-header-name-2=0 (10)"),
        ("/apps/two/", "/path/*.json: custom-header-name-2=0 (10)"),
    ] {
        let (rules, problems) = read(MONOREPO, app_root);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(told(&rules), [wanted]);
    }
    assert!(read(MONOREPO, "").1.has(Rule::HeaderApplication));
    assert!(read(MONOREPO, "three").1.to_string().contains("one of `app1`, `./apps/two/`"));
}

#[test]
fn build_settings_may_hold_custom_headers_beside_much_else() {
    let text = format!("version: 1\nfrontend: &f\n  phases: {{build: {{commands: [npm ci]}}}}\nother: *f\n{PROJECT}");
    let fixture = Fixture::new(&routes(CATCH_ALL)).files(&["compute/default/server.js"]).with("amplify.yml", &text);
    let bundle = fixture.open().unwrap();
    assert_eq!(bundle.custom_headers.len(), 2);
    assert!(bundle.warnings.is_empty(), "{}", bundle.warnings);
    assert_eq!(bundle.custom_headers[0].fields[0].place.to_string(), "amplify.yml:8");
    let without =
        Fixture::new(&routes(CATCH_ALL)).files(&["compute/default/server.js"]).with("amplify.yml", "version: 1");
    assert!(without.open().unwrap().custom_headers.is_empty());
}

#[test]
fn the_file_lies_in_the_bundle_or_in_its_project() {
    let header = |value: &str| format!("customHeaders: [{{pattern: '**', headers: [{{key: x, value: {value}}}]}}]");
    let project = Fixture::empty()
        .with(".amplify-hosting/deploy-manifest.json", &routes(CATCH_ALL))
        .files(&[".amplify-hosting/compute/default/server.js"]);
    let value = |project: &Fixture| {
        let rules = project.open().unwrap().custom_headers;
        rules.first().map(|rule| (rule.fields[0].value.clone(), rule.fields[0].place.to_string()))
    };
    assert_eq!(value(&project), None);
    for (file, said, place) in [
        ("amplify.yml", "build", "../amplify.yml:1"),
        ("customHttp.yml", "project", "../customHttp.yml:1"),
        (".amplify-hosting/customHttp.yml", "bundle", "customHttp.yml:1"),
    ] {
        fs::write(project.root.path().join(file), header(said)).unwrap();
        assert_eq!(value(&project), Some((said.parse().unwrap(), place.to_owned())));
    }
}

#[test]
fn problems_of_manifest_and_headers_are_told_together() {
    let fixture = Fixture::new("{}").with("customHttp.yml", "customHeaders: 1");
    let problems = fixture.open().unwrap_err();
    assert!(problems.has(Rule::MissingKey) && problems.has(Rule::WrongType), "{problems}");
    let last = problems.iter().last().unwrap();
    assert_eq!((last.location.file.as_path(), last.location.position), (Path::new("customHttp.yml"), Some((1, 16))));
}

#[test]
fn long_values_may_be_folded_and_nothing_is_nothing() {
    let text = "customHeaders:\n- pattern: '**'\n  headers:\n  - key: Content-Security-Policy\n    value: >\n      default-src 'self';\n      img-src *\n";
    let (rules, problems) = read(text, "");
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(told(&rules), ["/**: content-security-policy=default-src 'self'; img-src * (4)"]);
    for text in ["", "# nothing\n", "customHeaders:\n", "---\ncustomHeaders: null\n"] {
        let (rules, problems) = read(text, "");
        assert!(rules.is_empty() && problems.is_empty(), "{text:?}: {problems}");
    }
}

#[test]
fn aliases_are_what_they_stand_for_and_cannot_explode() {
    let text = "customHeaders:\n- pattern: /a\n  headers: &h [{key: x, value: y}]\n- {pattern: /b, headers: *h}\n";
    assert_eq!(told(&read(text, "").0), ["/a: x=y (3)", "/b: x=y (3)"]);
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let last = n - 1;
        writeln!(bomb, "a{n}: &a{n} [{}]", vec![format!("*a{last}"); 10].join(",")).unwrap();
    }
    assert!(read(&bomb, "").1.has(Rule::YamlSyntax));
    assert!(read(&"[".repeat(200), "").1.has(Rule::YamlSyntax));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(customHeaders:|applications:|- |pattern: |headers: |key: |value: |[\\[\\]{}:*&!'\"|>#\n ]|\\PC){0,40}") {
        let (rules, problems) = read(&text, "");
        prop_assert!(rules.is_empty() || !problems.iter().any(|problem| problem.rule == Rule::YamlSyntax));
    }
}
