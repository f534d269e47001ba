//! Asking an identity provider: the only way out of this crate.
//!
//! No redirects, one limit of time for the whole answer, one limit of size, no decompression, https (http only on loopback, and only for
//! a provider that is itself configured so: an https provider cannot point us at a service of this computer).

use std::time::Duration;

use reqwest::{Certificate, RequestBuilder, StatusCode, header};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    config::{ConfigError, is_loopback},
    error::quoted,
    strict,
};

/// The largest answer that is read: 1 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Why there is no answer. The text completes “… cannot be reached: ”.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutboundError {
    #[error("it does not answer in time")]
    TimedOut,
    #[error("no connection can be made")]
    NoConnection,
    #[error("the connection broke off")]
    Broken,
    #[error("it answers with a redirect, which is not followed")]
    Redirected,
    #[error("it answers with more than 1 MiB")]
    TooLarge,
    #[error("it answers with status {0}")]
    Status(u16),
    #[error("its answer is not the JSON that was asked for")]
    NotJson,
    #[error("it names an address that is not https: {0}")]
    Unprotected(String),
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        // The error's own text names the whole URL and the chain of causes; people need neither.
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::NoConnection
        } else {
            Self::Broken
        }
    }
}

/// An answer whose body has been read as a JSON object.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Map<String, Value>>,
}

/// The certificates of a PEM text, which must hold at least one.
pub(crate) fn certificates(pem: &str) -> Result<Vec<Certificate>, String> {
    let found = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| quoted(&error.to_string()))?;
    if found.is_empty() { Err("there is no certificate in them".to_owned()) } else { Ok(found) }
}

/// The HTTP client for one provider.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    client: reqwest::Client,
    may_use_http: bool,
}

impl Outbound {
    /// `issuer` decides whether plain http is allowed at all; `roots` are believed beside those of the system.
    pub(crate) fn new(issuer: &Url, roots: Vec<Certificate>, timeout: Duration) -> Result<Self, ConfigError> {
        let may_use_http = issuer.scheme() == "http" && is_loopback(issuer);
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .https_only(!may_use_http)
            .tls_certs_merge(roots)
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate();
        if may_use_http {
            // This computer is never reached through a proxy.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ConfigError::HttpClient(quoted(&error.to_string())))?;
        Ok(Self { client, may_use_http })
    }

    /// Reads an address that the provider gave, and refuses it when it is not protected.
    pub(crate) fn endpoint(&self, text: &str) -> Result<Url, OutboundError> {
        let refused = || OutboundError::Unprotected(quoted(text));
        let url = Url::parse(text).map_err(|_| refused())?;
        let is_ok = url.scheme() == "https" || (self.may_use_http && url.scheme() == "http" && is_loopback(&url));
        if is_ok && url.username().is_empty() && url.password().is_none() && url.host().is_some() { Ok(url) } else { Err(refused()) }
    }

    pub(crate) fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone()).header(header::ACCEPT, "application/json")
    }

    pub(crate) fn post_form(&self, url: &Url, body: String) -> RequestBuilder {
        self.client.post(url.clone()).header(header::ACCEPT, "application/json").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    /// Sends, and reads the body as a JSON object if it is one, whatever the status (errors of the token endpoint are JSON too).
    pub(crate) async fn answer(&self, request: RequestBuilder) -> Result<Answer, OutboundError> {
        let mut response = request.send().await?;
        let status = response.status();
        if status.is_redirection() {
            return Err(OutboundError::Redirected);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > MAX_BODY_BYTES {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: strict::parse_object(&body) })
    }

    /// Gets a JSON object with status 200.
    pub(crate) async fn get_object(&self, url: &Url) -> Result<Map<String, Value>, OutboundError> {
        let answer = self.answer(self.get(url)).await?;
        if answer.status != StatusCode::OK {
            return Err(OutboundError::Status(answer.status.as_u16()));
        }
        answer.body.ok_or(OutboundError::NotJson)
    }
}
