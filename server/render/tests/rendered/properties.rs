//! What must hold of the manifests of every policy.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::subsequence};
use serde_json::Value;
use windfirm_cluster::RUN_RIGHTS;
use windfirm_policy::Policy;
use windfirm_render::{MANAGED_BY, POLICY, PORTAL, Settings, render};

use crate::support::{find, objects, of_kind, policy, settings, texts};

type Asked = (&'static str, &'static str, Vec<&'static str>, Vec<&'static str>);

fn grants() -> impl Strategy<Value = Vec<Asked>> {
    let grant = (
        prop::sample::select(vec!["a/loadtest", "a/other", "b/loadtest", "windfirm/runs", "c-d/e.f"]),
        prop::sample::select(vec!["viewer", "tester", "stopper"]),
        subsequence(vec!["/", "/shop/", "/shop/pay/", "/bank/"], 1..=3),
        subsequence(vec!["prod", "dev"], 0..=2),
    );
    prop::collection::vec(grant, 1..8)
}

fn guardrails() -> impl Strategy<Value = Vec<(&'static str, u32)>> {
    prop::collection::vec((prop::sample::select(vec!["/shop/pay/", "/bank/", "/shop/cart/"]), 1_u32..40), 0..4)
}

/// Places and environments of rules that give tests a Secret, each one of its own.
fn secrets() -> impl Strategy<Value = Vec<(&'static str, Vec<&'static str>)>> {
    let rule = (prop::sample::select(vec!["/", "/shop/", "/shop/pay/", "/bank/"]), subsequence(vec!["prod", "dev"], 0..=2));
    prop::collection::vec(rule, 0..4)
}

fn secret_rules(secrets: &[(&str, Vec<&str>)]) -> String {
    let mut text = "secrets:\n".to_owned();
    for (index, (on, within)) in secrets.iter().enumerate() {
        let within = if within.is_empty() { String::new() } else { format!(", in: [{}]", within.join(", ")) };
        text.push_str(&format!("  - {{ name: secret {index}, on: [{on}]{within}, from: {{ name: s{index}, keys: {{ A{index}: a, B{index}: b }} }} }}\n"));
    }
    if secrets.is_empty() { String::new() } else { text }
}

fn text(grants: &[Asked], guardrails: &[(&str, u32)]) -> String {
    let mut text =
        "apiVersion: windfirm.dev/v1\nkind: Policy\nenvironments:\n  - { name: prod, match: { namespace: \"*-prod\" } }\n  - { name: dev, match: {} }\n\
                    roles:\n  viewer: { can: [app.view] }\n  tester: { can: [run.launch] }\n  stopper: { can: [run.stop] }\ngrants:\n"
            .to_owned();
    for (index, (account, role, on, within)) in grants.iter().enumerate() {
        let within = if within.is_empty() { String::new() } else { format!(", in: [{}]", within.join(", ")) };
        text.push_str(&format!("  - {{ name: grant {index}, to: [{{ group: g }}], role: {role}, on: [{}], as: {account}{within} }}\n", on.join(", ")));
    }
    text.push_str("guardrails:\n  - { name: all, on: [/], max_vus: 50, target_hosts: [\"*.svc:*\", \"10.0.0.1:80\"] }\n");
    for (index, (path, vus)) in guardrails.iter().enumerate() {
        text.push_str(&format!("  - {{ name: guardrail {index}, on: [{path}], max_vus: {vus} }}\n"));
    }
    text
}

/// Every rule of every role, with the role.
fn rules(objects: &[Value]) -> Vec<(&Value, &Value)> {
    let roles = of_kind(objects, "Role").chain(of_kind(objects, "ClusterRole"));
    roles.flat_map(|role| role["rules"].as_array().unwrap().iter().map(move |rule| (role, rule))).collect()
}

fn has_exactly_what_runs_need(objects: &[Value], policy: &Policy, namespace: &str, name: &str) -> Result<(), TestCaseError> {
    find(objects, "ServiceAccount", namespace, name);
    let bindings: Vec<&Value> = of_kind(objects, "RoleBinding")
        .chain(of_kind(objects, "ClusterRoleBinding"))
        .filter(|binding| binding["subjects"].as_array().unwrap().iter().any(|subject| subject["namespace"] == namespace && subject["name"] == name))
        .collect();
    let [binding] = bindings.as_slice() else { return Err(TestCaseError::fail(format!("{namespace}/{name} has {} bindings", bindings.len()))) };
    prop_assert_eq!(&binding["metadata"]["namespace"], namespace);
    prop_assert_eq!(&binding["roleRef"]["kind"], "Role");
    let role = find(objects, "Role", namespace, binding["roleRef"]["name"].as_str().unwrap());
    let mut given: BTreeSet<String> = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for (group, resource, verb) in triples(rule) {
            given.insert(format!("{verb} {resource} of {group}"));
        }
    }
    let mut needed: BTreeSet<String> = RUN_RIGHTS.iter().map(|right| format!("{} {} of {}", right.verb, right.resource_with_part(), right.group)).collect();
    let used = policy.accounts().into_iter().find(|one| one.account == format!("{namespace}/{name}")).unwrap();
    let secrets: Vec<String> = used.secrets.into_iter().map(|given| given.secret).collect();
    if !secrets.is_empty() {
        needed.insert("get secrets of ".to_owned());
    }
    for rule in role["rules"].as_array().unwrap() {
        let names = if texts(&rule["verbs"]) == ["get"] && texts(&rule["resources"]) == ["secrets"] { secrets.clone() } else { Vec::new() };
        prop_assert_eq!(texts(&rule["resourceNames"]), names);
    }
    prop_assert_eq!(given, needed);
    Ok(())
}

fn triples(rule: &Value) -> Vec<(&str, &str, &str)> {
    let (groups, resources, verbs) = (texts(&rule["apiGroups"]), texts(&rule["resources"]), texts(&rule["verbs"]));
    let mut all = Vec::new();
    for group in groups {
        for resource in &resources {
            all.extend(verbs.iter().map(|verb| (group, *resource, *verb)));
        }
    }
    all
}

fn nothing_is_wide(objects: &[Value]) -> Result<(), TestCaseError> {
    for (role, rule) in rules(objects) {
        let fields: Vec<&String> = rule.as_object().unwrap().keys().collect();
        prop_assert!(fields.iter().all(|field| ["apiGroups", "resources", "resourceNames", "verbs"].contains(&field.as_str())), "{rule}");
        prop_assert!(!rule.to_string().contains('*'), "{rule}");
        for (group, resource, verb) in triples(rule) {
            if verb.starts_with("impersonate") && !verb.starts_with("impersonate-on:serviceaccount:") {
                prop_assert_eq!(resource, "serviceaccounts");
                prop_assert!(!texts(&rule["resourceNames"]).is_empty(), "{rule}");
            }
            prop_assert!(!["users", "groups", "uids", "userextras"].contains(&resource), "{rule}");
            if role["kind"] == "ClusterRole" {
                let looks = group == "argoproj.io" && ["list", "watch"].contains(&verb);
                prop_assert!(looks || (resource, verb) == ("subjectaccessreviews", "create"), "{rule}");
            }
            if resource == "secrets" && is_own(role) && ["get", "list", "watch"].contains(&verb) {
                // Of the portal's own secrets there is never more than one name in a rule, and never none.
                prop_assert_eq!(texts(&rule["resourceNames"]).len(), 1, "{}", rule);
                prop_assert_eq!(&role["kind"], "Role");
            } else if resource == "secrets" && !["create", "delete"].contains(&verb.rsplit(':').next().unwrap()) {
                prop_assert!(verb.ends_with("get") && !texts(&rule["resourceNames"]).is_empty(), "{rule}");
            }
            if resource == "serviceaccounts" && verb == "get" {
                prop_assert!(!texts(&rule["resourceNames"]).is_empty(), "{rule}");
            }
        }
    }
    for binding in of_kind(objects, "RoleBinding").chain(of_kind(objects, "ClusterRoleBinding")) {
        prop_assert!(binding["subjects"].as_array().unwrap().iter().all(|subject| subject["kind"] == "ServiceAccount"), "{binding}");
    }
    Ok(())
}

/// Whether it is the role by which the portal reads what its own configuration names.
fn is_own(role: &Value) -> bool {
    role["metadata"]["name"].as_str().unwrap().ends_with("windfirm-portal-secrets")
}

/// The portal may act as these accounts and as no others, and gets nothing else in their namespaces by its own name.
fn the_portal_acts_as_those_only(objects: &[Value], policy: &Policy, settings: &Settings) -> Result<(), TestCaseError> {
    let mut may: BTreeSet<String> = BTreeSet::new();
    for (role, rule) in rules(objects) {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        for (_, _, verb) in triples(rule) {
            if verb == "impersonate" || verb == "impersonate:serviceaccount" {
                may.extend(texts(&rule["resourceNames"]).iter().map(|name| format!("{namespace}/{name}")));
            }
        }
    }
    prop_assert_eq!(may, policy.accounts().into_iter().map(|one| one.account).collect::<BTreeSet<_>>());
    for binding in of_kind(objects, "RoleBinding") {
        for subject in binding["subjects"].as_array().unwrap() {
            if (subject["namespace"].as_str(), subject["name"].as_str()) == (Some(settings.portal.namespace()), Some(settings.portal.name())) {
                let role = find(objects, "Role", binding["metadata"]["namespace"].as_str().unwrap(), binding["roleRef"]["name"].as_str().unwrap());
                for (_, resource, verb) in role["rules"].as_array().unwrap().iter().flat_map(triples) {
                    if is_own(role) {
                        prop_assert!(resource == "secrets" && ["list", "watch"].contains(&verb), "{verb} {resource}");
                        continue;
                    }
                    prop_assert!(verb.starts_with("impersonate") || (resource, verb) == ("serviceaccounts", "get"), "{verb} {resource}");
                }
            }
        }
    }
    let mut may_read: BTreeSet<String> = BTreeSet::new();
    for (role, rule) in rules(objects).into_iter().filter(|(role, _)| is_own(role)) {
        may_read.extend(texts(&rule["resourceNames"]).iter().map(|name| format!("{}/{name}", role["metadata"]["namespace"].as_str().unwrap_or_default())));
    }
    prop_assert_eq!(may_read, settings.secrets.keys().map(|secret| format!("{}/{}", secret.namespace, secret.name)).collect::<BTreeSet<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_the_policy_says(
        grants in grants(),
        guardrails in guardrails(),
        secrets in secrets(),
        own in subsequence(vec!["windfirm/oidc", "windfirm/database", "a/oidc", "vault/shared"], 0..=4),
        minor in 30_u32..40,
    ) {
        let policy = policy(&format!("{}{}", text(&grants, &guardrails), secret_rules(&secrets)));
        let mut settings = settings();
        settings.kubernetes = format!("1.{minor}").parse().unwrap();
        settings.secrets = own.iter().map(|secret| (secret.parse().unwrap(), BTreeSet::new())).collect();
        let rendered = render(&policy, &settings).unwrap();
        prop_assert_eq!(rendered.stream(), render(&policy, &settings).unwrap().stream(), "the same bytes");
        let objects = objects(&rendered);
        prop_assert_eq!(objects.len(), rendered.objects().len());
        let mut places = BTreeSet::new();
        for object in &objects {
            let metadata = &object["metadata"];
            prop_assert!(places.insert((object["kind"].to_string(), metadata["namespace"].to_string(), metadata["name"].to_string())), "{metadata} is there twice");
            prop_assert_eq!(&metadata["labels"]["app.kubernetes.io/managed-by"], MANAGED_BY);
            prop_assert_eq!(&metadata["annotations"][POLICY], policy.digest());
            prop_assert_eq!(&metadata["annotations"][PORTAL], "windfirm/portal");
        }
        for grant in &grants {
            let (namespace, name) = grant.0.split_once('/').unwrap();
            has_exactly_what_runs_need(&objects, &policy, namespace, name)?;
        }
        nothing_is_wide(&objects)?;
        the_portal_acts_as_those_only(&objects, &policy, &settings)?;
    }

    /// Each object of an account says which grant asked for it.
    #[test]
    fn every_object_says_for_whom(grants in grants()) {
        let policy = policy(&text(&grants, &[]));
        let rendered = render(&policy, &settings()).unwrap();
        for (document, object) in rendered.stream().split("---\n").skip(1).zip(rendered.objects()) {
            prop_assert!(document.starts_with("# "), "{document}");
            let is_portals = object.name() == "windfirm-portal" && object.namespace().is_none() || object.namespace().is_none_or(|name| name == "windfirm");
            prop_assert!(is_portals || document.contains("# For grant “grant "), "{document}");
        }
    }
}
