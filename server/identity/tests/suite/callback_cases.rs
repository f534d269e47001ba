//! The way back from the provider: what a browser, or somebody who sends one, may try.

use std::sync::Arc;

use windfirm_identity::{Identity, IdentityConfig, LoginRows};

use super::{
    clock::TestClock,
    hostile::{Reply, metadata},
    world::{World, issuer_config, outcome, param},
};

#[tokio::test]
async fn what_the_browser_is_sent_away_with() {
    let world = World::new().await;
    let begun = world.begin().await;
    let of = |name: &str| param(&begun.location, name);
    assert_eq!(of("response_type"), "code");
    assert_eq!(of("redirect_uri"), "http://127.0.0.1:3999/login/test/callback");
    assert_eq!(of("scope"), "openid profile groups");
    assert_eq!(of("code_challenge_method"), "S256");
    assert_eq!((of("state").len(), of("nonce").len(), of("code_challenge").len()), (43, 43, 43));
    let again = world.begin().await;
    assert!(
        begun.state != again.state
            && begun.nonce != again.nonce
            && begun.cookie != again.cookie
            && of("code_challenge") != param(&again.location, "code_challenge")
    );
}

#[tokio::test]
async fn a_state_works_once() {
    let world = World::new().await;
    let begun = world.begin().await;
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "accepted");
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "used_or_unknown");
    assert_eq!(world.idp.hits("/token"), 1, "a replay does not reach the provider");
}

#[tokio::test]
async fn of_two_callbacks_at_once_one_gets_in() {
    let world = World::new().await;
    let begun = world.begin().await;
    world.idp.script(|s| s.mint.claim("nonce", serde_json::json!(begun.nonce)));
    let query = format!("code=c&state={}", begun.state);
    let (a, b) = tokio::join!(world.callback(&begun, &query), world.callback(&begun, &query));
    let mut ends = [outcome(&a.outcome), outcome(&b.outcome)];
    ends.sort_unstable();
    assert_eq!(ends, ["accepted", "used_or_unknown"]);
}

#[tokio::test]
async fn another_browser_gets_nothing() {
    let world = World::new().await;
    for foreign in ["", "windfirm-login-x=y"] {
        let mut begun = world.begin().await;
        begun.cookie = foreign.to_owned();
        assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "other_browser");
    }
    // Our cookie's name with somebody else's value, and the same name twice.
    let (victim, attacker) = (world.begin().await, world.begin().await);
    let name = victim.cookie.split('=').next().unwrap();
    let value = attacker.cookie.split('=').nth(1).unwrap();
    let mut begun = victim.clone();
    begun.cookie = format!("{name}={value}");
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "other_browser");
    let mut begun = world.begin().await;
    begun.cookie = format!("{0}; {0}", begun.cookie);
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "other_browser");
    assert_eq!(world.idp.hits("/token"), 0, "and the provider is never asked");
}

#[tokio::test]
async fn two_tabs_log_in_at_once() {
    let world = World::new().await;
    let (mut one, mut two) = (world.begin().await, world.begin().await);
    let both = format!("{}; {}", one.cookie, two.cookie);
    one.cookie = both.clone();
    two.cookie = both;
    assert_eq!(outcome(&world.finish_with(&two, |_| {}).await), "accepted");
    assert_eq!(outcome(&world.finish_with(&one, |_| {}).await), "accepted");
}

#[tokio::test]
async fn a_login_may_take_ten_minutes() {
    let world = World::new().await;
    let begun = world.begin().await;
    world.clock.advance(599);
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "accepted");
    let begun = world.begin().await;
    world.clock.advance(600);
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "took_too_long");
}

#[tokio::test]
async fn answers_that_cannot_be_read() {
    let world = World::new().await;
    let begun = world.begin().await;
    let state = &begun.state;
    let cases = [
        ("nothing", String::new()),
        ("no state", "code=c".to_owned()),
        ("empty state", "code=c&state=".to_owned()),
        ("an error without a state", "error=access_denied".to_owned()),
        ("code twice", format!("code=a&code=b&state={state}")),
        ("state twice", format!("code=a&state={state}&state={state}")),
        ("iss twice", format!("code=a&state={state}&iss=a&iss=b")),
        ("code twice, once escaped", format!("code=a&%63ode=b&state={state}")),
        ("neither code nor error", format!("state={state}")),
        ("empty code", format!("code=&state={state}")),
        ("yes and no", format!("code=a&error=access_denied&state={state}")),
        ("100 kB", format!("code={}&state={state}", "x".repeat(100_000))),
    ];
    for (name, query) in cases {
        assert_eq!(outcome(&world.callback(&begun, &query).await.outcome), "malformed_answer", "{name}");
    }
    assert_eq!(outcome(&world.callback(&begun, "code=c&state=unknown").await.outcome), "used_or_unknown");
    assert_eq!(outcome(&world.identity.finish("nobody", &format!("code=c&state={state}"), &begun.cookie, "").await.outcome), "unknown_provider");
    assert_eq!(world.idp.hits("/token"), 0);
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "accepted", "none of it used the login up");
}

#[tokio::test]
async fn a_refusal_by_the_provider_is_told_without_its_tricks() {
    let world = World::new().await;
    for (error, description, word) in [
        ("access_denied", "", "said no"),
        ("login_required", "", "log in there first"),
        ("server_error", "", "problem of its own"),
        ("%3Cscript%3E", "", "<script>"),
        ("access_denied", "a%0d%0aSet-Cookie:+x%E2%80%AE", "aSet-Cookie: x"),
    ] {
        let begun = world.begin().await;
        let query = format!("error={error}&error_description={description}&state={}", begun.state);
        let finish = world.callback(&begun, &query).await;
        let refusal = finish.outcome.unwrap_err();
        let said = refusal.to_string();
        assert!(refusal.code() == "refused_by_provider" && said.contains(word), "{said}");
        assert!(!said.contains(['\r', '\n', '\u{202e}']), "{said:?}");
        assert_eq!(finish.return_to, "/tree?x=1", "the page that was wanted is not forgotten");
        assert!(finish.cookies[0].contains("Max-Age=0"), "the cookie is used up");
        assert_eq!(outcome(&world.callback(&begun, &query).await.outcome), "used_or_unknown");
    }
}

#[tokio::test]
async fn an_answer_of_another_provider_is_thrown_away() {
    let world = World::new().await;
    let iss = |iss: &str| url::form_urlencoded::byte_serialize(iss.as_bytes()).collect::<String>();
    let begun = world.begin().await;
    let query = format!("code=c&state={}&iss={}", begun.state, iss("https://evil.example"));
    assert_eq!(outcome(&world.callback(&begun, &query).await.outcome), "other_provider");
    let begun = world.begin().await;
    let query = format!("error=access_denied&state={}&iss={}", begun.state, iss(&format!("{}/", world.issuer)));
    assert_eq!(outcome(&world.callback(&begun, &query).await.outcome), "other_provider");

    // A provider that promises iss must keep the promise.
    world.idp.script(|s| {
        let mut published = metadata(&world.issuer);
        published["authorization_response_iss_parameter_supported"] = serde_json::json!(true);
        s.discovery = Reply::Json(published);
    });
    world.clock.advance(601);
    let begun = world.begin().await;
    assert_eq!(outcome(&world.finish_with(&begun, |_| {}).await), "other_provider");
    let begun = world.begin().await;
    world.idp.script(|s| {
        s.mint.claim("nonce", serde_json::json!(begun.nonce));
        s.mint.claim("iat", serde_json::json!(super::clock::START_S + 601));
    });
    let query = format!("code=c&state={}&iss={}", begun.state, iss(&world.issuer));
    assert_eq!(outcome(&world.callback(&begun, &query).await.outcome), "accepted");
    assert_eq!(world.idp.hits("/token"), 1);
}

#[tokio::test]
async fn two_providers_do_not_stand_in_for_each_other() {
    let (one, two) = (World::new().await, World::new().await);
    let clock = Arc::new(TestClock::new());
    let issuers = vec![issuer_config("one", &one.issuer), issuer_config("two", &two.issuer)];
    let config = IdentityConfig::new(super::world::PORTAL.parse().unwrap(), issuers);
    let identity = Identity::new(config, Arc::clone(&one.rows) as Arc<dyn LoginRows>, clock).unwrap();
    assert_eq!(identity.begin(None, "/", "").await.unwrap_err().code(), "no_provider_chosen");
    assert_eq!(identity.begin(Some("three"), "/", "").await.unwrap_err().code(), "unknown_provider");

    let begin = async |name: &str| {
        let departure = identity.begin(Some(name), "/", "").await.unwrap();
        let location: url::Url = departure.location.parse().unwrap();
        let cookie = departure.cookies[0].split(';').next().unwrap().to_owned();
        (param(&location, "state"), param(&location, "nonce"), cookie)
    };
    // Begun at one, finished at the other's address.
    let (state, _, cookie) = begin("one").await;
    let mixed = identity.finish("two", &format!("code=c&state={state}"), &cookie, "").await;
    assert_eq!(outcome(&mixed.outcome), "other_provider");
    assert_eq!((one.idp.hits("/token"), two.idp.hits("/token")), (0, 0), "no code goes to the wrong provider");

    // The same sub at two providers is two people.
    let mut people = Vec::new();
    for (name, world) in [("one", &one), ("two", &two)] {
        let (state, nonce, cookie) = begin(name).await;
        world.idp.script(|s| s.mint.claim("nonce", serde_json::json!(nonce)));
        people.push(identity.finish(name, &format!("code=c&state={state}"), &cookie, "").await.outcome.unwrap().person);
    }
    assert_eq!(people[0].subject, people[1].subject);
    assert_ne!(people[0], people[1]);
}

#[tokio::test]
async fn return_to_is_checked_at_both_ends() {
    let world = World::new().await;
    for (asked, kept) in [("//evil", "/"), ("https://evil.example", "/"), ("/\\evil", "/"), ("/runs?page=2", "/runs?page=2")] {
        let departure = world.identity.begin(None, asked, "").await.unwrap();
        let location: url::Url = departure.location.parse().unwrap();
        let cookie = departure.cookies[0].split(';').next().unwrap();
        let finish = world.identity.finish("test", &format!("error=access_denied&state={}", param(&location, "state")), cookie, "").await;
        assert_eq!(finish.return_to, kept, "{asked}");
    }
}

#[tokio::test]
async fn on_https_the_cookie_belongs_to_the_host() {
    let world = World::with(|_| {}, |config| config.public_url = "https://windfirm.example/".parse().unwrap()).await;
    let departure = world.identity.begin(None, "/", "").await.unwrap();
    let cookie = &departure.cookies[0];
    assert!(cookie.starts_with("__Host-windfirm-login-"), "{cookie}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert!(departure.location.contains("redirect_uri=https%3A%2F%2Fwindfirm.example%2Flogin%2Ftest%2Fcallback"));
}
