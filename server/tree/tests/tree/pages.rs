//! What a person sees of the tree.

use std::collections::BTreeMap;

use uuid::Uuid;
use windfirm_model::{
    fault::Fault,
    id::RunId,
    run::RunStateKind,
    view::tree::{TreeQuery, TreeRow},
};
use windfirm_policy::Access;
use windfirm_tree::{AppRuns, LastRun, MemoryFiles, Tree, subtree_rows, tree_page, visible_and_hidden};

use crate::support::{App, Runs, access, app, asked, everything, grant, page, path, sketch, tree_of};

/// ```text
/// shop (dev)  ├ cart (dev)  ├ pay (prod)  │ └ ledger (dev)  └ web (prod)
/// tools (prod) └ scan (prod)
/// ```
fn shop() -> Tree {
    let prod = |name, source| App { to: "shop-prod", ..app(name, source) }.yaml();
    let files: MemoryFiles = [
        ("shop.yaml", app("shop", "apps").yaml()),
        ("tools.yaml", prod("tools", "toolbox")),
        ("apps/cart.yaml", app("cart", "svc/cart").yaml()),
        ("apps/pay.yaml", prod("pay", "pay")),
        ("apps/web.yaml", prod("web", "x")),
        ("pay/ledger.yaml", app("ledger", "x").yaml()),
        ("toolbox/scan.yaml", prod("scan", "x")),
        ("svc/cart/k6/a.js", "export default 1".into()),
        ("svc/cart/k6/b.js", "export default 1".into()),
    ]
    .into_iter()
    .collect();
    tree_of(&files)
}

fn developer() -> Access {
    access(&grant("/shop/", "dev"))
}

fn open(value: &str) -> TreeQuery {
    TreeQuery { open: Some(value.into()), ..TreeQuery::default() }
}

fn ran(state: RunStateKind, live: u32) -> AppRuns {
    AppRuns { last: Some(LastRun { run: RunId(Uuid::nil()), state, spread_us: Some(1_000) }), live, spread_history_us: vec![900, 1_000] }
}

#[test]
fn the_first_rows_come_at_once_and_the_others_are_counted() {
    let tree = shop();
    let rows = |query: &TreeQuery, rows: &str| page(&tree, &everything(), &Runs::new(), &TreeQuery { rows: Some(rows.into()), ..query.clone() });
    let table = TreeQuery { view: Some("table".into()), ..TreeQuery::default() };
    for query in [TreeQuery::default(), open("all"), open("none"), table] {
        let all = rows(&query, "1000");
        assert_eq!(all.rows_left, 0);
        for most in 1..=all.rows.len() {
            let page = rows(&query, &most.to_string());
            assert_eq!(page.rows, all.rows[..most], "{query:?}");
            assert_eq!(usize::try_from(page.rows_left).unwrap(), all.rows.len() - most);
        }
    }
    // In the flat view the hidden ones stand in the foot: they are no row that could be left.
    let table = TreeQuery { view: Some("table".into()), rows: Some("2".into()), ..TreeQuery::default() };
    let seen = page(&tree, &developer(), &Runs::new(), &table);
    assert_eq!((seen.rows.len(), seen.rows_left), (2, seen.visible_apps - 2));
    let Err(Fault::Invalid { fields, .. }) =
        tree_page(&asked(&tree, &everything(), &Runs::new()), &TreeQuery { rows: Some("many".into()), ..TreeQuery::default() }, tree.revision())
    else {
        panic!()
    };
    assert!(fields.contains_key("rows"), "{fields:?}");
}

#[test]
fn without_a_word_in_the_url_two_levels_are_shown() {
    let page = page(&shop(), &everything(), &Runs::new(), &TreeQuery::default());
    assert_eq!(sketch(&page), ["▾ /shop/ 1 1/2", "· /shop/cart/ 2 1/3", "▸ /shop/pay/ 2 2/3", "· /shop/web/ 2 3/3", "▾ /tools/ 1 2/2", "· /tools/scan/ 2 1/1"]);
    assert_eq!((page.visible_apps, page.hidden_apps), (7, 0));
    let environments: Vec<&str> = page.environments.iter().map(|environment| environment.as_str()).collect();
    assert_eq!(environments, ["dev", "prod"]);
    let TreeRow::App(cart) = &page.rows[1] else { panic!() };
    assert_eq!((cart.tests, cart.launch.why.as_str()), (2, "Nothing may be launched in dev."));
}

#[test]
fn what_is_hidden_is_counted_and_its_children_stand_under_the_nearest_visible_app() {
    let page = page(&shop(), &developer(), &Runs::new(), &open("all"));
    // “pay” is hidden, its child “ledger” is not; “web” and “pay” are two hidden apps of the shop; “tools” and “scan” two of the top.
    assert_eq!(sketch(&page), ["▾ /shop/ 1 1/2", "· /shop/cart/ 2 1/3", "· /shop/pay/ledger/ 2 2/3", "…2 2 3/3", "…2 1 2/2"]);
    assert_eq!((page.visible_apps, page.hidden_apps), (3, 4));
    let text = serde_json::to_string(&page).unwrap();
    for name in ["web", "tools", "scan", "prod"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

#[test]
fn a_stranger_sees_a_number_and_nothing_else() {
    let tree = shop();
    let stranger = access(&grant("/elsewhere/", "dev"));
    let page = page(&tree, &stranger, &Runs::new(), &TreeQuery::default());
    assert_eq!(sketch(&page), ["…7 1 1/1"]);
    assert!(page.environments.is_empty());
    assert_eq!(visible_and_hidden(&tree, &stranger), (0, 7));
    let runs = Runs::new();
    assert!(subtree_rows(&asked(&tree, &stranger, &runs)).is_empty());
}

#[test]
fn each_link_turns_one_row_over() {
    let tree = shop();
    let toggles = |query: &TreeQuery| -> BTreeMap<String, String> {
        let page = page(&tree, &everything(), &Runs::new(), query);
        page.rows.iter().filter_map(|row| if let TreeRow::App(row) = row { Some((row.path.to_string(), row.toggle.clone()?)) } else { None }).collect()
    };
    let first = toggles(&TreeQuery::default());
    assert_eq!(first["/shop/pay/"], "/shop/,/tools/,/shop/pay/");
    assert_eq!(first["/shop/"], "/tools/");
    assert_eq!(toggles(&open("/tools/"))["/tools/"], "none");
    assert_eq!(toggles(&open("none")).keys().collect::<Vec<_>>(), ["/shop/", "/tools/"]);

    // Following a link shows what it promises, and the way back leads back.
    let unfolded = page(&tree, &everything(), &Runs::new(), &open(&first["/shop/pay/"]));
    assert!(sketch(&unfolded).contains(&"· /shop/pay/ledger/ 3 1/1".to_owned()));
    let back = &toggles(&open(&first["/shop/pay/"]))["/shop/pay/"];
    assert_eq!(sketch(&page(&tree, &everything(), &Runs::new(), &open(back))), sketch(&page(&tree, &everything(), &Runs::new(), &TreeQuery::default())));

    // What is gone or hidden is passed over; what is no path is refused.
    assert_eq!(sketch(&page(&tree, &developer(), &Runs::new(), &open("/gone/,/tools/"))), ["▸ /shop/ 1 1/2", "…2 1 2/2"]);
    let (access, runs) = (everything(), Runs::new());
    let refused = tree_page(&asked(&tree, &access, &runs), &open("shop"), tree.revision()).unwrap_err();
    assert!(matches!(refused, Fault::Invalid { ref fields } if fields.contains_key("open")), "{refused}");
}

#[test]
fn a_search_keeps_the_way_to_what_it_finds() {
    let tree = shop();
    let found = |query: TreeQuery| sketch(&page(&tree, &everything(), &Runs::new(), &query));
    let q = |text: &str| TreeQuery { q: Some(text.into()), ..TreeQuery::default() };
    assert_eq!(found(q(" LEDG ")), ["▾ /shop/ 1 1/1 context", "▾ /shop/pay/ 2 1/1 context", "· /shop/pay/ledger/ 3 1/1"]);
    assert_eq!(found(q("/tools/")), ["▾ /tools/ 1 1/1", "· /tools/scan/ 2 1/1"]);
    assert_eq!(found(TreeQuery { env: Some("dev".into()), ..q("cart") }), ["▾ /shop/ 1 1/1 context", "· /shop/cart/ 2 1/1"]);
    assert!(found(q("nothing like it")).is_empty());
    // A search must not tell whether something hidden matches.
    let developer = page(&tree, &developer(), &Runs::new(), &q("web"));
    assert!(developer.rows.is_empty());
    assert_eq!(developer.hidden_apps, 4);
}

#[test]
fn the_table_is_flat_and_by_path() {
    let table = TreeQuery { view: Some("table".into()), q: Some("pay".into()), ..TreeQuery::default() };
    assert_eq!(sketch(&page(&shop(), &everything(), &Runs::new(), &table)), ["· /shop/pay/ 1 1/2", "· /shop/pay/ledger/ 1 2/2"]);
    let table = TreeQuery { view: Some("table".into()), ..TreeQuery::default() };
    assert_eq!(sketch(&page(&shop(), &developer(), &Runs::new(), &table)), ["· /shop/ 1 1/4", "· /shop/cart/ 1 2/4", "· /shop/pay/ledger/ 1 3/4", "…4 1 4/4"]);
}

#[test]
fn unknown_words_are_refused_all_at_once() {
    let (tree, developer, runs) = (shop(), developer(), Runs::new());
    let query =
        TreeQuery { q: Some("x".repeat(201)), env: Some("prod".into()), verdict: Some("passed".into()), view: Some("map".into()), ..TreeQuery::default() };
    let Err(Fault::Invalid { fields }) = tree_page(&asked(&tree, &developer, &runs), &query, tree.revision()) else { panic!() };
    // “prod” exists, but not for this person: the answer is that of a word that does not exist.
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["env", "q", "verdict", "view"]);
    let nothing = || Some(String::new());
    let empty = TreeQuery {
        q: Some(" ".into()),
        env: nothing(),
        verdict: nothing(),
        health: nothing(),
        sync: nothing(),
        settled: nothing(),
        open: nothing(),
        view: nothing(),
        rows: Some(String::new()),
    };
    assert!(tree_page(&asked(&tree, &developer, &runs), &empty, tree.revision()).is_ok());
}

#[test]
fn verdicts_roll_up_over_what_is_visible_only() {
    let tree = shop();
    let runs: Runs = [
        (path("/shop/cart/"), ran(RunStateKind::Passed, 0)),
        (path("/shop/pay/"), ran(RunStateKind::Inconclusive, 0)),
        (path("/shop/pay/ledger/"), ran(RunStateKind::Errored, 0)),
        (path("/shop/web/"), ran(RunStateKind::Failed, 2)),
        (path("/tools/"), AppRuns { live: 1, ..AppRuns::default() }),
    ]
    .into();
    let row = |access: &Access| {
        let page = page(&tree, access, &runs, &TreeQuery::default());
        let TreeRow::App(row) = &page.rows[0] else { panic!() };
        (row.rolled_up, row.live, row.last)
    };
    assert_eq!(row(&everything()), (Some(RunStateKind::Failed), 2, None));
    assert_eq!(row(&developer()), (Some(RunStateKind::Errored), 0, None));

    let counts = page(&tree, &everything(), &runs, &TreeQuery::default()).counts;
    assert_eq!((counts.pass, counts.fail, counts.inconclusive, counts.live, counts.never), (1, 0, 2, 2, 2));
    for (word, expected) in [("pass", 1), ("fail", 0), ("inconclusive", 2), ("live", 2), ("never", 2)] {
        let query = TreeQuery { verdict: Some(word.into()), view: Some("table".into()), ..TreeQuery::default() };
        assert_eq!(page(&tree, &everything(), &runs, &query).rows.len(), expected, "{word}: as many as the count says");
    }
    // Seeing an app is not reading its runs.
    let looker = access("  - { name: look, to: [ { group: shop } ], role: looker, on: [ / ] }\n");
    assert_eq!(row(&looker), (None, 0, None));
    let seen = page(&tree, &looker, &runs, &TreeQuery::default());
    assert_eq!(seen.counts.never, 7);
    assert!(seen.rows.iter().all(|row| matches!(row, TreeRow::App(row) if row.runs_locked)), "and a row says so");
    assert!(page(&tree, &everything(), &runs, &TreeQuery::default()).rows.iter().all(|row| matches!(row, TreeRow::App(row) if !row.runs_locked)));
}

#[test]
fn the_home_page_shows_ones_own_part() {
    let tree = shop();
    let runs: Runs = [(path("/shop/cart/"), ran(RunStateKind::Passed, 0)), (path("/shop/"), ran(RunStateKind::Failed, 0))].into();
    let rows = |access: &Access| -> Vec<(String, u32, u32, u32, u32)> {
        subtree_rows(&asked(&tree, access, &runs)).into_iter().map(|row| (row.path.to_string(), row.apps, row.passed, row.failed, row.never_run)).collect()
    };
    assert_eq!(rows(&everything()), [("/shop/".into(), 5, 1, 1, 3), ("/shop/pay/".into(), 2, 0, 0, 2), ("/tools/".into(), 2, 0, 0, 2)]);
    assert_eq!(rows(&developer()), [("/shop/".into(), 3, 1, 1, 1)]);
}

#[test]
fn a_problem_is_told_to_those_who_see_all_that_it_names() {
    let files: MemoryFiles = [
        ("shop.yaml", app("shop", "apps").yaml()),
        ("apps/cart.yaml", app("cart", "x").yaml()),
        ("apps/web.yaml", App { to: "shop-prod", ..app("web", "again") }.yaml()),
        ("apps/bad.yaml", "# argoproj.io/\nsecret-app: [\n".into()),
        ("again/cart.yaml", app("cart", "x").yaml()),
        ("again/shop.yaml", app("shop", "apps").yaml()),
    ]
    .into_iter()
    .collect();
    let tree = tree_of(&files);
    let problems = |access: &Access| page(&tree, access, &Runs::new(), &TreeQuery::default()).problems;
    assert_eq!(problems(&everything()).len(), 3, "{:#?}", problems(&everything()));
    assert!(problems(&developer()).is_empty(), "the loop names /shop/web/, and nobody knows where the bad file's app belongs");
    let team = access("  - { name: team, to: [ { group: shop } ], role: viewer, on: [ /shop/ ] }\n");
    assert_eq!(problems(&team).len(), 3);

    let all = sketch(&page(&tree, &everything(), &Runs::new(), &open("all")));
    assert_eq!(all, ["▾ /shop/ 1 1/1", "· /shop/cart/ 2 1/2", "▾ /shop/web/ 2 2/2", "· /shop/ 3 1/1 cycle"]);
}
