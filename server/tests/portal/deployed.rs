//! The tests of an app are those of the commit that runs.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use windfirm::worker::reload;
use windfirm_model::{actor::SystemTask, clock::Timestamp, id::RunId, path::AppPath, view::app::AppPage};
use windfirm_policy::Access;
use windfirm_tree::{Clusters, ForestOptions, LiveApplication, LiveForest, git::GitSource};

use crate::harness::{As, House};

/// An app of the shop as a cluster tells it, in sync with this commit.
fn object(house: &House, path: &str, commit: &str) -> Arc<LiveApplication> {
    let (repository, folder) = source_of(house, path);
    let source = json!({ "repoURL": repository, "path": folder, "targetRevision": "main" });
    in_sync(house, path, ("source", source), ("revision", json!(commit)))
}

/// An app with two sources, each in sync with a commit of its own.
fn of_two(house: &House, path: &str, sources: [(&str, &str); 2]) -> Arc<LiveApplication> {
    let (repository, _) = source_of(house, path);
    let of_folders = sources.map(|(folder, _)| json!({ "repoURL": repository, "path": folder, "targetRevision": "main" }));
    in_sync(house, path, ("sources", json!(of_folders)), ("revisions", json!(sources.map(|(_, commit)| commit))))
}

/// Repository and folder of an app's first source, as Git says.
fn source_of(house: &House, path: &str) -> (String, Option<String>) {
    let tree = house.portal.tree();
    let source = &tree.git.find(&path.parse::<AppPath>().unwrap()).unwrap().sources.first().unwrap().source;
    (source.repository.clone(), source.path.clone())
}

fn in_sync(house: &House, path: &str, (source, sources): (&str, Value), (revision, revisions): (&str, Value)) -> Arc<LiveApplication> {
    let tree = house.portal.tree();
    let app = tree.git.find(&path.parse::<AppPath>().unwrap()).unwrap();
    let object: Value = json!({
        "metadata": { "name": app.name, "namespace": app.namespace, "uid": app.name, "resourceVersion": "1" },
        "spec": { "destination": { "name": "in-cluster", "namespace": app.destination_namespace }, source: sources },
        "status": { "sync": { "status": "Synced", revision: revisions } },
    });
    let read: LiveApplication = serde_json::from_value(object).unwrap();
    Arc::new(read.read_from(&"home".into()))
}

async fn page(house: &House, path: &str) -> AppPage {
    let answer = house.call(As::Ana, Method::GET, "app", &format!("path={path}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

const CART: &str = "/shop/cart/";
/// Its test came with the newest commit.
const GATEWAY: &str = "/shop/payments/gateway/";

#[tokio::test(flavor = "multi_thread")]
async fn tests_are_those_of_the_commit_that_runs_and_the_run_says_so() {
    let Some(house) = House::open().await else { return };
    let repository = GitSource::open(&house.config.tree.repository, None).unwrap();
    let (head, now) = (repository.head().unwrap(), repository.read(Timestamp(0)).unwrap());
    let old = now.last_commit("services/cart/k6").unwrap().unwrap().id;
    assert_ne!(old, head);
    let before = page(&house, GATEWAY).await;
    assert_eq!((before.tests.len(), before.tests_at), (1, None), "without a cluster, what Git says");

    let tell = |objects: &[Arc<LiveApplication>]| {
        reload::put_forest(&house.portal, LiveForest::build(objects, &[], &ForestOptions::new(Clusters::new("home"))));
    };
    tell(&[object(&house, CART, &old), object(&house, GATEWAY, &old)]);
    let gateway = page(&house, GATEWAY).await;
    assert_eq!((gateway.tests.len(), gateway.tests_at.as_deref()), (0, Some(old.as_str())), "its test is not deployed yet");
    let html = house.page(As::Ana, "/apps/shop/cart/").await.body;
    assert!(html.contains(&format!("as deployed, at {}", &old[..7])), "{html}");
    let form = house.page(As::Ana, "/launch?path=/shop/cart/").await.body;
    assert!(form.contains("Test from") && form.contains("the commit that runs in the cluster"), "{form}");
    let fields = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke";
    let answer = house.call(As::Ana, Method::POST, "launch", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let run: RunId = answer.body.trim_matches('"').parse().unwrap();
    let manifest = house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap().manifest;
    assert_eq!((manifest.test_commit, manifest.tree_commit, manifest.deployed), (Some(old.clone()), head.clone(), vec![old]));

    // As in Git, and what Git does not have.
    let unknown = "0123456789".repeat(4);
    tell(&[object(&house, CART, &head), object(&house, GATEWAY, &unknown)]);
    assert_eq!(page(&house, CART).await.tests_at, None);
    let gateway = page(&house, GATEWAY).await;
    assert_eq!((gateway.tests.len(), gateway.tests_at), (1, None));
    assert!(gateway.problems.iter().any(|problem| problem.contains("commit 0123456, which is not in the repository")), "{:?}", gateway.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_source_has_the_tests_of_its_own_commit_and_folder() {
    let Some(house) = House::open().await else { return };
    let repository = GitSource::open(&house.config.tree.repository, None).unwrap();
    let (head, now) = (repository.head().unwrap(), repository.read(Timestamp(0)).unwrap());
    let old = now.last_commit("services/cart/k6").unwrap().unwrap().id;
    let tell = |object: Arc<LiveApplication>| {
        reload::put_forest(&house.portal, LiveForest::build(&[object], &[], &ForestOptions::new(Clusters::new("home"))));
    };
    let (cart, gateway) = ("services/cart", "services/gateway");
    let found = async |sources: [(&str, &str); 2]| {
        tell(of_two(&house, CART, sources));
        let page = page(&house, CART).await;
        assert!(page.problems.is_empty(), "{:?}", page.problems);
        page.tests.iter().map(|test| test.path.clone()).collect::<Vec<_>>()
    };
    let (of_cart, of_gateway) = ("services/cart/k6/cart.js".to_owned(), "services/gateway/k6/authorise.js".to_owned());
    // The gateway's test came with the newest commit: it is there where its own source runs that one, whatever the other runs.
    assert_eq!(found([(cart, &old), (gateway, &head)]).await, [of_cart.clone(), of_gateway.clone()]);
    assert_eq!(found([(cart, &head), (gateway, &old)]).await, std::slice::from_ref(&of_cart));
    // Folders are those that the cluster's object names, which Git may have moved since.
    assert_eq!(found([("services/query", &old), (gateway, &head)]).await.last(), Some(&of_gateway));

    tell(of_two(&house, CART, [(cart, &old), ("services/ledger", &head)]));
    for (test, commit) in [(of_cart, Some(old.clone())), ("services/ledger/k6/post.js".to_owned(), None)] {
        let fields = format!("request[path]={CART}&request[test]={test}&request[profile]=smoke");
        let answer = house.call(As::Ana, Method::POST, "launch", &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let run: RunId = answer.body.trim_matches('"').parse().unwrap();
        let manifest = house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap().manifest;
        assert_eq!(manifest.test_commit, commit, "{test}");
    }
}
