//! The authorization endpoint: checks what the application asks, lets somebody choose who to be, sends the browser back with a code.

use axum::{
    extract::{RawForm, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use url::Url;

use super::{
    Provider, Shared, page,
    params::Params,
    people,
    store::{CODE_LIFETIME_S, Grant, Scopes},
};

/// The field of the form that says who was chosen; never one of the protocol's own.
pub(super) const PERSON_FIELD: &str = "person";
/// What the field holds when nobody was chosen.
pub(super) const NOBODY: &str = "-";

/// A request that may be answered by sending the browser back.
pub(super) struct Asked {
    pub(super) params: Params,
    pub(super) redirect_uri: Url,
}

/// GET /authorize: the page to choose a person.
pub(super) async fn show(State(provider): State<Shared>, RawQuery(query): RawQuery) -> Response {
    match check(&provider, &query.unwrap_or_default()) {
        Ok(asked) if asked.params.has_word("prompt", "none") => send_back(&provider, asked, &[("error", "login_required")]),
        Ok(asked) => page::chooser(&provider, &asked),
        Err(refused) => *refused,
    }
}

/// POST /authorize: the same request again, with the choice.
pub(super) async fn decide(State(provider): State<Shared>, RawForm(form): RawForm) -> Response {
    let asked = match check(&provider, &String::from_utf8_lossy(&form)) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let chosen = asked.params.get(PERSON_FIELD).unwrap_or("");
    if chosen == NOBODY {
        return send_back(&provider, asked, &[("error", "access_denied"), ("error_description", "Nobody was chosen")]);
    }
    let Some(person) = people::by_subject(chosen) else { return page::chooser(&provider, &asked) };
    let now = provider.clock.now();
    let code = BASE64_URL.encode(provider.clock.secret());
    let text = |name: &str| asked.params.get(name).map(str::to_owned);
    let grant = Grant {
        person,
        redirect_uri: text("redirect_uri").unwrap_or_default(),
        challenge: text("code_challenge").unwrap_or_default(),
        nonce: text("nonce"),
        scopes: Scopes { profile: asked.params.has_word("scope", "profile"), groups: asked.params.has_word("scope", "groups") },
        auth_time: now,
        expires: now.plus_seconds(CODE_LIFETIME_S),
    };
    provider.store.put_code(&code, grant, now);
    send_back(&provider, asked, &[("code", &code)])
}

/// RFC 6749, section 4.1.2.1: a wrong client or redirect URI is told to the person, all else to the application.
fn check(provider: &Provider, encoded: &str) -> Result<Asked, Box<Response>> {
    let told = |what: &str| Box::new(page::refusal(provider, what));
    let params = Params::read(encoded).ok_or_else(|| told("The application said the same thing twice."))?;
    if params.get("client_id") != Some(provider.config.client_id.as_str()) {
        return Err(told("The application is not known here."));
    }
    let redirect_uri = params.get("redirect_uri").filter(|uri| provider.config.redirect_uris.iter().any(|known| known == uri));
    let redirect_uri =
        redirect_uri.and_then(|uri| Url::parse(uri).ok()).ok_or_else(|| told("The application wants you sent to an address that is not its own."))?;
    let error = match () {
        () if params.get("request").is_some() => Some("request_not_supported"),
        () if params.get("request_uri").is_some() => Some("request_uri_not_supported"),
        () if params.get("response_type") != Some("code") => Some("unsupported_response_type"),
        () if params.get("response_mode").is_some_and(|mode| mode != "query") => Some("invalid_request"),
        () if !params.has_word("scope", "openid") => Some("invalid_scope"),
        // 43 characters are 32 bytes of SHA-256 in base64.
        () if params.get("code_challenge_method") != Some("S256") || params.get("code_challenge").is_none_or(|text| text.len() != 43) => {
            Some("invalid_request")
        }
        () => None,
    };
    let asked = Asked { params, redirect_uri };
    match error {
        Some(error) => Err(Box::new(send_back(provider, asked, &[("error", error)]))),
        None => Ok(asked),
    }
}

fn send_back(provider: &Provider, asked: Asked, answer: &[(&str, &str)]) -> Response {
    let Asked { params, redirect_uri: mut location } = asked;
    location.query_pairs_mut().extend_pairs(answer).extend_pairs(params.get("state").map(|state| ("state", state))).append_pair("iss", &provider.config.issuer);
    let Ok(location) = HeaderValue::from_str(location.as_str()) else { return StatusCode::BAD_REQUEST.into_response() };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}
