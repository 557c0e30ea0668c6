//! Which deployment a request would be answered by, for `explain`: in words, since only a running server has any.

use edgeplane_config::Settings;

use crate::{
    answer::Head,
    site::{Wish, is_id},
};

/// None where there is nothing to choose.
pub(crate) fn deployment(settings: &Settings, head: &Head<'_>) -> Option<String> {
    if !settings.skew.enabled {
        return None;
    }
    let Some(wish) = Wish::of(head) else { return Some("the current one: the request names none".to_owned()) };
    let Wish { source, id } = wish;
    Some(if !is_id(id) {
        format!("the current one: what {source} says is no name of a deployment")
    } else if settings.skew.cookie && wish.is_renewed(head) {
        format!("the current one: {source} names {id}, and a page that is opened anew does not heed it")
    } else {
        format!("{id}, which {source} names; the current one where that is not kept (skew.previous)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_says_is_told_with_its_place() {
        let mut settings = Settings::default();
        let told = |settings: &Settings, query: Option<&str>, fields: &[(&str, &str)]| {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
            deployment(settings, &Head { method: "GET", path: "/", query, fields: &fields, http11: true, host: "h" })
        };
        assert_eq!(told(&settings, Some("dpl=a"), &[]), None);
        settings.skew.enabled = true;
        let navigates = [("cookie", "__dpl=c"), ("sec-fetch-mode", "navigate")];
        let expected = [
            (None, &[][..], "the current one: the request names none"),
            (Some("dpl=a"), &[], "a, which the query's dpl names"),
            (Some("dpl=a"), &[("x-amplify-dpl", "b")], "b, which the field X-Amplify-Dpl names"),
            (Some("dpl=../a"), &[], "the current one: what the query's dpl says is no name"),
            (None, &navigates, "c, which the cookie __dpl names"),
        ];
        for (query, fields, beginning) in expected {
            let told = told(&settings, query, fields).unwrap();
            assert!(told.starts_with(beginning), "{told}");
        }
        settings.skew.cookie = true;
        let told = told(&settings, None, &navigates).unwrap();
        assert!(told.starts_with("the current one: the cookie __dpl names c"), "{told}");
    }
}
