//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).
//!
//! The provider remembers nobody between two requests, so there is nothing to end: it only decides where the browser may go.

use axum::{
    extract::{RawForm, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use url::Url;

use super::{Provider, Shared, page, params::Params};

pub(super) async fn by_link(State(provider): State<Shared>, RawQuery(query): RawQuery) -> Response {
    answer(&provider, &query.unwrap_or_default())
}

pub(super) async fn by_form(State(provider): State<Shared>, RawForm(form): RawForm) -> Response {
    answer(&provider, &String::from_utf8_lossy(&form))
}

fn answer(provider: &Provider, encoded: &str) -> Response {
    let Some(params) = Params::read(encoded) else { return page::refusal(provider, "The application said the same thing twice.") };
    match destination(provider, &params) {
        Some(location) => {
            let Ok(location) = HeaderValue::from_str(location.as_str()) else { return StatusCode::BAD_REQUEST.into_response() };
            (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response()
        }
        None => page::logged_out(provider),
    }
}

/// Only with a token of ours that was made out to our client, and only to an address that the client registered.
fn destination(provider: &Provider, params: &Params) -> Option<Url> {
    let client = provider.config.client_id.as_str();
    let hint = provider.keys.own_claims(params.get("id_token_hint")?)?;
    let is_same_client = hint.get("aud").and_then(Value::as_str) == Some(client) && params.get("client_id").is_none_or(|id| id == client);
    let wanted = params.get("post_logout_redirect_uri")?;
    if !is_same_client || !provider.config.post_logout_redirect_uris.iter().any(|known| known == wanted) {
        return None;
    }
    let mut location = Url::parse(wanted).ok()?;
    if let Some(state) = params.get("state") {
        location.query_pairs_mut().append_pair("state", state);
    }
    Some(location)
}
