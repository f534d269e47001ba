//! The section `clusters:`: which clusters there are, what is read there, and whether runs are carried out there.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use url::Url;
use windfirm_cluster::{
    BadClusters, ClusterSpec, Source,
    operator::{OperatorSettings, PullPolicy as OperatorPullPolicy, Resources, RunnerImage, Shelf},
};

/// One cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSection {
    /// Small letters, digits, dashes.
    pub name: String,
    /// The portal runs in it: its pod's service account.
    #[serde(default)]
    pub in_cluster: bool,
    #[serde(default)]
    pub kubeconfig: Option<KubeconfigSection>,
    /// Names and addresses by which `destination.name` and `destination.server` mean this cluster; its own name is always one.
    #[serde(default)]
    pub known_as: Vec<String>,
    #[serde(default)]
    pub impersonation: Impersonation,
    /// Without it no Argo CD is read here.
    #[serde(default)]
    pub argocd: Option<ArgoCdSection>,
    /// Without it nothing can be launched on the apps of this cluster.
    #[serde(default)]
    pub runs: Option<RunsSection>,
}

/// A kubeconfig file, and which of its contexts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigSection {
    pub file: PathBuf,
    /// The file's current one when absent.
    #[serde(default)]
    pub context: Option<String>,
}

/// How the portal may act as a service account; as the policy was rendered.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impersonation {
    #[default]
    Constrained,
    Legacy,
}

/// The Argo CD of a cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArgoCdSection {
    /// Where Argo CD itself lives, and its AppProjects with it.
    pub namespace: String,
    /// Where its Applications and ApplicationSets are read: namespaces by name, or `*` alone for all of them. Empty: in [`Self::namespace`],
    /// where Argo CD looks after them unless it was told of others (its `application.namespaces`).
    pub applications_in: Vec<String>,
    /// Argo CD's `application.instanceLabelKey`.
    pub instance_label: String,
    /// Argo CD's `installationID`.
    pub installation_id: Option<String>,
}

impl Default for ArgoCdSection {
    fn default() -> Self {
        Self { namespace: "argocd".to_owned(), applications_in: Vec::new(), instance_label: "app.kubernetes.io/instance".to_owned(), installation_id: None }
    }
}

/// Runs as TestRuns of k6-operator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunsSection {
    /// How runner pods reach this portal.
    pub portal: Url,
    /// Stock k6, best with its digest.
    pub k6_image: String,
    /// The project's own image of stock k6 with a runner in front, with its digest: measurements then outlive a portal that is away, and tests
    /// may be larger than a ConfigMap. Runners are stock k6 when absent.
    #[serde(default)]
    pub runner_image: Option<String>,
    /// The operator's starter: anything with `sh` and `curl`.
    pub starter_image: String,
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// What a runner asks for; there is no limit, because a runner that is throttled measures itself.
    #[serde(default = "default_cpu")]
    pub cpu: String,
    /// What a runner asks for, and its limit.
    #[serde(default = "default_memory_mib")]
    pub memory_mib: u32,
    /// User and group of the containers, where the image does not say so by number.
    #[serde(default)]
    pub run_as: Option<u32>,
    /// How long a start may take: images are pulled, nodes may have to come.
    #[serde(default = "default_start_limit_s")]
    pub start_limit_s: u32,
    /// Runs at the same time in this cluster.
    #[serde(default = "default_slots")]
    pub slots: u32,
}

/// When the kubelet pulls an image, in Kubernetes' own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum PullPolicy {
    #[default]
    IfNotPresent,
    Always,
    Never,
}

fn default_cpu() -> String {
    "500m".to_owned()
}
const fn default_memory_mib() -> u32 {
    512
}
const fn default_start_limit_s() -> u32 {
    300
}
const fn default_slots() -> u32 {
    20
}

/// The entry of [`ArgoCdSection::applications_in`] that means all namespaces.
pub const EVERYWHERE: &str = "*";

impl ArgoCdSection {
    /// What is watched for Applications and ApplicationSets: each of these namespaces, once; `None` is all of them.
    #[must_use]
    pub fn watched(&self) -> Vec<Option<String>> {
        if self.applications_in.iter().any(|namespace| namespace == EVERYWHERE) {
            return vec![None];
        }
        let named: BTreeSet<&String> = if self.applications_in.is_empty() { [&self.namespace].into() } else { self.applications_in.iter().collect() };
        named.into_iter().cloned().map(Some).collect()
    }
}

impl ClusterSection {
    /// The same for the cluster layer.
    ///
    /// # Errors
    /// When the name is none.
    pub fn spec(&self) -> Result<ClusterSpec, BadClusters> {
        let source = match &self.kubeconfig {
            Some(KubeconfigSection { file, context }) => Source::Kubeconfig { file: file.clone(), context: context.clone() },
            None => Source::InCluster,
        };
        let impersonation = match self.impersonation {
            Impersonation::Constrained => windfirm_cluster::Impersonation::Constrained,
            Impersonation::Legacy => windfirm_cluster::Impersonation::Legacy,
        };
        Ok(ClusterSpec { name: self.name.parse()?, source, impersonation })
    }
}

impl RunsSection {
    /// The same for the executor. `instance` tells this portal's TestRuns from those of another one; `state` is the portal's state folder.
    #[must_use]
    pub fn operator(&self, instance: &str, state: &Path) -> OperatorSettings {
        OperatorSettings {
            instance: instance.to_owned(),
            k6_image: self.k6_image.clone(),
            runner_image: self.runner_image.clone().map(|name| RunnerImage { name, shelf: Shelf::in_state(state) }),
            starter_image: self.starter_image.clone(),
            pull_policy: match self.pull_policy {
                PullPolicy::IfNotPresent => OperatorPullPolicy::IfNotPresent,
                PullPolicy::Always => OperatorPullPolicy::Always,
                PullPolicy::Never => OperatorPullPolicy::Never,
            },
            runner: Resources { cpu: self.cpu.clone(), memory_mib: self.memory_mib },
            runner_environment: Vec::new(),
            run_as: self.run_as,
            start_limit_s: self.start_limit_s,
        }
    }
    /// Without a slash at the end.
    #[must_use]
    pub fn ingest_url(&self) -> String {
        self.portal.as_str().trim_end_matches('/').to_owned()
    }
}
