//! What happened to an app between two looks at it.
//!
//! Pure, and without a memory of its own. Argo CD writes several states for one change, and a watch may skip some or tell one
//! twice: only differences that mean something are told, and each event has a [`AppEvent::once`] that is the same whenever the same
//! thing is told again.

use windfirm_model::clock::Timestamp;

use super::{Deployment, HealthStatus, Identity, LiveApplication, Operation, Phase, SyncStatus, Text};
use crate::manifest::Destination;

/// Something that happened to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppEvent {
    /// Of the object; another one after it was deleted and made again.
    pub uid: Text,
    /// When Argo CD says that it happened; `None` where it does not say: take the time when it was seen.
    pub at: Option<Timestamp>,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Seen for the first time. A first look at a cluster tells this of every app; drop it there.
    Appeared,
    /// A whole sync brought these revisions, one for each source. `history` counts up over the life of the object.
    Deployed {
        revisions: Box<[Text]>,
        history: i64,
        by: Option<Text>,
    },
    /// Only some resources were synced.
    PartlySynced {
        revisions: Box<[Text]>,
        by: Option<Text>,
    },
    SyncFailed {
        phase: Phase,
        message: Option<Text>,
        by: Option<Text>,
    },
    Health {
        from: HealthStatus,
        to: HealthStatus,
        message: Option<Text>,
    },
    /// What runs is no longer what Git asks for.
    OutOfSync,
    /// It is deployed to another place than before.
    Moved {
        from: Destination,
        to: Destination,
    },
    /// Its spec names other sources, or other revisions of them.
    SourcesChanged,
    /// Somebody asked to delete it.
    Deleting,
    Deleted,
}

/// Tells what happened from `old` to `new`, two states of the object of one name; `None` is the time before it was made and after it
/// was deleted. In the order in which it happened, as far as that can be told.
#[must_use]
pub fn events(old: Option<&LiveApplication>, new: Option<&LiveApplication>) -> Vec<AppEvent> {
    match (old, new) {
        (None, None) => Vec::new(),
        (None, Some(new)) => vec![event(&new.id, new.id.created, EventKind::Appeared)],
        (Some(old), None) => vec![event(&old.id, None, EventKind::Deleted)],
        // Deleted and made again between two looks.
        (Some(old), Some(new)) if old.id.uid != new.id.uid => {
            vec![event(&old.id, None, EventKind::Deleted), event(&new.id, new.id.created, EventKind::Appeared)]
        }
        (Some(old), Some(new)) => between(old, new),
    }
}

fn between(old: &LiveApplication, new: &LiveApplication) -> Vec<AppEvent> {
    let mut events = Vec::new();
    let mut tell = |at, kind| events.push(event(&new.id, at, kind));
    if old.destination != new.destination {
        tell(None, EventKind::Moved { from: old.destination.clone(), to: new.destination.clone() });
    }
    if old.sources != new.sources {
        tell(None, EventKind::SourcesChanged);
    }
    if old.sync == SyncStatus::Synced && new.sync == SyncStatus::OutOfSync {
        tell(new.reconciled, EventKind::OutOfSync);
    }
    let known = old.history.last().map(|newest| newest.id);
    for Deployment { id, at, by, revisions } in new.history.iter().filter(|entry| known.is_none_or(|known| entry.id > known)) {
        tell(*at, EventKind::Deployed { revisions: revisions.clone(), history: *id, by: by.clone() });
    }
    if let Some(ended) = ended(old.operation.as_deref(), new.operation.as_deref()) {
        let Operation { phase, message, by, revisions, finished, .. } = ended;
        match phase {
            Phase::Failed | Phase::Error => tell(*finished, EventKind::SyncFailed { phase: *phase, message: message.clone(), by: by.clone() }),
            _ if ended.partial => tell(*finished, EventKind::PartlySynced { revisions: revisions.clone(), by: by.clone() }),
            _ => {}
        }
    }
    if old.health.status != new.health.status {
        let (from, to) = (old.health.status, new.health.status);
        tell(new.health.since, EventKind::Health { from, to, message: new.health.message.clone() });
    }
    if old.id.deleting.is_none() && new.id.deleting.is_some() {
        tell(new.id.deleting, EventKind::Deleting);
    }
    events
}

/// The newest operation, if it ended since. What was away or running before is the same one if it began at the same time.
fn ended<'n>(old: Option<&Operation>, new: Option<&'n Operation>) -> Option<&'n Operation> {
    let new = new.filter(|new| new.phase.is_over())?;
    let known = old.is_some_and(|old| old.phase.is_over() && (old.started, old.finished) == (new.started, new.finished));
    (!known).then_some(new)
}

fn event(id: &Identity, at: Option<Timestamp>, kind: EventKind) -> AppEvent {
    AppEvent { uid: id.uid.clone(), at, kind }
}

impl AppEvent {
    /// The same for the same thing, however often it is told: by uid, and by history, time or state.
    #[must_use]
    pub fn once(&self) -> String {
        let at = self.at.map_or_else(|| "?".to_owned(), |at| at.0.to_string());
        let what = match &self.kind {
            EventKind::Appeared => "appeared".to_owned(),
            EventKind::Deployed { history, .. } => format!("deployed {history}"),
            EventKind::PartlySynced { .. } => format!("partly-synced {at}"),
            EventKind::SyncFailed { .. } => format!("sync-failed {at}"),
            EventKind::Health { to, .. } => format!("health {} {at}", to.word()),
            EventKind::OutOfSync => format!("out-of-sync {at}"),
            EventKind::Moved { to, .. } => format!("moved {}/{}", to.cluster, to.namespace),
            EventKind::SourcesChanged => format!("sources {at}"),
            EventKind::Deleting => "deleting".to_owned(),
            EventKind::Deleted => "deleted".to_owned(),
        };
        format!("{} {what}", self.uid)
    }

    /// For a mark on a trend.
    #[must_use]
    pub fn sentence(&self) -> String {
        let by = |by: &Option<Text>| by.as_ref().map_or_else(|| "Argo CD".to_owned(), |name| format!("{name} with Argo CD"));
        let message = |message: &Option<Text>| message.as_ref().map_or_else(|| ".".to_owned(), |message| format!(": {message}"));
        match &self.kind {
            EventKind::Appeared => "The app appeared in the cluster.".to_owned(),
            EventKind::Deployed { revisions, by: who, .. } => format!("{} deployed {}.", by(who), words(revisions)),
            EventKind::PartlySynced { revisions, by: who } => format!("{} synced a part of the app at {}.", by(who), words(revisions)),
            EventKind::SyncFailed { message: text, .. } => format!("A sync failed{}", message(text)),
            EventKind::Health { to: HealthStatus::Healthy, from, .. } => format!("The app is Healthy; it was {}.", from.word()),
            EventKind::Health { from, to, message: text } => format!("The app is {}; it was {}{}", to.word(), from.word(), message(text)),
            EventKind::OutOfSync => "What runs is no longer what Git asks for.".to_owned(),
            EventKind::Moved { from, to } => format!("The app moved from {} to {}.", place(from), place(to)),
            EventKind::SourcesChanged => "The app takes its manifests from another source or revision.".to_owned(),
            EventKind::Deleting => "Somebody asked to delete the app.".to_owned(),
            EventKind::Deleted => "The app was deleted.".to_owned(),
        }
    }
}

fn place(destination: &Destination) -> String {
    format!("{} in {}", destination.namespace, destination.cluster)
}

/// `revision 8a92644`, or each revision once where there are several sources. Ids of commits are cut, versions of charts are not.
fn words(revisions: &[Text]) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for revision in revisions {
        let is_commit = revision.len() >= 40 && revision.chars().all(|c| c.is_ascii_hexdigit());
        let short = if is_commit { revision.get(..7).unwrap_or(revision) } else { revision };
        if !shown.contains(&short) {
            shown.push(short);
        }
    }
    match shown.as_slice() {
        [] => "an unknown revision".to_owned(),
        [one] => format!("revision {one}"),
        several => format!("revisions {}", several.join(", ")),
    }
}
