//! The live tree.

use windfirm_tree::Presence;

use crate::{
    harness::As,
    stage::{Stage, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_git_has_what_the_cluster_says() {
    let Some(stage) = Stage::open().await else { return };
    let portal = &stage.house.portal;
    let path = "/shop/cart/".parse().unwrap();
    until("the live app", async || portal.tree().tree.find(&path).is_some_and(|app| app.presence == Presence::Both).then_some(())).await;
    let tree = portal.tree();
    assert!(tree.tree.apps().iter().all(|app| app.presence == Presence::Both), "every app of the repository is in the cluster");
    assert_eq!(tree.tree.apps().len(), tree.git.apps().len());

    // A change in the cluster is in the tree, and the path stays Git's.
    let namespace = tree.tree.find(&path).unwrap().namespace.clone();
    let patch = r#"{"status":{"health":{"status":"Degraded"}}}"#;
    stage.hand(&["-n", &namespace, "patch", "applications.argoproj.io", "cart", "--type=merge", "-p", patch]);
    let access = portal.policy().policy.access(&stage.house.login(As::Chris).unwrap().actor());
    let health = |tree: &windfirm_tree::Tree| tree.find(&path).and_then(|app| app.live(&access)?.object.application().map(|app| app.health.status));
    until("the change", async || (health(&portal.tree().tree) == Some(windfirm_tree::live::HealthStatus::Degraded)).then_some(())).await;
    let back = r#"{"status":{"health":{"status":"Healthy"}}}"#;
    stage.hand(&["-n", &namespace, "patch", "applications.argoproj.io", "cart", "--type=merge", "-p", back]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_only_the_cluster_has_comes_and_goes() {
    let Some(stage) = Stage::open().await else { return };
    let portal = &stage.house.portal;
    let lonely = "/lonely/".parse().unwrap();
    let text = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: lonely, namespace: argocd }
spec:
  project: default
  destination: { server: https://kubernetes.default.svc, namespace: shop-dev }
  source: { repoURL: https://git.example/other.git, path: ., targetRevision: HEAD }
";
    assert!(stage.kubectl(&["apply", "-f", "-"], text).status.success());
    until("the app", async || portal.tree().tree.find(&lonely).map(|app| assert_eq!(app.presence, Presence::ClusterOnly))).await;
    stage.hand(&["-n", "argocd", "delete", "applications.argoproj.io", "lonely"]);
    until("its end", async || portal.tree().tree.find(&lonely).is_none().then_some(())).await;
}
