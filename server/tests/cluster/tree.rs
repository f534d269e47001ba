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
async fn what_follows_from_the_project_of_an_app_is_told_and_goes_with_it() {
    let Some(stage) = Stage::open().await else { return };
    let path = "/of-a-project/".parse().unwrap();
    let app = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: of-a-project, namespace: argocd }
spec:
  project: narrow
  destination: { server: https://kubernetes.default.svc, namespace: shop-dev }
  source: { repoURL: https://git.example/other.git, path: ., targetRevision: HEAD }
";
    let project = "
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: { name: narrow, namespace: argocd }
spec:
  sourceRepos: ['https://git.example/*']
  destinations: [{ server: https://kubernetes.default.svc, namespace: elsewhere }]
  syncWindows: [{ kind: deny, schedule: '* * * * *', duration: 1h, namespaces: ['shop-*'] }]
";
    let remove = || {
        stage.kubectl(&["-n", "argocd", "delete", "--ignore-not-found", "applications.argoproj.io/of-a-project", "appprojects.argoproj.io/narrow"], "");
    };
    // Whoever was killed in the middle may have left them.
    remove();
    assert!(stage.kubectl(&["apply", "-f", "-"], app).status.success());
    until("the app", async || stage.house.portal.tree().tree.find(&path).map(drop)).await;
    let says = async |what: &str, wanted: &[&str]| {
        until(what, async || {
            let page = stage.house.page(As::Chris, "/apps/of-a-project/").await;
            wanted.iter().all(|part| page.body.contains(part)).then_some(page.body)
        })
        .await
    };
    says("the missing project", &["The project <code>narrow</code> of this app does not exist in namespace <code>argocd</code>"]).await;
    assert!(stage.kubectl(&["apply", "-f", "-"], project).status.success());
    let page =
        says("what the project says", &["itself allows apps in namespace <code>shop-dev</code>", "A deny window of the project <code>narrow</code> is open"])
            .await;
    assert!(!page.contains("allows the source") && !page.contains("does not exist"), "{page}");
    assert!(!page.contains("elsewhere"), "what else the project allows is not told");
    // Who may not see the app sees nothing of it.
    let strange = stage.house.page(As::Eli, "/apps/of-a-project/").await;
    assert!(strange.status == 404 && !strange.body.contains("narrow"), "{}", strange.body);
    let patch = r#"{"spec":{"destinations":[{"server":"*","namespace":"*"}],"syncWindows":null}}"#;
    stage.hand(&["-n", "argocd", "patch", "appprojects.argoproj.io", "narrow", "--type=merge", "-p", patch]);
    until("nothing to say", async || {
        let page = stage.house.page(As::Chris, "/apps/of-a-project/").await;
        (!page.body.contains("of the project <code>narrow</code>") && !page.body.contains("in the project <code>narrow</code>")).then_some(())
    })
    .await;
    remove();
    until("its end", async || stage.house.portal.tree().tree.find(&path).is_none().then_some(())).await;
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
