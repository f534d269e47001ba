//! What k6 said of a script: asked once per content and k6 version, because asking costs a process.
//!
//! Found only by the digest of a content that the asker has in hand, so it needs no access.

use serde_json::Value;
use windfirm_model::clock::Timestamp;
use windfirm_policy::{Permit, act::Reload};

use crate::{
    db::Store,
    error::StoreError,
    values::{self, Doc},
};

/// Content, script within it, and k6 version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InspectionKey {
    pub bundle_digest: String,
    pub entry: String,
    pub k6_version: String,
}

const GET: &str = "select answer from inspections where bundle_digest = $1 and entry = $2 and k6_version = $3";

const PUT: &str = "
insert into inspections (bundle_digest, entry, k6_version, answer, kept_us) values ($1, $2, $3, $4, $5)
on conflict (bundle_digest, entry, k6_version) do update set answer = excluded.answer, kept_us = excluded.kept_us";

const CLEAN: &str = "delete from inspections where kept_us < $1";

impl Store {
    /// # Errors
    /// The database's.
    pub async fn inspection(&self, key: &InspectionKey) -> Result<Option<Value>, StoreError> {
        let found = fetch_optional!(self, (Doc,), GET, values::plain(&key.bundle_digest), values::plain(&key.entry), values::plain(&key.k6_version))?;
        Ok(found.map(|(answer,)| answer.0))
    }

    /// # Errors
    /// The database's.
    pub async fn keep_inspection(&self, _permit: &Permit<Reload>, key: &InspectionKey, answer: &Value) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let answer = values::doc("inspections", answer)?;
        execute!(&mut tx, PUT, values::plain(&key.bundle_digest), values::plain(&key.entry), values::plain(&key.k6_version), &answer, self.now().0)?;
        tx.commit().await
    }

    /// Removes answers that were kept before that moment; returns how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_inspections(&self, _permit: &Permit<Reload>, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = execute!(&mut tx, CLEAN, before.0)?;
        tx.commit().await?;
        Ok(gone)
    }
}
