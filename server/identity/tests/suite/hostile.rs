//! A provider that does what a test tells it, over HTTP, and counts how often it is asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    mint::{self, ACCESS_TOKEN, Mint},
    serve::{self, Served},
};

/// How one of its pages answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Json(Value),
    Text(&'static str),
    Status(u16),
    /// 302 to the canary, which nobody may ever ask.
    RedirectToCanary,
    /// So many bytes of JSON that never end in sense.
    Big(usize),
    /// The headers come, the body never does.
    Never,
    /// A body that claims to be compressed.
    ClaimsGzip,
}

/// What a test decides.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) discovery: Reply,
    pub(crate) jwks: Reply,
    /// `Basic …` that it takes; whoever comes with another is no client of its. None: whatever they come with.
    pub(crate) taken: Option<String>,
    /// In place of the minted answer.
    pub(crate) token: Option<Reply>,
    pub(crate) mint: Mint,
    pub(crate) userinfo: Reply,
}

/// What the token endpoint was asked last.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenRequest {
    pub(crate) authorization: Option<String>,
    pub(crate) form: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Inner {
    script: Script,
    hits: BTreeMap<String, usize>,
    last_token_request: TokenRequest,
}

#[derive(Clone, Debug)]
pub(crate) struct HostileIdp {
    inner: Arc<Mutex<Inner>>,
    _served: Arc<Served>,
}

impl HostileIdp {
    pub(crate) fn start(listener: TcpListener, script: Script) -> Self {
        Self::start_as(listener, script, serve::serve)
    }
    pub(crate) fn start_as(listener: TcpListener, script: Script, serve: fn(TcpListener, Router) -> Served) -> Self {
        let inner = Arc::new(Mutex::new(Inner { script, hits: BTreeMap::new(), last_token_request: TokenRequest::default() }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        Self { inner, _served: Arc::new(serve(listener, router)) }
    }
    pub(crate) fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.inner.lock().unwrap().script)
    }
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.inner.lock().unwrap().hits.get(path).copied().unwrap_or(0)
    }
    pub(crate) fn last_token_request(&self) -> TokenRequest {
        self.inner.lock().unwrap().last_token_request.clone()
    }
}

/// The metadata of a provider without fault.
pub(crate) fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/end_session"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // What it says of algorithms must not matter.
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
        "code_challenge_methods_supported": ["S256"],
    })
}

pub(crate) fn script(issuer: &str, mint: Mint) -> Script {
    Script { discovery: Reply::Json(metadata(issuer)), jwks: Reply::Json(mint::jwks()), taken: None, token: None, mint, userinfo: Reply::Status(404) }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let (script, path) = {
        let mut inner = inner.lock().unwrap();
        *inner.hits.entry(uri.path().to_owned()).or_insert(0) += 1;
        if uri.path() == "/token" {
            let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
            let form = url::form_urlencoded::parse(&body).into_owned().collect();
            inner.last_token_request = TokenRequest { authorization, form };
        }
        (inner.script.clone(), uri.path().to_owned())
    };
    match path.as_str() {
        "/.well-known/openid-configuration" => reply(&script.discovery),
        "/jwks" => reply(&script.jwks),
        "/token" if script.taken.is_some() && headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != script.taken.as_deref() => {
            (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "application/json")], r#"{"error":"invalid_client"}"#).into_response()
        }
        "/token" => match &script.token {
            Some(said) => reply(said),
            None => ([(header::CONTENT_TYPE, "application/json")], script.mint.body()).into_response(),
        },
        "/userinfo" => {
            let bearer = format!("Bearer {ACCESS_TOKEN}");
            assert_eq!(headers.get(header::AUTHORIZATION).unwrap(), bearer.as_str(), "the access token goes into the header");
            reply(&script.userinfo)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn reply(said: &Reply) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match said {
        Reply::Json(value) => (json, value.to_string()).into_response(),
        Reply::Text(text) => (json, *text).into_response(),
        Reply::Status(code) => StatusCode::from_u16(*code).unwrap().into_response(),
        Reply::RedirectToCanary => (StatusCode::FOUND, [(header::LOCATION, "/canary")]).into_response(),
        Reply::Big(bytes) => (json, format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(*bytes))).into_response(),
        Reply::Never => (json, Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>())).into_response(),
        Reply::ClaimsGzip => ([(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")], vec![0x1f_u8, 0x8b, 8, 0]).into_response(),
    }
}
