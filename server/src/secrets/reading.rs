//! Reading a secret where it stands: on this machine, or in a cluster.

use std::{path::Path, time::Duration};

use tokio::time::{Instant, sleep};
use windfirm_cluster::{Cluster, SecretError, SecretRef, read_secret, try_watch_of_secret};

use super::Use;
use crate::{
    config::{Secret, SecretRefSection},
    sites::Sites,
};

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no value, in words; without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It may be otherwise in a minute.
    Passing(String),
    /// Somebody has to mend something.
    Wrong(String),
}

impl Unread {
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Self::Passing(why) | Self::Wrong(why) => why,
        }
    }
}

/// Reads it once.
///
/// # Errors
/// Why there is no value.
pub async fn read_once(secret: &Secret, sites: &Sites) -> Result<String, Unread> {
    let Secret::SecretRef(section) = secret else {
        let secret = secret.clone();
        let read = tokio::task::spawn_blocking(move || secret.read_here()).await;
        return match read {
            Ok(Some(read)) => read.map_err(Unread::Wrong),
            Ok(None) | Err(_) => Err(Unread::Wrong("The reading of it broke off.".to_owned())),
        };
    };
    let (cluster, at) = place(section, sites)?;
    Ok(read_secret(cluster, &at).await?)
}

/// As [`read_once`], and whether another value would be noticed later.
///
/// # Errors
/// Why there is no value, or why another one would not be noticed.
pub async fn try_to_read(secret: &Secret, sites: &Sites) -> Result<String, Unread> {
    let value = read_once(secret, sites).await?;
    if let Secret::SecretRef(section) = secret {
        let (cluster, at) = place(section, sites)?;
        try_watch_of_secret(cluster, &at).await?;
    }
    Ok(value)
}

fn place<'s>(section: &SecretRefSection, sites: &'s Sites) -> Result<(&'s Cluster, SecretRef), Unread> {
    let at = section.at().map_err(|error| Unread::Wrong(error.to_string()))?;
    let no_cluster = || Unread::Wrong(format!("There is no cluster “{}” in `clusters`. Name one that is there.", section.cluster));
    Ok((&sites.get(&section.cluster).ok_or_else(no_cluster)?.cluster, at))
}

impl From<SecretError> for Unread {
    fn from(error: SecretError) -> Self {
        if error.is_passing() { Self::Passing(error.to_string()) } else { Self::Wrong(error.to_string()) }
    }
}

/// The text of a file that is looked at again; the error names the place, never the content.
///
/// # Errors
/// As [`Secret::read_here`].
pub async fn read_file(file: &Path) -> Result<String, String> {
    let secret = Secret::File(file.to_owned());
    let read = tokio::task::spawn_blocking(move || secret.read_here()).await;
    read.ok().flatten().unwrap_or_else(|| Err("The reading of it broke off.".to_owned()))
}

/// Tries again for as long as `patience` what may pass by itself.
pub(super) async fn read_patiently(used: &Use, secret: &Secret, sites: &Sites, patience: Duration) -> Result<String, String> {
    let deadline = Instant::now() + patience;
    let mut told = false;
    loop {
        let why = match read_once(secret, sites).await {
            Ok(value) => return Ok(value),
            Err(Unread::Wrong(why)) => return Err(why),
            Err(Unread::Passing(why)) => why,
        };
        if Instant::now() >= deadline {
            return Err(format!("{why} The portal waited {} seconds for {secret}.", patience.as_secs()));
        }
        if !told {
            tracing::warn!(secret = %used, from = %secret, why, "secrets.waited_for");
            told = true;
        }
        sleep(PAUSE).await;
    }
}
