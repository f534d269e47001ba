//! Where runs may connect to.

use proptest::{prelude::*, sample::subsequence};
use serde_json::Value;
use windfirm_policy::compile;
use windfirm_render::render;

use crate::support::{EVERYTHING, all_settings, find, objects, policy, rendered, settings, texts};

/// Peers of all rules, each with its ports, as text.
fn peers(policy: &Value) -> Vec<String> {
    let mut peers = Vec::new();
    for rule in policy["spec"]["egress"].as_array().unwrap() {
        for peer in rule["to"].as_array().unwrap() {
            peers.push(format!("{peer} {}", rule["ports"]));
        }
    }
    peers
}

#[test]
fn guardrails_tighten_each_other_and_accounts_add_up() {
    let objects = objects(&rendered(EVERYTHING, &all_settings()));
    let prod = find(&objects, "NetworkPolicy", "shop-prod", "windfirm-runs-tools.portal");
    let told = peers(prod).join("\n");
    // /bank/ in prod has the wide list, and so the namespace has it too.
    assert!(told.contains(r#"{"namespaceSelector":{}} null"#), "{told}");
    let shop = peers(find(&objects, "NetworkPolicy", "shop-loadtest", "windfirm-runs-tools.portal")).join("\n");
    assert!(!shop.contains(r#"{"namespaceSelector":{}}"#) && shop.contains("shop-dev") && shop.contains("10.20.0.1/32"), "{shop}");
    // Not at the other ports that the wide list allows.
    assert!(shop.contains(r#"[{"port":8080,"protocol":"TCP"}]"#), "{shop}");
}

#[test]
fn runs_are_found_by_the_label_that_admission_demands() {
    let objects = objects(&rendered(EVERYTHING, &all_settings()));
    for policy in objects.iter().filter(|object| object["kind"] == "NetworkPolicy") {
        assert_eq!(policy["spec"]["podSelector"]["matchExpressions"][0]["key"], "windfirm.dev/execution");
        assert_eq!(texts(&policy["spec"]["policyTypes"]), ["Egress"]);
    }
    let admission = objects.iter().find(|object| object["kind"] == "ValidatingAdmissionPolicy").unwrap();
    assert!(admission["spec"]["validations"].to_string().contains("'windfirm.dev/execution' in"));
}

#[test]
fn nobody_launches_nothing_connects() {
    let objects = objects(&rendered(EVERYTHING, &all_settings()));
    assert!(!objects.iter().any(|object| object["kind"] == "NetworkPolicy" && object["metadata"]["namespace"] == "operations"));
}

const HOSTS: [&str; 6] = ["*.svc:*", "*.a.svc:*", "x.a.svc:80", "10.0.0.1:*", "10.0.0.1:80", "[fd00::1]:443"];

/// `None`: the second guardrail would be wider, which the compiler refuses.
fn with_guardrails(first: &[&str], second: Option<(&str, &[&str])>) -> Option<Vec<String>> {
    let quoted = |hosts: &[&str]| hosts.iter().map(|host| format!("\"{host}\"")).collect::<Vec<_>>().join(", ");
    let second = second.map(|(path, hosts)| format!("  - {{ name: second, on: [{path}], target_hosts: [{}] }}\n", quoted(hosts))).unwrap_or_default();
    let text = format!(
        "apiVersion: windfirm.dev/v1\nkind: Policy\nenvironments: [{{ name: dev, match: {{}} }}]\nroles: {{ tester: {{ can: [run.launch] }} }}\n\
         grants: [{{ name: testers, to: [{{ group: a }}], role: tester, on: [/shop/], as: shop/loadtest }}]\n\
         guardrails:\n  - {{ name: first, on: [/], target_hosts: [{}] }}\n{second}",
        quoted(first)
    );
    let policy = compile(&text, "policy.yaml").ok()?;
    let objects = objects(&render(&policy, &settings()).unwrap());
    Some(peers(find(&objects, "NetworkPolicy", "shop", "windfirm-runs")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One guardrail more, wherever it stands, opens nothing that was closed.
    #[test]
    fn a_guardrail_more_never_opens_anything(
        first in subsequence(HOSTS.to_vec(), 1..=4),
        path in prop::sample::select(vec!["/", "/shop/", "/shop/cart/", "/bank/"]),
        second in subsequence(HOSTS.to_vec(), 1..=4),
    ) {
        let before = with_guardrails(&first, None).unwrap();
        let Some(after) = with_guardrails(&first, Some((path, &second))) else { return Ok(()) };
        for peer in &after {
            // The same peer at fewer ports is tighter; every namespace holds each of them.
            let name = peer.split(" [").next().unwrap().split(" null").next().unwrap();
            let covered = before.contains(peer)
                || before.iter().any(|wide| *wide == format!("{name} null"))
                || (name.contains("namespaceSelector") && before.iter().any(|wide| wide == r#"{"namespaceSelector":{}} null"#));
            prop_assert!(covered, "{} is new; before: {:?}", peer, before);
        }
    }
}

#[test]
fn a_policy_without_hosts_leaves_names_ingest_and_each_other() {
    let text = policy(EVERYTHING).text().split("guardrails:").next().unwrap().to_owned();
    let objects = objects(&rendered(&text, &settings()));
    let told = peers(find(&objects, "NetworkPolicy", "shop-prod", "windfirm-runs"));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("kube-system") && told[1].contains("windfirm") && told[2].contains("6565"), "{told:?}");
}
