//! The one way to change anything in a cluster.

use std::sync::Arc;

use windfirm_policy::Permit;

use crate::{account::Account, accounts::Accounts, acting::Acting, cluster::Cluster, error::ClusterError};

/// The gateway of one cluster. Cheap to clone; what it remembers is shared.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) accounts: Arc<Accounts>,
}

impl Gateway {
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster, accounts: Arc::default() }
    }
    #[must_use]
    pub const fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }
    /// To act as the permit's service account, in the namespace of that account. It lives no longer than the permit.
    ///
    /// # Errors
    /// When the permit names no account, or one that does not exist. Whether the portal may act as it, and what the account may do, is
    /// decided by the API server, at each call.
    pub async fn as_service_account<'p, A>(&self, permit: &'p Permit<A>) -> Result<Acting<'p, A>, ClusterError> {
        let named = permit.service_account().ok_or_else(|| ClusterError::NoAccount { cluster: self.cluster.name().to_string() })?;
        let account: Account = named.parse()?;
        let uid = self.accounts.uid_of(&self.cluster, &account).await?;
        Ok(Acting::new(self.clone(), permit, account, uid))
    }
    /// That the account exists and is the one that was begun with.
    pub(crate) async fn confirm(&self, account: &Account, uid: &str) -> Result<(), ClusterError> {
        if self.accounts.uid_of(&self.cluster, account).await? == uid {
            Ok(())
        } else {
            Err(ClusterError::OtherAccount { cluster: self.cluster.name().to_string(), account: account.clone() })
        }
    }
}
