//! Deployments that Argo CD tells of are remembered: once, only where an app's place is certain, and longer than Argo CD remembers them.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use windfirm::worker::{deployments, reload};
use windfirm_model::{actor::SystemTask, path::AppPath, view::app::AppPage};
use windfirm_policy::Access;
use windfirm_tree::{Clusters, ForestOptions, LiveApplication, LiveForest};

use crate::harness::{As, House};

/// The cart of the shop, or another object of its name, as a cluster tells it.
fn object(house: &House, name: &str, history: &[(i64, &str)]) -> Arc<LiveApplication> {
    let tree = house.portal.tree();
    let cart = tree.git.find(&path("/shop/cart/")).unwrap();
    let entry = |(id, at): &(i64, &str)| json!({ "id": id, "deployedAt": at, "revision": format!("{id:040}") });
    let object: Value = json!({
        "metadata": { "name": name, "namespace": cart.namespace, "uid": name, "resourceVersion": "1" },
        "spec": { "destination": { "name": "in-cluster", "namespace": cart.destination_namespace } },
        "status": { "history": history.iter().map(entry).collect::<Vec<_>>() },
    });
    let read: LiveApplication = serde_json::from_value(object).unwrap();
    Arc::new(read.read_from(&"home".into()))
}

fn path(text: &str) -> AppPath {
    text.parse().unwrap()
}

/// Puts these objects into the tree in force, as if the cluster had told of them, and has the worker look.
async fn told(house: &House, objects: &[Arc<LiveApplication>]) {
    reload::put_forest(&house.portal, LiveForest::build(objects, &[], &ForestOptions::new(Clusters::new("home"))));
    deployments::round(Arc::clone(&house.portal)).await;
}

async fn kept(house: &House, app: &str) -> Vec<i64> {
    let kept = house.portal.store.deployments(&Access::system(SystemTask::ClusterWatcher), &path(app), 100).await.unwrap();
    kept.into_iter().map(|one| one.history).collect()
}

async fn shown(house: &House, who: As) -> Vec<String> {
    let answer = house.call(who, Method::GET, "app", "path=/shop/cart/").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let page: AppPage = serde_json::from_str(&answer.body).unwrap();
    page.deployments.iter().map(|row| row.revisions.first().unwrap().trim_start_matches('0').to_owned()).collect()
}

const OLD: &[(i64, &str)] = &[(1, "2026-08-01T10:00:00Z"), (2, "2026-08-02T10:00:00Z")];
const NEW: &[(i64, &str)] = &[(7, "2026-11-01T10:00:00Z"), (8, "2026-11-02T10:00:00Z")];

#[tokio::test(flavor = "multi_thread")]
async fn what_argo_cd_forgot_is_remembered_and_nothing_is_kept_twice() {
    let Some(house) = House::open().await else { return };
    told(&house, &[object(&house, "cart", OLD)]).await;
    assert_eq!(kept(&house, "/shop/cart/").await, [2, 1]);
    told(&house, &[object(&house, "cart", NEW)]).await;
    assert_eq!(shown(&house, As::Ana).await, ["8", "7", "2", "1"]);
    // A cluster that is away tells what it told; one that lost the app tells nothing of it. Neither adds or takes anything.
    told(&house, &[object(&house, "cart", NEW)]).await;
    told(&house, &[]).await;
    assert_eq!(kept(&house, "/shop/cart/").await, [8, 7, 2, 1]);
    assert_eq!(shown(&house, As::Ana).await, ["8", "7", "2", "1"]);
    // After a restart all is told again.
    let again = house.start_again(|_| {}).await;
    told(&again, &[object(&again, "cart", NEW)]).await;
    assert_eq!(kept(&again, "/shop/cart/").await, [8, 7, 2, 1]);
    // It stands on the page, without any script.
    let page = again.page(As::Ana, "/apps/shop/cart/").await;
    assert!(page.body.contains("Last deployments") && page.body.contains("2026-08-01"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_app_whose_place_is_not_certain_nothing_is_kept() {
    let cluster = "{ name: home, kubeconfig: { file: /nowhere }, argocd: {} }";
    let other = "{ name: other, kubeconfig: { file: /nowhere }, argocd: {} }";
    let clusters: Vec<_> = [cluster, other].iter().map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    let Some(house) = House::open_with(|_, config| config.clusters = clusters).await else { return };
    // An app of the cluster alone may stand below one that another cluster has not told of yet; Git's has its place.
    let objects = [object(&house, "cart", OLD), object(&house, "stray", OLD)];
    let both = || Clusters::new("home").with("other", &[]);
    let forest = |clusters| LiveForest::build(&objects, &[], &ForestOptions::new(clusters));
    reload::put_forest(&house.portal, forest(both().only_read(|name| name == "home")));
    deployments::round(Arc::clone(&house.portal)).await;
    let stray = house.portal.tree().tree.apps().iter().find(|app| app.name == "stray").unwrap().path.clone();
    assert_eq!((kept(&house, "/shop/cart/").await, kept(&house, stray.as_str()).await), (vec![2, 1], vec![]));
    reload::put_forest(&house.portal, forest(both()));
    deployments::round(Arc::clone(&house.portal)).await;
    assert_eq!((kept(&house, "/shop/cart/").await, kept(&house, stray.as_str()).await), (vec![2, 1], vec![2, 1]));
}
