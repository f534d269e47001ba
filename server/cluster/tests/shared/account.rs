//! The account that runs load in a namespace, for tests on a real cluster: what `windfirm policy render` writes for the cluster of
//! `make cluster`, and nothing else.

const RENDERED: &str = include_str!("../../../../deploy/cluster/manifests/access.yaml");
const MODEL: &str = "shop-staging";

/// The ServiceAccount `loadtest` of a namespace, its role, and the portal's right to act as it. In another namespace than those of the manifests
/// it does not pass for one of theirs, so that they can be compared with the cluster meanwhile.
pub(crate) fn account_of(namespace: &str) -> String {
    let is_of_account = |document: &&str| ["ServiceAccount", "Role", "RoleBinding"].iter().any(|kind| document.contains(&format!("\nkind: {kind}\n")));
    let of_model = RENDERED.split("\n---\n").filter(|document| document.contains(&format!("\n  namespace: {MODEL}\n")));
    let documents: Vec<String> = of_model.filter(is_of_account).map(|document| document.replace(MODEL, namespace)).collect();
    assert_eq!(documents.len(), 5, "an account, and two roles with their bindings");
    let all = documents.join("\n---\n");
    if RENDERED.contains(&format!("\n  namespace: {namespace}\n")) { all } else { of_no_portal(&all) }
}

pub(crate) fn of_no_portal(rendered: &str) -> String {
    let ours = "windfirm.dev/portal-account: windfirm/portal\n";
    assert!(rendered.contains(ours));
    rendered.replace(ours, "windfirm.dev/portal-account: of/a-test\n")
}
