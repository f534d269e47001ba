//! The rows of an access's predicate, put beside the data so that every list can be cut by a join.

use std::sync::PoisonError;

use windfirm_model::action::Action;
use windfirm_policy::Access;

use crate::{db::Store, error::StoreError};

const ADD: &str = "insert into access_sets (digest, path_from, path_to, environment) values ($1, $2, $3, $4) on conflict do nothing";

impl Store {
    /// The digest to bind as `$1` of `in_scope!`. Rows are written once per set: the set names itself by its content.
    pub(crate) async fn scope(&self, access: &Access, action: Action) -> Result<String, StoreError> {
        let set = access.scopes(action);
        let known = self.known_scopes.lock().unwrap_or_else(PoisonError::into_inner).contains(&set.digest);
        if known || set.rows.is_empty() {
            return Ok(set.digest);
        }
        let mut tx = self.begin().await?;
        for row in &set.rows {
            execute!(&mut tx, ADD, &set.digest, &row.from, &row.to, &row.environment)?;
        }
        tx.commit().await?;
        self.known_scopes.lock().unwrap_or_else(PoisonError::into_inner).insert(set.digest.clone());
        Ok(set.digest)
    }
}
