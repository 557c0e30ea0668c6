//! `[[custom-rules]]`: the rewrites and redirects that stand in the settings file.

use super::{
    problem::{Origin, SettingProblem},
    wire::{RULES, Raw, Table},
};
use crate::{
    CustomRule, Severity,
    custom_rules::{Field, Reader, Remark, Texts},
};

/// The keys of a rule, as in Amplify's API.
const KEYS: [&str; 4] = ["source", "target", "status", "condition"];

/// Reads the rules, in their order.
pub(crate) fn read(
    tables: &[Table],
    problems: &mut Vec<SettingProblem>,
    warnings: &mut Vec<SettingProblem>,
) -> Vec<CustomRule> {
    let mut reader = Reader::default();
    tables
        .iter()
        .filter(|table| table.list == RULES)
        .filter_map(|table| rule(table, &mut reader, problems, warnings))
        .collect()
}

fn rule(
    table: &Table,
    reader: &mut Reader,
    problems: &mut Vec<SettingProblem>,
    warnings: &mut Vec<SettingProblem>,
) -> Option<CustomRule> {
    for (key, written) in &table.values {
        if !KEYS.contains(&key.as_str()) {
            let help = "a rule has `source`, `target`, `status` and `condition`";
            let problem = SettingProblem::new(written.origin.clone(), Some(RULES), format!("a rule has no `{key}`"));
            problems.push(problem.with_help(help));
        }
    }
    let mut text = |key: &str, wanted: bool| match table.values.get(key).map(|written| (&written.raw, &written.origin))
    {
        Some((Raw::Text(text) | Raw::Number(text), _)) => Some(Some(text.as_str())),
        Some((raw, origin)) => {
            let problem = SettingProblem::new(origin.clone(), Some(RULES), format!("{raw} is no `{key}`"));
            problems.push(problem.with_help("write a text in quotes"));
            None
        }
        None if wanted => {
            let problem = SettingProblem::new(table.origin.clone(), Some(RULES), format!("the rule has no `{key}`"));
            problems.push(problem.with_help(format!("add `{key} = \"/path\"`")));
            None
        }
        None => Some(None),
    };
    let texts = (text("source", true), text("target", true), text("status", false), text("condition", false));
    let (Some(Some(source)), Some(Some(target)), Some(status), Some(condition)) = texts else { return None };
    let texts = Texts { source, target, status, condition };
    reader.read(&texts, &table.origin.to_string(), &mut |remark| {
        let list = if remark.severity == Severity::Error { &mut *problems } else { &mut *warnings };
        list.push(problem(table, remark));
    })
}

fn problem(table: &Table, Remark { field, message, help, .. }: Remark) -> SettingProblem {
    let origin = |key: &str| table.values.get(key).map(|written| written.origin.clone());
    let origin: Option<Origin> = match field {
        Field::Whole => None,
        Field::Source => origin("source"),
        Field::Target => origin("target"),
        Field::Status => origin("status"),
        Field::Condition => origin("condition"),
    };
    SettingProblem::new(origin.unwrap_or_else(|| table.origin.clone()), Some(RULES), message).with_help(help)
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::load_file as load;

    #[test]
    fn rules_are_read_in_their_order() {
        let text = r#"
            log = "off"

            [[custom-rules]]
            source = "/old/<*>"
            target = "/new/<*>"
            status = 301

            [[custom-rules]]
            source = "/docs"
            target = "/docs/us/"
            status = "302"
            condition = "<US>"
        "#;
        let loaded = load(text).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        let told: Vec<_> = loaded.settings.custom_rules.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["/old/<*> -> /new/<*> 301", "/docs -> /docs/us/ 302 <US>"]);
        assert!(loaded.settings.custom_rules[1].text.place.ends_with("edgeplane.toml:9:13"));
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_told_with_its_place() {
        let text = "[[custom-rules]]\nsource = \"/a\"\ntarget = \"https://\"\nstatus = \"9\"\n\n\
                    [[custom-rules]]\nsource = true\nextra = 1\n";
        let problems = load(text).unwrap_err();
        let told: Vec<_> = problems.0.iter().map(|problem| problem.to_string()).collect();
        let places: Vec<_> = told
            .iter()
            .map(|text| text.split("edgeplane.toml:").nth(1).unwrap().split(": `").next().unwrap())
            .collect();
        assert_eq!(places, ["3:10", "4:10", "8:9", "7:10", "6:1"], "{told:#?}");
    }

    #[test]
    fn a_rule_that_amplify_ignores_is_a_warning() {
        let text = "[[custom-rules]]\nsource = \"/a/<*>/b\"\ntarget = \"/b\"\nstatus = \"301\"\n";
        let loaded = load(text).unwrap();
        assert!(loaded.settings.custom_rules.is_empty());
        let told = loaded.warnings[0].to_string();
        assert!(told.contains("edgeplane.toml:2:10") && told.contains("Amplify ignores"), "{told}");
    }

    #[test]
    fn rules_that_are_no_tables_are_wrong() {
        assert!(load("custom-rules = [1]").is_err());
        assert!(load("custom-rules = 1").is_err());
    }
}
