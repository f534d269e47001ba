//! All clusters of the configuration, by name.

use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf, str::FromStr, sync::Arc};

use windfirm_model::clock::Clock;

use crate::{account::is_label, cluster::Cluster};

/// What the configuration calls a cluster: small letters, digits, dashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterName(String);

impl ClusterName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = BadClusters;
    fn from_str(text: &str) -> Result<Self, BadClusters> {
        if is_label(text) { Ok(Self(text.to_owned())) } else { Err(BadClusters::Name(text.to_owned())) }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where address and credentials of a cluster come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The portal runs in this cluster: its pod's service account.
    InCluster,
    /// A context of a kubeconfig file; without one, the file's current context. The file is read again when the cluster does not
    /// accept what it said.
    Kubeconfig { file: PathBuf, context: Option<String> },
}

/// How the portal's right to act as an account is granted. Over the wire both look the same; it decides what the preflight asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Impersonation {
    /// By account and by verb (Kubernetes 1.36).
    #[default]
    Constrained,
    /// The verb `impersonate`, which gives all that the account may do. For clusters that know nothing better.
    Legacy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    pub name: ClusterName,
    pub source: Source,
    pub impersonation: Impersonation,
}

/// Why the portal does not start with these clusters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadClusters {
    #[error("“{0}” cannot name a cluster. Use small letters, digits and dashes, at most 63.")]
    Name(String),
    #[error("Two clusters are called {0}. Give one of them another name.")]
    Twice(ClusterName),
    #[error("The environment variable {0} is set. It would let the portal act as somebody else, so the portal does not start with it. Unset it.")]
    DebugVariable(String),
}

/// The clusters, connected when they are first used: one that is away is no reason not to start.
#[derive(Clone, Debug)]
pub struct Clusters {
    by_name: BTreeMap<ClusterName, Arc<Cluster>>,
}

impl Clusters {
    /// # Errors
    /// When a name is used twice, or a variable is set by which kube's own debugging aids would impersonate somebody. (We never use the
    /// functions that honour them; somebody who sets them expects otherwise.)
    pub fn new(specs: Vec<ClusterSpec>, clock: &Arc<dyn Clock>) -> Result<Self, BadClusters> {
        refuse_debug_variables(std::env::vars_os().map(|(name, _)| name))?;
        let mut by_name = BTreeMap::new();
        for spec in specs {
            let name = spec.name.clone();
            if by_name.insert(name.clone(), Arc::new(Cluster::new(spec, Arc::clone(clock)))).is_some() {
                return Err(BadClusters::Twice(name));
            }
        }
        Ok(Self { by_name })
    }
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Cluster>> {
        // A map by `ClusterName` cannot be asked with a `str`, and there are few.
        self.iter().find(|cluster| cluster.name().as_str() == name)
    }
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.by_name.values()
    }
}

fn refuse_debug_variables(names: impl Iterator<Item = OsString>) -> Result<(), BadClusters> {
    let mut names = names.map(|name| name.to_string_lossy().into_owned());
    names.find(|name| name.starts_with("KUBE_RS_DEBUG_")).map_or(Ok(()), |name| Err(BadClusters::DebugVariable(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_impersonate_are_refused() {
        let names = |names: &[&str]| names.iter().map(OsString::from).collect::<Vec<_>>().into_iter();
        assert_eq!(refuse_debug_variables(names(&["PATH", "KUBECONFIG"])), Ok(()));
        let refused = refuse_debug_variables(names(&["PATH", "KUBE_RS_DEBUG_IMPERSONATE_USER"]));
        assert_eq!(refused, Err(BadClusters::DebugVariable("KUBE_RS_DEBUG_IMPERSONATE_USER".into())));
    }

    #[test]
    fn names_are_plain() {
        assert!("eu-prod".parse::<ClusterName>().is_ok());
        for wrong in ["", "Prod", "a b", "-a"] {
            assert_eq!(wrong.parse::<ClusterName>(), Err(BadClusters::Name(wrong.into())));
        }
    }
}
