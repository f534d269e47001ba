//! One app: overview, tests, runs, access, sources.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    environment::Environment,
    path::AppPath,
    view::{
        access::ActionRow,
        cluster::{AccountFindings, ClusterState, DeploymentRow, LiveFacts, ProjectFacts},
        run::Permission,
        runs::RunRow,
        secret::SecretRow,
        tree::TreeRevision,
    },
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppPage {
    pub path: AppPath,
    pub name: String,
    pub kind: String,
    pub environment: Environment,
    /// How the environment was decided: “rule `prod` of the policy: namespace `*-prod`”.
    pub environment_why: String,
    pub wave: i32,
    pub cluster: String,
    /// The namespace of the Application object itself.
    pub namespace: String,
    /// Where the app is deployed to.
    pub destination_namespace: String,
    pub target: Target,
    pub parent: Option<AppPath>,
    pub children: Vec<ChildRow>,
    pub hidden_children: u32,
    pub sources: Vec<SourceRow>,
    pub revision: TreeRevision,
    pub tests: Vec<TestRow>,
    /// The commit that runs in its cluster, where the tests are from that one and not from `revision`.
    #[serde(default)]
    pub tests_at: Option<String>,
    /// Where tests were searched, whether or not some were found.
    pub searched: Vec<String>,
    /// Newest first, at most twenty.
    pub runs: Vec<RunRow>,
    pub runs_total: u64,
    pub launch: Permission,
    pub service_account: Option<String>,
    pub access: Vec<ActionRow>,
    pub guardrails: Vec<GuardrailRow>,
    /// Trouble with this app's manifest or tests.
    pub problems: Vec<String>,
    /// What cannot be known here of the apps that it makes, and why.
    pub unresolved: Vec<String>,
    /// What its cluster says of it; `None` where no cluster is read, or where that is not the reader's to know.
    #[serde(default)]
    pub live: Option<LiveFacts>,
    /// What follows from its project in Argo CD; `None` where its live side is not the reader's to know, or there is none.
    #[serde(default)]
    pub project: Option<ProjectFacts>,
    /// What Argo CD deployed, newest first, as far as it is remembered: further back than Argo CD itself does.
    #[serde(default)]
    pub deployments: Vec<DeploymentRow>,
    /// The cluster that the app's own object lives in: how old `live` is.
    #[serde(default)]
    pub cluster_state: Option<ClusterState>,
    /// What the last preflight found of the account that a launch of the reader's would act as.
    #[serde(default)]
    pub account_findings: Option<AccountFindings>,
    /// What its tests get of Secrets, by name.
    #[serde(default)]
    pub secrets: Vec<SecretRow>,
    pub now: Timestamp,
}

/// What the tests of the app talk to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// `from` says where it stands: the annotation, or the external URL of the manifest.
    Known { url: String, from: String },
    /// Why there is none, and what to do.
    Missing { why: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildRow {
    pub path: AppPath,
    pub name: String,
    pub wave: i32,
    pub environment: Environment,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRow {
    pub repository: String,
    pub path: String,
    pub revision: String,
    /// `directory`, `helm`, `kustomize`, `chart`.
    pub kind: String,
    /// The last commit that touched this path, if the tree's repository holds it.
    pub last_commit: Option<CommitRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRow {
    pub id: String,
    pub subject: String,
    pub author: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRow {
    /// Path of the script in the repository.
    pub path: String,
    /// `browse.js`.
    pub name: String,
    pub digest: String,
    pub options: TestOptions,
}

/// What k6 itself said of the script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TestOptions {
    Read {
        scenarios: Vec<ScenarioRow>,
        max_vus: u32,
        duration_s: u32,
        thresholds: Vec<String>,
        unbounded: bool,
    },
    /// k6's message, as it is.
    Broken {
        message: String,
    },
    /// Not asked yet: k6 is missing or busy; why.
    Unread {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRow {
    pub name: String,
    pub executor: String,
}

/// A limit that holds here, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailRow {
    /// `max_vus`, `max_duration`, `target_hosts`; `lost_runners` where they are tolerated.
    pub kind: String,
    /// For people: “50 VUs”, “10 min”, “127.0.0.1:*”.
    pub limit: String,
    /// Name of the guardrail in the policy.
    pub name: String,
    pub path: AppPath,
}
