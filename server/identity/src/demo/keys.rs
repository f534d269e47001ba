//! The key of the provider: ES256, made at start, gone at the end.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    x: String,
    y: String,
    id: String,
}

impl SigningKey {
    pub(super) fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        // SEC 1, section 2.3.3: 4, then the two coordinates of 32 bytes.
        let point = pair.public_key().as_ref();
        let (x, y) = (BASE64_URL.encode(point.get(1..33)?), BASE64_URL.encode(point.get(33..65)?));
        // RFC 7638: the id is the hash of the required members in alphabetical order.
        let id = BASE64_URL.encode(Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)));
        Some(Self { pair, x, y, id })
    }

    pub(super) fn public_jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": self.x, "y": self.y })
    }

    /// A signed token (RFC 7515, compact).
    pub(super) fn sign(&self, claims: &Value) -> Option<String> {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let message = format!("{}.{}", BASE64_URL.encode(header.to_string()), BASE64_URL.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).ok()?;
        Some(format!("{message}.{}", BASE64_URL.encode(signature)))
    }

    /// The claims of a token of ours, however old.
    pub(super) fn own_claims(&self, token: &str) -> Option<Value> {
        let (message, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref()).verify(message.as_bytes(), &signature).ok()?;
        let (_, claims) = message.split_once('.')?;
        serde_json::from_slice(&BASE64_URL.decode(claims).ok()?).ok()
    }
}

/// `at_hash` (OpenID Connect Core, section 3.1.3.6): the left half of the hash.
pub(super) fn access_token_hash(token: &str) -> String {
    BASE64_URL.encode(Sha256::digest(token.as_bytes()).iter().copied().take(16).collect::<Vec<u8>>())
}
