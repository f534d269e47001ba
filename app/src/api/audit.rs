//! The audit log.

use leptos::prelude::*;
use server_fn::codec::GetUrl;
use windfirm_model::view::audit::{AuditPage, AuditQuery};

use super::ApiError;

#[server(name = GetAudit, prefix = "/api/fn", endpoint = "audit", input = GetUrl)]
pub async fn audit(#[server(default)] query: AuditQuery) -> Result<AuditPage, ApiError> {
    super::ask::told(super::ask::portal()?.audit(query).await)
}
