//! Logins that are under way: what we must remember between sending somebody to the identity provider and their return.
//!
//! Nobody is logged in yet, so there is no permit. Rows are found by the hash of the `state` only, and are taken once.

use serde_json::Value;
use windfirm_model::clock::Timestamp;

use crate::{
    db::Store,
    error::StoreError,
    values::{self, Doc},
};

const PUT: &str = "insert into login_transactions (state_sha256, data, expires_us) values ($1, $2, $3)";

const TAKE: &str = "delete from login_transactions where state_sha256 = $1 returning data, expires_us";

pub(crate) const CLEAN: &str = "delete from login_transactions where expires_us <= $1";

row! {
    struct TakenRow { data: Doc, expires_us: i64 }
}

impl Store {
    /// # Errors
    /// The database's; also when this hash is there already.
    pub async fn put_login(&self, state_sha256: &str, data: &Value, expires: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(&mut tx, PUT, state_sha256, values::doc("login_transactions", data)?, expires.0)?;
        tx.commit().await
    }

    /// The data of a login, once: whoever asks second gets nothing, and so does who comes too late.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_login(&self, state_sha256: &str) -> Result<Option<Value>, StoreError> {
        let now = self.now();
        let mut tx = self.begin().await?;
        let taken = tx_optional!(&mut tx, TakenRow, TAKE, state_sha256)?;
        tx.commit().await?;
        Ok(taken.filter(|row| row.expires_us > now.0).map(|row| row.data.0))
    }
}
