//! Providers whose certificate comes from a company's own authority.

use std::sync::Arc;

use windfirm_identity::{ConfigError, Identity, IdentityConfig};

use super::{
    clock::TestClock,
    serve::CA,
    world::{MemoryRows, World, issuer_config, outcome},
};

#[tokio::test]
async fn a_company_s_own_authority_is_believed_where_it_is_configured() {
    // Without it nothing is believed, whatever the provider says.
    let world = World::over("https", |_| {}, |_| {}).await;
    let error = world.try_begin().await.unwrap_err();
    assert!(error.code() == "provider_down" && error.to_string().contains("no connection"), "{error}");
    assert_eq!(world.idp.hits("/.well-known/openid-configuration"), 0);

    // With it discovery, keys, token and userinfo are asked.
    let world = World::over("https", |_| {}, |config| config.issuers[0].ca_pem = Some(CA.to_owned())).await;
    assert_eq!(outcome(&world.login_with(|mint| mint.without("groups")).await), "accepted");
    for path in ["/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"] {
        assert_eq!(world.idp.hits(path), 1, "{path}");
    }
}

#[tokio::test]
async fn certificates_that_are_none_are_told_at_the_start() {
    for (text, word) in [
        ("", "no certificate"),
        ("not PEM at all", "no certificate"),
        (include_str!("tls/server.key"), "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
    ] {
        let mut issuer = issuer_config("company", "https://idp.example");
        issuer.ca_pem = Some(text.to_owned());
        let config = IdentityConfig::new("https://windfirm.example/".parse().unwrap(), vec![issuer]);
        let error = Identity::new(config, Arc::new(MemoryRows::default()), Arc::new(TestClock::new())).map(|_| ()).unwrap_err();
        let is_told = matches!(&error, ConfigError::BadCertificates(name, why) if name == "company" && why.contains(word))
            || matches!(&error, ConfigError::HttpClient(_));
        assert!(is_told, "{text:?}: {error}");
    }
}
