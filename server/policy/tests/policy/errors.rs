//! Every kind of error in a file, with its place, its field and its sentence.
//!
//! `§` in a text marks where an error is to be told; it is taken out before the text is compiled.

use std::{collections::BTreeSet, fmt::Write as _};

use windfirm_policy::{PolicyError, Position, Problem, compile, compile::MAX_BYTES};

use crate::support::FIXTURE;

const BASE: &str = r#"apiVersion: windfirm.dev/v1
kind: Policy
environments:
  - { name: prod, match: { namespace: "*-prod" } }
  - { name: dev, match: { namespace: "*" } }
roles:
  viewer: { can: [app.view, run.view] }
  tester: { includes: [viewer], can: [run.launch, run.stop.own] }
grants:
  - name: shop developers
    to: [{ group: shop-dev }]
    role: tester
    on: [/shop/]
    in: [dev]
    as: shop-dev/loadtest
guardrails:
  - { name: small, on: [/], max_vus: 50, max_duration: 10m, target_hosts: ["127.0.0.1:*"] }
"#;

/// What is replaced, by what, and the errors: kind and field, in the order of the marks.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    // The file as a whole
    ("kind: Policy\nenv", "kind: [\n§env", &[("Syntax", "kind[0]")]),
    ("  - { name: small", "\t- { name: small", &[("Syntax", "guardrails")]),
    ("as: shop-dev/loadtest\n", "as: shop-dev/loadtest\n§---\nx: 1\n", &[("SecondDocument", "")]),
    ("in: [dev]", "in: [[[[[[[[[§[[[[dev]]]]]]]]]]]]]", &[("TooDeep", "grants[0].in[0][0][0][0][0][0][0][0][0]")]),
    ("in: [dev]", "in: §&envs [dev]", &[("Anchor", "grants[0].in")]),
    ("role: tester", "role: §!!str tester", &[("Tag", "grants[0].role")]),
    ("kind: Policy", "kind: Policy\n§[a, b]: c", &[("KeyNotText", "")]),
    ("role: tester", "role: tester\n    §role: viewer", &[("DuplicateKey", "grants[0]")]),
    ("  viewer: {", "  viewer: { can: [app.view] }\n  §viewer: {", &[("DuplicateKey", "roles")]),
    // Shapes
    ("kind: Policy", "kind: Policy\n§budgets: []", &[("UnknownKey", "budgets")]),
    ("max_vus: 50", "§max_vu: 50", &[("UnknownKey", "guardrails[0].max_vu")]),
    ("{ group: shop-dev }", "{ group: shop-dev, §email: x }", &[("UnknownKey", "grants[0].to[0].email")]),
    ("apiVersion: windfirm.dev/v1\n", "§", &[("Missing", "")]),
    ("  - name: shop developers\n    to: [{ group: shop-dev }]", "  - §name: shop developers", &[("Missing", "grants[0]")]),
    ("on: [/shop/]", "on: §/shop/", &[("WrongType", "grants[0].on")]),
    ("max_vus: 50", "max_vus: §\"50\"", &[("WrongType", "guardrails[0].max_vus")]),
    ("max_vus: 50", "max_vus: §50.5", &[("WrongType", "guardrails[0].max_vus")]),
    ("group: shop-dev", "group: §true", &[("WrongType", "grants[0].to[0].group")]),
    ("group: shop-dev", "group: §12", &[("WrongType", "grants[0].to[0].group")]),
    ("viewer: { can: [app.view, run.view] }", "viewer: §[app.view]", &[("WrongType", "roles.viewer")]),
    ("windfirm.dev/v1", "§windfirm.dev/v2", &[("WrongHeader", "apiVersion")]),
    ("kind: Policy", "kind: §Polizei", &[("WrongHeader", "kind")]),
    ("on: [/shop/]", "on: §[]", &[("EmptyList", "grants[0].on")]),
    ("in: [dev]", "in: §[]", &[("EmptyList", "grants[0].in")]),
    // Names
    ("name: shop developers", "name: §\"\"", &[("BadName", "grants[0].name")]),
    ("name: prod", "name: §Prod", &[("BadName", "environments[0].name")]),
    ("namespace: \"*-prod\"", "namespace: §\"\"", &[("BadName", "environments[0].match.namespace")]),
    ("  viewer: {", "  §\"*\": { can: [app.view] }\n  viewer: {", &[("BadName", "roles.*")]),
    ("group: shop-dev", "group: §\"*\"", &[("Wildcard", "grants[0].to[0].group")]),
    ("group: shop-dev", "group: §shop-*", &[("Wildcard", "grants[0].to[0].group")]),
    ("{ group: shop-dev }", "{ user: §\"https://idp.example|*\" }", &[("Wildcard", "grants[0].to[0].user")]),
    ("role: tester", "role: §\"*\"", &[("Wildcard", "grants[0].role")]),
    ("can: [app.view, run.view]", "can: [§\"*\"]", &[("Wildcard", "roles.viewer.can[0]")]),
    ("on: [/shop/]", "on: [§\"/shop/*\"]", &[("Wildcard", "grants[0].on[0]")]),
    ("in: [dev]", "in: [§\"*\"]", &[("Wildcard", "grants[0].in[0]")]),
    ("guardrails:", "  - { name: §shop developers, to: [{ group: x }], role: viewer, on: [/] }\nguardrails:", &[("DuplicateName", "grants[1].name")]),
    ("guardrails:\n", "guardrails:\n  - { name: small, on: [/a/], max_vus: 1 }\n", &[("DuplicateName", "guardrails[1].name")]),
    ("on: [/shop/]", "on: [/shop/, §/shop/]", &[("Repeated", "grants[0].on[1]")]),
    ("can: [app.view, run.view]", "can: [app.view, §app.view]", &[("Repeated", "roles.viewer.can[1]")]),
    // What does not exist
    ("role: tester", "role: §testers", &[("UnknownRole", "grants[0].role")]),
    ("includes: [viewer]", "includes: [§reader]", &[("UnknownRole", "roles.tester.includes[0]")]),
    ("run.launch,", "§run.lunch,", &[("UnknownAction", "roles.tester.can[0]")]),
    ("in: [dev]", "in: [dev, §test]", &[("UnknownEnvironment", "grants[0].in[1]")]),
    ("max_vus: 50", "in: [§test], max_vus: 50", &[("UnknownEnvironment", "guardrails[0].in[0]")]),
    // Roles
    ("viewer: { can:", "viewer: { includes: [tester], can:", &[("RoleCycle", "roles.tester.includes[0]")]),
    ("viewer: { can:", "viewer: { includes: [§viewer], can:", &[("RoleCycle", "roles.viewer.includes[0]")]),
    ("viewer: { can: [app.view, run.view] }", "viewer: §{}", &[("EmptyRole", "roles.viewer")]),
    // Grants
    ("on: [/shop/]", "on: [§/shop]", &[("BadPath", "grants[0].on[0]")]),
    ("on: [/shop/]", "on: [§shop/, §/a//b/, §/ä/]", &[("BadPath", "grants[0].on[0]"), ("BadPath", "grants[0].on[1]"), ("BadPath", "grants[0].on[2]")]),
    ("{ group: shop-dev }", "§{}", &[("BadSubject", "grants[0].to[0]")]),
    ("{ group: shop-dev }", "§{ group: a, user: \"https://b|c\" }", &[("BadSubject", "grants[0].to[0]")]),
    ("{ group: shop-dev }", "{ user: §ann@example.org }", &[("BadUser", "grants[0].to[0].user")]),
    ("{ group: shop-dev }", "{ user: §\"https://idp.example|\" }", &[("BadUser", "grants[0].to[0].user")]),
    (
        "  - name: shop developers\n    to: [{ group: shop-dev }]\n    role: tester\n    on: [/shop/]\n    in: [dev]\n    as: shop-dev/loadtest",
        "  - §name: shop developers\n    to: [{ group: shop-dev }]\n    role: tester\n    on: [/shop/]",
        &[("NeedsAccount", "grants[0]")],
    ),
    ("as: shop-dev/loadtest", "as: §loadtest", &[("BadAccount", "grants[0].as")]),
    ("as: shop-dev/loadtest", "as: §Shop/loadtest", &[("BadAccount", "grants[0].as")]),
    ("as: shop-dev/loadtest", "as: §a/b/c", &[("BadAccount", "grants[0].as")]),
    // Guardrails
    ("max_vus: 50", "max_vus: §0", &[("OutOfRange", "guardrails[0].max_vus")]),
    ("max_vus: 50", "max_vus: §-5", &[("OutOfRange", "guardrails[0].max_vus")]),
    ("max_vus: 50", "max_vus: §99999999999", &[("OutOfRange", "guardrails[0].max_vus")]),
    ("max_duration: 10m", "max_duration: §600", &[("BadDuration", "guardrails[0].max_duration")]),
    ("max_duration: 10m", "max_duration: §10 min", &[("BadDuration", "guardrails[0].max_duration")]),
    ("\"127.0.0.1:*\"", "§\"127.0.0.1\"", &[("BadHost", "guardrails[0].target_hosts[0]")]),
    ("\"127.0.0.1:*\"", "§\"*:80\"", &[("BadHost", "guardrails[0].target_hosts[0]")]),
    ("\"127.0.0.1:*\"", "§\"::1:80\"", &[("BadHost", "guardrails[0].target_hosts[0]")]),
    ("max_vus: 50", "max_vus: 50, lost_runners: §tolerated", &[("UnknownChoice", "guardrails[0].lost_runners")]),
    ("max_vus: 50", "max_vus: 50, lost_runners: §true", &[("WrongType", "guardrails[0].lost_runners")]),
    (
        "max_vus: 50",
        "max_vus: 50, lost_runners: inconclusive }\n  - { name: soak, on: [/shop/], lost_runners: §tolerate }\n  - { name: other, on: [/bank/], max_vus: 50",
        &[("Loosens", "guardrails[1].lost_runners")],
    ),
    ("guardrails:", "guardrails:\n  - §{ name: idle, on: [/shop/] }", &[("NoLimit", "guardrails[0]")]),
    (
        "guardrails:",
        "guardrails:\n  - { name: wide, on: [/shop/], max_vus: §51, max_duration: §11m, target_hosts: §[\"127.0.0.1:80\", \"10.0.0.1:80\"] }",
        &[("Loosens", "guardrails[0].max_vus"), ("Loosens", "guardrails[0].max_duration"), ("Loosens", "guardrails[0].target_hosts")],
    ),
    ("guardrails:", "guardrails:\n  - { name: wide, on: [/], in: [dev], max_vus: §51 }", &[("Loosens", "guardrails[0].max_vus")]),
    // Environments
    ("  - { name: dev, match: { namespace: \"*\" } }", "  - §{ name: dev, match: { namespace: \"dev-*\" } }", &[("NoCatchAll", "environments[1]")]),
    ("{ namespace: \"*-prod\" }", "{}", &[("NeverReached", "environments[1]")]),
    ("namespace: \"*-prod\"", "path: §shop", &[("BadPath", "environments[0].match.path")]),
    // Identities in a cloud
    (
        "{ namespace: \"*-prod\" }",
        "{ namespace: \"*-prod\" }, service_account_annotations: { §eks.amazonaws.com/role: x }",
        &[("UnknownKey", "environments[0].service_account_annotations.eks.amazonaws.com/role")],
    ),
    (
        "{ namespace: \"*-prod\" }",
        "{ namespace: \"*-prod\" }, service_account_annotations: { eks.amazonaws.com/role-arn: §loadtest }",
        &[("BadIdentity", "environments[0].service_account_annotations.eks.amazonaws.com/role-arn")],
    ),
    (
        "  - { name: dev, match: { namespace: \"*\" } }",
        "  - { name: dev, match: { path: /a/ }, service_account_annotations: { iam.gke.io/gcp-service-account: a@b.iam.gserviceaccount.com } }\n  - §{ name: dev, match: {}, service_account_annotations: { iam.gke.io/gcp-service-account: c@b.iam.gserviceaccount.com } }",
        &[("OtherIdentity", "environments[2]")],
    ),
    (
        "  - { name: dev, match: { namespace: \"*\" } }\nroles:\n  viewer: { can: [app.view, run.view] }\n  tester: { includes: [viewer], can: [run.launch, run.stop.own] }\ngrants:\n  - name: shop developers\n    to: [{ group: shop-dev }]\n    role: tester\n    on: [/shop/]\n    in: [dev]\n    as: shop-dev/loadtest",
        "  - { name: dev, match: {}, service_account_annotations: { azure.workload.identity/client-id: 00000000-1111-2222-3333-444444444444 } }\nroles:\n  viewer: { can: [app.view, run.view] }\n  tester: { includes: [viewer], can: [run.launch, run.stop.own] }\ngrants:\n  - name: shop developers\n    to: [{ group: shop-dev }]\n    role: tester\n    on: [/shop/]\n    as: §shop-dev/loadtest",
        &[("MixedIdentities", "grants[0].as")],
    ),
    // Secrets for tests
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: §Pay_User, keys: { USER: username } } }\nguardrails:\n",
        &[("BadSecret", "secrets[0].from.name")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: §shop-dev/pay, keys: { USER: username } } }\nguardrails:\n",
        &[("BadSecret", "secrets[0].from.name")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: §\"pay-*\", keys: { USER: username } } }\nguardrails:\n",
        &[("Wildcard", "secrets[0].from.name")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: { USER: §user/name } } }\nguardrails:\n",
        &[("BadSecretKey", "secrets[0].from.keys.USER")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: { §1USER: username } } }\nguardrails:\n",
        &[("BadVariable", "secrets[0].from.keys.1USER")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: { §K6_OUT: out } } }\nguardrails:\n",
        &[("BadVariable", "secrets[0].from.keys.K6_OUT")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: { §TARGET: out } } }\nguardrails:\n",
        &[("BadVariable", "secrets[0].from.keys.TARGET")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: { USER: a, §USER: b } } }\nguardrails:\n",
        &[("DuplicateKey", "secrets[0].from.keys")],
    ),
    ("guardrails:\n", "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: §{} } }\nguardrails:\n", &[("EmptyList", "secrets[0].from.keys")]),
    ("guardrails:\n", "secrets:\n  - { name: a, on: [/shop/], from: §{ name: pay } }\nguardrails:\n", &[("Missing", "secrets[0].from")]),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], in: [§test], from: { name: pay, keys: { USER: a } } }\nguardrails:\n",
        &[("UnknownEnvironment", "secrets[0].in[0]")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/], from: { name: pay, keys: { USER: a } } }\n  - { name: §a, on: [/bank/], from: { name: pay, keys: { USER: a } } }\nguardrails:\n",
        &[("DuplicateName", "secrets[1].name")],
    ),
    (
        "guardrails:\n",
        "secrets:\n  - { name: a, on: [/shop/pay/], in: [dev], from: { name: pay, keys: { USER: a } } }\n  - { name: b, on: [/bank/, /shop/], from: { name: other, keys: { PASSWORD: b, §USER: a } } }\nguardrails:\n",
        &[("VariableTwice", "secrets[1].from.keys.USER")],
    ),
];

#[test]
fn every_error_says_where_and_what() {
    let mut seen = BTreeSet::new();
    let (mut messages, mut wrong) = (String::new(), String::new());
    for (from, to, expected) in CASES {
        assert_eq!(BASE.matches(from).count(), 1, "{from} must stand exactly once in the base");
        let marked = BASE.replace(from, to);
        let (text, places) = unmarked(&marked);
        let errors = compile(&text, "policy.yaml").map(|_| ()).expect_err(&marked);
        let found: Vec<(&str, &str)> = errors.iter().map(|error| (kind(&error.problem), error.field.as_str())).collect();
        let at: Vec<Position> = errors.iter().map(|error| error.at).collect();
        if found != *expected || (!places.is_empty() && at != places) {
            writeln!(wrong, "“{from}” as “{to}”\n{}\n", told(&errors)).unwrap();
        }
        for error in &errors {
            seen.insert(kind(&error.problem));
            writeln!(messages, "{error}").unwrap();
        }
    }
    for (kind, text) in
        [("TooLarge", " ".repeat(MAX_BYTES + 1)), ("Empty", "# nothing\n".to_owned()), ("TooMany", too_many_guardrails()), ("MoreErrors", too_many_errors())]
    {
        let errors = compile(&text, "policy.yaml").map(|_| ()).unwrap_err();
        let error = errors.iter().find(|error| self::kind(&error.problem) == kind).unwrap_or_else(|| panic!("{kind}: {}", told(&errors)));
        seen.insert(kind);
        writeln!(messages, "{error}").unwrap();
    }
    assert!(wrong.is_empty(), "another kind, field or place than expected:\n{wrong}");
    assert_eq!(seen, ALL_KINDS.iter().copied().collect(), "every kind of error has a case here");
    insta::assert_snapshot!(messages);
}

#[test]
fn marks_that_are_not_in_the_text_have_places_of_their_own() {
    // Cases above that cannot hold a mark within: the place is that of the untouched line.
    let place_of = |from: &str, to: &str| compile(&BASE.replace(from, to), "policy.yaml").unwrap_err()[0].at;
    assert_eq!(place_of("  - { name: small", "\t- { name: small").line, 17);
    assert_eq!(place_of("guardrails:\n", "guardrails:\n  - { name: small, on: [/a/], max_vus: 1 }\n"), Position { line: 18, column: 13 });
    assert_eq!(place_of("viewer: { can:", "viewer: { includes: [tester], can:"), Position { line: 8, column: 24 });
    assert_eq!(place_of("{ namespace: \"*-prod\" }", "{}"), Position { line: 5, column: 5 });
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_file() {
    let marked = BASE
        .replace("kind: Policy", "kind: §Other")
        .replace("run.launch,", "§run.lunch,")
        .replace("on: [/shop/]", "on: [§/shop]")
        .replace("in: [dev]", "in: [§tst]")
        .replace("max_vus: 50", "max_vus: §no, §colour: red")
        .replace("10m", "§ten");
    let (text, places) = unmarked(&marked);
    let errors = compile(&text, "policy.yaml").unwrap_err();
    assert_eq!(errors.iter().map(|error| error.at).collect::<Vec<_>>(), places, "{}", told(&errors));
}

/// What follows from an error is not told as one more.
#[test]
fn one_mistake_is_one_error() {
    let without_account = BASE.replace("    as: shop-dev/loadtest\n", "");
    for (text, from, to) in [
        (without_account.as_str(), "run.stop.own]", "run.stopp]"),
        (BASE, "name: dev,", "name: DEV,"),
        (BASE, "namespace: \"*\"", "namespaces: \"*\""),
        (BASE, "name: shop developers", "nome: shop developers, # gone"),
    ] {
        let errors = compile(&text.replace(from, to), "policy.yaml").unwrap_err();
        let found: Vec<&str> = errors.iter().map(|error| kind(&error.problem)).filter(|kind| *kind != "Missing").collect();
        assert_eq!(found.len(), 1, "{}", told(&errors));
    }
}

#[test]
fn a_message_begins_with_file_line_column_and_field() {
    let errors = compile(&BASE.replace("role: tester", "role: testers"), "deploy/policy.yaml").unwrap_err();
    assert_eq!(errors[0].to_string(), "deploy/policy.yaml:12:11: grants[0].role: there is no role “testers”. Known: viewer, tester");
}

#[test]
fn columns_count_characters() {
    let errors = compile(&BASE.replace("  - { name: small, on", "  - { name: \"ääß\", oh"), "policy.yaml").unwrap_err();
    let places: Vec<Position> = errors.iter().map(|error| error.at).collect();
    assert!(places.contains(&Position { line: 17, column: 20 }), "{}", told(&errors));
}

/// A billion laughs: refused at the first anchor, and nothing is ever expanded.
#[test]
fn alias_bombs_do_not_go_off() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..60 {
        writeln!(bomb, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", ")).unwrap();
    }
    let errors = compile(&bomb, "policy.yaml").unwrap_err();
    assert_eq!(kind(&errors[0].problem), "Anchor");
    assert!(errors.len() <= 201, "{}", errors.len());
}

/// Deep nesting up to the size limit neither overflows the stack nor takes long.
#[test]
fn deep_nesting_is_refused_early() {
    for opening in ["[", "{a: ", "- ", "? "] {
        let text = opening.repeat(MAX_BYTES / opening.len());
        let errors = compile(&text, "policy.yaml").unwrap_err();
        assert!(matches!(kind(&errors[0].problem), "TooDeep" | "Syntax"), "{opening}: {}", told(&errors));
    }
}

#[test]
fn what_looks_odd_but_is_right_is_taken() {
    for (from, to) in [
        ("max_duration: 10m", "max_duration: \"1h30m\""),
        ("name: shop developers", "name: Käse & Co. (shop)"),
        ("{ group: shop-dev }", "{ group: \"12\" }"),
        ("{ group: shop-dev }", "{ user: \"https://idp.example|auth0|abc\" }"),
        ("[{ group: shop-dev }]", "\n      - group: shop-dev\n      - user: \"https://idp.example|b\""),
        ("{ namespace: \"*\" }", "{}"),
        ("on: [/shop/]", "on: [/, /shop/]"),
        // Runs are launched in dev only, so that prod may have an identity of its own.
        (
            "{ namespace: \"*-prod\" }",
            "{ namespace: \"*-prod\" }, service_account_annotations: { eks.amazonaws.com/role-arn: \"arn:aws:iam::123456789012:role/loadtest\" }",
        ),
        // The same reach twice: neither is the other's child, the tighter one wins.
        ("guardrails:", "guardrails:\n  - { name: other, on: [/], max_vus: 60 }"),
        // A guardrail may say nothing else; what is below a tolerant one may be stricter.
        ("guardrails:", "guardrails:\n  - { name: soak, on: [/], lost_runners: tolerate }\n  - { name: strict, on: [/shop/], lost_runners: inconclusive }"),
        // Half of it lies elsewhere, so it does something.
        ("on: [/], max_vus: 50", "on: [/shop/], max_vus: 50"),
        // The same variable, for apps that no rule shares, or never in the same environment.
        (
            "guardrails:",
            "secrets:\n  - { name: a, on: [/shop/], in: [dev], from: { name: pay, keys: { USER: tls.crt, PASSWORD: .p_1 } } }\n  - { name: b, on: [/shop/], in: [prod], from: { name: pay.prod, keys: { USER: a } } }\n  - { name: c, on: [/bank/], from: { name: pay, keys: { USER: a } } }\nguardrails:",
        ),
    ] {
        assert_eq!(BASE.matches(from).count(), 1, "{from}");
        let text = BASE.replace(from, to);
        assert!(compile(&text, "policy.yaml").is_ok(), "{text}\n{}", told(&compile(&text, "policy.yaml").unwrap_err()));
    }
    assert!(compile(&format!("\u{feff}{BASE}").replace('\n', "\r\n"), "policy.yaml").is_ok());
    assert!(compile(FIXTURE, "policy.yaml").is_ok());
}

#[test]
fn the_policy_of_the_demo_is_taken() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/demo/policy.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let errors = compile(&text, "deploy/demo/policy.yaml").map_or_else(|errors| told(&errors), |_| String::new());
    assert_eq!(errors, "");
}

/// The text without its marks, and where they stood.
fn unmarked(marked: &str) -> (String, Vec<Position>) {
    let (mut text, mut places, mut line, mut column) = (String::new(), Vec::new(), 1, 1);
    for c in marked.chars() {
        match c {
            '§' => places.push(Position { line, column }),
            '\n' => {
                (line, column) = (line + 1, 1);
                text.push(c);
            }
            _ => {
                column += 1;
                text.push(c);
            }
        }
    }
    (text, places)
}

fn told(errors: &[PolicyError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn too_many_guardrails() -> String {
    let more: String = (0..600).map(|index| format!("  - {{ name: n{index}, on: [/], max_vus: 5 }}\n")).collect();
    format!("{BASE}{more}")
}

fn too_many_errors() -> String {
    let more: String = (0..300).map(|index| format!("key{index}: 1\n")).collect();
    format!("{BASE}{more}")
}

macro_rules! kinds {
    ($($kind:ident),+ $(,)?) => {
        const ALL_KINDS: &[&str] = &[$(stringify!($kind)),+];
        /// Exhaustive on purpose: a new kind does not compile without a name here, and does not pass without a case.
        fn kind(problem: &Problem) -> &'static str {
            match problem { $(Problem::$kind { .. } => stringify!($kind),)+ }
        }
    };
}

kinds! {
    TooLarge, TooDeep, Empty, Syntax, SecondDocument, Anchor, Tag, KeyNotText, DuplicateKey, UnknownKey, Missing, WrongType, WrongHeader, EmptyList,
    TooMany, BadName, Wildcard, DuplicateName, Repeated, UnknownRole, UnknownAction, UnknownEnvironment, RoleCycle, EmptyRole, BadPath, BadSubject, BadUser,
    NeedsAccount, BadAccount, OutOfRange, UnknownChoice, BadDuration, BadHost, NoCatchAll, NeverReached, Loosens, NoLimit, BadIdentity,
    OtherIdentity, MixedIdentities, BadSecret, BadSecretKey, BadVariable, VariableTwice, MoreErrors,
}
