//! Providers that are away, slow, too big, wrongly set up, or change their keys.

use serde_json::{Value, json};
use windfirm_identity::Secret;
use windfirm_model::actor::Groups;

use super::{
    hostile::{Reply, Script, metadata},
    mint::{self, Mint, Signer, ec_jwk, keys},
    serve,
    world::{World, issuer_config, outcome},
};

/// What a change of the script leads to, before anybody is sent anywhere.
async fn begin_with(script: impl FnOnce(&mut Script)) -> (String, World) {
    let world = World::with(script, |_| {}).await;
    let said = match world.try_begin().await {
        Ok(_) => "began".to_owned(),
        Err(error) => format!("{}: {error}", error.code()),
    };
    (said, world)
}

fn metadata_with(script: &mut Script, name: &str, value: Value) {
    let Reply::Json(published) = &mut script.discovery else { panic!("the script starts with metadata") };
    published[name] = value;
}

#[tokio::test]
async fn a_provider_that_cannot_be_used_is_told_apart_from_one_that_is_away() {
    type Change = fn(&mut Script);
    let cases: [(&str, &str, &str, Change); 21] = [
        ("discovery: another issuer", "provider_misconfigured", "byte for byte", |s| metadata_with(s, "issuer", json!("https://evil.example"))),
        ("discovery: a slash more", "provider_misconfigured", "byte for byte", |s| {
            let Reply::Json(published) = &s.discovery else { return };
            let issuer = format!("{}/", published["issuer"].as_str().unwrap());
            metadata_with(s, "issuer", json!(issuer));
        }),
        ("discovery: no issuer", "provider_misconfigured", "byte for byte", |s| metadata_with(s, "issuer", Value::Null)),
        ("discovery: no token endpoint", "provider_misconfigured", "token_endpoint", |s| metadata_with(s, "token_endpoint", Value::Null)),
        ("discovery: no PKCE with S256", "provider_misconfigured", "PKCE", |s| metadata_with(s, "code_challenge_methods_supported", json!(["plain"]))),
        ("discovery: implicit flow only", "provider_misconfigured", "code flow", |s| metadata_with(s, "response_types_supported", json!(["id_token"]))),
        ("keys at a cloud's metadata address", "provider_misconfigured", "not https", |s| metadata_with(s, "jwks_uri", json!("http://169.254.169.254/jwks"))),
        ("token endpoint over http elsewhere", "provider_misconfigured", "not https", |s| {
            metadata_with(s, "token_endpoint", json!("http://idp.example/token"))
        }),
        ("an endpoint with a user in it", "provider_misconfigured", "not https", |s| metadata_with(s, "jwks_uri", json!("http://a@127.0.0.1:1/"))),
        ("an endpoint that is a file", "provider_misconfigured", "not https", |s| metadata_with(s, "userinfo_endpoint", json!("file:///etc/passwd"))),
        ("log-out at a script address", "provider_misconfigured", "not https", |s| metadata_with(s, "end_session_endpoint", json!("javascript:alert(1)"))),
        ("discovery: status 500", "provider_down", "500", |s| s.discovery = Reply::Status(500)),
        ("discovery: a redirect", "provider_down", "redirect", |s| s.discovery = Reply::RedirectToCanary),
        ("discovery: not JSON", "provider_down", "not the JSON", |s| s.discovery = Reply::Text("<html>")),
        ("discovery: a member twice", "provider_down", "not the JSON", |s| s.discovery = Reply::Text(r#"{"issuer":"a","issuer":"b"}"#)),
        ("discovery: 5 MB", "provider_down", "1 MiB", |s| s.discovery = Reply::Big(5_000_000)),
        ("keys: a redirect", "provider_down", "redirect", |s| s.jwks = Reply::RedirectToCanary),
        ("keys: 5 MB", "provider_down", "1 MiB", |s| s.jwks = Reply::Big(5_000_000)),
        ("keys: never come", "provider_down", "in time", |s| s.jwks = Reply::Never),
        ("keys: said to be compressed", "provider_down", "not the JSON", |s| s.jwks = Reply::ClaimsGzip),
        ("keys: none at all", "provider_down", "not the JSON", |s| s.jwks = Reply::Json(json!({}))),
    ];
    for (name, code, word, change) in cases {
        let (said, world) = begin_with(change).await;
        assert!(said.starts_with(code) && said.contains(word), "{name}: {said}");
        assert_eq!(world.idp.hits("/canary"), 0, "{name}: a redirect was followed");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = serve::bind().await;
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let world = World::with(|_| {}, |config| config.issuers = vec![issuer_config("test", &gone)]).await;
    let error = world.try_begin().await.unwrap_err();
    assert_eq!(error.code(), "provider_down");
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[tokio::test]
async fn while_a_provider_is_down_it_is_asked_once_in_five_seconds() {
    let world = World::with(|s| s.discovery = Reply::Status(500), |_| {}).await;
    for _ in 0..20 {
        assert_eq!(world.try_begin().await.unwrap_err().code(), "provider_down");
    }
    let discovery = "/.well-known/openid-configuration";
    assert_eq!(world.idp.hits(discovery), 1);
    world.idp.script(|s| s.discovery = Reply::Json(metadata(&world.issuer)));
    world.clock.advance(6);
    assert_eq!(outcome(&world.login().await), "accepted", "and it is back as soon as it is back");
    assert_eq!(world.idp.hits(discovery), 2);
}

#[tokio::test]
async fn what_was_fetched_last_is_kept_while_discovery_is_away() {
    let world = World::new().await;
    assert_eq!(outcome(&world.login().await), "accepted");
    world.idp.script(|s| {
        s.discovery = Reply::Status(503);
        s.jwks = Reply::Status(503);
    });
    world.clock.advance(3_600);
    assert_eq!(outcome(&world.login().await), "accepted");
    let unknown = world.login_with(|m| m.sign_with(Signer::OtherEc, "ES256", "new")).await;
    assert_eq!(outcome(&unknown), "untrusted", "a kept set does not make an unknown key known");
}

#[tokio::test]
async fn metadata_and_keys_are_fetched_once_in_ten_minutes() {
    let world = World::new().await;
    for _ in 0..3 {
        assert_eq!(outcome(&world.login().await), "accepted");
    }
    assert_eq!((world.idp.hits("/.well-known/openid-configuration"), world.idp.hits("/jwks")), (1, 1));
    world.clock.advance(601);
    assert_eq!(outcome(&world.login().await), "accepted");
    assert_eq!((world.idp.hits("/.well-known/openid-configuration"), world.idp.hits("/jwks")), (2, 2));
}

fn rotate(world: &World) {
    world.idp.script(|s| s.jwks = Reply::Json(json!({ "keys": [ec_jwk(&keys().other_ec, "new")] })));
}

fn sign_with_new(m: &mut Mint) {
    m.sign_with(Signer::OtherEc, "ES256", "new");
}

#[tokio::test]
async fn a_key_that_changes_between_two_logins_is_fetched() {
    let world = World::new().await;
    assert_eq!(outcome(&world.login().await), "accepted");
    rotate(&world);
    assert_eq!(outcome(&world.login_with(sign_with_new).await), "accepted");
    assert_eq!(outcome(&world.login().await), "untrusted", "the old key is no longer published");
}

#[tokio::test]
async fn a_key_that_changes_within_one_login_is_fetched() {
    let world = World::new().await;
    let begun = world.begin().await;
    rotate(&world);
    assert_eq!(outcome(&world.finish_with(&begun, sign_with_new).await), "accepted");
}

#[tokio::test]
async fn a_key_that_changes_without_a_kid_is_fetched_too() {
    let only = |pair| Reply::Json(json!({ "keys": [ec_jwk(pair, "k")] }));
    let world = World::with(|s| s.jwks = only(&keys().ec), |_| {}).await;
    let begun = world.begin().await;
    world.idp.script(|s| s.jwks = only(&keys().other_ec));
    let result = world
        .finish_with(&begun, |m| {
            m.signer = Signer::OtherEc;
            m.header.remove("kid");
        })
        .await;
    assert_eq!(outcome(&result), "accepted");
}

#[tokio::test]
async fn a_hundred_logins_at_once_after_a_change_of_keys_fetch_them_once() {
    let world = World::new().await;
    let begun = futures::future::join_all((0..100).map(|_| world.begin())).await;
    rotate(&world);
    // One answer for all: each login but one is refused for its nonce, and none for its key.
    let nonce = begun[0].nonce.clone();
    world.idp.script(|s| {
        s.mint.claim("nonce", json!(nonce));
        sign_with_new(&mut s.mint);
    });
    let queries: Vec<String> = begun.iter().map(|b| format!("code=c&state={}", b.state)).collect();
    let finished = futures::future::join_all(begun.iter().zip(&queries).map(|(b, query)| world.callback(b, query))).await;
    assert_eq!(outcome(&finished[0].outcome), "accepted");
    assert!(finished[1..].iter().all(|f| f.outcome.as_ref().unwrap_err().to_string().contains("another log-in")));
    assert_eq!(world.idp.hits("/jwks"), 2, "once at the beginning, once for the new key");
}

#[tokio::test]
async fn a_flood_of_unknown_keys_costs_the_provider_one_request_a_minute() {
    let world = World::new().await;
    for n in 0..20 {
        let result = world.login_with(|m| m.sign_with(Signer::OtherEc, "ES256", &format!("k{n}"))).await;
        assert_eq!(outcome(&result), "untrusted");
    }
    assert_eq!(world.idp.hits("/jwks"), 2);
    world.clock.advance(61);
    let _ = world.login_with(|m| m.sign_with(Signer::OtherEc, "ES256", "again")).await;
    assert_eq!(world.idp.hits("/jwks"), 3);
}

#[tokio::test]
async fn sets_of_keys_that_help_an_attacker() {
    type Change = fn(&mut Script);
    type Forge = fn(&mut Mint);
    let unchanged: Forge = |_| {};
    let cases: [(&str, &str, Change, Forge); 6] = [
        (
            "two keys under one kid",
            "untrusted",
            |s| s.jwks = Reply::Json(json!({ "keys": [ec_jwk(&keys().ec, "ec"), ec_jwk(&keys().other_ec, "ec")] })),
            unchanged,
        ),
        (
            "no kid and two keys that fit",
            "untrusted",
            |s| s.jwks = Reply::Json(json!({ "keys": [ec_jwk(&keys().ec, "a"), ec_jwk(&keys().other_ec, "b")] })),
            |m| {
                m.header.remove("kid");
            },
        ),
        (
            "a key for encryption",
            "untrusted",
            |s| {
                let mut key = ec_jwk(&keys().ec, "ec");
                key["use"] = json!("enc");
                s.jwks = Reply::Json(json!({ "keys": [key] }));
            },
            unchanged,
        ),
        ("a published secret", "untrusted", |s| s.jwks = Reply::Json(json!({ "keys": [{ "kty": "oct", "kid": "ec", "k": "AAAA" }] })), unchanged),
        (
            "unknown kinds beside the right key",
            "accepted",
            |s| {
                s.jwks = Reply::Json(json!({ "keys": [{ "kty": "PQ", "kid": "q" }, 7, null, { "kty": "EC" }, ec_jwk(&keys().ec, "ec")] }));
            },
            unchanged,
        ),
        (
            "an RSA key of 1,024 bits",
            "untrusted",
            |s| {
                let mut key = mint::rsa_jwk("rsa");
                let short: String = key["n"].as_str().unwrap().chars().take(171).collect();
                key["n"] = json!(short);
                s.jwks = Reply::Json(json!({ "keys": [key] }));
            },
            |m| m.sign_with(Signer::Rs256, "RS256", "rsa"),
        ),
    ];
    for (name, expected, change, forge) in cases {
        let world = World::with(change, |_| {}).await;
        assert_eq!(outcome(&world.login_with(forge).await), expected, "{name}");
    }
}

#[tokio::test]
async fn addresses_in_a_token_are_never_asked() {
    let world = World::new().await;
    let canary = format!("{}/canary", world.issuer);
    let result = world
        .login_with(|m| {
            m.sign_with(Signer::OtherEc, "ES256", "new");
            for name in ["jku", "x5u"] {
                m.header(name, json!(canary));
            }
        })
        .await;
    assert_eq!((outcome(&result), world.idp.hits("/canary")), ("untrusted", 0));
}

#[tokio::test]
async fn token_endpoints_that_misbehave() {
    let cases: [(&str, Reply, &str, &str); 8] = [
        ("status 500", Reply::Status(500), "provider_down", "500"),
        ("a redirect", Reply::RedirectToCanary, "exchange_refused", "redirect"),
        ("5 MB", Reply::Big(5_000_000), "exchange_refused", "1 MiB"),
        ("never comes", Reply::Never, "provider_down", "in time"),
        ("not JSON", Reply::Text("id_token=x"), "exchange_refused", "bearer"),
        ("a member twice", Reply::Text(r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#), "exchange_refused", "bearer"),
        ("an empty object", Reply::Json(json!({})), "exchange_refused", "bearer"),
        ("no ID token", Reply::Json(json!({ "access_token": "a", "token_type": "Bearer" })), "exchange_refused", "no ID token"),
    ];
    for (name, reply, code, word) in cases {
        let world = World::with(|s| s.token = Some(reply), |_| {}).await;
        let error = world.login().await.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(word), "{name}: {error}");
        assert_eq!(world.idp.hits("/canary"), 0, "{name}");
    }
}

#[tokio::test]
async fn the_client_proves_itself_as_the_provider_wants() {
    let world = World::new().await;
    world.login().await.unwrap();
    let asked = world.idp.last_token_request();
    // base64 of “windfirm:s3cret%3Awith%2Fodd+chars”
    assert_eq!(asked.authorization.as_deref(), Some("Basic d2luZGZpcm06czNjcmV0JTNBd2l0aCUyRm9kZCtjaGFycw=="));
    assert!(!asked.form.contains_key("client_secret"));
    assert_eq!(asked.form["code_verifier"].len(), 43);
    assert_eq!(asked.form["redirect_uri"], "http://127.0.0.1:3999/login/test/callback");

    let world = World::with(|s| metadata_with(s, "token_endpoint_auth_methods_supported", json!(["client_secret_post"])), |_| {}).await;
    world.login().await.unwrap();
    let asked = world.idp.last_token_request();
    assert_eq!((asked.authorization, asked.form["client_secret"].as_str()), (None, super::world::CLIENT_SECRET));

    let world = World::with(|_| {}, |config| config.issuers[0].client_secret = None).await;
    world.login().await.unwrap();
    let asked = world.idp.last_token_request();
    assert_eq!((asked.authorization, asked.form["client_id"].as_str()), (None, super::world::CLIENT_ID));
}

/// `Basic …` of this secret, which has no character that would have to be encoded.
fn basic(secret: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{secret}", super::world::CLIENT_ID)))
}

#[tokio::test]
async fn another_client_secret_is_used_by_logins_that_are_under_way_and_by_those_to_come() {
    let world = World::with(|script| script.taken = Some(basic("one")), |config| config.issuers[0].client_secret = Some(Secret::new("one"))).await;
    world.login().await.unwrap();
    let begun = world.begin().await;
    assert!(world.identity.set_client_secret("test", Secret::new("two")).unwrap());
    assert!(!world.identity.set_client_secret("test", Secret::new("two")).unwrap(), "the same is no other one");
    world.idp.script(|script| script.taken = Some(basic("two")));
    let before = world.idp.hits("/token");
    world.finish_with(&begun, |_| {}).await.unwrap();
    assert_eq!(world.idp.hits("/token"), before + 1, "asked once");
    world.login().await.unwrap();
    assert_eq!(world.idp.last_token_request().authorization, Some(basic("two")));

    // The provider is later than we are: what it took before it takes still.
    assert!(world.identity.set_client_secret("test", Secret::new("three")).unwrap());
    world.login().await.unwrap();
    assert_eq!(world.idp.last_token_request().authorization, Some(basic("two")));
    world.idp.script(|script| script.taken = Some(basic("three")));
    world.login().await.unwrap();
    assert_eq!(world.idp.last_token_request().authorization, Some(basic("three")));

    // Older ones are forgotten, and a provider that takes none says so.
    world.idp.script(|script| script.taken = Some(basic("one")));
    let error = world.login().await.unwrap_err();
    assert!(error.code() == "exchange_refused" && error.to_string().contains("client id and secret"), "{error}");
    assert!(!format!("{:?} {error:?}", world.identity).contains("three"), "a secret does not show");
    assert!(world.identity.set_client_secret("nobody", Secret::new("x")).is_err());
}

#[tokio::test]
async fn a_public_client_stays_one() {
    let world = World::with(|_| {}, |config| config.issuers[0].client_secret = None).await;
    assert!(!world.identity.set_client_secret("test", Secret::new("one")).unwrap());
    world.login().await.unwrap();
    assert_eq!(world.idp.last_token_request().authorization, None);
}

#[tokio::test]
async fn userinfo_adds_what_the_id_token_leaves_out_and_no_more() {
    let without_groups: fn(&mut Mint) = |m| m.without("groups");
    let info = |value| World::with(move |s| s.userinfo = Reply::Json(value), |_| {});

    let world = info(json!({ "sub": "s-1", "groups": ["platform"], "name": "Somebody Else" })).await;
    let login = world.login_with(without_groups).await.unwrap();
    assert_eq!((login.groups, login.name.as_str()), (Groups::Known(vec!["platform".to_owned()]), "Ana Ruiz"), "the ID token's own words stand");

    let world = info(json!({ "sub": "s-2", "groups": ["platform"] })).await;
    assert_eq!(outcome(&world.login_with(without_groups).await), "untrusted", "userinfo of somebody else");

    let world = info(json!({ "sub": "s-1", "groups": ["platform"] })).await;
    assert_eq!(world.login().await.unwrap().groups, Groups::Known(vec!["shop-dev".to_owned()]));
    assert_eq!(world.idp.hits("/userinfo"), 0, "nothing was missing");

    for reply in [Reply::Status(500), Reply::RedirectToCanary, Reply::Text("x"), Reply::Big(5_000_000)] {
        let world = World::with(|s| s.userinfo = reply, |_| {}).await;
        let login = world.login_with(without_groups).await.unwrap();
        assert!(matches!(login.groups, Groups::Unknown(_)), "not known is not the same as none");
        assert_eq!(world.idp.hits("/canary"), 0);
    }
}

#[tokio::test]
async fn the_configuration_is_refused_in_words() {
    use windfirm_identity::{ConfigError, Identity, IdentityConfig};
    let build = |public: &str, issuers: Vec<windfirm_identity::IssuerConfig>| {
        let clock = std::sync::Arc::new(super::clock::TestClock::new());
        let rows = std::sync::Arc::new(super::world::MemoryRows::default());
        Identity::new(IdentityConfig::new(public.parse().unwrap(), issuers), rows, clock).map(|_| ()).unwrap_err()
    };
    let one = |name: &str, issuer: &str| issuer_config(name, issuer);
    let public = "https://windfirm.example/";
    assert_eq!(build(public, vec![]), ConfigError::NoIssuer);
    for bad in ["http://windfirm.example/", "https://windfirm.example/portal", "https://a@windfirm.example/"] {
        assert!(matches!(build(bad, vec![one("a", "https://idp.example")]), ConfigError::BadPublicUrl(_)), "{bad}");
    }
    for bad in ["http://idp.example", "https://idp.example?x", "idp.example", "ftp://127.0.0.1", "http://127.0.0.1.evil.example"] {
        assert!(matches!(build(public, vec![one("a", bad)]), ConfigError::BadIssuer(_)), "{bad}");
    }
    for bad in ["", "A", "a/b", "a b", "ä"] {
        assert!(matches!(build(public, vec![one(bad, "https://idp.example")]), ConfigError::BadName(_)), "{bad}");
    }
    assert!(matches!(build(public, vec![one("a", "https://idp.example"), one("a", "https://b.example")]), ConfigError::NameTwice(_)));
    assert!(matches!(build(public, vec![one("a", "https://idp.example"), one("b", "https://idp.example")]), ConfigError::IssuerTwice(_)));
    let shown = format!("{:?}", one("a", "https://idp.example"));
    assert!(!shown.contains("s3cret"), "a secret does not show: {shown}");
}
