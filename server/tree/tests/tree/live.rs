//! What is kept of real objects.

use windfirm_model::{clock::Timestamp, view::app::Target};
use windfirm_tree::{
    Kind, LiveApplication, LiveApplicationSet, LiveProject, SourceForm,
    live::{Compared, HealthStatus, ListedStatus, Phase, SyncStatus},
};

use crate::live_support::{events, read, recorded};

const FIRST: &str = "8a926447c3b3e4e7acb35ea7397ae77223ae4ad5";
const SECOND: &str = "1cc31396ca2684268f720bd9d12de449c2f05154";

fn texts(list: &[Box<str>]) -> Vec<&str> {
    list.iter().map(|text| &**text).collect()
}

#[test]
fn a_real_application_is_read() {
    let state = recorded("1-settled");
    let shop = state.application("shop");
    assert_eq!((&*shop.id.cluster, &*shop.id.namespace, &*shop.id.name), ("home", "argocd", "shop"));
    assert_eq!((&*shop.id.uid, &*shop.id.resource_version), ("bcaad37e-eca8-40e5-bc72-891958d8fd18", "1412"));
    assert_eq!(shop.marks.tracking_id.as_deref(), Some("shop:argoproj.io/Application:argocd/shop"));
    assert_eq!(shop.marks.windfirm("windfirm.dev/tests"), Some("svc/shop/k6"));
    assert_eq!(shop.id.created, Some(Timestamp::from_seconds(1_795_440_964)));
    assert_eq!((shop.sync, shop.health.status, shop.compared), (SyncStatus::Synced, HealthStatus::Healthy, Compared::SameSources));
    assert_eq!((&*shop.project, shop.destination.cluster.as_str(), shop.destination.namespace.as_str()), ("default", "in-cluster", "argocd"));
    let operation = shop.operation.as_ref().unwrap();
    assert!(operation.partial && operation.phase == Phase::Succeeded && operation.by.is_none(), "Argo CD healed one resource: {operation:?}");
    let listed: Vec<_> = shop.listed.iter().map(|listed| (listed.kind, &*listed.name, listed.status)).collect();
    assert_eq!(listed.len(), 8);
    assert!(listed.contains(&(Kind::ApplicationSet, "recommendations", ListedStatus::Synced)));
    assert_eq!((shop.resources.all, shop.is_app_of_apps), (8, Some(true)));

    let cart = state.application("cart");
    assert_eq!((cart.wave, cart.health.status), (2, HealthStatus::Degraded));
    assert_eq!((cart.listed.len(), cart.resources.all, cart.resources.out_of_sync), (0, 2, 0));
    assert_eq!(texts(&cart.images), ["tb.local/nope:1"]);
    // Looked at again at the second commit, which changed nothing here: in sync with it, though last synced at the first.
    assert_eq!((texts(cart.deployed()), texts(&cart.history[0].revisions)), (vec![SECOND], vec![FIRST]));
    assert!(matches!(cart.target(), Target::Missing { .. }));
}

#[test]
fn several_sources_have_several_revisions() {
    let state = recorded("1-settled");
    let search = state.application("search");
    assert_eq!(texts(&search.revisions), [SECOND, SECOND]);
    assert_eq!(texts(&search.operation.as_ref().unwrap().revisions), [FIRST, FIRST]);
    assert_eq!(search.sources.iter().map(|source| &source.form).collect::<Vec<_>>(), [&SourceForm::Helm, &SourceForm::Values]);
    assert_eq!((search.sources[0].path.as_deref(), search.sources[1].path.as_deref()), (Some("chart"), None));
    assert_eq!(search.compared, Compared::SameSources);
}

#[test]
fn sets_and_projects_are_read() {
    let state = recorded("1-settled");
    let set = &state.sets[0];
    assert_eq!((&*set.id.name, set.wave, set.health.status), ("recommendations", 6, HealthStatus::Healthy));
    assert_eq!(set.listed.iter().map(|listed| &*listed.name).collect::<Vec<_>>(), ["recommendations-dev", "recommendations-prod"]);
    assert!(!set.is_cut());
    assert_eq!((set.destination.cluster.as_str(), set.destination.namespace.as_str()), ("in-cluster", ""), "its namespace is a template");
    let dev = state.application("recommendations-dev");
    assert_eq!((&*dev.owners[0].kind, &*dev.owners[0].name, &*dev.owners[0].uid), ("ApplicationSet", "recommendations", &*set.id.uid));
    assert!(dev.owners[0].controller && dev.marks.tracking_id.is_none());
    let project = &state.projects[0];
    assert_eq!((&*project.id.name, texts(&project.source_repositories), &*project.destinations[0].server), ("default", vec!["*"], "*"));
}

#[test]
fn every_recorded_event_is_read() {
    let events = events();
    assert_eq!(events.len(), 84);
    let asked = events.iter().filter(|(_, app)| app.operation_asked).count();
    assert!(asked > 10, "{asked}");
    // While an operation starts, the one before is gone already.
    assert!(events.iter().any(|(_, app)| app.operation_asked && app.operation.is_none()));
    assert!(events.iter().all(|(_, app)| app.history.len() <= 3));
    let removed = events.iter().filter(|(_, app)| app.id.deleting.is_some()).count();
    assert_eq!(removed, 6);
}

#[test]
fn nothing_and_null_and_unknown_words_are_read() {
    for text in [
        "{}",
        r#"{"metadata":null,"spec":null,"status":null,"operation":null}"#,
        r#"{"metadata":{"labels":null,"annotations":{"a":null},"ownerReferences":null},"spec":{"source":null,"sources":null,"destination":null,"info":null},
            "status":{"sync":null,"health":null,"history":null,"resources":null,"summary":null,"operationState":null,"conditions":null}}"#,
        r#"{"status":{"sync":{"status":"Novel","comparedTo":{"source":{"repoURL":""}}},"health":{"status":"Novel"},"resources":[null]}}"#,
    ] {
        let app: LiveApplication = serde_json::from_str(text).unwrap();
        assert_eq!((app.sync, app.health.status, app.compared), (SyncStatus::Unknown, HealthStatus::Unknown, Compared::Never), "{text}");
        assert_eq!(app.destination.cluster, "in-cluster");
        let _: LiveApplicationSet = serde_json::from_str(text).unwrap();
        let _: LiveProject = serde_json::from_str(text).unwrap();
    }
    let wrong = serde_json::from_str::<LiveApplication>(r#"{"metadata":{"name":1}}"#).unwrap_err().to_string();
    assert!(wrong.contains("expected a string"), "{wrong}");
}

#[test]
fn waves_fall_back_to_the_weight_of_a_hook() {
    for (annotations, wave) in [
        (r#""argocd.argoproj.io/sync-wave":"-3""#, -3),
        (r#""argocd.argoproj.io/sync-wave":"soon","helm.sh/hook-weight":"4""#, 4),
        (r#""argocd.argoproj.io/sync-wave":"soon""#, 0),
    ] {
        let app: LiveApplication = serde_json::from_str(&format!(r#"{{"metadata":{{"annotations":{{{annotations}}}}}}}"#)).unwrap();
        assert_eq!(app.wave, wave, "{annotations}");
    }
}

/// Argo CD's copy of a source leaves out what is empty, and adds an empty `jsonnet` to a directory.
#[test]
fn sources_are_compared_by_what_they_mean() {
    let compared = |spec: &str, to: &str| read(&format!(r#"{{"spec":{spec},"status":{{"sync":{{"comparedTo":{to}}}}}}}"#)).compared;
    let same = [
        (
            r#"{"source":{"repoURL":"r","path":"a","helm":{"releaseName":"","parameters":[]},"directory":{"recurse":false}}}"#,
            r#"{"source":{"path":"a","repoURL":"r","directory":{"jsonnet":{}}}}"#,
        ),
        (r#"{"source":{"repoURL":"old"},"sources":[{"repoURL":"r"}]}"#, r#"{"source":{"repoURL":""},"sources":[{"repoURL":"r"}]}"#),
        (
            r#"{"sourceHydrator":{"drySource":{"repoURL":"r","path":"dry","targetRevision":"main"},"syncSource":{"targetBranch":"env/dev","path":"out"}}}"#,
            r#"{"source":{"repoURL":"r","path":"out","targetRevision":"env/dev"}}"#,
        ),
        (
            r#"{"source":{"repoURL":"r","helm":{"valuesObject":{"b":1,"a":{"c":false}}}}}"#,
            r#"{"source":{"repoURL":"r","helm":{"valuesObject":{"a":{"c":false},"b":1}}}}"#,
        ),
    ];
    for (spec, to) in same {
        assert_eq!(compared(spec, to), Compared::SameSources, "{spec}");
    }
    let other = [
        (r#"{"source":{"repoURL":"r","path":"a"}}"#, r#"{"source":{"repoURL":"r","path":"b"}}"#),
        (r#"{"source":{"repoURL":"r","helm":{"values":"a: 1"}}}"#, r#"{"source":{"repoURL":"r","helm":{"values":"a: 2"}}}"#),
        (r#"{"source":{"repoURL":"r","helm":{"valuesObject":{"a":false}}}}"#, r#"{"source":{"repoURL":"r"}}"#),
        (r#"{"sources":[{"repoURL":"r"},{"repoURL":"s"}]}"#, r#"{"sources":[{"repoURL":"s"},{"repoURL":"r"}]}"#),
        (r#"{"sources":[{"repoURL":"r"}]}"#, r#"{"sources":[{"repoURL":"r"},{"repoURL":"s"}]}"#),
    ];
    for (spec, to) in other {
        assert_eq!(compared(spec, to), Compared::OtherSources, "{spec}");
    }
    assert_eq!(compared(r#"{"source":{"repoURL":"r"}}"#, r#"{"source":{"repoURL":""}}"#), Compared::Never);
    let hydrated = read(&format!(r#"{{"spec":{}}}"#, same[2].0));
    assert!(hydrated.hydrated && hydrated.sources[0].path.as_deref() == Some("dry"));
}

#[test]
fn a_plain_application_is_held_in_little_memory() {
    for app in &recorded("1-settled").applications {
        let bytes = app.bytes();
        let most = if app.listed.is_empty() { 2_048 } else { 2_048 + 128 * app.listed.len() };
        println!("{} {bytes}", app.id.name);
        assert!(bytes < most, "{} takes {bytes} bytes", app.id.name);
    }
}

#[test]
fn two_megabytes_of_status_leave_little_behind() {
    let resource = |n: usize| {
        format!(
            r#"{{"group":"apps","kind":"Deployment","version":"v1","namespace":"shop-dev","name":"part-{n}","status":"Synced","health":{{"status":"Degraded","message":"{}"}}}}"#,
            "x".repeat(150)
        )
    };
    let values = "y".repeat(10_000);
    let history = |n: usize| {
        format!(r#"{{"id":{n},"revision":"{FIRST}","deployedAt":"2026-11-23T13:37:49Z","source":{{"repoURL":"r","helm":{{"values":"{values}"}}}}}}"#)
    };
    let text = format!(
        r#"{{"metadata":{{"name":"big","namespace":"argocd","annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{values}"}}}},
            "spec":{{"source":{{"repoURL":"r","helm":{{"values":"{values}"}}}},"destination":{{"namespace":"shop-dev"}}}},
            "status":{{"resources":[{}],"history":[{}],"health":{{"status":"Degraded","message":"{values}"}},
            "operationState":{{"phase":"Failed","message":"{values}","syncResult":{{"revision":"{FIRST}","resources":[{}]}}}},
            "conditions":[{{"type":"SyncError","message":"{values}"}},{{"type":"ExcludedResourceWarning","message":"{values}"}},{{"type":"OrphanedResourceWarning","message":"Application has 2 orphaned resources"}}]}}}}"#,
        (0..4_000).map(resource).collect::<Vec<_>>().join(","),
        (0..10).map(history).collect::<Vec<_>>().join(","),
        (0..4_000).map(resource).collect::<Vec<_>>().join(","),
    );
    assert!(text.len() > 2_000_000, "{}", text.len());
    let app = read(&text);
    assert!(app.bytes() < 3_000, "{}", app.bytes());
    assert_eq!((app.resources.all, app.resources.unhealthy), (4_000, 4_000));
    assert_eq!(app.history.iter().map(|deployment| deployment.id).collect::<Vec<_>>(), [7, 8, 9]);
    let kinds: Vec<&str> = app.conditions.iter().map(|condition| &*condition.kind).collect();
    assert_eq!(kinds, ["SyncError", "OrphanedResourceWarning"]);
    assert!(app.health.message.as_ref().unwrap().len() <= 303);
}
