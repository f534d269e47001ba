//! Codes and access tokens that are out, in memory, hashed, until they run out.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};
use windfirm_model::clock::Timestamp;

use super::people::Person;

/// How long a code may be exchanged.
pub(super) const CODE_LIFETIME_S: i64 = 60;
/// How long an access token and an ID token hold.
pub(super) const TOKEN_LIFETIME_S: i64 = 600;

type Key = [u8; 32];

/// What a code stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) person: &'static Person,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) scopes: Scopes,
    pub(super) auth_time: Timestamp,
    pub(super) expires: Timestamp,
}

/// What was asked for beside `openid`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scopes {
    pub(super) profile: bool,
    pub(super) groups: bool,
}

/// What an access token opens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) person: &'static Person,
    pub(super) scopes: Scopes,
    expires: Timestamp,
}

#[derive(Default)]
struct Out {
    codes: HashMap<Key, Grant>,
    /// Codes that were exchanged, with the access token that came of each.
    spent: HashMap<Key, (Key, Timestamp)>,
    tokens: HashMap<Key, Opened>,
}

#[derive(Default)]
pub(super) struct Store(Mutex<Out>);

impl Store {
    fn out(&self, now: Timestamp) -> MutexGuard<'_, Out> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.codes.retain(|_, grant| now < grant.expires);
        out.spent.retain(|_, (_, expires)| now < *expires);
        out.tokens.retain(|_, opened| now < opened.expires);
        out
    }

    pub(super) fn put_code(&self, code: &str, grant: Grant, now: Timestamp) {
        self.out(now).codes.insert(key(code), grant);
    }

    /// Takes the code, once. One that comes again was stolen, or its first use was: what came of it is withdrawn
    /// (RFC 6749, section 4.1.2).
    pub(super) fn take_code(&self, code: &str, now: Timestamp) -> Option<Grant> {
        let mut out = self.out(now);
        let taken = out.codes.remove(&key(code));
        if taken.is_none()
            && let Some((token, _)) = out.spent.get(&key(code)).copied()
        {
            out.tokens.remove(&token);
        }
        taken
    }

    pub(super) fn put_token(&self, token: &str, code: &str, grant: &Grant, now: Timestamp) {
        let expires = now.plus_seconds(TOKEN_LIFETIME_S);
        let mut out = self.out(now);
        out.spent.insert(key(code), (key(token), expires));
        out.tokens.insert(key(token), Opened { person: grant.person, scopes: grant.scopes, expires });
    }

    pub(super) fn token(&self, token: &str, now: Timestamp) -> Option<Opened> {
        self.out(now).tokens.get(&key(token)).copied()
    }
}

/// Only hashes are kept and compared, so the time of a look-up tells nothing.
pub(super) fn key(secret: &str) -> Key {
    Sha256::digest(secret.as_bytes()).into()
}
