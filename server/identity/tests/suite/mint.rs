//! Tokens made by hand, byte for byte: never with the library that checks them.

use std::sync::OnceLock;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use serde_json::{Map, Value, json};

/// The keys of the hostile provider, made once: RSA takes its time.
pub(crate) struct Keys {
    pub(crate) ec: EcdsaKeyPair,
    /// Published only when a test says so.
    pub(crate) other_ec: EcdsaKeyPair,
    pub(crate) ed: Ed25519KeyPair,
    pub(crate) rsa: RsaKeyPair,
}

pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        other_ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        ed: Ed25519KeyPair::generate().unwrap(),
        rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
    })
}

pub(crate) fn ec_jwk(pair: &EcdsaKeyPair, kid: &str) -> Value {
    let point = pair.public_key().as_ref();
    json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..65]) })
}

pub(crate) fn ed_jwk(kid: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "x": B64.encode(keys().ed.public_key().as_ref()) })
}

pub(crate) fn rsa_jwk(kid: &str) -> Value {
    let public = keys().rsa.public_key();
    let n = B64.encode(public.modulus().big_endian_without_leading_zero());
    let e = B64.encode(public.exponent().big_endian_without_leading_zero());
    json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": e })
}

/// The usual set: one key of each kind.
pub(crate) fn jwks() -> Value {
    json!({ "keys": [ec_jwk(&keys().ec, "ec"), ed_jwk("ed"), rsa_jwk("rsa")] })
}

/// With what a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    Ec,
    OtherEc,
    Ed,
    Rs256,
    Ps256,
    /// HMAC with the bytes of the RSA public key: the old confusion.
    HmacOfPublicKey,
    /// HMAC with the client secret.
    HmacOfSecret,
    Nothing,
}

/// A token endpoint's answer in the making. What a test does not touch is right.
#[derive(Clone, Debug)]
pub(crate) struct Mint {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// In place of `header`, as it stands.
    pub(crate) raw_header: Option<String>,
    /// In place of `claims`, as it stands.
    pub(crate) raw_claims: Option<String>,
    pub(crate) signer: Signer,
    /// Turns one bit of the signature.
    pub(crate) tampered: bool,
    /// In place of the whole token.
    pub(crate) raw_token: Option<String>,
    /// The other members of the answer.
    pub(crate) answer: Map<String, Value>,
}

pub(crate) const ACCESS_TOKEN: &str = "access-token-of-the-test";

impl Mint {
    pub(crate) fn header(&mut self, name: &str, value: Value) {
        self.header.insert(name.to_owned(), value);
    }
    pub(crate) fn claim(&mut self, name: &str, value: Value) {
        self.claims.insert(name.to_owned(), value);
    }
    pub(crate) fn without(&mut self, name: &str) {
        self.claims.remove(name);
    }
    pub(crate) fn sign_with(&mut self, signer: Signer, alg: &str, kid: &str) {
        self.signer = signer;
        self.header("alg", json!(alg));
        self.header("kid", json!(kid));
    }
    /// The claims as text with one member put in front, so that names may come twice.
    pub(crate) fn claims_with_first(&mut self, member: &str) {
        let text = Value::Object(self.claims.clone()).to_string();
        self.raw_claims = Some(format!("{{{member},{}", &text[1..]));
    }

    pub(crate) fn token(&self) -> String {
        if let Some(raw) = &self.raw_token {
            return raw.clone();
        }
        let header = self.raw_header.clone().unwrap_or_else(|| Value::Object(self.header.clone()).to_string());
        let claims = self.raw_claims.clone().unwrap_or_else(|| Value::Object(self.claims.clone()).to_string());
        let message = format!("{}.{}", B64.encode(header), B64.encode(claims));
        let mut signature = sign(self.signer, message.as_bytes());
        if self.tampered {
            signature[10] ^= 1;
        }
        format!("{message}.{}", B64.encode(signature))
    }

    /// The whole answer of the token endpoint.
    pub(crate) fn body(&self) -> String {
        let mut answer = self.answer.clone();
        answer.entry("id_token").or_insert_with(|| json!(self.token()));
        Value::Object(answer).to_string()
    }
}

fn sign(signer: Signer, message: &[u8]) -> Vec<u8> {
    let (keys, random) = (keys(), SystemRandom::new());
    let rsa = |padding: &'static dyn RsaEncoding| {
        let mut signature = vec![0; keys.rsa.public_modulus_len()];
        keys.rsa.sign(padding, &random, message, &mut signature).unwrap();
        signature
    };
    let hmac = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec();
    match signer {
        Signer::Ec => keys.ec.sign(&random, message).unwrap().as_ref().to_vec(),
        Signer::OtherEc => keys.other_ec.sign(&random, message).unwrap().as_ref().to_vec(),
        Signer::Ed => keys.ed.sign(message).as_ref().to_vec(),
        Signer::Rs256 => rsa(&RSA_PKCS1_SHA256),
        Signer::Ps256 => rsa(&RSA_PSS_SHA256),
        Signer::HmacOfPublicKey => hmac(keys.rsa.public_key().as_ref()),
        Signer::HmacOfSecret => hmac(super::world::CLIENT_SECRET.as_bytes()),
        Signer::Nothing => Vec::new(),
    }
}
