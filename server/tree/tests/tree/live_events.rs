//! Settled or why not, and what happened between two states.

use serde_json::json;
use windfirm_tree::{
    LiveApplication,
    live::{AppEvent, EventKind, HealthStatus, Phase, Settled, Unsettled, events, settled},
};

use crate::live_support::{self, Object, live, recorded, state};

fn one(object: &Object) -> LiveApplication {
    LiveApplication::clone(&state(std::slice::from_ref(object)).applications[0])
}

fn reasons(object: &Object) -> Vec<Unsettled> {
    settled(&one(object)).reasons().to_vec()
}

fn sentences(events: &[AppEvent]) -> Vec<String> {
    events.iter().map(AppEvent::sentence).collect()
}

#[test]
fn what_is_settled_in_the_recording() {
    let state = recorded("1-settled");
    for app in &state.applications {
        let expected = if &*app.id.name == "cart" { vec![Unsettled::Health(HealthStatus::Degraded)] } else { vec![] };
        assert_eq!(settled(app).reasons(), expected, "{}", app.id.name);
    }
    let Settled::Yes { revisions, reconciled } = settled(state.application("search")) else { panic!() };
    assert_eq!((revisions.len(), reconciled.is_some()), (2, true));
    let syncing = recorded("3-child-being-removed");
    let told: Vec<&str> = settled(syncing.application("shop")).reasons().iter().map(Unsettled::sentence).collect();
    assert_eq!(told, ["It is OutOfSync: what runs is not what Git asks for.", "A sync of it is running."]);
}

#[test]
fn each_part_of_settled_is_needed() {
    assert!(reasons(&live("cart")).is_empty());
    let cases = [
        ("status|sync|status", json!("OutOfSync"), "It is OutOfSync"),
        ("status|sync|status", json!("Unknown"), "Argo CD does not know whether"),
        ("status|health|status", json!("Progressing"), "It is Progressing"),
        ("status|health|status", json!("Suspended"), "It is Suspended"),
        ("status|health|status", json!("Missing"), "It is Missing"),
        ("status|health|status", json!("Degraded"), "It is Degraded"),
        ("status|health", json!(null), "Argo CD does not know its health"),
        ("status|operationState", json!(null), "No sync of it is known"),
        ("status|operationState|phase", json!("Running"), "A sync of it is running"),
        ("status|operationState|phase", json!("Terminating"), "A sync of it is being stopped"),
        ("status|operationState|phase", json!("Failed"), "Its last sync failed"),
        ("status|operationState|phase", json!("Error"), "Its last sync ended with an error"),
        ("spec|source|targetRevision", json!("v2"), "Its sources were changed"),
        ("status|sync|comparedTo", json!(null), "Argo CD has not compared it"),
        ("metadata|deletionTimestamp", json!("2026-11-23T13:41:53Z"), "It is being deleted"),
    ];
    for (field, value, expected) in cases {
        let reasons = reasons(&live("cart").put(field, value));
        assert_eq!(reasons.len(), 1, "{field}: {reasons:?}");
        assert!(reasons[0].sentence().starts_with(expected), "{field}: {}", reasons[0].sentence());
    }
    // The health of an app is its own: a degraded child, or resources without any health, do not count.
    assert!(reasons(&live("shop").lists("argocd", "cart", "OutOfSync")).is_empty());
}

/// Argo CD still called it synced and healthy after somebody had deleted it.
#[test]
fn an_app_that_is_being_deleted_was_recorded_as_healthy() {
    let deleting: Vec<LiveApplication> = live_support::events().into_iter().map(|(_, app)| app).filter(|app| app.id.deleting.is_some()).collect();
    assert_eq!(settled(&deleting[0]).reasons(), [Unsettled::BeingDeleted]);
}

#[test]
fn the_recording_is_told_in_a_few_words() {
    let mut known = recorded("1-settled");
    let (mut told, mut once) = (Vec::new(), Vec::new());
    for (kind, new) in live_support::events() {
        let old = known.applications.iter().position(|app| app.id.name == new.id.name).map(|at| known.applications.swap_remove(at));
        let happened = events(old.as_deref(), Some(&new).filter(|_| kind != "DELETED"));
        once.extend(happened.iter().map(AppEvent::once));
        told.extend(happened.iter().map(|event| format!("{}: {}", new.id.name, event.sentence())));
        if kind != "DELETED" {
            known.applications.push(std::sync::Arc::new(new));
        }
    }
    assert_eq!(
        told,
        [
            "catalogue: What runs is no longer what Git asks for.",
            "catalogue: Argo CD deployed revision e287386.",
            "catalogue: The app is Progressing; it was Healthy.",
            "catalogue: The app is Healthy; it was Progressing.",
            "shop: What runs is no longer what Git asks for.",
            "search: What runs is no longer what Git asks for.",
            "search: The app is Progressing; it was Healthy.",
            "search: The app is Healthy; it was Progressing.",
            "search: Argo CD deployed revision e287386.",
            "search: The app is Progressing; it was Healthy.",
            "search: The app is Healthy; it was Progressing.",
            "shop: What runs is no longer what Git asks for.",
            "shop: Argo CD deployed revision e287386.",
            "shipping: Somebody asked to delete the app.",
            "shop: The app is Progressing; it was Healthy.",
            "shipping: What runs is no longer what Git asks for.",
            "shipping: The app is Progressing; it was Healthy.",
            "shipping: The app is Missing; it was Progressing.",
            "shipping: The app was deleted.",
            "shop: The app is Healthy; it was Progressing.",
            "shop: Argo CD deployed revision 39eae1c.",
        ]
    );
    assert_eq!(once.iter().collect::<std::collections::BTreeSet<_>>().len(), once.len(), "each has a name of its own: {once:#?}");
}

#[test]
fn the_same_state_twice_is_nothing() {
    for (_, app) in live_support::events() {
        assert_eq!(events(Some(&app), Some(&app)), []);
    }
    assert_eq!(events(None, None), []);
}

#[test]
fn a_sync_of_a_part_is_no_deployment() {
    let healed = json!({"phase": "Succeeded", "startedAt": "2026-11-23T13:40:00Z", "finishedAt": "2026-11-23T13:41:00Z",
        "operation": {"sync": {"resources": [{"kind": "Service", "name": "cart"}]}}, "syncResult": {"revision": "v1"}});
    let (before, after) = (one(&live("cart").put("status|operationState", json!(null))), one(&live("cart").put("status|operationState", healed)));
    assert_eq!(sentences(&events(Some(&before), Some(&after))), ["Argo CD synced a part of the app at revision v1."]);
}

#[test]
fn a_failed_sync_is_told_once() {
    let operation = |phase: &str, end: bool| {
        let finished = if end { json!("2026-11-23T13:41:00Z") } else { json!(null) };
        json!({"phase": phase, "startedAt": "2026-11-23T13:40:00Z", "finishedAt": finished, "message": "one or more objects failed to apply",
            "operation": {"initiatedBy": {"username": "ana"}}})
    };
    let at = |operation: serde_json::Value| one(&live("cart").put("status|operationState", operation));
    let (running, failed) = (at(operation("Running", false)), at(operation("Failed", true)));
    let told = events(Some(&running), Some(&failed));
    assert_eq!(sentences(&told), ["A sync failed: one or more objects failed to apply"]);
    let EventKind::SyncFailed { phase: Phase::Failed, by, .. } = &told[0].kind else { panic!("{told:?}") };
    assert_eq!(by.as_deref(), Some("ana"));
    assert_eq!(told[0].at, Some(windfirm_model::clock::Timestamp::from_seconds(1_795_441_260)));
    assert_eq!(events(Some(&failed), Some(&failed)), []);
    // A watch that skipped the start still tells it, by the same name.
    let again = events(Some(&one(&live("cart").put("status|operationState", json!(null)))), Some(&failed));
    assert_eq!(again.iter().map(AppEvent::once).collect::<Vec<_>>(), told.iter().map(AppEvent::once).collect::<Vec<_>>());
}

#[test]
fn deployments_that_nobody_saw_are_told_in_order() {
    let history =
        |ids: &[i64]| json!(ids.iter().map(|id| json!({"id": id, "revision": format!("v{id}"), "deployedAt": "2026-11-23T13:41:00Z"})).collect::<Vec<_>>());
    let at = |ids: &[i64]| one(&live("cart").put("status|history", history(ids)));
    assert_eq!(sentences(&events(Some(&at(&[1])), Some(&at(&[1, 2, 3])))), ["Argo CD deployed revision v2.", "Argo CD deployed revision v3."]);
    assert_eq!(sentences(&events(Some(&at(&[3])), Some(&at(&[1])))), Vec::<String>::new(), "an older state is nothing new");
    let several = one(&live("cart")
        .put("status|history", json!([{"id": 1, "revisions": ["2.2.3", "8a926447c3b3e4e7acb35ea7397ae77223ae4ad5"], "initiatedBy": {"username": "ana"}}])));
    assert_eq!(sentences(&events(Some(&one(&live("cart"))), Some(&several))), ["ana with Argo CD deployed revisions 2.2.3, 8a92644."]);
}

#[test]
fn made_moved_changed_deleted() {
    let cart = one(&live("cart"));
    assert_eq!(sentences(&events(None, Some(&cart))), ["The app appeared in the cluster."]);
    assert_eq!(sentences(&events(Some(&cart), None)), ["The app was deleted."]);
    let again = one(&live("cart").put("metadata|uid", json!("another")));
    assert_eq!(sentences(&events(Some(&cart), Some(&again))), ["The app was deleted.", "The app appeared in the cluster."]);
    let moved = one(&live("cart").to("east", "prod").put("spec|source|targetRevision", json!("v2")));
    assert_eq!(
        sentences(&events(Some(&cart), Some(&moved))),
        ["The app moved from dev in in-cluster to prod in east.", "The app takes its manifests from another source or revision."]
    );
    let sick = one(&live("cart").put("status|health", json!({"status": "Degraded", "message": "crash loop"})));
    assert_eq!(sentences(&events(Some(&cart), Some(&sick))), ["The app is Degraded; it was Healthy: crash loop"]);
    assert_eq!(sentences(&events(Some(&sick), Some(&cart))), ["The app is Healthy; it was Degraded."]);
    let deleting = one(&live("cart").put("metadata|deletionTimestamp", json!("2026-11-23T13:41:53Z")));
    assert_eq!(sentences(&events(Some(&cart), Some(&deleting))), ["Somebody asked to delete the app."]);
}
