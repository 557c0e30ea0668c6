//! What a person reads.

use edgeplane_config::{Manifest, Rule, Severity};

#[test]
fn problems_read_like_those_of_a_compiler() {
    let text = r#"{
  "version": 1,
  "routes": [
    {"path": "/ä", "target": {"kind": "static"}},
    {"path": "/about", "target": {"kind": "Compute", "src": "default", "source": 1}}
  ],
  "computeResources": [{"name": "default", "runtime": "nodejs22.x", "entrypoint": "server.js"}],
  "framework": {"name": "nuxt", "version": "3.8.1"}
}"#;
    let wanted = r#"error[path-alphabet]: the path `/ä` contains 'ä', which a path cannot contain
 --> deploy-manifest.json:4:14 (/routes/0/path)
help: use A-Z a-z 0-9 _ - . * $ / ~ " ' @ : + only, or the wildcard `*`

error[target-kind]: there is no target kind `static`
 --> deploy-manifest.json:4:39 (/routes/0/target/kind)
help: write `Static`: case matters

error[catch-all-last]: the last route is `/about`, not the catch-all `/*`
 --> deploy-manifest.json:5:14 (/routes/1/path)
help: add a route with the path `/*` at the end

warning[unknown-key]: `target` has no `source` in the specification
 --> deploy-manifest.json:5:72 (/routes/1/target/source)
help: did you mean `src`?

warning[runtime-unlisted]: the specification does not list the runtime `nodejs22.x`
 --> deploy-manifest.json:7:55 (/computeResources/0/runtime)
help: nothing to mend where Node.js 22 is installed; listed are nodejs16.x, 18.x and 20.x"#;
    let problems = Manifest::parse(text).unwrap_err();
    assert_eq!(problems.to_string(), wanted);
    assert!(problems.has_errors() && problems.has(Rule::TargetKind) && !problems.has(Rule::PathStart));
    assert_eq!(problems.len(), 5);
    assert!(problems.strict().iter().all(|problem| problem.severity == Severity::Error));
}

#[test]
fn every_help_and_message_is_a_fragment() {
    let mut cases = crate::broken_manifest::cases();
    cases.extend(crate::remark::cases());
    for case in cases {
        let problems = Manifest::parse(&case.text()).map_or_else(|problems| problems, |(_, warnings)| warnings);
        for problem in &problems {
            assert_eq!(problem.to_string().lines().count(), 3, "{problem}");
            let help = problem.help.as_deref().unwrap();
            for text in [problem.message.as_str(), help] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{problem}");
                let kind = ["Compute", "Static", "ImageOptimization"].iter().any(|kind| text.starts_with(kind));
                assert!(kind || !text.starts_with(|char: char| char.is_uppercase()), "{problem}");
            }
        }
    }
}

#[test]
fn control_characters_of_the_manifest_do_not_reach_the_terminal() {
    let text = r#"{"version": 1, "\u001b[2J": 1, "framework": {"name": "x", "version": "\u001b]0;"},
        "routes": [{"path": "/\u0007", "target": {"kind": "\u009b1m"}}]}"#;
    let shown = Manifest::parse(text).unwrap_err().to_string();
    assert!(shown.contains(r"\u{1b}[2J") && shown.contains(r"\u{9b}1m"), "{shown}");
    assert!(!shown.contains(|char: char| char.is_control() && char != '\n'), "{shown:?}");
}

#[test]
fn a_long_text_is_not_repeated_in_full() {
    let text = crate::fixture::path(&format!("\"/{}\"", "é".repeat(100_000)));
    let problems = Manifest::parse(&text).unwrap_err();
    assert!(problems.iter().all(|problem| problem.message.chars().count() <= 401), "{problems}");
}
