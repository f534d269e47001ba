//! One tree from Git and from clusters: nothing lost, and nobody sees more of what Git knows.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use windfirm_model::{action::Action, view::app::Target, view::tree::TreeRevision};
use windfirm_policy::Access;
use windfirm_tree::{
    App, ForestOptions, LiveForest, MemoryFiles, Presence, Tree, join,
    live::{AgainstGit, EdgeSource, Live, LiveParent},
};

use crate::{
    live_forest::any_objects,
    live_support::{Object, clusters, forest, forest_of, live, recorded, set},
    support::{access, app, environment_of, everything, folder, grant, options, path, paths, sentences, tree_of},
};

fn joined(files: &MemoryFiles, forest: &LiveForest) -> Tree {
    join(&tree_of(files), forest, files, &options(), &environment_of)
}

fn only_live(objects: &[Object]) -> Tree {
    joined(&MemoryFiles::default(), &forest(objects))
}

fn at<'t>(tree: &'t Tree, text: &str) -> &'t App {
    tree.find(&path(text)).unwrap_or_else(|| panic!("no {text} in {:?}", paths(tree)))
}

fn facts<'t>(tree: &'t Tree, text: &str) -> &'t Live {
    at(tree, text).live(&everything()).unwrap()
}

/// `shop` makes `cart` and `mail` of Git.
fn shop() -> MemoryFiles {
    [("roots/shop.yaml", app("shop", "apps").yaml()), ("apps/cart.yaml", app("cart", "svc/cart").yaml()), ("apps/mail.yaml", app("mail", "svc/mail").yaml())]
        .into_iter()
        .chain([("svc/cart/k6/load.js", "export default function () {}".to_owned()), ("svc/secret/k6/load.js", "export default function () {}".to_owned())])
        .collect()
}

fn fixture() -> MemoryFiles {
    folder(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/argocd-3.5.1"))
}

#[test]
fn without_a_cluster_the_tree_is_the_one_from_git() {
    for files in [shop(), fixture(), MemoryFiles::default()] {
        let git = tree_of(&files);
        let none = LiveForest::build(&[], &[], &ForestOptions::new(clusters()));
        let mut after = join(&git, &none, &files, &options(), &environment_of).apps().to_vec();
        assert!(after.iter().all(|app| app.presence == Presence::GitOnly));
        after.iter_mut().for_each(|app| app.presence = Presence::Unasked);
        assert_eq!(after, git.apps());
    }
}

#[test]
fn the_recorded_cluster_and_its_repository_are_one_tree() {
    let files = fixture();
    let git = tree_of(&files);
    let now = join(&git, &forest_of(&recorded("1-settled")), &files, &options(), &environment_of);
    let of_git: BTreeSet<&str> = paths(&git).into_iter().collect();
    let added: Vec<&str> = paths(&now).into_iter().filter(|path| !of_git.contains(path)).collect();
    assert_eq!((added, now.apps().len()), (vec!["/shop/shipping/"], git.apps().len() + 1));
    for app in now.apps().iter().filter(|app| app.presence == Presence::Both) {
        let before = git.find(&app.path).unwrap();
        assert_eq!((&app.tests, &app.target, &app.environment, app.wave), (&before.tests, &before.target, &before.environment, before.wave));
        assert!(facts(&now, app.path.as_str()).disagreements.is_empty(), "{}: {:?}", app.path, facts(&now, app.path.as_str()).disagreements);
    }
    let shipping = at(&now, "/shop/shipping/");
    assert_eq!((shipping.presence, shipping.wave, shipping.environment.as_str()), (Presence::ClusterOnly, 4, "dev"));
    assert_eq!(now.parent(shipping).unwrap().path.as_str(), "/shop/");
    // It came to Git's own children in the order of waves.
    let children: Vec<&str> = now.children(at(&now, "/shop/")).map(|app| app.name.as_str()).collect();
    assert_eq!(children, ["catalogue", "cart", "payments", "search", "shipping", "storefront", "recommendations"]);
    let cart = facts(&now, "/shop/cart/");
    assert!(
        !cart.settled.as_ref().unwrap().is_settled() && facts(&now, "/shop/mail/".replace("mail", "search").as_str()).settled.as_ref().unwrap().is_settled()
    );
    assert_eq!(cart.provenance, [EdgeSource::TrackingId, EdgeSource::ListedSynced]);
    assert_eq!(facts(&now, "/shop/recommendations/").settled, None);
    assert_eq!(facts(&now, "/shop/").parent, LiveParent::None);

    // After the recording the removed child is gone from the tree as well.
    let mut later = recorded("1-settled");
    later.applications.retain(|app| !matches!(&*app.id.name, "shipping" | "shop"));
    later.applications.extend(recorded("4-child-removed").applications);
    let now = join(&git, &forest_of(&later), &files, &options(), &environment_of);
    assert_eq!(paths(&now), paths(&git));
}

#[test]
fn what_runs_stands_beside_the_commit_of_the_tree() {
    let files = shop();
    let commit = "8a926447c3b3e4e7acb35ea7397ae77223ae4ad5";
    let git = Tree::build(&files, TreeRevision { commit: commit.into(), ..TreeRevision::default() }, &options(), &environment_of);
    let chart = json!([{"repoURL": "https://charts.example", "chart": "redis", "targetRevision": "7.*"}, {"repoURL": "https://git.example.org/shop.git", "path": "svc/mail"}]);
    let objects = [
        live("shop").put("status|sync|status", json!("OutOfSync")).put("status|history", json!([{"id": 0, "revision": "old"}])),
        live("cart").tracked("shop"),
        live("mail").tracked("shop").put("spec|sources", chart).put("status|sync|revisions", json!(["7.0.1", "other"])),
    ];
    let now = join(&git, &forest(&objects), &files, &options(), &environment_of);
    let of = |text: &str| facts(&now, text).revisions.iter().map(|at| (at.deployed.as_deref().unwrap_or("-").to_owned(), at.against_git)).collect::<Vec<_>>();
    assert_eq!(of("/shop/cart/"), [(commit.to_owned(), AgainstGit::Same)]);
    assert_eq!(of("/shop/"), [("old".to_owned(), AgainstGit::Other)], "out of sync: what was synced last still runs");
    assert_eq!(of("/shop/mail/"), [("7.0.1".to_owned(), AgainstGit::Incomparable), ("other".to_owned(), AgainstGit::Other)]);
}

#[test]
fn an_app_keeps_gits_place_when_the_cluster_has_another_parent() {
    let files = shop();
    let objects = [live("shop"), live("evil").lists("argocd", "cart", "Synced"), live("cart").tracked("evil"), live("mail")];
    let now = joined(&files, &forest(&objects));
    assert_eq!(paths(&now), ["/evil/", "/shop/", "/shop/cart/", "/shop/mail/"]);
    let cart = facts(&now, "/shop/cart/");
    assert_eq!(cart.parent, LiveParent::App(0));
    assert_eq!(cart.disagreements, ["In the cluster it stands below another app than in Git. Its place here is the one of Git."]);
    assert_eq!(facts(&now, "/shop/mail/").disagreements, ["In Git another app makes it; in the cluster it bears the mark of none."]);
    let told = "/shop/cart/ stands below /shop/ in Git and below /evil/ in the cluster. Its place here is the one of Git.";
    let problem = now.problems().iter().find(|problem| problem.sentence == told).unwrap_or_else(|| panic!("{:?}", sentences(&now)));
    assert_eq!(problem.about.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2]), "told to who sees all three");
    let evil = access(&grant("/evil/", "dev"));
    assert!(evil.allows(Action::ViewApp, &at(&now, "/evil/").place()) && !evil.allows(Action::ViewApp, &at(&now, "/shop/cart/").place()));
}

/// What hangs below an app that Git holds in another place hangs below it there.
#[test]
fn what_only_the_cluster_has_hangs_below_gits_place() {
    let now = joined(&shop(), &forest(&[live("shop"), live("evil"), live("cart").tracked("evil"), live("leaf").tracked("cart"), live("twig").tracked("leaf")]));
    assert_eq!(paths(&now), ["/evil/", "/shop/", "/shop/cart/", "/shop/cart/leaf/", "/shop/cart/leaf/twig/", "/shop/mail/"]);
    assert_eq!(at(&now, "/shop/cart/leaf/twig/").level, 4);
    assert_eq!((at(&now, "/shop/").end, at(&now, "/shop/mail/").presence), (6, Presence::GitOnly));
}

#[test]
fn a_list_pulls_no_app_below_another() {
    let now = only_live(&[
        live("mine").lists("argocd", "victim", "Synced").lists("argocd", "hidden", "OutOfSync"),
        live("victim"),
        live("hidden").tracked("shop"),
        live("shop"),
    ]);
    assert_eq!(paths(&now), ["/mine/", "/shop/", "/shop/hidden/", "/victim/"]);
    let told: Vec<&str> = sentences(&now).into_iter().filter(|sentence| sentence.contains("lists")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn an_orphan_takes_no_name_that_a_grant_was_written_for() {
    let now = only_live(&[live("cart").tracked("gone"), live("leaf").tracked("cart")]);
    assert_eq!(paths(&now), ["/cart~argocd/", "/cart~argocd/leaf/"]);
    assert!(!access(&grant("/cart/", "dev")).allows(Action::ViewApp, &now.apps()[0].place()));
    assert_eq!(facts(&now, "/cart~argocd/").parent, LiveParent::Missing);
    let problem = &now.problems()[0];
    assert!(problem.sentence.contains("bears the mark of the Application gone") && problem.below.is_some(), "{problem:?}");
}

#[test]
fn names_of_git_are_taken() {
    let now = joined(&shop(), &forest(&[live("shop").at("home", "aaa").wave(-5), live("cart").at("home", "aaa").tracked("shop"), live("shop")]));
    assert_eq!(paths(&now), ["/shop~aaa/", "/shop/", "/shop/cart~aaa/", "/shop/cart/", "/shop/mail/"]);
}

#[test]
fn live_facts_of_another_environment_are_for_those_who_see_both() {
    let now = joined(&shop(), &forest(&[live("shop"), live("cart").tracked("shop").to("in-cluster", "shop-prod"), live("mail").tracked("shop")]));
    let cart = at(&now, "/shop/cart/");
    assert_eq!((cart.environment.as_str(), cart.live_place().unwrap().environment.as_str()), ("dev", "prod"));
    let dev = access(&grant("/shop/", "dev"));
    assert!(dev.allows(Action::ViewApp, &cart.place()) && cart.live(&dev).is_none());
    let both = access(&grant("/shop/", "dev, prod"));
    let disagreements = &cart.live(&both).unwrap().disagreements;
    assert_eq!(disagreements, &["Git says that it is deployed to dev in in-cluster; in the cluster it is deployed to shop-prod in in-cluster."]);
    assert!(at(&now, "/shop/mail/").live(&dev).is_some() && at(&now, "/shop/mail/").live_place().is_none());
    assert!(sentences(&now).iter().all(|sentence| !sentence.contains("prod")), "{:?}", sentences(&now));
    // Another policy may know one environment only.
    let now = now.with_environments(&|_| ("all".into(), String::new()));
    assert!(at(&now, "/shop/cart/").live_place().is_none());
}

#[test]
fn spellings_of_one_cluster_are_one_place() {
    let files: MemoryFiles = [("hub.yaml", app("hub", "apps").yaml().replace("name: in-cluster", "server: https://east.example:6443"))]
        .into_iter()
        .chain([("apps/cart.yaml", app("cart", "svc").yaml())])
        .collect();
    let objects = [live("hub").to("east", "dev"), live("cart").at("east", "argocd").tracked("hub")];
    let now = joined(&files, &forest(&objects));
    assert_eq!(paths(&now), ["/hub/", "/hub/cart/"]);
    assert!(now.apps().iter().all(|app| app.presence == Presence::Both), "{:?}", now.apps());
    assert_eq!(facts(&now, "/hub/").cluster, "https://east.example:6443");
    assert_eq!(facts(&now, "/hub/cart/").disagreements.len(), 1, "sources: {:?}", facts(&now, "/hub/cart/").disagreements);
}

#[test]
fn what_a_template_makes_is_known_from_the_cluster() {
    let files: MemoryFiles = [
        ("root.yaml", app("shop", "chart").yaml()),
        ("chart/Chart.yaml", "name: shop\n".into()),
        ("chart/templates/each.yaml", format!("{{{{- range .Values.apps }}}}\n{}{{{{- end }}}}\n", app("x-{{ .name }}", "svc").yaml())),
        ("svc/cart/k6/load.js", "export default function () {}".into()),
        ("other.yaml", app("other", "elsewhere").yaml().replace("shop.git", "other.git")),
    ]
    .into_iter()
    .collect();
    let target = "metadata|annotations|windfirm.dev/target";
    let objects = [
        live("shop").lists("argocd", "cart", "Synced"),
        live("cart").tracked("shop").put(target, json!("http://cart.dev.svc:8080")),
        live("new").tracked("shop").put("status|sync", json!(null)).put("spec|source|path", json!("svc/cart")),
        live("other").lists("argocd", "soon", "OutOfSync").to("in-cluster", "dev"),
        live("far").to("west", "argocd").lists("argocd", "a", "Synced").lists("argocd", "b", "Synced"),
    ];
    assert!(!tree_of(&files).find(&path("/shop/")).unwrap().unresolved.is_empty());
    let now = joined(&files, &forest(&objects));
    assert_eq!(paths(&now), ["/far/", "/other/", "/shop/", "/shop/cart/", "/shop/new/"]);
    assert!(at(&now, "/shop/").unresolved.is_empty() && !at(&now, "/other/").is_elsewhere());
    assert_eq!(at(&now, "/other/").unresolved, ["It lists one app that the cluster home does not hold: not made yet, or just deleted."]);
    assert_eq!(at(&now, "/far/").unresolved, ["It makes 2 apps in the cluster west, which the portal does not read."]);
    let cart = at(&now, "/shop/cart/");
    assert_eq!(cart.tests.iter().map(|test| test.path.as_str()).collect::<Vec<_>>(), ["svc/cart/k6/load.js"]);
    assert!(matches!(&cart.target, Target::Known { url, .. } if url == "http://cart.dev.svc:8080"));
    // Argo CD has not taken its source yet, so nothing of that folder is shown.
    let new = at(&now, "/shop/new/");
    assert!(new.tests.is_empty() && new.searched.is_empty() && new.sources[0].folder.is_none());
    assert!(new.problems[0].starts_with("Argo CD has not compared"), "{:?}", new.problems);
}

#[test]
fn loops_and_what_manages_itself() {
    let now = only_live(&[live("root").tracked("argocd").lists("argocd", "argocd", "Synced"), live("argocd").tracked("root"), live("self").tracked("self")]);
    assert_eq!(paths(&now), ["/argocd/", "/argocd/root/", "/self/"]);
    assert_eq!(at(&now, "/argocd/root/").cycles, [0]);
    assert!(at(&now, "/self/").manages_itself && at(&now, "/self/").cycles.is_empty());
    assert_eq!(sentences(&now), ["/argocd/root/ makes /argocd/ again, which stands above it. The loop is shown once and not followed."]);
}

#[test]
fn sets_and_their_apps_have_places_too() {
    let maker = set("tenants").tracked("shop").put("status|resourcesCount", json!(7_000));
    let now = only_live(&[live("shop"), maker.clone(), live("blue").owned_by("tenants", &maker.uid()).to("in-cluster", "blue-prod")]);
    assert_eq!(paths(&now), ["/shop/", "/shop/tenants/", "/shop/tenants/blue/"]);
    assert_eq!(at(&now, "/shop/tenants/").unresolved, ["Argo CD lists only 0 of the 7000 apps that it makes; those that bear its mark are shown."]);
    assert_eq!(at(&now, "/shop/tenants/blue/").environment.as_str(), "prod");
}

/// What has no place takes what hangs below it along: it must not come up at the top, where other grants hold.
#[test]
fn what_is_left_out_does_not_come_up_elsewhere() {
    let long: Vec<String> = (0..6).map(|n| format!("{n}{}", "a".repeat(240))).collect();
    let mut objects = vec![live(&long[0])];
    objects.extend(long.windows(2).map(|pair| live(&pair[1]).tracked(&pair[0])));
    let now = only_live(&objects);
    assert_eq!(now.apps().len(), 4);
    assert!(sentences(&now)[0].starts_with("No path can be made"), "{:?}", sentences(&now));

    let mut objects = vec![live("l0")];
    objects.extend((1..60).map(|n| live(&format!("l{n}")).tracked(&format!("l{}", n - 1))));
    assert_eq!(only_live(&objects).apps().len(), 40);
}

#[test]
fn names_that_kubernetes_would_refuse_make_no_path() {
    let now = only_live(&[live(".."), live("a/b"), live("ok")]);
    assert_eq!(paths(&now), ["/ok/"]);
}

#[test]
fn shared_resources_are_told_in_argo_cds_words() {
    let warning = json!([{"type": "SharedResourceWarning", "message": "Application/cart is part of applications argocd/a and b"}]);
    let now = only_live(&[live("a").put("status|conditions", warning)]);
    assert_eq!(sentences(&now), ["/a/: Argo CD says: Application/cart is part of applications argocd/a and b"]);
    assert_eq!(now.problems()[0].below, Some(path("/")));
}

/// Apps of Git with the same names as the live ones, below a root or not.
fn any_files() -> impl Strategy<Value = MemoryFiles> {
    proptest::collection::vec((0..5_usize, 0..4_usize, 0..3_usize), 0..8).prop_map(|apps| {
        const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        let mut files = MemoryFiles::default();
        for (name, folder, to) in apps {
            let source = format!("f{name}");
            let manifest = crate::support::App { to: ["dev", "shop-prod", "shop-staging"][to], ..app(NAMES[name], &source) };
            files.insert(format!("f{folder}/{}.yaml", NAMES[name]), manifest.yaml());
        }
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clusters_say_git_keeps_its_places(files in any_files(), objects in any_objects()) {
        let (git, forest) = (tree_of(&files), forest(&objects));
        let now = join(&git, &forest, &files, &options(), &environment_of);
        for before in git.apps() {
            let after = now.find(&before.path);
            prop_assert!(after.is_some(), "{} is lost", before.path);
            let after = after.unwrap();
            let of = |app: &App| (app.name.clone(), app.namespace.clone(), app.kind, app.place(), app.level, app.tests.clone(), app.target.clone(), app.cluster.clone(), app.destination_namespace.clone());
            prop_assert_eq!(of(after), of(before));
            prop_assert_eq!(now.parent(after).map(|app| &app.path), git.parent(before).map(|app| &app.path));
        }
        // No grant opens an app of Git that it did not open before, live facts included.
        for on in ["/a/", "/b/", "/c/", "/a/b/"] {
            let access: Access = access(&grant(on, "dev"));
            for before in git.apps() {
                let after = now.find(&before.path).unwrap();
                prop_assert_eq!(access.allows(Action::ViewApp, &after.place()), access.allows(Action::ViewApp, &before.place()));
                prop_assert!(after.live(&access).is_none() || access.allows(Action::ViewApp, &before.place()));
            }
        }
    }

    #[test]
    fn each_app_of_either_is_there_once(files in any_files(), objects in any_objects(), turn in 0..25_usize) {
        let (git, forest_now) = (tree_of(&files), forest(&objects));
        let now = join(&git, &forest_now, &files, &options(), &environment_of);
        let both = now.apps().iter().filter(|app| app.presence == Presence::Both).count();
        let only = now.apps().iter().filter(|app| app.presence == Presence::ClusterOnly).count();
        prop_assert_eq!(both + only, forest_now.nodes().len());
        prop_assert_eq!(now.apps().len(), git.apps().len() + only);
        let distinct: BTreeSet<_> = now.apps().iter().map(|app| &app.path).collect();
        prop_assert_eq!(distinct.len(), now.apps().len());
        for (index, app) in now.apps().iter().enumerate() {
            prop_assert_eq!(now.index_of(&app.path), Some(index));
            prop_assert!(app.parent.is_none_or(|parent| parent < index && now.apps()[parent].children.contains(&index) && app.end <= now.apps()[parent].end));
            let above = app.parent.map_or_else(|| path("/"), |parent| now.apps()[parent].path.clone());
            prop_assert_eq!(app.path.parent(), Some(above));
        }
        let mut turned = objects.clone();
        turned.rotate_left(turn.min(objects.len()));
        let again = join(&git, &forest(&turned), &files, &options(), &environment_of);
        prop_assert_eq!(again.apps(), now.apps());
        prop_assert_eq!(again.problems(), now.problems());
    }
}
