//! A value that must not be seen: read late, and masked wherever it might be printed.

use std::{fmt, path::PathBuf};

use serde::Deserialize;

/// `{ env: NAME }`, `{ file: PATH }`, or `{ value: … }` for what is no secret on this machine.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Secret {
    Env(String),
    File(PathBuf),
    Value(String),
}

impl Secret {
    /// The file that it stands in, if it does.
    pub(super) const fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) | Self::Value(_) => None,
        }
    }

    /// Reads the value; the error names the place, never the content.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Env(name) => std::env::var(name).map_err(|_| format!("The environment variable {name} is not set.")),
            Self::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| format!("The file {} cannot be read: {error}.", path.display())),
            Self::Value(value) => Ok(value.clone()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "Secret(env {name})"),
            Self::File(path) => write!(f, "Secret(file {})", path.display()),
            Self::Value(_) => f.write_str("Secret(masked)"),
        }
    }
}
