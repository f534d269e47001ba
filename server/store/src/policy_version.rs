//! Every policy that was ever in force, by digest: what runs and audit rows refer to.

use windfirm_model::{action::Action, clock::Timestamp};
use windfirm_policy::{Access, Permit, act::Reload};

use crate::{db::Store, error::StoreError, values};

/// A policy as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    pub digest: String,
    pub text: String,
    pub first_loaded: Timestamp,
    pub last_loaded: Timestamp,
}

const PUT: &str = "
insert into policy_versions (digest, content, first_loaded_us, last_loaded_us) values ($1, $2, $3, $3)
on conflict (digest) do update set last_loaded_us = excluded.last_loaded_us";

const GET: &str = "select digest, content, first_loaded_us, last_loaded_us from policy_versions where digest = $1";

const NEWEST: &str = "
select digest, content, first_loaded_us, last_loaded_us from policy_versions order by last_loaded_us desc, first_loaded_us desc, digest limit 1";

row! {
    struct PolicyRow { digest: String, content: String, first_loaded_us: i64, last_loaded_us: i64 }
}

impl Store {
    /// Keeps a policy that came into force. The same digest again only moves its time.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_policy(&self, _permit: &Permit<Reload>, digest: &str, text: &str) -> Result<(), StoreError> {
        let now = self.now();
        let mut tx = self.begin().await?;
        execute!(&mut tx, PUT, digest, values::plain(text), now.0)?;
        tx.commit().await
    }

    /// The policy that came into force last, for who decides which one does: a start with a file that is not good.
    ///
    /// # Errors
    /// The database's.
    pub async fn newest_policy(&self, _permit: &Permit<Reload>) -> Result<Option<StoredPolicy>, StoreError> {
        Ok(fetch_optional!(self, PolicyRow, NEWEST)?.map(StoredPolicy::from))
    }

    /// A policy by digest, for those who may read policies.
    ///
    /// # Errors
    /// The database's.
    pub async fn policy_version(&self, access: &Access, digest: &str) -> Result<Option<StoredPolicy>, StoreError> {
        if access.can_anywhere(Action::ViewPolicy).is_none() {
            return Ok(None);
        }
        Ok(fetch_optional!(self, PolicyRow, GET, values::plain(digest))?.map(StoredPolicy::from))
    }
}

impl From<PolicyRow> for StoredPolicy {
    fn from(row: PolicyRow) -> Self {
        Self { digest: row.digest, text: row.content, first_loaded: Timestamp(row.first_loaded_us), last_loaded: Timestamp(row.last_loaded_us) }
    }
}
