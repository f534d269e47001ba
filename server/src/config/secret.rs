//! A value that must not be seen: where it stands, read late, and masked wherever it might be printed.

use std::{fmt, path::PathBuf};

use serde::Deserialize;
use windfirm_cluster::{BadSecretRef, SecretRef};

/// `{ env: NAME }`, `{ file: PATH }`, `{ secretRef: { cluster, namespace, name, key } }`, or `{ value: … }` for what is no secret on this
/// machine.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Secret {
    Env(String),
    /// Read again while the portal runs: a Secret that is mounted changes on the disk.
    File(PathBuf),
    Value(String),
    /// Watched while the portal runs.
    #[serde(rename = "secretRef")]
    SecretRef(SecretRefSection),
}

/// A key of a Secret in a cluster of the configuration, read as the portal's own account there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRefSection {
    /// A name in `clusters`.
    pub cluster: String,
    pub namespace: String,
    pub name: String,
    pub key: String,
}

impl SecretRefSection {
    /// The same for the cluster layer.
    ///
    /// # Errors
    /// When Kubernetes would not take one of the names.
    pub fn at(&self) -> Result<SecretRef, BadSecretRef> {
        SecretRef::new(&self.namespace, &self.name, &self.key)
    }
}

impl Secret {
    /// The file that it stands in, if it does.
    pub(super) const fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) | Self::Value(_) | Self::SecretRef(_) => None,
        }
    }

    /// Reads what stands on this machine; `None` for what a cluster holds. The error names the place, never the content.
    #[must_use]
    pub fn read_here(&self) -> Option<Result<String, String>> {
        let read = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| format!("The environment variable {name} is not set.")),
            Self::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| format!("The file {} cannot be read: {error}.", path.display())),
            Self::Value(value) => Ok(value.clone()),
            Self::SecretRef(_) => return None,
        };
        let is_there = |text: String| if text.is_empty() { Err(format!("There is nothing in {self}. Put the value there.")) } else { Ok(text) };
        Some(read.and_then(is_there))
    }
}

impl fmt::Display for Secret {
    /// Where it stands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Value(_) => f.write_str("the configuration file"),
            Self::SecretRef(at) => write!(f, "key {} of Secret {}/{} in cluster {}", at.key, at.namespace, at.name, at.cluster),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Secret(masked)"),
            other => write!(f, "Secret({other})"),
        }
    }
}
