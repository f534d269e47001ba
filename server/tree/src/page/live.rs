//! What a cluster says of an app, cut to what the asker may know of it.
//!
//! Pure. Two rules decide, both of [`crate::live::Live`]: who may not see the app where it really is learns nothing that a cluster
//! says of it; and messages, which may name apps that the asker may not see, are for those who may see everything directly below.
//! All others are told that there are messages.

use std::collections::BTreeSet;

use windfirm_model::{
    action::Action,
    environment::Environment,
    path::AppPath,
    view::cluster::{
        AgainstGit, ClusterState, ConditionRow, DeploymentRow, Found, HealthWord, LiveFacts, LiveState, LiveTold, OperationFacts, RevisionRow, Settled,
        SyncWord,
    },
};
use windfirm_policy::{Access, Place};

use crate::{
    address,
    graph::{App, Presence, Tree},
    live::{
        self, Condition, Deployment, EdgeSource, HealthStatus, Live, LiveApplication, LiveApplicationSet, LiveObject, LiveParent, Operation, Phase, SyncStatus,
        Text,
    },
    manifest::IN_CLUSTER,
};

/// Two apps claim one resource. The message names the other one, wherever that stands.
const SHARED: &str = "SharedResourceWarning";

/// Whether there is anything to tell of the app: [`state`] without the work.
pub(super) fn is_told(app: &App, access: &Access) -> bool {
    match app.presence {
        Presence::Unasked => false,
        Presence::GitOnly => true,
        Presence::Both | Presence::ClusterOnly => app.live(access).is_some(),
    }
}

/// How the app stands in its cluster. `None` where no cluster is read for it, or where that is not the asker's to know.
pub(super) fn state(app: &App, access: &Access, clusters: &[ClusterState]) -> Option<LiveState> {
    let found = match app.presence {
        Presence::Unasked => return None,
        // As long as a cluster has not told everything, what it did not tell may still be there.
        Presence::GitOnly if cluster_of(app, None, clusters).is_some_and(|cluster| !cluster.complete) => Found::NotHeard,
        Presence::GitOnly => Found::GitOnly,
        Presence::Both => Found::InBoth,
        Presence::ClusterOnly => Found::ClusterOnly,
    };
    if matches!(found, Found::GitOnly | Found::NotHeard) {
        return Some(LiveState { found, health: None, sync: None, settled: None, revision: None, as_of: None });
    }
    let live = app.live(access)?;
    let cluster = cluster_of(app, Some(live), clusters);
    let (health, sync) = match &live.object {
        LiveObject::Application(app) => (Some(health(app.health.status)), Some(sync(app.sync))),
        // Older Argo CDs say nothing of the health of a set.
        LiveObject::Set(set) => (Some(set.health.status).filter(|status| *status != HealthStatus::Unknown).map(health), None),
    };
    Some(LiveState {
        found,
        health,
        sync,
        settled: live.settled.as_ref().map(settled),
        revision: shown_revision(live),
        as_of: cluster.filter(|cluster| cluster.is_away()).and_then(|cluster| cluster.heard),
    })
}

/// The page of one app: what its cluster says of it, and how well that cluster is heard.
#[must_use]
pub fn live_facts(tree: &Tree, app: &App, access: &Access, clusters: &[ClusterState]) -> (Option<LiveFacts>, Option<ClusterState>) {
    let Some(state) = state(app, access, clusters) else { return (None, None) };
    let live = app.live(access);
    let told = live.map(|live| {
        let environments = environments(tree);
        let readable = Readable { below: sees_all(access, &app.path, &environments), anywhere: sees_all(access, &AppPath::root(), &environments) };
        Box::new(told(tree, access, live, readable))
    });
    (Some(LiveFacts { state, told }), cluster_of(app, live, clusters).cloned())
}

/// The cluster that the app's own object lives in.
pub(super) fn cluster_of<'c>(app: &App, live: Option<&Live>, clusters: &'c [ClusterState]) -> Option<&'c ClusterState> {
    match live.map(|live| &*live.object.id().cluster) {
        Some(name) => clusters.iter().find(|cluster| cluster.name == name),
        None if app.presence == Presence::Unasked => None,
        None => clusters.iter().find(|cluster| cluster.name == app.object_cluster || (cluster.home && app.object_cluster == IN_CLUSTER)),
    }
}

/// All environments of the tree, and one that no app has: it stands for those that an app may bring which nobody has seen yet.
pub(super) fn environments(tree: &Tree) -> BTreeSet<Environment> {
    let mut known: Vec<&Environment> = tree.apps().iter().map(|app| &app.environment).collect();
    // Neighbours mostly have the same one.
    known.dedup();
    known.into_iter().cloned().chain([Environment::from("?")]).collect()
}

/// Whether the asker may see every app that stands here or below, whatever its environment.
pub(super) fn sees_all(access: &Access, path: &AppPath, environments: &BTreeSet<Environment>) -> bool {
    environments.iter().all(|environment| access.allows(Action::ViewApp, &Place { path: path.clone(), environment: environment.clone() }))
}

/// Which messages the asker may read.
#[derive(Clone, Copy, Debug)]
struct Readable {
    /// Those that may name what the app makes.
    below: bool,
    /// Those that may name any app.
    anywhere: bool,
}

fn told(tree: &Tree, access: &Access, live: &Live, readable: Readable) -> LiveTold {
    let bare = LiveTold {
        cluster: live.object.id().cluster.to_string(),
        destination_cluster: live.cluster.clone(),
        destination_namespace: live.namespace.clone(),
        environment: live.environment.clone(),
        environment_why: live.environment_why.clone(),
        disagreements: live.disagreements.clone(),
        provenance: provenance(tree, access, live),
        reconciled: None,
        deleting: live.object.id().deleting,
        health_since: None,
        health_message: None,
        revisions: live.revisions.iter().map(revision).collect(),
        images: Vec::new(),
        urls: Vec::new(),
        operation: None,
        operation_asked: false,
        deployments: Vec::new(),
        conditions: Vec::new(),
        resources: 0,
        resources_out_of_sync: 0,
        messages_withheld: false,
    };
    match &live.object {
        LiveObject::Application(app) => of_application(bare, app, readable),
        LiveObject::Set(set) => of_set(bare, set, readable),
    }
}

fn of_application(bare: LiveTold, app: &LiveApplication, readable: Readable) -> LiveTold {
    let operation = app.operation.as_deref();
    let health_message = app.health.message.as_ref();
    let (conditions, withheld) = conditions(&app.conditions, readable);
    // That it went well is no message.
    let said = operation.is_some_and(|operation| operation.message.is_some() && operation.phase != Phase::Succeeded);
    let more = !readable.below && (health_message.is_some() || said);
    LiveTold {
        reconciled: app.reconciled,
        health_since: app.health.since,
        health_message: health_message.filter(|_| readable.below).map(ToString::to_string),
        images: texts(&app.images),
        urls: texts(&app.external_urls),
        operation: operation.map(|operation| operation_facts(operation, readable)),
        operation_asked: app.operation_asked,
        deployments: app.history.iter().rev().map(deployment).collect(),
        conditions,
        resources: app.resources.all,
        resources_out_of_sync: app.resources.out_of_sync,
        messages_withheld: withheld || more,
        ..bare
    }
}

fn of_set(bare: LiveTold, set: &LiveApplicationSet, readable: Readable) -> LiveTold {
    let (conditions, withheld) = conditions(&set.conditions, readable);
    let message = set.health.message.as_ref();
    LiveTold {
        health_since: set.health.since,
        health_message: message.filter(|_| readable.below).map(ToString::to_string),
        conditions,
        resources: u32::try_from(set.listed_count).unwrap_or(u32::MAX),
        messages_withheld: withheld || (message.is_some() && !readable.below),
        ..bare
    }
}

fn operation_facts(operation: &Operation, readable: Readable) -> OperationFacts {
    OperationFacts {
        phase: operation.phase.word().to_owned(),
        message: operation.message.as_ref().filter(|_| readable.below).map(ToString::to_string),
        started: operation.started,
        finished: operation.finished,
        by: operation.by.as_ref().map(ToString::to_string),
        partial: operation.partial,
        retries: operation.retries,
        revisions: texts(&operation.revisions),
    }
}

fn deployment(entry: &Deployment) -> DeploymentRow {
    DeploymentRow { at: entry.at, by: entry.by.as_ref().map(ToString::to_string), revisions: texts(&entry.revisions) }
}

/// The conditions, and whether the asker may not read one of their messages.
fn conditions(conditions: &[Condition], readable: Readable) -> (Vec<ConditionRow>, bool) {
    let may_read = |condition: &Condition| if &*condition.kind == SHARED { readable.anywhere } else { readable.below };
    let row = |condition: &Condition| ConditionRow {
        kind: condition.kind.to_string(),
        message: Some(condition.message.to_string()).filter(|message| !message.is_empty() && may_read(condition)),
    };
    let withheld = conditions.iter().any(|condition| !condition.message.is_empty() && !may_read(condition));
    (conditions.iter().map(row).collect(), withheld)
}

/// Which app makes it in the cluster, and which marks tell so.
fn provenance(tree: &Tree, access: &Access, live: &Live) -> Option<String> {
    let index = match live.parent {
        LiveParent::None => return None,
        LiveParent::Missing => return Some("It bears the mark of an app that has no place in this tree.".to_owned()),
        LiveParent::Unsure => return Some("Several apps may make it; its marks do not tell which.".to_owned()),
        LiveParent::App(index) => index,
    };
    let parent = tree.apps().get(index).filter(|parent| access.allows(Action::ViewApp, &parent.place()));
    let name = parent.map_or_else(|| "an app that you may not see".to_owned(), |parent| format!("`{}`", parent.path));
    let marks: Vec<&str> = live.provenance.iter().map(|source| mark(*source)).collect();
    Some(match marks.split_last() {
        None => format!("In the cluster it stands below {name}."),
        Some((only, [])) => format!("In the cluster it stands below {name}: {only}."),
        Some((last, before)) => format!("In the cluster it stands below {name}: {}, and {last}.", before.join(", ")),
    })
}

const fn mark(source: EdgeSource) -> &'static str {
    match source {
        EdgeSource::OwnerReference => "its owner reference says so",
        EdgeSource::TrackingId => "its tracking id says so",
        EdgeSource::ListedSynced => "that app lists it as synced",
        EdgeSource::Listed => "that app lists it, but not as synced",
        EdgeSource::Label => "its instance label says so",
        EdgeSource::LabelCut => "its instance label, which is cut at 63 characters, says so",
    }
}

/// The one source that a row has room for.
fn shown_revision(live: &Live) -> Option<RevisionRow> {
    let ours = live.revisions.iter().find(|revision| revision.against_git != live::AgainstGit::Incomparable);
    ours.or_else(|| live.revisions.first()).map(revision)
}

fn revision(revision: &live::LiveRevision) -> RevisionRow {
    RevisionRow {
        repository: address::shown(&revision.repository),
        deployed: revision.deployed.as_ref().map(ToString::to_string),
        against_git: match revision.against_git {
            live::AgainstGit::Same => AgainstGit::Same,
            live::AgainstGit::Other => AgainstGit::Other,
            live::AgainstGit::Incomparable => AgainstGit::Incomparable,
        },
    }
}

fn settled(settled: &live::Settled) -> Settled {
    match settled {
        live::Settled::Yes { .. } => Settled::Yes,
        live::Settled::No(reasons) => Settled::No { reasons: reasons.iter().map(|reason| reason.sentence().to_owned()).collect() },
    }
}

const fn health(status: HealthStatus) -> HealthWord {
    match status {
        HealthStatus::Healthy => HealthWord::Healthy,
        HealthStatus::Suspended => HealthWord::Suspended,
        HealthStatus::Progressing => HealthWord::Progressing,
        HealthStatus::Missing => HealthWord::Missing,
        HealthStatus::Degraded => HealthWord::Degraded,
        HealthStatus::Unknown => HealthWord::Unknown,
    }
}

const fn sync(status: SyncStatus) -> SyncWord {
    match status {
        SyncStatus::Synced => SyncWord::Synced,
        SyncStatus::OutOfSync => SyncWord::OutOfSync,
        SyncStatus::Unknown => SyncWord::Unknown,
    }
}

fn texts(texts: &[Text]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}
