//! `status` of an `Application`, and the lists that an `ApplicationSet` has too.

use std::collections::VecDeque;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Few, Gather, gathered, message, or_default, some, source::ComparedTo, timestamp};
use crate::{
    live::{Condition, Deployment, Health, HealthStatus, Listed, ListedStatus, Operation, Phase, ResourceCounts, SyncStatus, Text},
    manifest::Kind,
};

/// The newest entries of the history that are kept.
const HISTORY: usize = 3;
/// Apps that one other lists.
const MAX_LISTED: usize = 50_000;
const MAX_IMAGES: usize = 50;
const MAX_URLS: usize = 20;
const MAX_CONDITIONS: usize = 5;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct Status {
    #[serde(deserialize_with = "or_default")]
    pub(in crate::live) sync: Sync,
    #[serde(deserialize_with = "or_default")]
    pub(in crate::live) health: WireHealth,
    #[serde(deserialize_with = "gathered")]
    pub(in crate::live) history: History,
    pub(in crate::live) operation_state: Option<OperationState>,
    #[serde(deserialize_with = "gathered")]
    pub(in crate::live) resources: Resources,
    #[serde(deserialize_with = "gathered")]
    pub(in crate::live) conditions: Conditions,
    #[serde(deserialize_with = "or_default")]
    pub(in crate::live) summary: Summary,
    pub(in crate::live) reconciled_at: Option<String>,
    pub(in crate::live) controller_namespace: Option<String>,
    /// Of an `ApplicationSet`: how many there are, whatever the list holds.
    pub(in crate::live) resources_count: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct Sync {
    #[serde(deserialize_with = "or_default")]
    status: String,
    #[serde(deserialize_with = "or_default")]
    revision: String,
    #[serde(deserialize_with = "or_default")]
    revisions: Vec<String>,
    pub(in crate::live) compared_to: Option<ComparedTo>,
}

impl Sync {
    pub(in crate::live) fn status(&self) -> SyncStatus {
        SyncStatus::read(&self.status)
    }
    pub(in crate::live) fn revisions(&self) -> Box<[Text]> {
        revisions(&self.revisions, &self.revision)
    }
}

/// `revisions` if there are several sources, else the one `revision`.
fn revisions(several: &[String], one: &str) -> Box<[Text]> {
    if several.is_empty() {
        Some(one).filter(|one| !one.is_empty()).into_iter().map(Text::from).collect()
    } else {
        several.iter().map(|text| Text::from(text.as_str())).collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct WireHealth {
    #[serde(deserialize_with = "or_default")]
    status: String,
    message: Option<String>,
    last_transition_time: Option<String>,
}

impl From<WireHealth> for Health {
    fn from(health: WireHealth) -> Self {
        Self { status: HealthStatus::read(&health.status), message: message(health.message), since: timestamp(health.last_transition_time.as_deref()) }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Initiator {
    username: Option<String>,
}

#[derive(Default)]
pub(in crate::live) struct History(pub(in crate::live) VecDeque<Deployment>);

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct HistoryEntry {
    #[serde(deserialize_with = "or_default")]
    id: i64,
    deployed_at: Option<String>,
    #[serde(deserialize_with = "or_default")]
    initiated_by: Initiator,
    #[serde(deserialize_with = "or_default")]
    revision: String,
    #[serde(deserialize_with = "or_default")]
    revisions: Vec<String>,
}

impl Gather<'_> for History {
    type Entry = HistoryEntry;
    fn take(&mut self, entry: HistoryEntry) {
        if self.0.len() >= HISTORY {
            self.0.pop_front();
        }
        let revisions = revisions(&entry.revisions, &entry.revision);
        self.0.push_back(Deployment { id: entry.id, at: timestamp(entry.deployed_at.as_deref()), by: some(entry.initiated_by.username), revisions });
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct OperationState {
    #[serde(deserialize_with = "or_default")]
    phase: String,
    message: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(deserialize_with = "or_default")]
    retry_count: u32,
    #[serde(deserialize_with = "or_default")]
    operation: Asked,
    #[serde(deserialize_with = "or_default")]
    sync_result: SyncResult,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Asked {
    #[serde(deserialize_with = "or_default")]
    initiated_by: Initiator,
    #[serde(deserialize_with = "or_default")]
    sync: AskedSync,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AskedSync {
    #[serde(deserialize_with = "gathered")]
    resources: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SyncResult {
    #[serde(deserialize_with = "or_default")]
    revision: String,
    #[serde(deserialize_with = "or_default")]
    revisions: Vec<String>,
}

#[derive(Default)]
struct Count(u32);

impl Gather<'_> for Count {
    type Entry = IgnoredAny;
    fn take(&mut self, _: IgnoredAny) {
        self.0 = self.0.saturating_add(1);
    }
}

impl From<OperationState> for Operation {
    fn from(state: OperationState) -> Self {
        Self {
            phase: Phase::read(&state.phase),
            message: message(state.message),
            started: timestamp(state.started_at.as_deref()),
            finished: timestamp(state.finished_at.as_deref()),
            by: some(state.operation.initiated_by.username),
            partial: state.operation.sync.resources.0 > 0,
            retries: state.retry_count,
            revisions: revisions(&state.sync_result.revisions, &state.sync_result.revision),
        }
    }
}

/// `status.resources`: the apps among them, and counts of the rest.
#[derive(Default)]
pub(in crate::live) struct Resources {
    pub(in crate::live) listed: Vec<Listed>,
    pub(in crate::live) counts: ResourceCounts,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct Resource {
    #[serde(deserialize_with = "or_default")]
    group: String,
    #[serde(deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    namespace: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    status: String,
    requires_pruning: Option<bool>,
    health: Option<WireHealth>,
}

impl Gather<'_> for Resources {
    type Entry = Resource;
    fn take(&mut self, entry: Resource) {
        let status = match SyncStatus::read(&entry.status) {
            SyncStatus::Synced => ListedStatus::Synced,
            SyncStatus::OutOfSync => ListedStatus::OutOfSync,
            SyncStatus::Unknown => ListedStatus::Unknown,
        };
        let health = entry.health.map(Health::from).map(|health| health.status);
        let bad = health.is_some_and(|health| matches!(health, HealthStatus::Missing | HealthStatus::Degraded | HealthStatus::Unknown));
        self.counts.all = self.counts.all.saturating_add(1);
        self.counts.out_of_sync = self.counts.out_of_sync.saturating_add(u32::from(status == ListedStatus::OutOfSync));
        self.counts.unhealthy = self.counts.unhealthy.saturating_add(u32::from(bad));
        let kind = match (entry.group.as_str(), entry.kind.as_str()) {
            ("argoproj.io", "Application") => Kind::Application,
            ("argoproj.io", "ApplicationSet") => Kind::ApplicationSet,
            _ => return,
        };
        if self.listed.len() < MAX_LISTED && !entry.name.is_empty() {
            let pruning = entry.requires_pruning.unwrap_or(false);
            self.listed.push(Listed { kind, namespace: entry.namespace.into(), name: entry.name.into(), status, pruning });
        }
    }
}

impl Resources {
    /// Sorted, so that two lists of the same apps are equal.
    pub(in crate::live) fn listed(&mut self) -> Box<[Listed]> {
        let mut listed = std::mem::take(&mut self.listed);
        listed.sort();
        listed.into_boxed_slice()
    }
}

#[derive(Default)]
pub(in crate::live) struct Conditions(pub(in crate::live) Vec<Condition>);

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::live) struct WireCondition {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    message: Option<String>,
    /// Of an `ApplicationSet` only: the condition holds if it is `True`.
    status: Option<String>,
}

impl Gather<'_> for Conditions {
    type Entry = WireCondition;
    fn take(&mut self, entry: WireCondition) {
        let told = entry.kind.ends_with("Error") || matches!(entry.kind.as_str(), "SharedResourceWarning" | "OrphanedResourceWarning" | "ErrorOccurred");
        let holds = entry.status.is_none_or(|status| status == "True");
        if told && holds && self.0.len() < MAX_CONDITIONS {
            self.0.push(Condition { kind: entry.kind.into(), message: message(entry.message).unwrap_or_default() });
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::live) struct Summary {
    #[serde(deserialize_with = "gathered")]
    pub(in crate::live) images: Few<MAX_IMAGES>,
    #[serde(rename = "externalURLs", deserialize_with = "gathered")]
    pub(in crate::live) external_urls: Few<MAX_URLS>,
    pub(in crate::live) is_app_of_apps: Option<bool>,
}
