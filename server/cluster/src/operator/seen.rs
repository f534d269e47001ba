//! What is read of the objects of an execution: the few fields that tell how it stands.

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windfirm_model::{clock::Timestamp, id::ExecutionId};

use super::objects::mark;

/// Everything of one execution at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) run: TestRun,
    pub(crate) pods: Vec<Pod>,
    pub(crate) jobs: Vec<Job>,
    /// About its pods and Jobs; read only where something does not move.
    pub(crate) events: Vec<Event>,
    /// The initializer's output, read only when it has ended and the operator is not content.
    pub(crate) initializer_log: Option<String>,
    pub(crate) now: Timestamp,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) labels: std::collections::BTreeMap<String, String>,
    pub(crate) annotations: std::collections::BTreeMap<String, String>,
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) deletion_timestamp: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestRun {
    pub(crate) metadata: Metadata,
    pub(crate) spec: TestRunSpec,
    pub(crate) status: TestRunStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestRunSpec {
    pub(crate) parallelism: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestRunStatus {
    pub(crate) stage: String,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) last_transition_time: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatus {
    pub(crate) image: String,
    pub(crate) state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) waiting: Option<Waiting>,
    pub(crate) running: Option<Running>,
    pub(crate) terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub(crate) reason: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Running {
    pub(crate) started_at: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started_at: Option<String>,
    pub(crate) finished_at: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub(crate) metadata: Metadata,
    pub(crate) status: JobStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobStatus {
    pub(crate) active: u32,
    pub(crate) failed: u32,
    pub(crate) succeeded: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Event {
    pub(crate) involved_object: Involved,
    pub(crate) reason: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Involved {
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Metadata {
    pub(crate) fn created(&self) -> Option<Timestamp> {
        time_of(self.creation_timestamp.as_deref()?)
    }
    pub(crate) fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map(String::as_str).unwrap_or_default()
    }
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.annotation(name).parse().ok()
    }
    pub(crate) fn execution(&self) -> Option<ExecutionId> {
        self.labels.get(mark::EXECUTION)?.parse().ok()
    }
    /// Whether a portal of ours made it for this execution.
    pub(crate) fn is_ours(&self, execution: ExecutionId, instance: &str) -> bool {
        let label = |name: &str| self.labels.get(name).map(String::as_str).unwrap_or_default();
        label(mark::MANAGED_BY) == mark::WINDFIRM && label(mark::INSTANCE) == instance && self.execution() == Some(execution)
    }
}

impl Pod {
    /// The Job that it is of; old and new Kubernetes have different labels.
    pub(crate) fn job(&self) -> &str {
        let label = |name: &str| self.metadata.labels.get(name).map(String::as_str);
        label("batch.kubernetes.io/job-name").or_else(|| label("job-name")).unwrap_or_default()
    }
    /// Of its only container that matters; the operator gives it one.
    pub(crate) fn container(&self) -> Option<&ContainerStatus> {
        self.status.container_statuses.first()
    }
    pub(crate) fn terminated(&self) -> Option<&Terminated> {
        self.container()?.state.terminated.as_ref()
    }
    /// What comes before it, where a test is large: it brings the files.
    pub(crate) fn fetcher(&self) -> Option<&ContainerStatus> {
        self.status.init_container_statuses.first()
    }
    /// How that failed, if it did. Then nothing else is started.
    pub(crate) fn failed_to_fetch(&self) -> Option<&Terminated> {
        self.fetcher()?.state.terminated.as_ref().filter(|ended| ended.exit_code != 0)
    }
    pub(crate) fn is_running(&self) -> bool {
        self.container().is_some_and(|container| container.state.running.is_some())
    }
    /// Whether there can be a log.
    pub(crate) fn has_started(&self) -> bool {
        self.container().is_some_and(|container| container.state.running.is_some() || container.state.terminated.is_some())
    }
}

impl Seen {
    /// The pod of a Job. There is one each; of several the newest counts.
    pub(crate) fn pod_of(&self, job: &str) -> Option<&Pod> {
        self.pods.iter().filter(|pod| pod.job() == job).max_by_key(|pod| pod.metadata.created())
    }
    pub(crate) fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.metadata.name == name)
    }
    pub(crate) fn events_of<'a>(&'a self, kind: &'a str, name: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.involved_object.kind == kind && event.involved_object.name == name)
    }
    /// Whole seconds since the TestRun was created. The API server's clock and ours may differ a little.
    pub(crate) fn age_s(&self) -> i64 {
        self.age_of_s(&self.run.metadata)
    }
    pub(crate) fn age_of_s(&self, metadata: &Metadata) -> i64 {
        metadata.created().map_or(0, |created| self.now.micros_since(created) / 1_000_000)
    }
}

/// `2026-11-26T00:49:18Z`, with or without fractions.
pub(crate) fn time_of(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000).ok().map(Timestamp)
}
