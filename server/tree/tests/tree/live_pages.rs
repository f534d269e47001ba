//! What a person sees of clusters in the tree and on the page of an app.

use serde_json::json;
use windfirm_model::{
    clock::Timestamp,
    fault::Fault,
    view::{
        cluster::{AgainstGit, ClusterAway, ClusterState, Found, HealthWord, LiveFacts, LiveState, LiveTold, Settled, SyncWord},
        tree::{AppRow, TreePage, TreeQuery, TreeRevision, TreeRow},
    },
};
use windfirm_policy::Access;
use windfirm_tree::{Asked, MemoryFiles, Tree, join, live_facts, tree_page};

use crate::{
    live_support::{Object, forest, live, set},
    support::{NOW, Runs, access, all_rows, app, asked, environment_of, everything, grant, launch, options, path, tree_of},
};

const COMMIT: &str = "8a926447c3b3e4e7acb35ea7397ae77223ae4ad5";

/// `shop` makes `cart`, `mail` and `search` of Git; the cluster has not made `search` yet, and has `extra` beside.
fn files() -> MemoryFiles {
    [
        ("roots/shop.yaml", app("shop", "svc/shop").yaml()),
        ("svc/shop/cart.yaml", app("cart", "svc/cart").yaml()),
        ("svc/shop/mail.yaml", app("mail", "svc/mail").yaml()),
        ("svc/shop/search.yaml", app("search", "svc/search").yaml()),
    ]
    .into_iter()
    .collect()
}

fn joined(files: &MemoryFiles, objects: &[Object]) -> Tree {
    let git = Tree::build(files, TreeRevision { commit: COMMIT.into(), ..TreeRevision::default() }, &options(), &environment_of);
    join(&git, &forest(objects), files, &options(), &environment_of)
}

/// `mail` is broken in every way that a row tells.
fn broken(name: &str) -> Object {
    live(name)
        .tracked("shop")
        .put("status|health", json!({"status": "Degraded", "message": "the secret pod of /shop/hidden/ crashes", "lastTransitionTime": "2026-11-23T13:30:00Z"}))
        .put("status|sync|status", json!("OutOfSync"))
        .put("status|history", json!([{"id": 0, "revision": "first", "deployedAt": "2026-11-22T09:00:00Z"}, {"id": 1, "revision": "older", "deployedAt": "2026-11-23T09:00:00Z", "initiatedBy": {"username": "ben"}}]))
        .put(
            "status|operationState",
            json!({"phase": "Failed", "message": "one object of the secret app failed", "startedAt": "2026-11-23T13:39:00Z", "finishedAt": "2026-11-23T13:40:00Z"}),
        )
        .put("status|conditions", json!([{"type": "SyncError", "message": "secret error"}, {"type": "SharedResourceWarning", "message": "shared with /elsewhere/secret/"}]))
        .put("status|summary", json!({"images": ["shop/mail:1.2"], "externalURLs": ["https://mail.shop.example", "javascript:alert(1)"]}))
}

fn objects() -> Vec<Object> {
    vec![live("shop"), live("cart").tracked("shop"), broken("mail"), live("extra").tracked("shop")]
}

fn heard(name: &str) -> ClusterState {
    ClusterState { name: name.into(), home: name == "home", heard: Some(NOW), away: None, complete: true }
}

fn away(name: &str) -> ClusterState {
    let why = "The cluster does not answer.".to_owned();
    ClusterState { heard: Some(Timestamp(5)), away: Some(ClusterAway { since: Timestamp(7), why }), ..heard(name) }
}

fn tried(tree: &Tree, access: &Access, clusters: &[ClusterState], query: &TreeQuery) -> Result<TreePage, Fault> {
    let runs = Runs::new();
    tree_page(&Asked { tree, access, runs: &runs, launch: &launch, clusters, now: NOW }, &all_rows(query), tree.revision())
}

fn page(tree: &Tree, access: &Access, clusters: &[ClusterState]) -> TreePage {
    tried(tree, access, clusters, &TreeQuery { open: Some("all".into()), ..TreeQuery::default() }).unwrap()
}

fn row(page: &TreePage, at: &str) -> AppRow {
    let found = page.rows.iter().find_map(|row| if let TreeRow::App(row) = row { Some(row).filter(|row| row.path == path(at)) } else { None });
    found.unwrap_or_else(|| panic!("no {at} in {:?}", page.rows)).clone()
}

fn state(page: &TreePage, at: &str) -> LiveState {
    row(page, at).in_cluster.unwrap()
}

fn facts(tree: &Tree, access: &Access, at: &str) -> Option<LiveFacts> {
    live_facts(tree, tree.find(&path(at)).unwrap(), access, &[heard("home")]).0
}

fn told(tree: &Tree, access: &Access, at: &str) -> LiveTold {
    *facts(tree, access, at).unwrap().told.unwrap()
}

#[test]
fn without_a_cluster_nothing_of_clusters_appears() {
    let tree = tree_of(&files());
    let page = page(&tree, &everything(), &[]);
    assert!(!page.has_live && page.clusters.is_empty());
    assert!(page.rows.iter().all(|row| matches!(row, TreeRow::App(AppRow { in_cluster: None, .. }))));
    assert_eq!(live_facts(&tree, &tree.apps()[0], &everything(), &[]), (None, None));
    // A filter that could not find anything is no filter.
    let query = TreeQuery { health: Some("degraded".into()), sync: Some("synced".into()), settled: Some("no".into()), ..TreeQuery::default() };
    let Err(Fault::Invalid { fields }) = tree_page(&asked(&tree, &everything(), &Runs::new()), &query, tree.revision()) else { panic!() };
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["health", "settled", "sync"]);
    assert!(fields["health"].starts_with("No cluster says"), "{fields:?}");
}

#[test]
fn a_row_says_how_its_app_stands() {
    let page = page(&joined(&files(), &objects()), &everything(), &[heard("home")]);
    assert!(page.has_live);
    let cart = state(&page, "/shop/cart/");
    assert_eq!((cart.found, cart.health, cart.sync), (Found::InBoth, Some(HealthWord::Healthy), Some(SyncWord::Synced)));
    let revision = cart.revision.unwrap();
    assert_eq!((revision.deployed.as_deref(), revision.against_git), (Some(COMMIT), AgainstGit::Same));
    assert_eq!((cart.settled, cart.as_of), (Some(Settled::Yes), None));
    let mail = state(&page, "/shop/mail/");
    assert_eq!((mail.health, mail.sync), (Some(HealthWord::Degraded), Some(SyncWord::OutOfSync)));
    assert_eq!(
        mail.reasons(),
        ["It is OutOfSync: what runs is not what Git asks for.", "It is Degraded: a part of it does not work.", "Its last sync failed."]
    );
    assert_eq!(mail.revision.unwrap().deployed.as_deref(), Some("older"), "what was synced last runs");
    assert_eq!(state(&page, "/shop/search/"), LiveState { found: Found::GitOnly, health: None, sync: None, settled: None, revision: None, as_of: None });
    assert_eq!(state(&page, "/shop/extra/").found, Found::ClusterOnly);
}

#[test]
fn a_set_has_no_sync_of_its_own() {
    let of_a_set = |set: Object| state(&page(&joined(&MemoryFiles::default(), &[set]), &everything(), &[]), "/tenants/");
    let set = set("tenants");
    assert_eq!((of_a_set(set.clone()).health, of_a_set(set.clone()).sync, of_a_set(set.clone()).settled), (None, None, None));
    assert_eq!(of_a_set(set.put("status|health", json!({"status": "Progressing"}))).health, Some(HealthWord::Progressing));
}

#[test]
fn who_may_not_see_where_an_app_really_is_learns_nothing_of_it() {
    let objects = [live("shop"), broken("mail").to("in-cluster", "shop-prod"), live("cart").tracked("shop")];
    let tree = joined(&files(), &objects);
    let dev = access(&grant("/shop/", "dev"));
    let seen = page(&tree, &dev, &[heard("home")]);
    assert_eq!(row(&seen, "/shop/mail/").in_cluster, None);
    assert_eq!(facts(&tree, &dev, "/shop/mail/"), None);
    let query = TreeQuery { health: Some("degraded".into()), ..TreeQuery::default() };
    assert!(tried(&tree, &dev, &[heard("home")], &query).unwrap().rows.is_empty(), "a filter does not tell either");
    let text = serde_json::to_string(&seen).unwrap().to_lowercase();
    assert!(!text.contains("degraded") && !text.contains("outofsync") && !text.contains("\"older\""), "{text}");
    // Who sees both places sees it.
    let both = access(&grant("/shop/", "dev, prod"));
    assert_eq!(state(&page(&tree, &both, &[]), "/shop/mail/").health, Some(HealthWord::Degraded));
    let place = told(&tree, &both, "/shop/mail/");
    assert_eq!((place.environment.as_str(), place.destination_namespace.as_str(), place.disagreements.len()), ("prod", "shop-prod", 1));
}

#[test]
fn messages_are_for_those_who_see_everything_below() {
    let tree = joined(&files(), &objects());
    let all = told(&tree, &everything(), "/shop/mail/");
    assert_eq!(all.health_message.as_deref(), Some("the secret pod of /shop/hidden/ crashes"));
    assert_eq!(all.operation.as_ref().unwrap().message.as_deref(), Some("one object of the secret app failed"));
    let messages: Vec<Option<&str>> = all.conditions.iter().map(|condition| condition.message.as_deref()).collect();
    assert_eq!((messages, all.messages_withheld), (vec![Some("secret error"), Some("shared with /elsewhere/secret/")], false));

    // In every environment, but not at the top: what is shared with others may stand anywhere.
    let shop = told(&tree, &access("  - { name: shop, to: [ { group: shop } ], role: viewer, on: [ /shop/ ] }\n"), "/shop/mail/");
    let messages: Vec<Option<&str>> = shop.conditions.iter().map(|condition| condition.message.as_deref()).collect();
    assert_eq!((messages, shop.messages_withheld), (vec![Some("secret error"), None], true));
    assert!(shop.health_message.is_some());

    // In one environment only: something else may stand below.
    let dev = told(&tree, &access(&grant("/shop/", "dev")), "/shop/mail/");
    assert!(dev.messages_withheld);
    let text = serde_json::to_string(&dev).unwrap();
    assert!(!text.contains("secret") && !text.contains("hidden"), "{text}");
    let operation = dev.operation.unwrap();
    assert_eq!((operation.phase.as_str(), operation.message), ("Failed", None));
    assert_eq!(dev.conditions.iter().map(|condition| condition.kind.as_str()).collect::<Vec<_>>(), ["SyncError", "SharedResourceWarning"]);
    // Where there is no message, none is withheld.
    assert!(!told(&tree, &access(&grant("/shop/", "dev")), "/shop/cart/").messages_withheld);
}

#[test]
fn the_page_of_an_app_has_what_runs_and_how_it_came() {
    let tree = joined(&files(), &objects());
    let mail = told(&tree, &everything(), "/shop/mail/");
    assert_eq!((mail.images, mail.urls), (vec!["shop/mail:1.2".to_owned()], vec!["https://mail.shop.example".to_owned(), "javascript:alert(1)".to_owned()]));
    let deployments: Vec<(&str, Option<&str>)> = mail.deployments.iter().map(|entry| (entry.revisions[0].as_str(), entry.by.as_deref())).collect();
    assert_eq!(deployments, [("older", Some("ben")), ("first", None)], "newest first");
    assert_eq!((mail.cluster.as_str(), mail.revisions[0].against_git), ("home", AgainstGit::Other));
    assert_eq!(mail.provenance.as_deref(), Some("In the cluster it stands below `/shop/`: its tracking id says so."));
    // Whose parent one may not see learns that there is one.
    let cart = access(&grant("/shop/cart/", "dev"));
    assert_eq!(
        told(&tree, &cart, "/shop/cart/").provenance.as_deref(),
        Some("In the cluster it stands below an app that you may not see: its tracking id says so.")
    );
    assert_eq!(told(&tree, &everything(), "/shop/").provenance, None);
    let (facts, cluster) = live_facts(&tree, tree.find(&path("/shop/search/")).unwrap(), &everything(), &[heard("home")]);
    assert_eq!((facts.unwrap().told, cluster.unwrap().name.as_str()), (None, "home"));
}

#[test]
fn passwords_in_addresses_are_not_shown() {
    let source = json!({"repoURL": "https://bot:s3cret@git.example.org/x.git", "path": "x"});
    let tree = joined(&MemoryFiles::default(), &[live("cart").put("spec|source", source)]);
    assert_eq!(told(&tree, &everything(), "/cart/").revisions[0].repository, "https://git.example.org/x.git");
}

#[test]
fn an_old_answer_says_how_old_it_is_and_a_missing_one_is_not_a_no() {
    let mut all = objects();
    all.push(live("far").at("east", "argocd"));
    let tree = joined(&files(), &all);
    let clusters = [away("home"), heard("east"), heard("west")];
    let seen = page(&tree, &everything(), &clusters);
    assert_eq!((state(&seen, "/shop/cart/").as_of, state(&seen, "/far/").as_of), (Some(Timestamp(5)), None));
    assert_eq!(seen.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(), ["home", "east"], "west holds no app");
    assert_eq!(state(&seen, "/shop/search/").found, Found::GitOnly);
    let beginning = [ClusterState { complete: false, ..away("home") }, heard("east")];
    assert_eq!(state(&page(&tree, &everything(), &beginning), "/shop/search/").found, Found::NotHeard);
    // Who sees nothing of a cluster does not learn that it is there.
    let far = page(&tree, &access(&grant("/far/", "dev")), &clusters);
    assert_eq!(far.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(), ["east"]);
}

#[test]
fn the_tree_can_be_told_apart_by_its_live_side() {
    let tree = joined(&files(), &objects());
    let found = |query: TreeQuery| -> Vec<String> {
        let page = tried(&tree, &everything(), &[heard("home")], &TreeQuery { view: Some("table".into()), ..query }).unwrap();
        page.rows.iter().filter_map(|row| if let TreeRow::App(row) = row { Some(row.path.to_string()) } else { None }).collect()
    };
    let health = |word: &str| TreeQuery { health: Some(word.into()), ..TreeQuery::default() };
    assert_eq!(found(health("degraded")), ["/shop/mail/"]);
    assert_eq!(found(health("healthy")), ["/shop/", "/shop/cart/", "/shop/extra/"], "what is not there is not healthy");
    assert_eq!(found(TreeQuery { sync: Some("out-of-sync".into()), ..TreeQuery::default() }), ["/shop/mail/"]);
    assert_eq!(found(TreeQuery { settled: Some("no".into()), ..TreeQuery::default() }), ["/shop/mail/"]);
    assert_eq!(found(TreeQuery { settled: Some("yes".into()), q: Some("ca".into()), ..TreeQuery::default() }), ["/shop/cart/"]);
    assert!(found(TreeQuery { settled: Some("yes".into()), ..health("degraded") }).is_empty());
    let wrong = TreeQuery { sync: Some("OutOfSync".into()), settled: Some("maybe".into()), ..health("Degraded") };
    let Err(Fault::Invalid { fields }) = tried(&tree, &everything(), &[], &wrong) else { panic!() };
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["health", "settled", "sync"]);
}
