//! For any tree, any grants and any query: what is shown is what may be seen, no more and no less.

use std::collections::BTreeSet;

use proptest::prelude::*;
use windfirm_model::{
    action::Action,
    path::AppPath,
    view::tree::{TreeQuery, TreeRow},
};
use windfirm_policy::Access;
use windfirm_tree::{MemoryFiles, Tree, manifest::parse};

use crate::support::{App, Runs, access, app, grant, page, tree_of};

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// Each app hangs under an earlier one, or is a root.
fn any_tree() -> impl Strategy<Value = Tree> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0..3_usize, -2..3_i32), 1..40).prop_map(|apps| {
        let mut files = MemoryFiles::default();
        for (n, (parent, environment, wave)) in apps.iter().enumerate() {
            let parent = parent.index(n + 1);
            let folder = if parent == n { "roots".to_owned() } else { format!("f{parent}") };
            let (name, source) = (format!("a{n}z"), format!("f{n}"));
            let manifest = App { to: ENVIRONMENTS[*environment], wave: *wave, ..app(&name, &source) };
            files.insert(format!("{folder}/{name}.yaml"), manifest.yaml());
        }
        tree_of(&files)
    })
}

/// Grants on paths of that tree, and on one that is not there.
fn any_asker() -> impl Strategy<Value = (Tree, Access)> {
    (any_tree(), proptest::collection::vec((any::<prop::sample::Index>(), 0..3_usize), 0..5)).prop_map(|(tree, picks)| {
        let mut grants: BTreeSet<String> = BTreeSet::from([grant("/elsewhere/", "dev")]);
        for (pick, environment) in picks {
            grants.insert(grant(tree.apps()[pick.index(tree.apps().len())].path.as_str(), ENVIRONMENTS[environment]));
        }
        let access = access(&grants.into_iter().collect::<String>());
        (tree, access)
    })
}

fn any_query() -> impl Strategy<Value = TreeQuery> {
    let q = prop_oneof![Just(None), "a[0-9]".prop_map(Some), Just(Some("z/".to_owned()))];
    let open = prop_oneof![Just(None), Just(Some("all".to_owned())), Just(Some("none".to_owned())), Just(Some("/a0z/,/a1z/".to_owned()))];
    let view = prop_oneof![Just(None), Just(Some("table".to_owned()))];
    let rows = prop_oneof![Just(None), "[1-9]".prop_map(Some)];
    (q, open, view, rows).prop_map(|(q, open, view, rows)| TreeQuery { q, open, view, rows, ..TreeQuery::default() })
}

fn shown(rows: &[TreeRow]) -> Vec<AppPath> {
    rows.iter().filter_map(|row| if let TreeRow::App(row) = row { Some(row.path.clone()) } else { None }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_that_may_be_seen_is_shown_and_nothing_else((tree, access) in any_asker()) {
        let everything = TreeQuery { open: Some("all".into()), ..TreeQuery::default() };
        let page = page(&tree, &access, &Runs::new(), &everything);
        let expected: Vec<AppPath> = tree.apps().iter().filter(|app| access.allows(Action::ViewApp, &app.place())).map(|app| app.path.clone()).collect();
        prop_assert_eq!(shown(&page.rows), expected.clone());
        prop_assert_eq!(usize::try_from(page.visible_apps).unwrap(), expected.len());
        let counted: u32 = page.rows.iter().map(|row| if let TreeRow::Hidden { count, .. } = row { *count } else { 0 }).sum();
        prop_assert_eq!(counted, page.hidden_apps);
        prop_assert_eq!(expected.len() + usize::try_from(page.hidden_apps).unwrap(), tree.apps().len());
    }

    #[test]
    fn no_query_names_what_is_hidden((tree, access) in any_asker(), query in any_query()) {
        let page = page(&tree, &access, &Runs::new(), &query);
        let seen: BTreeSet<AppPath> = tree.apps().iter().filter(|app| access.allows(Action::ViewApp, &app.place())).map(|app| app.path.clone()).collect();
        prop_assert!(shown(&page.rows).iter().all(|path| seen.contains(path)));
        let text = serde_json::to_string(&TreePageWithoutQuery(&page)).unwrap();
        for app in tree.apps().iter().filter(|app| !seen.contains(&app.path)) {
            // A grant below a hidden app names it in its path; otherwise its name must not occur.
            if !seen.iter().any(|path| app.path.covers(path)) {
                prop_assert!(!text.contains(&app.name), "{} in {}", app.name, text);
            }
        }
        let environments: BTreeSet<_> = tree.apps().iter().filter(|app| seen.contains(&app.path)).map(|app| app.environment.clone()).collect();
        prop_assert_eq!(page.environments.into_iter().collect::<BTreeSet<_>>(), environments);
    }

    #[test]
    fn the_grid_is_well_formed((tree, access) in any_asker(), query in any_query()) {
        let page = page(&tree, &access, &Runs::new(), &query);
        let mut above: Vec<(u32, u32)> = Vec::new();
        for row in &page.rows {
            let (level, position, size) = match row {
                TreeRow::App(row) => (row.level, row.position, row.size),
                TreeRow::Hidden { level, position, size, .. } => (*level, *position, *size),
            };
            let level_index = usize::try_from(level).unwrap();
            prop_assert!(level_index <= above.len() + 1, "no level is skipped");
            let before = above.get(level_index - 1).map_or(0, |(position, _)| *position);
            above.truncate(level_index);
            prop_assert_eq!(position, before + 1);
            prop_assert!(position <= size);
            above.truncate(level_index - 1);
            above.push((position, size));
        }
    }

    #[test]
    fn any_text_is_read_without_harm(text in "(?s).{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse("a.yaml", text.as_bytes());
        let _ = parse("a.yaml", &bytes);
        let _ = parse("a.yaml", format!("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {text}\nspec:\n  source: {text}\n").as_bytes());
    }
}

/// The answer repeats the question, which is the asker's own word.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct TreePageWithoutQuery<'a>(#[serde(serialize_with = "without_query")] &'a windfirm_model::view::tree::TreePage);

fn without_query<S: serde::Serializer>(page: &windfirm_model::view::tree::TreePage, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&windfirm_model::view::tree::TreePage { query: TreeQuery::default(), ..page.clone() }, serializer)
}
