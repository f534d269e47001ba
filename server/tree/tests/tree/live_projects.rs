//! What follows for an app from its project.

use proptest::prelude::*;
use serde_json::{Value, json};
use windfirm_model::clock::Timestamp;
use windfirm_tree::{
    LiveApplication, LiveProject,
    live::{ProjectTrouble, judge},
    page::project_facts,
};

use crate::live_support::{Object, clusters, live, read};

/// 2026-11-26, a Thursday, 12:00:30 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_694_430);

fn project(spec: &Value) -> LiveProject {
    let object = json!({ "metadata": { "name": "shop", "namespace": "argocd", "uid": "p" }, "spec": spec });
    serde_json::from_value::<LiveProject>(object).unwrap().read_from(&"home".into())
}

/// One that allows everything, and has these windows.
fn with_windows(windows: Value) -> LiveProject {
    project(&json!({ "sourceRepos": ["*"], "destinations": [{ "server": "*", "namespace": "*" }], "syncWindows": windows }))
}

fn app(change: impl FnOnce(Object) -> Object) -> LiveApplication {
    read(&change(live("cart").put("spec|project", json!("shop"))).json())
}

fn says(object: Object, message: &str) -> Object {
    object.put("status|conditions", json!([{ "type": "InvalidSpecError", "message": message, "lastTransitionTime": "2026-11-26T11:00:00Z" }]))
}

/// Each finding in a word, with a question mark where Argo CD has not said it.
fn found(app: &LiveApplication, project: Option<&LiveProject>) -> Vec<String> {
    let word = |trouble: ProjectTrouble| match trouble {
        ProjectTrouble::Missing { confirmed } => ("missing".to_owned(), confirmed),
        ProjectTrouble::Source { repository, confirmed } => (format!("source {}", repository.as_deref().unwrap_or("?")), confirmed),
        ProjectTrouble::Destination { confirmed } => ("destination".to_owned(), confirmed),
        ProjectTrouble::Denied { window, .. } => (format!("denied{}", if window.manual_sync { ", not by hand" } else { "" }), true),
    };
    judge(app, project, &clusters(), NOW).into_iter().map(word).map(|(word, confirmed)| if confirmed { word } else { format!("{word}?") }).collect()
}

const NOTHING: &[&str] = &[];

#[test]
fn a_project_that_is_not_there_is_told_whether_argo_cd_has_said_so_or_not() {
    assert_eq!(found(&app(|app| app), None), ["missing?"]);
    assert_eq!(found(&app(|app| says(app, "application referencing project shop which does not exist")), None), ["missing"]);
    // It was made since: Argo CD will see it, and its condition stands on the page as long as it holds.
    let open = with_windows(json!([]));
    assert_eq!(found(&app(|app| says(app, "application referencing project shop which does not exist")), Some(&open)), NOTHING);
}

#[test]
fn a_source_is_allowed_by_the_patterns_of_the_project() {
    let source = "https://git.example.org/shop.git";
    for (patterns, allowed) in [
        (json!(["*"]), true),
        (json!(["https://git.example.org/shop"]), true),
        (json!(["HTTPS://GIT.example.org/shop.git"]), true),
        (json!(["https://git.example.org/*"]), true),
        (json!(["https://*/shop"]), true),
        (json!(["https://git.example.org/team/*"]), false),
        // A star ends at a slash.
        (json!(["https://*"]), false),
        (json!(["https://**"]), true),
        (json!(["!https://git.example.org/other"]), true),
        (json!(["*", "!https://git.example.org/shop"]), false),
        (json!(["!https://git.example.org/*", "*"]), false),
        (json!([]), false),
        (json!(null), false),
        // What cannot be told is not held against the app.
        (json!(["https://git.{example,test}.org/shop"]), true),
        (json!(["*", "!https://git.[a-z]*.org/shop"]), true),
    ] {
        let project = project(&json!({ "sourceRepos": patterns, "destinations": [{ "server": "*", "namespace": "*" }] }));
        let expected = if allowed { Vec::new() } else { vec![format!("source {source}?")] };
        assert_eq!(found(&app(|app| app), Some(&project)), expected, "{patterns}");
    }
    // One spelling of ssh or the other.
    let ssh = app(|app| app.put("spec|source|repoURL", json!("git@git.example.org:shop.git")));
    let project = project(&json!({ "sourceRepos": ["ssh://git@git.example.org/shop"], "destinations": [{ "server": "*", "namespace": "*" }] }));
    assert_eq!(found(&ssh, Some(&project)), NOTHING);
}

#[test]
fn a_place_is_allowed_by_any_name_of_its_cluster() {
    let home = |server: &str, name: &str, namespace: &str| json!({ "server": server, "name": name, "namespace": namespace });
    for (destinations, allowed) in [
        (json!([home("*", "", "*")]), true),
        (json!([home("https://kubernetes.default.svc", "", "dev")]), true),
        (json!([home("", "in-cluster", "d*")]), true),
        (json!([home("https://east.example:6443", "", "*")]), false),
        (json!([home("*", "", "prod")]), false),
        (json!([home("*", "", "!prod")]), true),
        (json!([home("*", "", "*"), home("*", "", "!dev")]), false),
        (json!([home("*", "", "*"), home("!https://kubernetes.default.svc", "", "*")]), false),
        (json!([]), false),
    ] {
        let project = project(&json!({ "sourceRepos": ["*"], "destinations": destinations }));
        let expected: &[&str] = if allowed { NOTHING } else { &["destination?"] };
        assert_eq!(found(&app(|app| app), Some(&project)), expected, "{destinations}");
    }
    // The other cluster is named in one way by the app and in another by the project.
    let east = app(|app| app.to("east", "dev"));
    let by_address = project(&json!({ "sourceRepos": ["*"], "destinations": [home("https://east.example:6443", "", "dev")] }));
    assert_eq!(found(&east, Some(&by_address)), NOTHING);
}

#[test]
fn argo_cds_own_word_is_never_contradicted() {
    let nothing = project(&json!({ "sourceRepos": ["https://git.example.org/other"], "destinations": [] }));
    let (source, destination) = ("source https://git.example.org/shop.git", "destination");
    assert_eq!(found(&app(|app| app), Some(&nothing)), [format!("{source}?"), format!("{destination}?")], "not said, so not sure");
    let refused = "application repo https://git.example.org/shop.git is not permitted in project 'shop'";
    assert_eq!(found(&app(|app| says(app, refused)), Some(&nothing)), [source.to_owned(), format!("{destination}?")]);
    let refused =
        "application destination server 'https://kubernetes.default.svc' and namespace 'dev' do not match any of the allowed destinations in project 'shop'";
    assert_eq!(found(&app(|app| says(app, refused)), Some(&nothing)), [format!("{source}?"), destination.to_owned()]);
    // It refuses what seems allowed from here: it knows more.
    assert_eq!(found(&app(|app| says(app, refused)), Some(&with_windows(json!([])))), [destination]);
    // Another error says nothing of this.
    assert_eq!(found(&app(|app| says(app, "spec.destination.namespace is missing")), Some(&with_windows(json!([])))), NOTHING);
}

#[test]
fn a_deny_window_that_is_open_is_told_to_the_apps_that_it_is_about() {
    let window = |more: Value| {
        let mut window = json!({ "kind": "deny", "schedule": "0 12 * * *", "duration": "1h" });
        window.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        window
    };
    for (windows, expected) in [
        (vec![window(json!({ "applications": ["ca*"] }))], &["denied"][..]),
        (vec![window(json!({ "applications": ["mail"] }))], NOTHING),
        (vec![window(json!({ "namespaces": ["dev"] }))], &["denied"]),
        (vec![window(json!({ "clusters": ["in-cluster"] }))], &["denied"]),
        (vec![window(json!({ "clusters": ["https://kubernetes.default.svc"] }))], &["denied"]),
        // One list is enough, unless all are asked for.
        (vec![window(json!({ "applications": ["mail"], "namespaces": ["dev"] }))], &["denied"]),
        (vec![window(json!({ "applications": ["mail"], "namespaces": ["dev"], "andOperator": true }))], NOTHING),
        (vec![window(json!({ "applications": ["cart"], "namespaces": ["dev"], "andOperator": true }))], &["denied"]),
        // About nothing.
        (vec![window(json!({}))], NOTHING),
        (vec![window(json!({ "applications": ["*"], "kind": "allow" }))], NOTHING),
        (vec![window(json!({ "applications": ["*"], "schedule": "0 13 * * *" }))], NOTHING),
        (vec![window(json!({ "applications": ["*"], "schedule": "nonsense" }))], NOTHING),
        (vec![window(json!({ "applications": ["*"], "manualSync": true }))], &["denied, not by hand"]),
        // One of two that forbids it by hand too is enough.
        (vec![window(json!({ "applications": ["*"], "manualSync": true })), window(json!({ "applications": ["*"] }))], &["denied", "denied"]),
    ] {
        assert_eq!(found(&app(|app| app), Some(&with_windows(json!(windows)))), expected, "{windows:?}");
    }
}

#[test]
fn the_words_name_the_apps_own_things_and_no_others() {
    let spec = json!({
        "description": "secret plans",
        "sourceRepos": ["https://git.example.org/of-others"],
        "destinations": [{ "server": "*", "namespace": "of-others" }],
        "orphanedResources": {},
        "syncWindows": [{ "kind": "deny", "schedule": "0 12 * * *", "duration": "1h30m", "timeZone": "Europe/London", "applications": ["cart", "of-others"] }],
    });
    let application = app(|app| app.put("spec|source|repoURL", json!("https://ben:hunter2@git.example.org/shop.git")));
    let facts = project_facts(&application, Some(&project(&spec)), "argocd", &clusters(), NOW);
    let all = facts.findings.iter().map(|finding| finding.sentence.as_str()).collect::<Vec<_>>().join("\n");
    for part in [
        "`https://git.example.org/shop.git`",
        "namespace `dev` of cluster `in-cluster`",
        "`0 12 * * *` for `1h30m`, Europe/London",
        "neither by itself nor by hand",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    for secret in ["of-others", "hunter2", "secret plans"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    assert_eq!(facts.findings.iter().map(|finding| finding.confirmed).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(facts.findings[2].at_least_until, Some(Timestamp::from_seconds(1_795_694_400 + 5_400)));
    assert_eq!(facts.orphans, windfirm_model::view::cluster::OrphansWord::WarnedOf);
    let missing = project_facts(&application, None, "argocd", &clusters(), NOW);
    assert!(missing.findings[0].sentence.contains("`shop` of this app does not exist in namespace `argocd`"), "{missing:?}");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[!*?a-z:/.@\\[{-]{0,12}", Just("*".to_owned()), Just("!*".to_owned()), Just("https://git.example.org/shop.git".to_owned())]
}

proptest! {
    /// Whatever a project says, it is judged without a fault; where Argo CD has said nothing, nothing but the clock is sure.
    #[test]
    fn nothing_is_sure_that_argo_cd_has_not_said(
        sources in prop::collection::vec(text(), 0..4),
        places in prop::collection::vec((text(), text(), text()), 0..4),
        (schedule, duration, zone) in ("[0-9*/, -]{0,14}", "[0-9hms.]{0,6}", "[A-Za-z/]{0,10}"),
        patterns in prop::collection::vec(text(), 0..3),
    ) {
        let destinations: Vec<Value> = places.iter().map(|(server, name, namespace)| json!({ "server": server, "name": name, "namespace": namespace })).collect();
        let windows = json!([{ "kind": "deny", "schedule": schedule, "duration": duration, "timeZone": zone, "applications": patterns }]);
        let project = project(&json!({ "sourceRepos": sources, "destinations": destinations, "syncWindows": windows }));
        let facts = project_facts(&app(|app| app), Some(&project), "argocd", &clusters(), NOW);
        for finding in facts.findings {
            prop_assert!(finding.confirmed == finding.at_least_until.is_some(), "{finding:?}");
            prop_assert!(finding.at_least_until.is_none_or(|until| until > NOW), "{finding:?}");
        }
    }
}
