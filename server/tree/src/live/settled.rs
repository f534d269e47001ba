//! Whether an app stands still, as what Git asks for.

use windfirm_model::clock::Timestamp;

use super::{Compared, HealthStatus, LiveApplication, Phase, SyncStatus, Text};

/// Whether what runs is what was asked for, and nothing is about to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// At these revisions, one for each source, as Argo CD saw it at that time. A newer commit may exist that it has not seen yet.
    Yes { revisions: Box<[Text]>, reconciled: Option<Timestamp> },
    /// All that is in the way, at least one.
    No(Vec<Unsettled>),
}

/// Why an app is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// Somebody asked to delete it. For a moment Argo CD still calls such an app synced and healthy.
    BeingDeleted,
    Sync(SyncStatus),
    Health(HealthStatus),
    /// No operation is known: it was never synced, or one begins right now.
    NoOperation,
    Operation(Phase),
    /// What was compared is not what the spec asks for.
    Sources(Compared),
}

impl Settled {
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Yes { .. })
    }
    /// The reasons against it; none if it is settled.
    #[must_use]
    pub fn reasons(&self) -> &[Unsettled] {
        match self {
            Self::Yes { .. } => &[],
            Self::No(reasons) => reasons,
        }
    }
}

impl Unsettled {
    /// For people, with Argo CD's own words in it.
    #[must_use]
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::BeingDeleted => "It is being deleted.",
            Self::Sync(SyncStatus::OutOfSync) => "It is OutOfSync: what runs is not what Git asks for.",
            Self::Sync(SyncStatus::Synced | SyncStatus::Unknown) => "Argo CD does not know whether it is in sync with Git.",
            Self::Health(HealthStatus::Healthy | HealthStatus::Unknown) => "Argo CD does not know its health.",
            Self::Health(HealthStatus::Suspended) => "It is Suspended: a part of it waits for somebody.",
            Self::Health(HealthStatus::Progressing) => "It is Progressing: a part of it is not ready yet.",
            Self::Health(HealthStatus::Missing) => "It is Missing: a part of it does not exist in the cluster.",
            Self::Health(HealthStatus::Degraded) => "It is Degraded: a part of it does not work.",
            Self::NoOperation => "No sync of it is known: it was never synced, or a sync begins right now.",
            Self::Operation(Phase::Running) => "A sync of it is running.",
            Self::Operation(Phase::Terminating) => "A sync of it is being stopped.",
            Self::Operation(Phase::Failed) => "Its last sync failed.",
            Self::Operation(Phase::Error) => "Its last sync ended with an error.",
            Self::Operation(Phase::Succeeded | Phase::Unknown) => "The state of its last sync is not known here.",
            Self::Sources(Compared::Never) => "Argo CD has not compared it with Git yet.",
            Self::Sources(Compared::SameSources | Compared::OtherSources) => "Its sources were changed, and Argo CD has not compared it with the new ones yet.",
        }
    }
}

/// An app is settled if it is synced and healthy, its last operation succeeded, and what was compared are the sources that its spec
/// asks for now; and if nobody asked to delete it, which the others tell only later.
///
/// The health of an app says nothing of the apps that it makes: each of them is asked itself. Nor is a settled app at the newest
/// commit: compare the revisions.
#[must_use]
pub fn settled(app: &LiveApplication) -> Settled {
    let mut reasons = Vec::new();
    if app.id.deleting.is_some() {
        reasons.push(Unsettled::BeingDeleted);
    }
    if app.sync != SyncStatus::Synced {
        reasons.push(Unsettled::Sync(app.sync));
    }
    if app.health.status != HealthStatus::Healthy {
        reasons.push(Unsettled::Health(app.health.status));
    }
    match app.operation.as_ref().map(|operation| operation.phase) {
        Some(Phase::Succeeded) => {}
        Some(phase) => reasons.push(Unsettled::Operation(phase)),
        None => reasons.push(Unsettled::NoOperation),
    }
    if app.compared != Compared::SameSources {
        reasons.push(Unsettled::Sources(app.compared));
    }
    if reasons.is_empty() { Settled::Yes { revisions: app.revisions.clone(), reconciled: app.reconciled } } else { Settled::No(reasons) }
}
