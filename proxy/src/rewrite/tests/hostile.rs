//! Addresses that somebody made to be led astray, and expressions that take their time.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{List, Request, check, compile, rules, settings};
use crate::rewrite::{CustomRules, Outcome, Passed};

#[test]
fn no_address_leads_to_another_host() {
    let table = [
        ("/old//evil.example", "301 /evil.example"),
        ("/old/\\evil.example", "301 /evil.example"),
        ("/old/%2Fevil.example", "301 /%2Fevil.example"),
        ("/old/%5Cevil.example", "301 /%5Cevil.example"),
        ("/old//\\/evil.example?//x", "301 /evil.example?//x"),
        ("/old/a\\b", "301 /a%5Cb"),
        ("/old/https://evil.example", "301 /https://evil.example"),
        ("/old/@evil.example", "301 /@evil.example"),
    ];
    check(&rules("/old/<*> /<*> 301"), &table);
    check(&rules("/old<*> /<*> 301"), &[("/old//evil.example", "301 /evil.example"), ("/old/x", "301 /x")]);
    check(&rules("/<a>/<*> /<*> 302"), &[("/x//\\evil.example", "302 /evil.example")]);
    check(&rules("/go?to=<to> /<to> 302"), &[("/go?to=%2F%2Fevil.example", "302 /%2F%2Fevil.example")]);
    check(
        &rules("/old/<*> https://new.example/<*> 302\nhttps://a.example https://b.example 302"),
        &[
            ("/old//evil.example", "302 https://new.example/evil.example"),
            ("/old/@evil.example", "302 https://new.example/@evil.example"),
            ("a.example//evil.example", "302 https://b.example/evil.example"),
            ("a.example/.evil.example", "302 https://b.example/.evil.example"),
        ],
    );
}

#[test]
fn no_address_adds_a_field() {
    check(
        &rules("/old/<*> /<*> 301\n/go?to=<to> /<to> 302\n/x/<y> /z?y=<y> 302"),
        &[
            ("/old/a%0D%0Aset-cookie:b", "301 /a%0D%0Aset-cookie:b"),
            ("/old/a\r\nb\u{7f}é", "301 /a%0D%0Ab%7F%C3%A9"),
            ("/go?to=%0D%0Ab", "302 /%0D%0Ab"),
            ("/x/%0D%0Ab", "302 /z?y=%0D%0Ab"),
            ("/old/a?b\r\nc\"<d>", "301 /a?b%0D%0Ac%22%3Cd%3E"),
        ],
    );
}

#[test]
fn no_address_climbs_out_of_a_targets_folder() {
    let rules = rules("/pub/<*> https://o.example/public/<*> 200\n/in/<*> /inside/<*> 200\n/r/<*> /to/<*> 302");
    check(
        &rules,
        &[
            ("/pub/../private", "-"),
            ("/pub/a/%2e%2e/%2E%2e/private", "-"),
            ("/pub/..%5cprivate", "-"),
            ("/pub/.../a..b", "ask https://o.example/public/.../a..b"),
            ("/in/../secret", "-"),
            // A browser resolves this one for itself.
            ("/r/../x", "302 /to/../x"),
        ],
    );
    let compiled = compile(&rules);
    let judged = Request::of("/pub/../private").ask(|asked| compiled.judge(0, asked, &|| false));
    assert_eq!(judged, Err(Passed::Dots));
}

#[test]
fn an_expression_without_end_finds_nothing_and_is_told_of() {
    let rules = rules("</^(?:(?!x)\\/a|(?!y)\\/a)*$/> /slow 302\n/<*> /next 302");
    let compiled = compile(&rules);
    let request = Request::of(&format!("{}/b", "/a".repeat(200)));
    let began = Instant::now();
    request.ask(|asked| {
        let taken = compiled.find(List::First, asked, &|| false).unwrap();
        assert_eq!((taken.index, asked.given_up.get()), (1, 1));
        assert_eq!(compiled.judge(0, asked, &|| false), Err(Passed::GivenUp));
    });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn the_longest_path_takes_the_usual_expressions_no_time() {
    let rules = rules(
        "</^.*\\/[^.\\/]*[^\\/]$/> /slash 302\n</^[^.]+$|\\.(?!(css|js)$)([^.]+$)|x(?=y)/> /page 302\n</a(?!b)/> /a 302",
    );
    let compiled = compile(&rules);
    for path in ["/.".repeat(2000), "/a".repeat(2000), format!("/{}", "ab".repeat(2000)), ".".repeat(4000)] {
        let began = Instant::now();
        let address = format!("/{path}");
        Request::of(&address).ask(|asked| compiled.find(List::First, asked, &|| false));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?} for {}", began.elapsed(), &address[..10]);
    }
}

#[test]
fn image_routes_are_spared_by_rules_for_one_page_only() {
    let spared = rules("/<*> /index.html 200");
    let image = Request::of("/_amplify/image?url=x");
    assert_eq!(image.find(&compile(&spared), List::First), None);
    let as_amplify = edgeplane_config::RewriteSettings { spare_images: false, ..settings() };
    let taken = image.find(&CustomRules::compile(&spared, &as_amplify).unwrap().unwrap(), List::First);
    assert!(matches!(taken.unwrap().outcome, Outcome::Rewrite { path, .. } if path == "/index.html"));
    for meant in
        ["/_amplify/image /img 200", "/_amplify/<*> /img/<*> 200", "/<*> /moved 302", "/<*> https://other.example/ 200"]
    {
        assert!(image.find(&compile(&rules(meant)), List::First).is_some(), "{meant}");
    }
}

proptest! {
    /// Whatever is asked for, a browser that follows stays on the site, and a field is a field.
    #[test]
    fn a_location_is_a_path_of_this_site(path in r"/old/[/\\%a2F5Ce.@:?#\t\r\né ]{0,12}", query in proptest::option::of(".{0,6}")) {
        let compiled = compile(&rules("/old/<*> /<*> 302\n/old/<a>/<*> /<*>/<a> 302"));
        let request = Request { host: "h".to_owned(), path, query, country: None };
        for index in 0..2 {
            let Ok(outcome) = request.ask(|asked| compiled.judge(index, asked, &|| false)) else { continue };
            let Outcome::Redirect { location, .. } = outcome else { panic!("{outcome:?}") };
            let location = location.to_str().unwrap();
            let base = url::Url::parse("https://site.example/").unwrap();
            let followed = base.join(location).unwrap();
            prop_assert_eq!(followed.origin(), base.origin(), "{}", location);
            prop_assert!(!location.contains('\\'), "{}", location);
        }
    }
}
