//! Access, policy, and the portal's own state.

use leptos::prelude::*;
use server_fn::codec::GetUrl;
use windfirm_model::view::{
    access::{AccessPage, AccessQuery, PolicyPage},
    system::SystemPage,
};

use super::ApiError;

#[server(name = GetAccess, prefix = "/api/fn", endpoint = "access", input = GetUrl)]
pub async fn access(#[server(default)] query: AccessQuery) -> Result<AccessPage, ApiError> {
    super::ask::told(super::ask::portal()?.access(query).await)
}

#[server(name = GetPolicy, prefix = "/api/fn", endpoint = "policy", input = GetUrl)]
pub async fn policy() -> Result<PolicyPage, ApiError> {
    super::ask::told(super::ask::portal()?.policy().await)
}

#[server(name = GetSystem, prefix = "/api/fn", endpoint = "system", input = GetUrl)]
pub async fn system() -> Result<SystemPage, ApiError> {
    super::ask::told(super::ask::portal()?.system().await)
}

/// Has every cluster asked now what the service accounts may do there. It changes nothing in any, but costs them something.
#[server(name = AskClusters, prefix = "/api/fn", endpoint = "ask_clusters")]
pub async fn ask_clusters() -> Result<(), ApiError> {
    super::ask::told(super::ask::portal()?.ask_clusters().await)
}
