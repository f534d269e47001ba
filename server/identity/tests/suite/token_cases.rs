//! What an ID token may say, one case per line: the OpenID Foundation's relying party tests, those of FAPI that fit, and our own.

use serde_json::{Value, json};
use windfirm_model::actor::Groups;

use super::{
    clock::START_S,
    mint::{Mint, Signer, ec_jwk, keys},
    world::{CLIENT_ID, World, outcome},
};

struct Case {
    name: &'static str,
    /// “accepted”, or the code of the refusal and a word of its sentence.
    expected: &'static str,
    word: &'static str,
    mint: fn(&mut Mint),
}

const fn accepted(name: &'static str, mint: fn(&mut Mint)) -> Case {
    Case { name, expected: "accepted", word: "", mint }
}
const fn untrusted(name: &'static str, word: &'static str, mint: fn(&mut Mint)) -> Case {
    Case { name, expected: "untrusted", word, mint }
}
const fn clock(name: &'static str, word: &'static str, mint: fn(&mut Mint)) -> Case {
    Case { name, expected: "clocks_differ", word, mint }
}
const fn exchange(name: &'static str, word: &'static str, mint: fn(&mut Mint)) -> Case {
    Case { name, expected: "exchange_refused", word, mint }
}

const CASES: &[Case] = &[
    // signatures
    accepted("happy flow, ES256", |_| {}),
    accepted("RS256", |m| m.sign_with(Signer::Rs256, "RS256", "rsa")),
    accepted("PS256", |m| m.sign_with(Signer::Ps256, "PS256", "rsa")),
    accepted("EdDSA", |m| m.sign_with(Signer::Ed, "EdDSA", "ed")),
    accepted("no kid, one key that fits", |m| {
        m.header.remove("kid");
    }),
    accepted("no typ", |m| {
        m.header.remove("typ");
    }),
    untrusted("corrupt signature, ES256", "signature", |m| m.tampered = true),
    untrusted("corrupt signature, RS256", "signature", |m| {
        m.sign_with(Signer::Rs256, "RS256", "rsa");
        m.tampered = true;
    }),
    untrusted("corrupt signature, EdDSA", "signature", |m| {
        m.sign_with(Signer::Ed, "EdDSA", "ed");
        m.tampered = true;
    }),
    untrusted("alg none", "not accepted", |m| m.sign_with(Signer::Nothing, "none", "ec")),
    untrusted("alg None, in other letters", "not accepted", |m| m.sign_with(Signer::Nothing, "nOnE", "ec")),
    untrusted("ES256 without a signature", "signature", |m| m.signer = Signer::Nothing),
    untrusted("HS256 with the public RSA key", "not accepted", |m| m.sign_with(Signer::HmacOfPublicKey, "HS256", "rsa")),
    untrusted("HS256 with the client secret", "not accepted", |m| m.sign_with(Signer::HmacOfSecret, "HS256", "rsa")),
    untrusted("RS256 in name, HMAC in truth", "signature", |m| m.sign_with(Signer::HmacOfPublicKey, "RS256", "rsa")),
    untrusted("another key under a known kid", "signature", |m| m.signer = Signer::OtherEc),
    untrusted("a key that is not published", "does not publish", |m| m.sign_with(Signer::OtherEc, "ES256", "other")),
    untrusted("a kid of another kind of key", "does not publish", |m| m.header("kid", json!("rsa"))),
    untrusted("kid is not text", "malformed", |m| m.header("kid", json!(7))),
    untrusted("kid is a path", "does not publish", |m| m.header("kid", json!("../../dev/null"))),
    untrusted("no alg", "not accepted", |m| {
        m.header.remove("alg");
    }),
    untrusted("ES512, which nobody here checks", "not accepted", |m| m.header("alg", json!("ES512"))),
    untrusted("crit", "extension", |m| m.header("crit", json!(["exp"]))),
    untrusted("empty crit", "extension", |m| m.header("crit", json!([]))),
    untrusted("b64 false", "extension", |m| m.header("b64", json!(false))),
    untrusted("an access token, typ at+jwt", "kind", |m| m.header("typ", json!("at+jwt"))),
    untrusted("a logout token, typ logout+jwt", "kind", |m| m.header("typ", json!("logout+jwt"))),
    untrusted("a nested token, cty JWT", "kind", |m| m.header("cty", json!("JWT"))),
    untrusted("own key in the header", "signature", |m| {
        m.signer = Signer::OtherEc;
        m.header("jwk", ec_jwk(&keys().other_ec, "ec"));
    }),
    // shape
    untrusted("header names alg twice", "malformed", |m| m.raw_header = Some(r#"{"alg":"ES256","alg":"none","kid":"ec"}"#.to_owned())),
    untrusted("claims name sub twice", "malformed", |m| m.claims_with_first(r#""sub":"somebody-else""#)),
    untrusted("claims name sub twice, once escaped", "malformed", |m| m.claims_with_first(r#""\u0073ub":"somebody-else""#)),
    untrusted("groups within an object twice", "malformed", |m| m.claims_with_first(r#""x":{"a":1,"a":2}"#)),
    untrusted("claims are a list", "malformed", |m| m.raw_claims = Some("[]".to_owned())),
    untrusted("claims are no JSON", "malformed", |m| m.raw_claims = Some("{".to_owned())),
    untrusted("two parts", "three parts", |m| m.raw_token = Some("e30.e30".to_owned())),
    untrusted("encrypted, five parts", "three parts", |m| m.raw_token = Some("e30.e30.e30.e30.e30".to_owned())),
    untrusted("not a token", "three parts", |m| m.raw_token = Some("x".to_owned())),
    untrusted("larger than 256 KiB", "256 KiB", |m| m.claim("x", json!("x".repeat(300_000)))),
    untrusted("nested without end", "malformed", |m| m.raw_claims = Some("[".repeat(10_000))),
    // who
    untrusted("iss of somebody else", "somebody else", |m| m.claim("iss", json!("https://evil.example"))),
    untrusted("iss with a slash too many", "somebody else", |m| {
        let iss = format!("{}/", m.claims["iss"].as_str().unwrap());
        m.claim("iss", json!(iss));
    }),
    untrusted("no iss", "malformed", |m| m.without("iss")),
    untrusted("no sub", "sub", |m| m.without("sub")),
    untrusted("empty sub", "sub", |m| m.claim("sub", json!(""))),
    untrusted("sub is a number", "sub", |m| m.claim("sub", json!(7))),
    untrusted("sub of 256 characters", "sub", |m| m.claim("sub", json!("x".repeat(256)))),
    accepted("sub of 255 characters", |m| m.claim("sub", json!("x".repeat(255)))),
    untrusted("NUL in sub", "sub", |m| m.claim("sub", json!("s-1\u{0}"))),
    untrusted("line end in sub", "sub", |m| m.claim("sub", json!("s-1\n"))),
    untrusted("look-alike letters in sub", "sub", |m| m.claim("sub", json!("ѕ-1"))),
    // for whom
    accepted("aud as a list of one", |m| m.claim("aud", json!([CLIENT_ID]))),
    untrusted("aud of somebody else", "made out", |m| m.claim("aud", json!("other"))),
    untrusted("no aud", "made out", |m| m.without("aud")),
    untrusted("empty list of aud", "made out", |m| m.claim("aud", json!([]))),
    untrusted("a second audience", "made out", |m| m.claim("aud", json!([CLIENT_ID, "other"]))),
    untrusted("10,000 audiences", "made out", |m| {
        let mut all: Vec<Value> = (0..10_000).map(|n| json!(format!("a{n}"))).collect();
        all.push(json!(CLIENT_ID));
        m.claim("aud", Value::Array(all));
    }),
    untrusted("aud is a number", "made out", |m| m.claim("aud", json!(7))),
    accepted("azp is us", |m| m.claim("azp", json!(CLIENT_ID))),
    untrusted("azp is somebody else", "another application", |m| m.claim("azp", json!("other"))),
    untrusted("azp is not text", "another application", |m| m.claim("azp", json!([CLIENT_ID]))),
    // for which login
    untrusted("wrong nonce", "another log-in", |m| m.claim("nonce", json!("other"))),
    untrusted("no nonce", "another log-in", |m| m.without("nonce")),
    untrusted("empty nonce", "another log-in", |m| m.claim("nonce", json!(""))),
    accepted("right at_hash", |m| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, super::mint::ACCESS_TOKEN.as_bytes());
        let half = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, &hash.as_ref()[..16]);
        m.claim("at_hash", json!(half));
    }),
    untrusted("wrong at_hash", "another access token", |m| m.claim("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"))),
    untrusted("empty at_hash", "another access token", |m| m.claim("at_hash", json!(""))),
    // when
    untrusted("no iat", "iat", |m| m.without("iat")),
    untrusted("no exp", "exp", |m| m.without("exp")),
    clock("expired", "run out", |m| m.claim("exp", json!(START_S - 31))),
    accepted("expired within the leeway", |m| m.claim("exp", json!(START_S - 29))),
    untrusted("exp beyond 64 bits", "not a moment", |m| m.claims_with_first_exp("99999999999999999999999")),
    untrusted("exp as 1e300", "not a moment", |m| m.claims_with_first_exp("1e300")),
    untrusted("negative exp", "not a moment", |m| m.claim("exp", json!(-1))),
    untrusted("exp as text", "not a moment", |m| m.claim("exp", json!((START_S + 600).to_string()))),
    accepted("exp with a fraction", |m| m.claim("exp", json!(START_S as f64 + 600.5))),
    accepted("iat just under 10 minutes ago", |m| m.claim("iat", json!(START_S - 599))),
    clock("iat 11 minutes ago", "ago", |m| m.claim("iat", json!(START_S - 660))),
    clock("iat 11 minutes ahead", "future", |m| m.claim("iat", json!(START_S + 660))),
    accepted("nbf within the leeway", |m| m.claim("nbf", json!(START_S + 29))),
    clock("nbf ahead", "not valid yet", |m| m.claim("nbf", json!(START_S + 31))),
    untrusted("nbf as text", "not a moment", |m| m.claim("nbf", json!("now"))),
    untrusted("auth_time as text", "not a moment", |m| m.claim("auth_time", json!("now"))),
    // around the token
    accepted("token_type in small letters", |m| {
        m.answer.insert("token_type".to_owned(), json!("bearer"));
    }),
    accepted("no expires_in", |m| {
        m.answer.remove("expires_in");
    }),
    exchange("token_type mac", "bearer", |m| {
        m.answer.insert("token_type".to_owned(), json!("mac"));
    }),
    exchange("no access token", "access token", |m| {
        m.answer.remove("access_token");
    }),
    exchange("ID token is null", "no ID token", |m| {
        m.answer.insert("id_token".to_owned(), Value::Null);
    }),
    // what a provider may say without harm
    accepted("email_verified false", |m| {
        m.claim("email", json!("admin@corp.example"));
        m.claim("email_verified", json!(false));
    }),
    accepted("unknown claims of any type", |m| m.claim("x", json!({"y": [1, null]}))),
];

impl Mint {
    /// `exp` as JSON text that no Rust number holds.
    fn claims_with_first_exp(&mut self, text: &str) {
        self.without("exp");
        self.claims_with_first(&format!("\"exp\":{text}"));
    }
}

#[tokio::test]
async fn every_token_ends_as_it_should() {
    let mut wrong = Vec::new();
    for case in CASES {
        // A world of its own, so that no cooldown of one case hides the next.
        let world = World::new().await;
        let result = world.login_with(case.mint).await;
        let said = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        if outcome(&result) != case.expected || !said.contains(case.word) {
            wrong.push(format!("{}: expected {} “{}”, got {} “{said}”", case.name, case.expected, case.word, outcome(&result)));
        }
        if case.expected != "accepted" {
            assert!(!said.contains("eyJ") && !said.contains(super::mint::ACCESS_TOKEN), "{}: a refusal holds a token: {said}", case.name);
        }
    }
    println!("{} token cases", CASES.len());
    assert!(wrong.is_empty(), "{} of {} token cases ended otherwise:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_is_accepted_is_what_was_said() {
    let world = World::new().await;
    let login = world.login_with(|m| m.claim("auth_time", json!(START_S - 100))).await.unwrap();
    assert_eq!(login.person.to_string(), format!("{}|s-1", world.issuer));
    assert_eq!(login.name, "Ana Ruiz");
    assert_eq!(login.groups, Groups::Known(vec!["shop-dev".to_owned()]));
    assert_eq!(login.authenticated.seconds(), START_S - 100);
    assert_eq!(login.absolute_end.seconds(), START_S + 12 * 3600);
    assert_eq!(login.client, "Test browser");
}

#[tokio::test]
async fn groups_too_many_to_be_sent_let_somebody_in_without_any() {
    let world = World::new().await;
    let canary = format!("{}/canary", world.issuer);
    let login = world
        .login_with(|m| {
            m.claim("groups", json!(["platform"]));
            m.claim("_claim_names", json!({ "groups": "src1" }));
            m.claim("_claim_sources", json!({ "src1": { "endpoint": canary } }));
        })
        .await
        .unwrap();
    assert!(matches!(&login.groups, Groups::Unknown(why) if why.contains("more groups")), "{:?}", login.groups);
    assert_eq!(world.idp.hits("/canary"), 0, "the address of distributed claims is never followed");
}
