//! The back channel: the code for tokens, and the userinfo endpoint for claims that the ID token leaves out.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::{
    claims,
    config::Secret,
    error::{LoginError, quoted},
    outbound::{Answer, OutboundError},
    provider::{Known, Provider},
};

/// What the token endpoint handed over. Neither is ever sent to the browser.
pub(crate) struct Tokens {
    pub(crate) id_token: String,
    pub(crate) access_token: String,
}

/// RFC 6749, section 4.1.3, with PKCE (RFC 7636).
pub(crate) async fn code_for_tokens(provider: &Provider, known: &Arc<Known>, code: &str, verifier: &str, redirect_uri: &str) -> Result<Tokens, LoginError> {
    let label = || provider.config.label.clone();
    let refused = |why: String| LoginError::ExchangeRefused { provider: label(), why };
    let ask = async |secret: Option<&Secret>| {
        let request = token_request(provider, known, code, verifier, redirect_uri, secret);
        provider.outbound.answer(request).await.map_err(|error| match error {
            OutboundError::Redirected | OutboundError::TooLarge => refused(error.to_string()),
            _ => LoginError::ProviderDown { provider: label(), why: error.to_string() },
        })
    };
    let secrets = provider.client_secret.in_force();
    let mut answer = ask(secrets.as_ref().map(|secrets| &secrets.now)).await?;
    if let Some(before) = secrets.as_ref().and_then(|secrets| secrets.before.as_ref())
        && is_invalid_client(&answer)
    {
        // RFC 6749 has the client proven before the code is looked at, so the code is still good.
        answer = ask(Some(before)).await?;
        if answer.status == StatusCode::OK {
            tracing::warn!(issuer = %provider.config.issuer, "identity.client_secret_before_was_taken");
        }
    }
    let body = answer.body.unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if answer.status != StatusCode::OK {
        return Err(match text("error") {
            Some("invalid_grant") => refused("the log-in was used already or took too long".to_owned()),
            Some("invalid_client") => refused("it does not accept Windfirm’s client id and secret".to_owned()),
            Some(code) => refused(format!("it answers “{}”", quoted(code))),
            None if answer.status.is_server_error() => {
                LoginError::ProviderDown { provider: label(), why: OutboundError::Status(answer.status.as_u16()).to_string() }
            }
            None => refused(OutboundError::Status(answer.status.as_u16()).to_string()),
        });
    }
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(refused("its token is not a bearer token".to_owned()));
    }
    match (text("id_token"), text("access_token")) {
        (Some(id_token), Some(access_token)) => Ok(Tokens { id_token: id_token.to_owned(), access_token: access_token.to_owned() }),
        (None, _) => Err(refused("it sent no ID token".to_owned())),
        (_, None) => Err(refused("it sent no access token".to_owned())),
    }
}

fn is_invalid_client(answer: &Answer) -> bool {
    answer.status != StatusCode::OK && answer.body.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str) == Some("invalid_client")
}

/// The request with the client's own proof: in a header when the provider takes that, else in the body.
fn token_request(provider: &Provider, known: &Known, code: &str, verifier: &str, redirect_uri: &str, secret: Option<&Secret>) -> RequestBuilder {
    let config = &provider.config;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("code_verifier", verifier);
    let request = |form: &mut form_urlencoded::Serializer<'_, String>| provider.outbound.post_form(&known.metadata.token_endpoint, form.finish());
    match secret {
        Some(secret) if known.metadata.secret_in_body => {
            request(form.append_pair("client_id", &config.client_id).append_pair("client_secret", secret.expose()))
        }
        // RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        Some(secret) => {
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(&config.client_id), encoded(secret.expose())));
            request(&mut form).header(header::AUTHORIZATION, format!("Basic {pair}"))
        }
        None => request(form.append_pair("client_id", &config.client_id)),
    }
}

/// Providers may send the claims of a scope at the userinfo endpoint only (OpenID Connect Core, section 5.4). It is asked when name or
/// groups are missing. What the ID token says stands; userinfo only adds. A userinfo of somebody else ends the login; one that cannot
/// be had leaves the groups unknown.
pub(crate) async fn complete_claims(
    provider: &Provider,
    known: &Arc<Known>,
    mut verified: Map<String, Value>,
    subject: &str,
    access_token: &str,
) -> Result<Map<String, Value>, LoginError> {
    let config = &provider.config;
    let is_complete = claims::has_overage(&verified, &config.groups_claim)
        || [&config.groups_claim, &config.name_claim].iter().all(|path| claims::at_path(&verified, path).is_some());
    let Some(endpoint) = known.metadata.userinfo_endpoint.as_ref().filter(|_| !is_complete) else { return Ok(verified) };
    let request = provider.outbound.get(endpoint).bearer_auth(access_token);
    let info = match provider.outbound.answer(request).await {
        Ok(answer) if answer.status == StatusCode::OK => answer.body,
        Ok(answer) => {
            tracing::warn!(issuer = %config.issuer, status = answer.status.as_u16(), "identity.userinfo_refused");
            None
        }
        Err(error) => {
            tracing::warn!(issuer = %config.issuer, %error, "identity.userinfo_failed");
            None
        }
    };
    let Some(info) = info else { return Ok(verified) };
    if info.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(LoginError::Untrusted { provider: config.label.clone(), why: "its userinfo is about somebody else".to_owned() });
    }
    for (name, value) in info {
        verified.entry(name).or_insert(value);
    }
    Ok(verified)
}
