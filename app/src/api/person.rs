//! Who is there, and what is theirs.

use leptos::prelude::*;
use server_fn::codec::GetUrl;
use windfirm_model::view::{
    frame::{Frame, SessionRow},
    home::Home,
};

use super::ApiError;

#[server(name = GetFrame, prefix = "/api/fn", endpoint = "frame", input = GetUrl)]
pub async fn frame() -> Result<Frame, ApiError> {
    super::ask::told(super::ask::portal()?.frame().await)
}

#[server(name = GetHome, prefix = "/api/fn", endpoint = "home", input = GetUrl)]
pub async fn home() -> Result<Home, ApiError> {
    super::ask::told(super::ask::portal()?.home().await)
}

#[server(name = GetSessions, prefix = "/api/fn", endpoint = "sessions", input = GetUrl)]
pub async fn sessions() -> Result<Vec<SessionRow>, ApiError> {
    super::ask::told(super::ask::portal()?.sessions().await)
}

/// Ends one of the asker's own sessions.
#[server(name = EndSession, prefix = "/api/fn", endpoint = "end_session")]
pub async fn end_session(handle: String) -> Result<(), ApiError> {
    super::ask::told(super::ask::portal()?.end_session(handle).await)
}
