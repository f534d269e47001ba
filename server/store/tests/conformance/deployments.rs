//! What Argo CD deployed: kept once, bounded, never changed, and shown to those who may see the app where it was deployed.

use windfirm_model::clock::Timestamp;
use windfirm_policy::{Permit, Resource, act::KeepDeployments};
use windfirm_store::deployments::Deployment;

use crate::{
    people::{access, ana, dora, eli, everything, nobody},
    world::{World, on_both},
};

on_both!(
    a_deployment_is_kept_once_however_often_it_is_told,
    of_each_app_the_newest_are_kept,
    a_deployment_is_seen_by_those_who_may_see_the_app_where_it_was_deployed,
    what_is_kept_is_never_changed,
);

const MOST: u32 = 500;

fn keep(world: &World) -> Permit<KeepDeployments> {
    Permit::system(world.operation(), Resource::default())
}

fn deployed(path: &str, environment: &str, at_s: i64) -> Deployment {
    Deployment {
        cluster: "home".into(),
        namespace: "argocd".into(),
        name: path.trim_matches('/').replace('/', "-"),
        deployed: Timestamp::from_seconds(at_s),
        history: at_s,
        path: path.parse().unwrap(),
        environment: environment.into(),
        by: Some("ben".into()),
        revisions: vec!["8a926447c3b3e4e7acb35ea7397ae77223ae4ad5".into(), "1.4.2".into()],
    }
}

async fn kept(world: &World, path: &str) -> Vec<Deployment> {
    world.store.deployments(&everything(), &path.parse().unwrap(), MOST).await.unwrap()
}

async fn a_deployment_is_kept_once_however_often_it_is_told(world: &World) {
    let (first, second) = (deployed("/shop/cart/", "dev", 100), deployed("/shop/cart/", "dev", 200));
    let told = [first.clone(), second.clone()];
    assert_eq!(world.store.keep_deployments(&keep(world), &told, MOST).await.unwrap(), 2);
    assert_eq!(world.store.keep_deployments(&keep(world), &told, MOST).await.unwrap(), 0, "told again");
    assert_eq!(world.reopened().await.keep_deployments(&keep(world), &told, MOST).await.unwrap(), 0, "told to another process");
    assert_eq!(kept(world, "/shop/cart/").await, [second.clone(), first.clone()], "newest first, each once, whole");
    // The app stands elsewhere by now: what was seen before stays where it was seen.
    let moved = Deployment { path: "/other/cart/".parse().unwrap(), environment: "prod".into(), by: None, ..second.clone() };
    assert_eq!(world.store.keep_deployments(&keep(world), &[moved], MOST).await.unwrap(), 0);
    assert_eq!(kept(world, "/other/cart/").await, []);
    // Made again, its history counts from the beginning; another object or another cluster is another one.
    let again = Deployment { history: 0, deployed: Timestamp::from_seconds(300), ..first.clone() };
    let namesake = Deployment { namespace: "elsewhere".into(), ..first.clone() };
    let far = Deployment { cluster: "east".into(), by: None, revisions: Vec::new(), ..first.clone() };
    assert_eq!(world.store.keep_deployments(&keep(world), &[again.clone(), namesake.clone(), far.clone()], MOST).await.unwrap(), 3);
    assert_eq!(kept(world, "/shop/cart/").await, [again, second, far, first, namesake]);
}

async fn of_each_app_the_newest_are_kept(world: &World) {
    let many: Vec<Deployment> = (1..=7).map(|at| deployed("/shop/cart/", "dev", at)).collect();
    let other = deployed("/shop/mail/", "dev", 1);
    world.store.keep_deployments(&keep(world), std::slice::from_ref(&other), 3).await.unwrap();
    for part in many.chunks(2) {
        world.store.keep_deployments(&keep(world), part, 3).await.unwrap();
    }
    let newest: Vec<Deployment> = many.iter().rev().take(3).cloned().collect();
    assert_eq!(kept(world, "/shop/cart/").await, newest);
    assert_eq!(kept(world, "/shop/mail/").await, [other], "each app by itself");
    // Many at one moment are bounded too.
    let at_once: Vec<Deployment> = (1..=9).map(|history| Deployment { history, ..deployed("/shop/cart/", "dev", 50) }).collect();
    world.store.keep_deployments(&keep(world), &at_once, 3).await.unwrap();
    assert_eq!(kept(world, "/shop/cart/").await.iter().map(|one| one.history).collect::<Vec<_>>(), [9, 8, 7]);
    assert_eq!(world.store.deployments(&everything(), &"/shop/cart/".parse().unwrap(), 2).await.unwrap().len(), 2);
}

async fn a_deployment_is_seen_by_those_who_may_see_the_app_where_it_was_deployed(world: &World) {
    let all = [deployed("/shop/cart/", "dev", 1), deployed("/shop/cart/", "prod", 2), deployed("/search/query/", "dev", 3)];
    world.store.keep_deployments(&keep(world), &all, MOST).await.unwrap();
    for (who, shop, search) in [(ana(), vec![1], vec![]), (eli(), vec![], vec![3]), (dora(), vec![2, 1], vec![3]), (nobody(), vec![], vec![])] {
        for (path, expected) in [("/shop/cart/", shop), ("/search/query/", search), ("/shop/", vec![])] {
            let seen = world.store.deployments(&access(&who), &path.parse().unwrap(), MOST).await.unwrap();
            assert_eq!(seen.iter().map(|one| one.history).collect::<Vec<_>>(), expected, "{path} as {}", who.display_name());
        }
    }
}

async fn what_is_kept_is_never_changed(world: &World) {
    world.store.keep_deployments(&keep(world), &[deployed("/shop/cart/", "dev", 1)], MOST).await.unwrap();
    let error = world.raw("update deployments set by_name = 'eve'").await.unwrap_err();
    assert!(error.to_string().contains("deployments are never changed"), "{error}");
    assert_eq!(kept(world, "/shop/cart/").await[0].by.as_deref(), Some("ben"));
}
