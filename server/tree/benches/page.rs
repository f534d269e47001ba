//! How long a tree of 10,000 apps takes: to build, and to make a page of. `cargo bench -p windfirm-tree`.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use windfirm_model::{
    actor::SystemTask,
    clock::Timestamp,
    environment::Environment,
    view::{
        run::Permission,
        tree::{TreeQuery, TreeRevision},
    },
};
use windfirm_policy::{Access, AppFacts, Place};
use windfirm_tree::{Asked, MemoryFiles, Tree, TreeOptions, subtree_rows, tree_page};

const TEAMS: usize = 100;
const APPS_PER_TEAM: usize = 99;
const ROUNDS: u32 = 20;

fn manifest(name: &str, source: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n  source: {{repoURL: r, path: {source}}}\n  destination: {{namespace: shop-dev}}\n"
    )
}

fn repository() -> MemoryFiles {
    let mut files = MemoryFiles::default();
    files.insert("root.yaml", manifest("root", "teams"));
    for team in 0..TEAMS {
        files.insert(format!("teams/team-{team}.yaml"), manifest(&format!("team-{team}"), &format!("team-{team}")));
        for app in 0..APPS_PER_TEAM {
            let name = format!("app-{team}-{app}");
            files.insert(format!("team-{team}/{name}.yaml"), manifest(&name, &format!("svc/{name}")));
            files.insert(format!("svc/{name}/k6/load.js"), "export default function () {}");
        }
    }
    files
}

fn environment_of(_: &AppFacts) -> (Environment, String) {
    (Environment::from("dev"), String::new())
}

fn launch(_: &Place) -> Permission {
    Permission { allowed: true, why: String::new() }
}

fn main() {
    let files = repository();
    let began = Instant::now();
    let options = TreeOptions { repositories: vec!["r".into()], ..TreeOptions::default() };
    let tree = Tree::build(&files, TreeRevision::default(), &options, &environment_of);
    println!("tree.build apps={} duration_ms={:.1}", tree.apps().len(), millis(began.elapsed()));

    let (access, runs) = (Access::system(SystemTask::Reloader), HashMap::new());
    let asked = Asked { tree: &tree, access: &access, runs: &runs, launch: &launch, clusters: &[], now: Timestamp::default() };
    let query = |q: Option<&str>, open: Option<&str>| TreeQuery { q: q.map(str::to_owned), open: open.map(str::to_owned), ..TreeQuery::default() };
    for (name, query) in [("first", query(None, None)), ("all", query(None, Some("all"))), ("search", query(Some("app-42-"), None))] {
        let began = Instant::now();
        let mut rows = 0;
        for _ in 0..ROUNDS {
            rows = tree_page(&asked, &query, tree.revision()).map_or(0, |page| page.rows.len());
        }
        println!("page.{name} rows={rows} duration_ms={:.2}", millis(began.elapsed() / ROUNDS));
    }
    let began = Instant::now();
    println!("page.home rows={} duration_ms={:.2}", subtree_rows(&asked).len(), millis(began.elapsed()));
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
