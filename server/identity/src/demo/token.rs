//! The token endpoint and the userinfo endpoint.

use axum::{
    Json,
    extract::{RawForm, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64_URL},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Provider, Shared, keys,
    params::Params,
    people::Person,
    store::{Scopes, TOKEN_LIFETIME_S, key},
};

/// POST /token (RFC 6749, section 4.1.3).
pub(super) async fn token(State(provider): State<Shared>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    match exchange(&provider, &headers, &String::from_utf8_lossy(&form)) {
        Ok(answer) => no_store((StatusCode::OK, Json(answer)).into_response()),
        Err(error) => {
            let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            let mut response = no_store((status, Json(json!({ "error": error }))).into_response());
            if status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"demo\""));
            }
            response
        }
    }
}

fn exchange(provider: &Provider, headers: &HeaderMap, form: &str) -> Result<Value, &'static str> {
    let params = Params::read(form).ok_or("invalid_request")?;
    authenticate(provider, headers, &params)?;
    if params.get("grant_type") != Some("authorization_code") {
        return Err("unsupported_grant_type");
    }
    let code = params.get("code").ok_or("invalid_request")?;
    let now = provider.clock.now();
    // Taken before anything else is looked at: a code has one try.
    let grant = provider.store.take_code(code, now).ok_or("invalid_grant")?;
    let is_same_place = params.get("redirect_uri") == Some(grant.redirect_uri.as_str());
    let challenge = params.get("code_verifier").map(|verifier| BASE64_URL.encode(Sha256::digest(verifier.as_bytes())));
    if !is_same_place || challenge.as_deref() != Some(grant.challenge.as_str()) {
        return Err("invalid_grant");
    }
    let access_token = BASE64_URL.encode(provider.clock.secret());
    let mut claims = json!({
        "iss": provider.config.issuer,
        "aud": provider.config.client_id,
        "iat": now.seconds(),
        "exp": now.plus_seconds(TOKEN_LIFETIME_S).seconds(),
        "auth_time": grant.auth_time.seconds(),
        "at_hash": keys::access_token_hash(&access_token),
    });
    if let (Some(members), Value::Object(about)) = (claims.as_object_mut(), about(grant.person, grant.scopes)) {
        members.extend(about);
        members.extend(grant.nonce.clone().map(|nonce| ("nonce".to_owned(), Value::String(nonce))));
    }
    let id_token = provider.keys.sign(&claims).ok_or("server_error")?;
    provider.store.put_token(&access_token, code, &grant, now);
    Ok(json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME_S, "id_token": id_token }))
}

/// `client_secret_basic` or `client_secret_post`, never both (RFC 6749, section 2.3).
fn authenticate(provider: &Provider, headers: &HeaderMap, params: &Params) -> Result<(), &'static str> {
    let basic = headers.get(header::AUTHORIZATION);
    let in_body = params.get("client_secret");
    let (id, secret) = match (basic, in_body) {
        (Some(_), Some(_)) => return Err("invalid_request"),
        (Some(value), None) => basic_pair(value).ok_or("invalid_client")?,
        (None, Some(secret)) => (params.get("client_id").unwrap_or("").to_owned(), secret.to_owned()),
        (None, None) => return Err("invalid_client"),
    };
    let is_known = id == provider.config.client_id && key(&secret) == key(provider.config.client_secret.expose());
    if is_known { Ok(()) } else { Err("invalid_client") }
}

fn basic_pair(value: &HeaderValue) -> Option<(String, String)> {
    let encoded = value.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    // Both were form-encoded before they were joined.
    let decoded = |text: &str| url::form_urlencoded::parse(format!("x={text}").as_bytes()).next().map(|(_, value)| value.into_owned());
    Some((decoded(id)?, decoded(secret)?))
}

/// GET or POST /userinfo (OpenID Connect Core, section 5.3).
pub(super) async fn userinfo(State(provider): State<Shared>, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    match bearer.and_then(|token| provider.store.token(token, provider.clock.now())) {
        Some(opened) => no_store(Json(about(opened.person, opened.scopes)).into_response()),
        None => {
            let told = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            no_store((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, told)]).into_response())
        }
    }
}

fn about(person: &Person, scopes: Scopes) -> Value {
    let mut claims = json!({ "sub": person.subject });
    if let Some(members) = claims.as_object_mut() {
        if scopes.profile {
            members.insert("name".to_owned(), json!(person.name));
            members.insert("preferred_username".to_owned(), json!(person.subject));
        }
        if scopes.groups {
            members.insert("groups".to_owned(), json!(person.groups));
        }
    }
    claims
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
