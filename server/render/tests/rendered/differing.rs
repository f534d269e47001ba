//! What a cluster has, compared with what it should have.

use serde_json::{Value, json};
use windfirm_cluster::Kind;
use windfirm_render::{Found, How, KINDS, Rendered, diff};

use crate::support::{DEMO, documents, rendered, settings};

/// The cluster after the manifests were applied: with what an API server adds.
fn applied(rendered: &Rendered) -> Vec<Found> {
    let add = |mut object: Value| {
        object.as_object_mut().unwrap().retain(|field, _| field != "apiVersion" && field != "kind");
        object["metadata"]["uid"] = json!("1");
        object["metadata"]["resourceVersion"] = json!("7");
        object["status"] = json!({});
        object
    };
    documents(&rendered.stream())
        .into_iter()
        .map(|object| Found { kind: KINDS.into_iter().find(|kind| object["kind"] == kind.kind).unwrap(), object: add(object) })
        .collect()
}

fn told(rendered: &Rendered, found: &[Found]) -> Vec<String> {
    diff(rendered, found).iter().map(ToString::to_string).collect()
}

#[test]
fn what_was_applied_is_no_difference() {
    let rendered = rendered(DEMO, &settings());
    assert_eq!(told(&rendered, &applied(&rendered)), Vec::<String>::new());
}

#[test]
fn an_empty_cluster_lacks_everything() {
    let rendered = rendered(DEMO, &settings());
    let changes = diff(&rendered, &[]);
    assert_eq!(changes.len(), rendered.objects().len());
    assert!(changes.iter().all(|change| change.how == How::Missing));
}

#[test]
fn a_rule_more_and_a_rule_less_are_told() {
    let rendered = rendered(DEMO, &settings());
    let mut found = applied(&rendered);
    let role = |found: &mut Found| found.kind.kind == "Role" && found.object["metadata"]["name"] == "windfirm-portal";
    let one = found.iter_mut().find_map(|found| role(found).then_some(found)).unwrap();
    one.object["rules"].as_array_mut().unwrap().push(json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }));
    let told = told(&rendered, &found);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("Role search-staging/windfirm-portal is otherwise.\n  rules: there ")
            && told[0].contains("secrets")
            && told[0].ends_with(", should be nothing"),
        "{told:?}"
    );
    assert_eq!(told[0].lines().count(), 2, "the one rule, not all of them: {told:?}");

    let one = found.iter_mut().find_map(|found| role(found).then_some(found)).unwrap();
    let rules = one.object["rules"].as_array_mut().unwrap();
    rules.truncate(rules.len() - 2);
    let lost = self::told(&rendered, &found);
    assert!(lost[0].lines().count() == 2 && lost[0].contains("  rules: there nothing, should be {"), "{lost:?}");
}

/// Whoever is taken out of the policy loses nothing in the cluster by that alone.
#[test]
fn what_no_grant_asks_for_any_more_is_left_over() {
    let before = rendered(DEMO, &settings());
    let less = rendered(&DEMO.replace("as: search-staging/loadtest", "as: shop-staging/loadtest"), &settings());
    let told = told(&less, &applied(&before));
    assert!(told.iter().any(|line| line == "Role search-staging/windfirm-portal is left over: no grant asks for it any more."), "{told:#?}");
    assert!(!told.iter().any(|line| line.starts_with("Namespace")), "{told:#?}");
    // Of another portal, nothing is known.
    let mut other = settings();
    other.portal = "elsewhere/portal".parse().unwrap();
    let told = diff(&less, &applied(&rendered(DEMO, &other)));
    assert!(told.iter().all(|change| change.how != How::LeftOver), "{told:#?}");
}

#[test]
fn what_somebody_else_made_is_told_by_what_it_lacks() {
    let rendered = rendered(DEMO, &settings());
    let mut found = applied(&rendered);
    let account = found.iter_mut().find(|found| found.kind == Kind::SERVICE_ACCOUNT && found.object["metadata"]["name"] == "loadtest").unwrap();
    account.object = json!({ "metadata": { "name": "loadtest", "namespace": account.object["metadata"]["namespace"] } });
    let told = told(&rendered, &found);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("automountServiceAccountToken: there null, should be false"), "{told:?}");
}
