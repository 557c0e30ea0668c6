//! `edgeplane rollback` and `edgeplane status`: which deployments a running server has, and which of them answers.

use std::time::{Duration, SystemTime};

use edgeplane_config::Settings;
use serde_json::Value;

use super::{
    Failure,
    arguments::{Format, RollbackArgs, StatusArgs},
    output,
};
use crate::control::{self, Answered, CallError};

/// Makes a deployment that is kept the current one, and prints which one answers now.
pub(crate) fn roll_back(settings: &Settings, args: &RollbackArgs) -> Result<(), Failure> {
    let query = [("site", args.site.as_deref()), ("to", args.to.as_deref())];
    tell(control::send(&settings.state_dir, "POST /rollback", &query, |_| Ok(())), "roll back")
}

/// Prints what is deployed.
pub(crate) fn status(settings: &Settings, args: &StatusArgs) -> Result<(), Failure> {
    let answer = control::send(&settings.state_dir, "GET /status", &[], |_| Ok(()));
    let answered = answer.map_err(|source| Failure::unavailable("ask the server", source))?;
    match args.format {
        Format::Json => output::result(&format!("{}\n", answered.told)),
        Format::Text => output::result(&text(&answered.value())),
    }
}

/// Prints which deployment answers now, or says why the one before does.
pub(super) fn tell(answer: Result<Answered, CallError>, act: &'static str) -> Result<(), Failure> {
    let answered = answer.map_err(|source| Failure::unavailable(act, source))?;
    let value = answered.value();
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match (answered.status, text("problems"), text("deployment")) {
        (200, _, Some(id)) => {
            let unchanged = value.get("unchanged").and_then(Value::as_bool).unwrap_or_default();
            output::result(&format!("{id}{}\n", if unchanged { " answers already" } else { " answers now" }))
        }
        (_, Some(problems), _) => {
            output::note(&format!("{problems}\n"));
            Err(Failure::BundleReported)
        }
        _ => Err(Failure::unavailable(act, text("error").unwrap_or(&answered.told).to_owned())),
    }
}

/// One line for each deployment, one below it for each of its instances.
fn text(value: &Value) -> String {
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let mut lines = Vec::new();
    for site in list(value, "sites") {
        lines.push(format!("site {}", word(&site, "name")));
        for one in list(&site, "deployments") {
            let since = one.get("since").and_then(Value::as_u64).map(date).unwrap_or_default();
            lines.push(format!("  {:<9} {} {since}", word(&one, "state"), word(&one, "id")).trim_end().to_owned());
            for instance in list(&one, "instances") {
                lines.push(format!("            {} {}", word(&instance, "name"), word(&instance, "phase")));
            }
        }
    }
    lines.join("\n") + "\n"
}

fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deployments_are_listed_below_their_site() {
        let told = json!({"sites": [{"name": "default", "deployments": [
            {"id": "b", "state": "current", "since": 0, "instances": [{"name": "default.2-1", "phase": "ready"}]},
            {"id": "a", "state": "previous", "since": null, "instances": []},
        ]}]});
        let expected = "site default\n  current   b Thu, 01 Jan 1970 00:00:00 GMT\n            default.2-1 ready\n  \
                        previous  a\n";
        assert_eq!(text(&told), expected);
    }
}
