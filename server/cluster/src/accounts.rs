//! Which accounts exist, remembered for a moment. The API server lets us act as an account that was never made; we do not.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    account::Account,
    call::{self, Call},
    cluster::Cluster,
    error::ClusterError,
    kind::Kind,
    refusal::Refusal,
};

/// How long an account is taken to exist after it was seen. Shorter than the ten seconds for which the API server itself remembers that
/// we may act as it.
const REMEMBERED: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    seen: Mutex<HashMap<Account, (String, Instant)>>,
}

#[derive(serde::Deserialize)]
struct ServiceAccount {
    metadata: Metadata,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    deletion_timestamp: Option<String>,
}

impl Accounts {
    /// The uid of an account that exists.
    pub(crate) async fn uid_of(&self, cluster: &Cluster, account: &Account) -> Result<String, ClusterError> {
        let now = Instant::now();
        if let Some((uid, at)) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(account)
            && now.duration_since(*at) < REMEMBERED
        {
            return Ok(uid.clone());
        }
        let looked = look(cluster, account).await;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (_, at)| now.duration_since(*at) < REMEMBERED);
        match &looked {
            Ok(uid) => seen.insert(account.clone(), (uid.clone(), now)),
            Err(_) => seen.remove(account),
        };
        looked
    }
}

pub(crate) async fn look(cluster: &Cluster, account: &Account) -> Result<String, ClusterError> {
    let path = format!("{}/{}", Kind::SERVICE_ACCOUNT.path(Some(account.namespace())), account.name());
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| ClusterError::Request(error.to_string()))?;
    let ghost = || ClusterError::GhostAccount { cluster: cluster.name().to_string(), account: account.clone() };
    let answer = call::send(cluster, Call::of(request)).await.map_err(|error| match error {
        ClusterError::NotThere { .. } => ghost(),
        // Whom the portal may not look at it may not act as: both rights stand in one role.
        ClusterError::Refused(refusal) => ClusterError::Refused(Box::new(Refusal { account: Some(account.clone()), ..*refusal })),
        other => other,
    })?;
    let ServiceAccount { metadata } = answer.read(cluster)?;
    if metadata.deletion_timestamp.is_some() { Err(ghost()) } else { Ok(metadata.uid) }
}
