//! What the configuration says of runners in a cluster.

use super::shelf::Shelf;

/// When the kubelet pulls an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    #[default]
    IfNotPresent,
    Always,
    Never,
}

impl PullPolicy {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// Requests and limits of one runner, in Kubernetes' own quantities. The memory is both: a runner that is pushed out by its neighbours
/// measures them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Asked for; there is no limit, because a runner that is throttled measures itself.
    pub cpu: String,
    pub memory_mib: u32,
}

/// An image of ours: stock k6 with a runner in front of it, so that measurements outlive a portal that is away; and what fetches large tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerImage {
    /// With its digest.
    pub name: String,
    /// Where the portal has the archives that it fetches.
    pub shelf: Shelf,
}

/// Settings of a [`super::KubernetesExecutor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSettings {
    /// Which portal this is. Several may work in one cluster; each looks after its own TestRuns only. A label value.
    pub instance: String,
    /// Stock k6, best with its digest: `grafana/k6:2.2.0@sha256:…`.
    pub k6_image: String,
    /// `None`: runners are stock k6 as well, and tests are as small as a ConfigMap.
    pub runner_image: Option<RunnerImage>,
    /// The operator's starter: anything with `sh` and `curl`.
    pub starter_image: String,
    pub pull_policy: PullPolicy,
    pub runner: Resources,
    /// Further variables in the environment of each runner, such as `SSL_CERT_FILE`. They come last.
    pub runner_environment: Vec<(String, String)>,
    /// User and group that all containers run as, when the image does not say so itself by number.
    pub run_as: Option<u32>,
    /// How long a start may take: images are pulled, nodes may have to come.
    pub start_limit_s: u32,
}
