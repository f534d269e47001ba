//! Which live app makes which, and every way in which the marks of it lie.

use proptest::prelude::*;
use serde_json::json;
use windfirm_tree::{
    AppKey, ForestOptions, Kind, LiveForest,
    live::{EdgeSource, Parent},
};

use crate::live_support::{Object, State, clusters, forest, forest_of, live, name, recorded, set, sketch, state};

fn provenance(forest: &LiveForest, parent: &str, child: &str) -> Vec<EdgeSource> {
    let at = |wanted: &str| forest.nodes().iter().position(|node| name(&node.key) == wanted).unwrap();
    forest.provenance(at(parent), at(child)).to_vec()
}

#[test]
fn the_recorded_cluster_is_the_tree_that_argo_cd_made() {
    let forest = forest_of(&recorded("1-settled"));
    assert_eq!(
        sketch(&forest),
        [
            "cart < shop",
            "catalogue < shop",
            "gateway < payments",
            "ledger < payments",
            "payments < shop",
            "recommendations-dev < set recommendations",
            "recommendations-prod < set recommendations",
            "search < shop",
            "shipping < shop",
            "shop, itself",
            "storefront < shop",
            "set recommendations < shop",
        ]
    );
    assert_eq!(provenance(&forest, "shop", "cart"), [EdgeSource::TrackingId, EdgeSource::ListedSynced]);
    assert_eq!(provenance(&forest, "set recommendations", "recommendations-dev"), [EdgeSource::OwnerReference, EdgeSource::Listed]);
    assert!(provenance(&forest, "shop", "gateway").is_empty());
    // The children of shop by wave, then name.
    let shop = forest.nodes().iter().find(|node| &*node.key.name == "shop").unwrap();
    let children: Vec<String> = shop.children.iter().map(|child| forest.nodes()[*child].key.name.clone()).collect();
    assert_eq!(children, ["catalogue", "cart", "payments", "search", "shipping", "storefront", "recommendations"]);
}

#[test]
fn a_tracking_id_may_name_the_namespace_of_the_parent() {
    let forest = forest(&[
        live("shop").at("home", "team-a").to("in-cluster", "team-a"),
        live("shop"),
        live("cart").at("home", "team-a").tracked("team-a_shop"),
        live("mail").tracked("shop"),
    ]);
    assert_eq!(sketch(&forest), ["mail < shop", "shop", "team-a/cart < team-a/shop", "team-a/shop"]);
}

#[test]
fn a_copied_or_renamed_object_bears_no_mark() {
    let copied = live("cart-copy").put("metadata|annotations|argocd.argoproj.io/tracking-id", json!("shop:argoproj.io/Application:argocd/cart"));
    let moved = live("cart").at("home", "team-a").put("metadata|annotations|argocd.argoproj.io/tracking-id", json!("shop:argoproj.io/Application:argocd/cart"));
    let forest = forest(&[live("shop").lists("argocd", "cart", "OutOfSync"), copied, moved]);
    assert_eq!(sketch(&forest), ["cart-copy", "shop", "team-a/cart"]);
}

#[test]
fn a_foreign_installation_is_not_ours() {
    let id = "metadata|annotations|argocd.argoproj.io/installation-id";
    let objects =
        [live("shop"), live("ours").tracked("shop").put(id, json!("one")), live("theirs").tracked("shop").put(id, json!("two")), live("none").tracked("shop")];
    let State { applications, sets, .. } = state(&objects);
    let options = ForestOptions { installation_id: Some("one".into()), ..ForestOptions::new(clusters()) };
    assert_eq!(sketch(&LiveForest::build(&applications, &sets, &options)), ["none", "ours < shop", "shop", "theirs"]);
}

#[test]
fn two_argo_cds_on_one_cluster_are_told_apart() {
    let second = |object: Object| object.at("home", "argocd-b").put("status|controllerNamespace", json!("argocd-b"));
    let forest = forest(&[live("shop"), second(live("shop")), live("cart").tracked("shop"), second(live("mail")).tracked("shop")]);
    assert_eq!(sketch(&forest), ["cart < shop", "shop", "argocd-b/mail < argocd-b/shop", "argocd-b/shop"]);
}

#[test]
fn a_label_places_only_together_with_a_list() {
    let chart = live("cart").label("shop");
    let forest_of_label = forest(&[live("shop"), chart.clone()]);
    assert_eq!(sketch(&forest_of_label), ["cart", "shop"], "charts write the same label");
    assert_eq!(provenance(&forest_of_label, "shop", "cart"), [EdgeSource::Label]);

    let forest_of_both = forest(&[live("shop").lists("argocd", "cart", "OutOfSync"), chart.clone()]);
    assert_eq!(sketch(&forest_of_both), ["cart < shop", "shop"]);
    assert_eq!(provenance(&forest_of_both, "shop", "cart"), [EdgeSource::Listed, EdgeSource::Label]);

    // The tracking id is written by Argo CD only, so it counts more than a label and a list together.
    let forest_of_three = forest(&[live("shop").lists("argocd", "cart", "Synced"), live("team"), chart.tracked("team")]);
    assert_eq!(sketch(&forest_of_three), ["cart < team", "shop", "team"]);
}

#[test]
fn a_label_that_was_cut_names_whoever_lists_the_app() {
    let long = format!("shop-{}", "x".repeat(80));
    let cut = &long[..63];
    let alone = forest(&[live(&long), live("cart").label(cut)]);
    assert!(alone.nodes().iter().all(|node| node.parent == Parent::Root));
    let both = forest(&[live(&long).lists("argocd", "cart", "Synced"), live("cart").label(cut)]);
    assert_eq!(sketch(&both)[0], format!("cart < {long}"));
    assert_eq!(provenance(&both, &long, "cart"), [EdgeSource::ListedSynced, EdgeSource::LabelCut]);
    // Outside the namespace of Argo CD the label begins with the namespace, and is cut sooner.
    let instance = format!("team-a_{long}");
    let other = forest(&[live(&long).at("home", "team-a").lists("argocd", "cart", "Synced"), live("cart").label(&instance[..63])]);
    assert_eq!(sketch(&other)[0], format!("cart < team-a/{long}"));
}

#[test]
fn the_key_of_the_label_may_be_another() {
    let key = "argocd.argoproj.io/instance";
    let objects = [
        live("shop").lists("argocd", "cart", "Synced"),
        live("cart").put(&format!("metadata|labels|{key}"), json!("shop")),
        live("redis").lists("argocd", "cart", "Synced"),
        live("other").label("redis"),
    ];
    let State { applications, sets, .. } = state(&objects);
    let options = ForestOptions { instance_label_key: key.into(), ..ForestOptions::new(clusters()) };
    assert_eq!(sketch(&LiveForest::build(&applications, &sets, &options)), ["cart < shop", "other", "redis", "shop"]);
}

/// Whoever may write into some repository decides what its app lists: that alone must not pull an app below it.
#[test]
fn a_list_alone_places_nobody() {
    for status in ["Synced", "OutOfSync", "Unknown"] {
        let forest = forest(&[live("mine").lists("argocd", "victim", status), live("victim"), live("self").tracked("self").lists("argocd", "self", "Synced")]);
        assert_eq!(sketch(&forest), ["mine", "self, itself", "victim"], "{status}");
        assert_eq!(forest.edges().len(), 1);
    }
    let claimed = forest(&[live("mine").lists("argocd", "root", "Synced"), live("root").tracked("root")]);
    assert_eq!(sketch(&claimed), ["mine", "root, itself"]);
}

#[test]
fn two_parents_are_one_parent_and_one_claim() {
    let forest = forest(&[live("a").lists("argocd", "cart", "Synced"), live("b").lists("argocd", "cart", "OutOfSync"), live("cart").tracked("b")]);
    assert_eq!(sketch(&forest), ["a", "b", "cart < b"]);
    assert_eq!(provenance(&forest, "a", "cart"), [EdgeSource::ListedSynced]);
    // With labels alone nothing tells, unless one of the two is named.
    let instance = "shop-".repeat(20);
    let (one, two) = (format!("{instance}one"), format!("{instance}two"));
    let same = self::forest(&[live(&one).lists("argocd", "cart", "Synced"), live(&two).lists("argocd", "cart", "Synced"), live("cart").label(&one[..62])]);
    assert_eq!(sketch(&same)[0], "cart", "a label that is cut elsewhere names nobody");
    let same = self::forest(&[live(&one).lists("argocd", "cart", "Synced"), live(&two).lists("argocd", "cart", "Synced"), live("cart").label(&one[..63])]);
    assert_eq!(sketch(&same)[0], format!("cart < one of {one}, {two}"));
}

#[test]
fn a_set_owns_by_uid() {
    let maker = set("tenants").tracked("shop");
    let made = |name: &str| live(name).owned_by("tenants", &maker.uid());
    let forest_now =
        forest(&[live("shop"), maker.clone(), made("blue"), live("old").owned_by("tenants", "uid-of-its-former-life"), live("leaf").tracked("blue")]);
    assert_eq!(
        sketch(&forest_now),
        ["blue < set tenants", "leaf < blue", "old < missing the ApplicationSet tenants in argocd", "shop", "set tenants < shop"],
        "an app of a set of apps has apps itself"
    );
    // A set that was deleted without what it made leaves roots behind: Argo CD takes the reference away.
    assert_eq!(sketch(&forest(&[live("shop"), live("blue")])), ["blue", "shop"]);
}

#[test]
fn an_app_and_a_set_may_share_their_name() {
    let maker = set("infra").tracked("infra");
    let forest = forest(&[live("infra").lists_set("infra"), maker.clone(), live("dns").owned_by("infra", &maker.uid()), live("net").tracked("infra")]);
    assert_eq!(sketch(&forest), ["dns < set infra", "infra", "net < infra", "set infra < infra"]);
}

#[test]
fn one_name_in_many_namespaces_and_clusters() {
    let team = |cluster: &str, namespace: &str| live("app-of-apps").at(cluster, namespace).to("in-cluster", namespace);
    let forest = forest(&[
        team("home", "argocd"),
        team("home", "team-a"),
        team("east", "argocd"),
        live("cart").tracked("app-of-apps"),
        live("cart").at("home", "team-a").tracked("team-a_app-of-apps"),
        live("cart").at("east", "argocd").tracked("app-of-apps"),
    ]);
    assert_eq!(
        sketch(&forest),
        ["app-of-apps@east", "cart@east < app-of-apps@east", "app-of-apps", "cart < app-of-apps", "team-a/app-of-apps", "team-a/cart < team-a/app-of-apps"]
    );
}

#[test]
fn a_child_may_live_in_another_cluster() {
    for spelling in ["east", "https://east.example:6443", "https://east.example:6443/"] {
        let hub = live("hub").put("spec|destination", json!({"server": spelling, "namespace": "argocd"})).lists("argocd", "cart", "Synced");
        let cart = live("cart").at("east", "argocd").tracked("hub");
        // An app of the parent's name beside the child does not list it.
        let forest = forest(&[hub, cart, live("hub").at("east", "argocd"), live("cart")]);
        assert_eq!(sketch(&forest), ["cart@east < hub", "hub@east", "cart", "hub"], "{spelling}");
    }
    // Which of two parents is meant, is told by the one beside it if neither lists it.
    let forest = forest(&[live("hub").to("east", "argocd"), live("hub").at("east", "argocd"), live("cart").at("east", "argocd").tracked("hub")]);
    assert_eq!(sketch(&forest)[0], "cart@east < hub@east");
}

#[test]
fn a_child_in_a_cluster_that_is_not_read_is_known_by_its_key() {
    let forest = forest(&[live("hub").to("west", "argocd").lists("argocd", "cart", "Synced"), live("cart")]);
    assert_eq!(sketch(&forest), ["cart", "hub"], "the app of that name beside the parent is another one");
    let west = AppKey { cluster: "west".into(), namespace: "argocd".into(), kind: Kind::Application, name: "cart".into() };
    let hub = forest.nodes().iter().find(|node| node.key.name == "hub").unwrap();
    assert_eq!(hub.unseen, [west]);
}

#[test]
fn a_child_may_be_of_another_project() {
    let forest = forest(&[live("shop"), live("cart").tracked("shop").put("spec|project", json!("payments"))]);
    assert_eq!(sketch(&forest), ["cart < shop", "shop"]);
}

#[test]
fn loops_are_opened_at_their_first_app() {
    // root → argocd → root, as somebody's repository has it.
    let pair = [live("root").tracked("argocd"), live("argocd").tracked("root"), live("leaf").tracked("root")];
    assert_eq!(sketch(&forest(&pair)), ["argocd < loop root", "leaf < root", "root < argocd"]);
    let [root, argocd, leaf] = pair;
    assert_eq!(sketch(&forest(&[root.wave(-1), argocd, leaf])), ["argocd < root", "leaf < root", "root < loop argocd"], "by wave first");
}

#[test]
fn an_orphan_names_the_parent_that_is_gone() {
    let forest = forest(&[live("cart").tracked("shop"), live("mail").tracked("team-a_shop")]);
    assert_eq!(sketch(&forest), ["cart < missing the Application shop in the namespace of Argo CD", "mail < missing the Application shop in team-a"]);
}

#[test]
fn of_two_states_of_one_object_the_newer_counts() {
    let state_of = |version: &str, parent: &str| live("cart").tracked(parent).put("metadata|resourceVersion", json!(version));
    let (old, new) = (state_of("99", "a"), state_of("100", "b"));
    for objects in [[live("a"), live("b"), old.clone(), new.clone()], [new, old, live("b"), live("a")]] {
        assert_eq!(sketch(&forest(&objects)), ["a", "b", "cart < b"]);
    }
}

/// Every recorded event, one after the other: at each moment each app stands once.
#[test]
fn the_recorded_removal_leaves_a_whole_tree() {
    let mut now = recorded("1-settled");
    let mut seen = Vec::new();
    for (kind, app) in crate::live_support::events() {
        now.applications.retain(|other| other.id.name != app.id.name);
        if kind != "DELETED" {
            now.applications.push(std::sync::Arc::new(app));
        }
        let forest = forest_of(&now);
        assert_eq!(forest.nodes().len(), now.applications.len() + now.sets.len());
        assert_eq!(forest.nodes().iter().filter(|node| node.parent == Parent::Root).count(), 1);
        let shop = forest.nodes().iter().find(|node| node.key.name == "shop").unwrap();
        seen.push((forest.nodes().len(), shop.unseen.len()));
    }
    seen.dedup();
    assert_eq!(seen, [(12, 0), (11, 1), (11, 0)], "shop lists what is gone until Argo CD looks at it again");
}

/// Apps with any marks: names of five, three namespaces, two clusters and one that is not read.
pub(crate) fn any_objects() -> impl Strategy<Value = Vec<Object>> {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    const SPACES: [&str; 3] = ["argocd", "team-a", "dev"];
    let one = (0..NAMES.len(), 0..SPACES.len(), 0..2_usize, 0..3_usize, proptest::option::of((0..6_usize, 0..3_usize)), proptest::option::of(0..NAMES.len()));
    let lists = proptest::collection::vec((0..SPACES.len(), 0..NAMES.len(), any::<bool>()), 0..4);
    let more = (-1..2_i32, any::<bool>(), proptest::option::of(0..NAMES.len()));
    let object = (one, lists, more).prop_map(|((name, space, cluster, to, tracked, label), lists, (wave, is_set, owner))| {
        let cluster = ["home", "east"][cluster];
        let mut object = if is_set { set(NAMES[name]) } else { live(NAMES[name]) }.at(cluster, SPACES[space]).wave(wave);
        if !is_set {
            object = object.to(["in-cluster", "east", "west"][to], SPACES[space]);
        }
        for (space, name, synced) in lists {
            object = object.lists(SPACES[space], NAMES[name], if synced { "Synced" } else { "OutOfSync" });
        }
        if let Some((parent, space)) = tracked {
            let parent = NAMES.get(parent).unwrap_or(&"gone");
            object = object.tracked(&if space == 0 { (*parent).to_owned() } else { format!("{}_{parent}", SPACES[space]) });
        }
        if let Some(label) = label {
            object = object.label(NAMES[label]);
        }
        if let Some(owner) = owner {
            let uid = set(NAMES[owner]).at(cluster, SPACES[space]).uid();
            object = object.owned_by(NAMES[owner], &uid);
        }
        object
    });
    // No two states of one object have one version.
    proptest::collection::vec(object, 0..25)
        .prop_map(|objects| objects.into_iter().enumerate().map(|(n, object)| object.put("metadata|resourceVersion", json!(n.to_string()))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_app_is_lost_or_doubled_in_any_order(objects in any_objects(), turn in 0..25_usize) {
        let whole = forest(&objects);
        let mut turned = objects.clone();
        turned.rotate_left(turn.min(objects.len()));
        turned.reverse();
        let again = forest(&turned);
        prop_assert_eq!(sketch(&whole), sketch(&again));
        prop_assert_eq!(whole.edges(), again.edges());
        let State { applications, sets, .. } = state(&objects);
        let keys: std::collections::BTreeSet<String> = applications.iter().map(|app| format!("A {} {} {}", app.id.cluster, app.id.namespace, app.id.name))
            .chain(sets.iter().map(|set| format!("S {} {} {}", set.id.cluster, set.id.namespace, set.id.name))).collect();
        prop_assert_eq!(whole.nodes().len(), keys.len());
        // Each hangs below one other at most, and every way up ends.
        let hanging: usize = whole.nodes().iter().map(|node| node.children.len()).sum();
        let below = whole.nodes().iter().filter(|node| matches!(node.parent, Parent::Below(_))).count();
        prop_assert_eq!(hanging, below);
        for start in 0..whole.nodes().len() {
            let up = std::iter::successors(Some(start), |at| if let Parent::Below(parent) = whole.nodes()[*at].parent { Some(parent) } else { None });
            prop_assert!(up.take(whole.nodes().len() + 1).count() <= whole.nodes().len());
        }
        // Every placement has a mark on the object itself, or a label and a list.
        for (child, node) in whole.nodes().iter().enumerate() {
            if let Parent::Below(parent) | Parent::Loop(parent) = node.parent {
                let from = whole.provenance(parent, child);
                let own = from.contains(&EdgeSource::OwnerReference) || from.contains(&EdgeSource::TrackingId);
                let both = from.iter().any(|source| *source <= EdgeSource::Listed) && from.iter().any(|source| *source >= EdgeSource::Label);
                prop_assert!(own || both, "{:?}", from);
            }
        }
    }
}
