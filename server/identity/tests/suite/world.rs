//! One relying party and one hostile provider, and the steps of a login between them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::json;
use url::Url;
use windfirm_identity::{Finish, Identity, IdentityConfig, IssuerConfig, LoginError, LoginRow, LoginRows, RowsError, Secret};
use windfirm_model::{clock::Clock, session::Login};

use super::{
    clock::{START_S, TestClock},
    hostile::{self, HostileIdp, Script},
    mint::{ACCESS_TOKEN, Mint, Signer},
    serve,
};

pub(crate) const CLIENT_ID: &str = "windfirm";
pub(crate) const CLIENT_SECRET: &str = "s3cret:with/odd chars";
pub(crate) const PORTAL: &str = "http://127.0.0.1:3999/";

/// Rows in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryRows(Mutex<HashMap<String, LoginRow>>);

#[async_trait]
impl LoginRows for MemoryRows {
    async fn put(&self, row: LoginRow) -> Result<(), RowsError> {
        self.0.lock().unwrap().insert(row.state_hash.clone(), row);
        Ok(())
    }
    async fn take(&self, state_hash: &str) -> Result<Option<LoginRow>, RowsError> {
        Ok(self.0.lock().unwrap().remove(state_hash))
    }
}

pub(crate) struct World {
    pub(crate) idp: HostileIdp,
    pub(crate) issuer: String,
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) rows: Arc<MemoryRows>,
}

/// A login that has begun, as the browser sees it.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) location: Url,
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// `name=value`
    pub(crate) cookie: String,
}

pub(crate) fn issuer_config(name: &str, issuer: &str) -> IssuerConfig {
    IssuerConfig {
        name: name.to_owned(),
        label: "Test login".to_owned(),
        issuer: issuer.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET)),
        scopes: vec!["profile".to_owned(), "groups".to_owned()],
        groups_claim: "groups".to_owned(),
        name_claim: "name".to_owned(),
        ca_pem: None,
    }
}

/// An answer without fault, but for the nonce.
pub(crate) fn good_mint(issuer: &str) -> Mint {
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    Mint {
        header: object(json!({ "alg": "ES256", "kid": "ec", "typ": "JWT" })),
        claims: object(json!({
            "iss": issuer, "sub": "s-1", "aud": CLIENT_ID, "iat": START_S, "exp": START_S + 600, "nonce": "", "name": "Ana Ruiz", "groups": ["shop-dev"],
        })),
        raw_header: None,
        raw_claims: None,
        signer: Signer::Ec,
        tampered: false,
        raw_token: None,
        answer: object(json!({ "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 600 })),
    }
}

pub(crate) fn param(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    /// With changes to what the provider says from the start, and to the configuration.
    pub(crate) async fn with(script: impl FnOnce(&mut Script), config: impl FnOnce(&mut IdentityConfig)) -> Self {
        Self::over("http", script, config).await
    }

    /// With a provider on https, or on http.
    pub(crate) async fn over(scheme: &str, script: impl FnOnce(&mut Script), config: impl FnOnce(&mut IdentityConfig)) -> Self {
        let listener = serve::bind().await;
        let issuer = format!("{scheme}://{}", listener.local_addr().unwrap());
        let mut said = hostile::script(&issuer, good_mint(&issuer));
        script(&mut said);
        let idp = HostileIdp::start_as(listener, said, if scheme == "https" { serve::serve_tls } else { serve::serve });
        let clock = Arc::new(TestClock::new());
        let rows = Arc::new(MemoryRows::default());
        let mut configured = IdentityConfig::new(PORTAL.parse().unwrap(), vec![issuer_config("test", &issuer)]);
        // A test of silence waits this long; all others must be faster, on a busy machine too.
        configured.http_timeout_ms = 3_000;
        config(&mut configured);
        let identity = Arc::new(Identity::new(configured, Arc::clone(&rows) as _, Arc::clone(&clock) as Arc<dyn Clock>).unwrap());
        Self { idp, issuer, identity, clock, rows }
    }

    pub(crate) async fn try_begin(&self) -> Result<Begun, LoginError> {
        let departure = self.identity.begin(None, "/tree?x=1", "").await?;
        let location: Url = departure.location.parse().unwrap();
        let set = departure.cookies.last().unwrap();
        let cookie = set.split(';').next().unwrap().to_owned();
        Ok(Begun { state: param(&location, "state"), nonce: param(&location, "nonce"), location, cookie })
    }

    pub(crate) async fn begin(&self) -> Begun {
        self.try_begin().await.unwrap()
    }

    /// The browser comes back with a code, and the provider's token is what `mint` makes of a good one.
    pub(crate) async fn finish_with(&self, begun: &Begun, mint: impl FnOnce(&mut Mint)) -> Result<Login, LoginError> {
        self.idp.script(|script| {
            script.mint = good_mint(&self.issuer);
            script.mint.claim("nonce", json!(begun.nonce));
            script.mint.claim("iat", json!(self.clock.seconds()));
            script.mint.claim("exp", json!(self.clock.seconds() + 600));
            mint(&mut script.mint);
        });
        self.callback(begun, &format!("code=c-1&state={}", begun.state)).await.outcome
    }

    pub(crate) async fn callback(&self, begun: &Begun, query: &str) -> Finish {
        self.identity.finish("test", query, &begun.cookie, "Test browser").await
    }

    /// From nothing to the end.
    pub(crate) async fn login_with(&self, mint: impl FnOnce(&mut Mint)) -> Result<Login, LoginError> {
        let begun = self.try_begin().await?;
        self.finish_with(&begun, mint).await
    }

    pub(crate) async fn login(&self) -> Result<Login, LoginError> {
        self.login_with(|_| {}).await
    }
}

/// The code of the refusal, or “accepted”.
pub(crate) fn outcome(result: &Result<Login, LoginError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}
