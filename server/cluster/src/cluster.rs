//! One cluster: its client, and whether it can be reached.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use windfirm_model::clock::{Clock, Timestamp};

use crate::{
    call::{self, Call},
    clusters::{ClusterName, ClusterSpec, Impersonation},
    connect::{Connection, connect},
    error::ClusterError,
};

/// Whether a cluster can be reached, as far as the last request showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing was asked yet.
    Untried,
    Reached {
        /// The last answer.
        at: Timestamp,
    },
    Away {
        /// Of the first request that failed, after the last that did not.
        since: Timestamp,
        /// Of the last request that failed.
        tried: Timestamp,
        why: String,
    },
}

/// A cluster of the configuration. All that is done with it goes through here, and shows in [`Cluster::reach`].
#[derive(Debug)]
pub struct Cluster {
    spec: ClusterSpec,
    clock: Arc<dyn Clock>,
    connection: ArcSwapOption<Connection>,
    /// One reader of the kubeconfig at a time.
    connecting: tokio::sync::Mutex<()>,
    /// What the connection was made from may have changed: look before it is used again.
    doubted: AtomicBool,
    reach: Mutex<Reach>,
}

impl Cluster {
    pub(crate) const fn new(spec: ClusterSpec, clock: Arc<dyn Clock>) -> Self {
        Self {
            spec,
            clock,
            connection: ArcSwapOption::const_empty(),
            connecting: tokio::sync::Mutex::const_new(()),
            doubted: AtomicBool::new(false),
            reach: Mutex::new(Reach::Untried),
        }
    }
    #[must_use]
    pub const fn name(&self) -> &ClusterName {
        &self.spec.name
    }
    #[must_use]
    pub const fn impersonation(&self) -> Impersonation {
        self.spec.impersonation
    }
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Asks for the version, so that [`Cluster::reach`] is fresh. For a worker; also what brings a cluster back that nobody asks anything.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn probe(&self) -> Result<String, ClusterError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let request = http::Request::get("/version").body(Vec::new()).map_err(|error| ClusterError::Request(error.to_string()))?;
        let answer = call::send(self, Call { limit: Duration::from_secs(5), ..Call::of(request) }).await?;
        Ok(answer.read::<Version>(self)?.git_version)
    }
    /// The client as the portal itself, made when it is first needed, and again when what it was made from has changed.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, ClusterError> {
        if let Some(connection) = self.connection.load_full()
            && !self.doubted.load(Ordering::Acquire)
        {
            return Ok(connection);
        }
        let _one = self.connecting.lock().await;
        let known = self.connection.load_full();
        if let Some(connection) = known.clone()
            && !self.doubted.load(Ordering::Acquire)
        {
            return Ok(connection);
        }
        match (connect(&self.spec.source, known.as_deref()).await, known) {
            (Ok(connection), _) => {
                let connection = Arc::new(connection);
                self.connection.store(Some(Arc::clone(&connection)));
                self.doubted.store(false, Ordering::Release);
                Ok(connection)
            }
            // A file that is just being written, or is gone: what it said before may still do. It stays in doubt.
            (Err(why), Some(known)) => {
                tracing::debug!(cluster = %self.name(), %why, "credentials not read again");
                Ok(known)
            }
            (Err(why), None) => {
                let error = ClusterError::Settings { cluster: self.name().to_string(), why };
                self.note_failure(&error);
                Err(error)
            }
        }
    }
    pub(crate) fn note_answer(&self) {
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner) = Reach::Reached { at: self.clock.now() };
    }
    /// Only what says that the cluster as a whole is away counts.
    pub(crate) fn note_failure(&self, error: &ClusterError) {
        if !error.is_outage() {
            return;
        }
        self.doubted.store(true, Ordering::Release);
        let now = self.clock.now();
        let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if let Reach::Away { since, .. } = &*reach { *since } else { now };
        if !matches!(&*reach, Reach::Away { .. }) {
            tracing::warn!(cluster = %self.name(), why = %error, "cluster away");
        }
        *reach = Reach::Away { since, tried: now, why: error.to_string() };
    }
    #[cfg(test)]
    pub(crate) fn for_tests(client: kube::Client, clock: Arc<dyn Clock>) -> Self {
        let source = crate::clusters::Source::Kubeconfig { file: "/nowhere".into(), context: None };
        let spec = ClusterSpec { name: "here".parse().unwrap(), source, impersonation: Impersonation::Constrained };
        let cluster = Self::new(spec, clock);
        cluster.connection.store(Some(Arc::new(Connection { client, made_from: 0 })));
        cluster
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
