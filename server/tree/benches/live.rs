//! How much memory and time 10,000 live apps take. `cargo bench -p windfirm-tree --bench live`.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use windfirm_model::{environment::Environment, view::tree::TreeRevision};
use windfirm_policy::AppFacts;
use windfirm_tree::{Clusters, ForestOptions, LiveApplication, LiveForest, MemoryFiles, Tree, TreeOptions, join};

const TEAMS: usize = 100;
const APPS_PER_TEAM: usize = 99;

fn object(name: &str, parent: &str, listed: &[String]) -> String {
    let source = format!(r#"{{"repoURL":"https://git.example.org/shop.git","path":"svc/{name}","targetRevision":"main"}}"#);
    let resource = |name: &String| format!(r#"{{"group":"argoproj.io","kind":"Application","namespace":"argocd","name":"{name}","status":"Synced"}}"#);
    let resources: Vec<String> = listed.iter().map(resource).collect();
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"argocd","uid":"bcaad37e-eca8-40e5-bc72-891958d8fd18","resourceVersion":"1412",
        "annotations":{{"argocd.argoproj.io/tracking-id":"{parent}:argoproj.io/Application:argocd/{name}","windfirm.dev/tests":"svc/{name}/k6"}}}},
        "spec":{{"project":"default","source":{source},"destination":{{"name":"in-cluster","namespace":"shop-dev"}}}},
        "status":{{"controllerNamespace":"argocd","reconciledAt":"2026-11-23T13:40:59Z","health":{{"status":"Healthy"}},
        "sync":{{"status":"Synced","revision":"1cc31396ca2684268f720bd9d12de449c2f05154","comparedTo":{{"source":{source}}}}},
        "history":[{{"id":0,"revision":"8a926447c3b3e4e7acb35ea7397ae77223ae4ad5","deployedAt":"2026-11-23T13:37:49Z"}}],
        "operationState":{{"phase":"Succeeded","message":"successfully synced (all tasks run)","finishedAt":"2026-11-23T13:37:49Z",
        "syncResult":{{"revision":"8a926447c3b3e4e7acb35ea7397ae77223ae4ad5"}}}},
        "summary":{{"images":["registry.example.org/shop/{name}:1.2.3"]}},"resources":[{}]}}}}"#,
        resources.join(",")
    )
}

fn objects() -> Vec<String> {
    let team = |team: usize| format!("team-{team}");
    let app = |team: usize, app: usize| format!("app-{team}-{app}");
    let mut all = vec![object("root", "root", &(0..TEAMS).map(team).collect::<Vec<_>>())];
    for at in 0..TEAMS {
        let listed: Vec<String> = (0..APPS_PER_TEAM).map(|n| app(at, n)).collect();
        all.push(object(&team(at), "root", &listed));
        all.extend(listed.iter().map(|name| object(name, &team(at), &[])));
    }
    all
}

fn environment_of(_: &AppFacts) -> (Environment, String) {
    (Environment::from("dev"), String::new())
}

fn main() {
    let texts = objects();
    let cluster: Arc<str> = "home".into();
    let before = resident_mb();
    let began = Instant::now();
    let read = |text: &String| serde_json::from_str::<LiveApplication>(text).ok().map(|app| Arc::new(app.read_from(&cluster)));
    let apps: Vec<Arc<LiveApplication>> = texts.iter().filter_map(read).collect();
    let bytes: usize = apps.iter().map(|app| app.bytes()).sum();
    println!(
        "live.read apps={} duration_ms={:.1} bytes_each={} resident_mb={:.1}",
        apps.len(),
        millis(began.elapsed()),
        bytes / apps.len().max(1),
        resident_mb() - before
    );

    let began = Instant::now();
    let forest = LiveForest::build(&apps, &[], &ForestOptions::new(Clusters::new("home")));
    println!("live.forest edges={} duration_ms={:.1}", forest.edges().len(), millis(began.elapsed()));

    let files = MemoryFiles::default();
    let options = TreeOptions { repositories: vec!["https://git.example.org/shop.git".into()], ..TreeOptions::default() };
    let git = Tree::empty(TreeRevision::default());
    let began = Instant::now();
    let tree = join(&git, &forest, &files, &options, &environment_of);
    println!("live.join apps={} duration_ms={:.1}", tree.apps().len(), millis(began.elapsed()));
    drop(forest);
    println!("live.held apps={} resident_mb={:.1}", tree.apps().len(), resident_mb() - before);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// What the kernel counts of this process, where it counts.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
}
