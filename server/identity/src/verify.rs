//! Whether an ID token can be believed (OpenID Connect Core 1.0, section 3.1.3.7).
//!
//! Signature, issuer, audience, expiry and nonce are openidconnect's work. What it leaves to its caller is done here: the list of
//! algorithms (never taken from the provider), `azp`, `nbf`, the age of `iat`, `at_hash`, the shape of `sub`, leeway for clocks, members
//! named twice, and asking for new keys once when the key is unknown.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Alg},
};
use serde_json::{Map, Value};
use windfirm_model::clock::Timestamp;

use crate::{
    error::{LoginError, quoted},
    provider::{Known, Provider},
    strict,
};

/// How far the provider's clock may be off when a token ends or begins.
const LEEWAY_S: i64 = 30;
/// How old, or how far in the future, `iat` may be: a login takes no longer.
const MAX_IAT_OFF_S: i64 = 600;
/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 256 * 1024;
/// OpenID Connect Core, section 2: `sub` has at most 255 ASCII characters.
const MAX_SUBJECT_BYTES: usize = 255;
/// The last moment that has four digits in its year.
const LAST_SECOND: i64 = 253_402_300_799;

/// Asymmetric only. `none` and HS* are not here, and nothing that a provider publishes adds to it.
const ALGORITHMS: [(&str, Alg); 9] = [
    ("RS256", Alg::RsaSsaPkcs1V15Sha256),
    ("RS384", Alg::RsaSsaPkcs1V15Sha384),
    ("RS512", Alg::RsaSsaPkcs1V15Sha512),
    ("PS256", Alg::RsaSsaPssSha256),
    ("PS384", Alg::RsaSsaPssSha384),
    ("PS512", Alg::RsaSsaPssSha512),
    ("ES256", Alg::EcdsaP256Sha256),
    ("ES384", Alg::EcdsaP384Sha384),
    ("EdDSA", Alg::EdDsa),
];

/// The claims of a token that was believed.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) subject: String,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) claims: Map<String, Value>,
}

/// What is wrong with a token.
#[derive(Debug)]
enum Doubt {
    /// The key is not in the set that we have; it may be new.
    UnknownKey,
    Untrusted(String),
    Clock(String),
}

fn untrusted(why: impl Into<String>) -> Doubt {
    Doubt::Untrusted(why.into())
}

/// Checks `raw`, which came from the provider's token endpoint together with `access_token`.
pub(crate) async fn id_token(
    provider: &Provider,
    known: Arc<Known>,
    raw: &str,
    nonce: &str,
    access_token: &str,
    now: Timestamp,
) -> Result<Verified, LoginError> {
    let check = |known: &Known| check(provider, known, raw, nonce, access_token, now);
    let outcome = match check(&known) {
        Err(Doubt::UnknownKey) => check(&*provider.refetch_keys(&known).await),
        settled => settled,
    };
    let name = || provider.config.label.clone();
    outcome.map_err(|doubt| match doubt {
        Doubt::UnknownKey => LoginError::Untrusted { provider: name(), why: "the ID token is signed with a key that it does not publish".to_owned() },
        Doubt::Untrusted(why) => LoginError::Untrusted { provider: name(), why },
        Doubt::Clock(why) => LoginError::ClocksDiffer { provider: name(), why },
    })
}

fn check(provider: &Provider, known: &Known, raw: &str, nonce: &str, access_token: &str, now: Timestamp) -> Result<Verified, Doubt> {
    let (header, claims) = read(raw)?;
    let has_kid = check_header(&header)?;
    check_shape(&claims, &provider.config.client_id)?;

    let token: CoreIdToken = raw.parse().map_err(|_| untrusted("the ID token is malformed"))?;
    let verifier = verifier(provider, known, now)?;
    token.claims(&verifier, &Nonce::new(nonce.to_owned())).map_err(|error| in_words(error, has_kid))?;

    // From here on the claims are the provider's own words.
    check_times(&claims, now)?;
    check_at_hash(&token, &verifier, &claims, access_token)?;
    let subject = subject(&claims)?;
    let auth_time = seconds(&claims, "auth_time")?.map(Timestamp::from_seconds);
    Ok(Verified { subject, auth_time, claims })
}

type Members = Map<String, Value>;

/// Header and claims as they stand, unverified.
fn read(raw: &str) -> Result<(Members, Members), Doubt> {
    if raw.len() > MAX_TOKEN_BYTES {
        return Err(untrusted("the ID token is larger than 256 KiB"));
    }
    let mut parts = raw.split('.');
    let (Some(header), Some(claims), Some(_signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(untrusted("the ID token is not a signed token of three parts"));
    };
    let object = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| strict::parse_object(&bytes));
    match (object(header), object(claims)) {
        (Some(header), Some(claims)) => Ok((header, claims)),
        _ => Err(untrusted("the ID token is malformed, or names something twice")),
    }
}

/// Refuses algorithms and header members that we do not accept. `jku`, `x5u` and `jwk` are ignored: keys come from the provider's
/// published set only. Returns whether the header names a key.
fn check_header(header: &Map<String, Value>) -> Result<bool, Doubt> {
    let alg = header.get("alg").and_then(Value::as_str).unwrap_or("");
    if !ALGORITHMS.iter().any(|(name, _)| *name == alg) {
        return Err(untrusted(format!("the ID token is signed with “{}”, which is not accepted", quoted(alg))));
    }
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(untrusted("the ID token demands an extension that Windfirm does not know"));
    }
    Ok(header.contains_key("kid"))
}

/// What the other library leaves open or reads loosely.
fn check_shape(claims: &Map<String, Value>, client_id: &str) -> Result<(), Doubt> {
    let ours = Some(client_id);
    let audience_is_ours = match claims.get("aud") {
        Some(Value::String(only)) => only == client_id,
        Some(Value::Array(items)) => !items.is_empty() && items.iter().all(|item| item.as_str() == ours),
        _ => false,
    };
    if !audience_is_ours {
        return Err(untrusted("the ID token is not made out to Windfirm alone"));
    }
    if claims.get("azp").is_some_and(|azp| azp.as_str() != ours) {
        return Err(untrusted("the ID token was issued to another application"));
    }
    subject(claims)?;
    for name in ["exp", "iat"] {
        if seconds(claims, name)?.is_none() {
            return Err(untrusted(format!("the ID token has no “{name}”")));
        }
    }
    seconds(claims, "nbf")?;
    seconds(claims, "auth_time")?;
    Ok(())
}

fn verifier<'a>(provider: &Provider, known: &Known, now: Timestamp) -> Result<CoreIdTokenVerifier<'a>, Doubt> {
    let issuer = IssuerUrl::new(provider.config.issuer.clone()).map_err(|_| untrusted("its issuer is not a URL"))?;
    let at = instant(now.seconds().saturating_sub(LEEWAY_S));
    // Without the client secret, and so without HS*, whatever else is set.
    Ok(CoreIdTokenVerifier::new_public_client(ClientId::new(provider.config.client_id.clone()), issuer, known.keys.clone())
        .set_allowed_algs(ALGORITHMS.map(|(_, alg)| alg))
        .set_time_fn(move || at.into()))
}

fn instant(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).unwrap_or_default())).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn in_words(error: ClaimsVerificationError, has_kid: bool) -> Doubt {
    use ClaimsVerificationError as Claims;
    use SignatureVerificationError as Signature;
    match error {
        Claims::SignatureVerification(Signature::NoMatchingKey) => Doubt::UnknownKey,
        // Without a key id a changed key shows only here.
        Claims::SignatureVerification(Signature::CryptoError(_)) if !has_kid => Doubt::UnknownKey,
        Claims::SignatureVerification(Signature::AmbiguousKeyId(_)) => untrusted("the ID token does not say which of several keys signed it"),
        Claims::SignatureVerification(_) => untrusted("the signature of the ID token is wrong"),
        Claims::InvalidIssuer(_) => untrusted("the ID token was issued by somebody else"),
        Claims::InvalidAudience(_) => untrusted("the ID token is not made out to Windfirm alone"),
        Claims::InvalidNonce(_) => untrusted("the ID token belongs to another log-in"),
        Claims::Expired(_) => Doubt::Clock("the ID token had run out when it arrived".to_owned()),
        _ => untrusted("the ID token is of a kind that is not accepted"),
    }
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), Doubt> {
    let now_s = now.seconds();
    let iat = seconds(claims, "iat")?.unwrap_or_default();
    let off_s = now_s.saturating_sub(iat);
    if off_s.saturating_abs() > MAX_IAT_OFF_S {
        let direction = if off_s > 0 { "ago" } else { "in the future" };
        return Err(Doubt::Clock(format!("the ID token was issued {} s {direction}", off_s.saturating_abs())));
    }
    if seconds(claims, "nbf")?.is_some_and(|nbf| nbf > now_s.saturating_add(LEEWAY_S)) {
        return Err(Doubt::Clock("the ID token is not valid yet".to_owned()));
    }
    Ok(())
}

fn check_at_hash(token: &CoreIdToken, verifier: &CoreIdTokenVerifier<'_>, claims: &Map<String, Value>, access_token: &str) -> Result<(), Doubt> {
    let Some(stated) = claims.get("at_hash") else { return Ok(()) };
    let wrong = || untrusted("the ID token belongs to another access token");
    let alg = token.signing_alg().map_err(|_| wrong())?;
    let key = token.signing_key(verifier).map_err(|_| wrong())?;
    let expected = AccessTokenHash::from_token(&AccessToken::new(access_token.to_owned()), alg, key).map_err(|_| wrong())?;
    if stated.as_str() == Some(expected.as_str()) { Ok(()) } else { Err(wrong()) }
}

fn subject(claims: &Map<String, Value>) -> Result<String, Doubt> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or("");
    let is_plain = subject.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
    if subject.is_empty() || subject.len() > MAX_SUBJECT_BYTES || !is_plain {
        return Err(untrusted("the ID token has no usable “sub”: 1 to 255 plain characters"));
    }
    Ok(subject.to_owned())
}

/// A NumericDate (RFC 7519, section 2), rounded down; an error when it is of another type or out of this world.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Doubt> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| value.as_f64().and_then(whole_seconds));
    match whole {
        Some(seconds) if (0..=LAST_SECOND).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(untrusted(format!("“{name}” of the ID token is not a moment"))),
    }
}

fn whole_seconds(value: f64) -> Option<i64> {
    // Through Duration, which refuses what does not fit.
    Duration::try_from_secs_f64(value).ok().and_then(|duration| i64::try_from(duration.as_secs()).ok())
}
