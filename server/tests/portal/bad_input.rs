//! What people and machines send that cannot be taken: each gets a clear answer, and nothing is lost or changed.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use sha2::{Digest as _, Sha256};
use windfirm_app::api::ApiError;
use windfirm_model::{
    fault::Fault,
    id::{ExecutionId, OperationId, RunId},
    run::RunState,
    view::launch::Judgement,
};
use windfirm_policy::{Access, Permit, Resource, act::SuperviseRuns};
use windfirm_store::runs::{RunRecord, Step};

use crate::harness::{Answer, As, House};

const CART: &str = "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js";

fn invalid(answer: &Answer) -> std::collections::BTreeMap<String, String> {
    let told = serde_json::from_str::<ApiError>(&answer.body).map(ApiError::into_fault);
    let Ok(Fault::Invalid { fields }) = told else { panic!("{}: {}", answer.status, answer.body) };
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_with_wrong_fields_is_told_by_field_and_starts_nothing() {
    let Some(house) = House::open().await else { return };
    let long = "x".repeat(501);
    let cases = [
        ("profile", format!("{CART}&request[profile]=storm")),
        ("vus", format!("{CART}&request[profile]=load&request[vus]=-3")),
        ("vus", format!("{CART}&request[profile]=load&request[vus]=1e9")),
        ("duration", format!("{CART}&request[profile]=load&request[duration]=soon")),
        ("env", format!("{CART}&request[profile]=smoke&request[env]=TARGET%3Dhttp://127.0.0.1:1")),
        ("reason", format!("{CART}&request[profile]=smoke&request[reason]={long}")),
        ("test", "request[path]=/shop/cart/&request[test]=../../etc/passwd&request[profile]=smoke".to_owned()),
        ("test", "request[path]=/shop/payments/gateway/&request[profile]=smoke".to_owned()),
        ("test", "request[path]=/shop/shipping/&request[profile]=smoke".to_owned()),
    ];
    for (field, fields) in cases {
        let answer = house.call(As::Ana, Method::POST, "launch", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}: {}", answer.body);
        assert!(invalid(&answer).contains_key(field), "{fields}: {}", answer.body);
    }
    assert_eq!(house.portal.store.queue_counts().await.unwrap().queued, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_load_is_told_in_the_words_of_k6() {
    let Some(house) = House::open().await else { return };
    let page = house.page(As::Ana, "/apps/shop/payments/gateway/?tab=tests").await;
    assert!(page.body.contains("signature.js"), "k6's message names what is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guardrails_judge_while_one_types_and_again_at_the_launch() {
    let Some(house) = House::open().await else { return };
    let too_many = format!("{CART}&request[profile]=load&request[vus]=500");
    let answer = house.call(As::Ana, Method::POST, "judge", &too_many).await;
    let judgement: Judgement = serde_json::from_str(&answer.body).unwrap();
    assert!(!judgement.may_start && judgement.rules.iter().any(|rule| rule.kind == "max_vus" && !rule.kept), "{judgement:?}");
    assert_eq!(house.call(As::Ana, Method::POST, "launch", &too_many).await.status, StatusCode::FORBIDDEN);
    // Prod is there to be read by the shop's developers, and launched by its leads within five VUs.
    let prod = "request[path]=/shop-prod/cart/&request[test]=services/cart/k6/cart.js";
    assert_eq!(house.call(As::Ana, Method::POST, "launch", &format!("{prod}&request[profile]=smoke")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.call(As::Ben, Method::POST, "launch", prod).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.call(As::Ben, Method::POST, "launch", &format!("{prod}&request[profile]=smoke")).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_filters_that_make_no_sense_are_answered_not_followed() {
    let Some(house) = House::open().await else { return };
    for (address, expected) in [
        ("/runs/not-an-id", 404),
        ("/runs/00000000000000000000000000000000", 404),
        ("/apps/shop/nothing/", 404),
        ("/apps/..%2f..%2fetc/", 404),
        ("/nowhere", 404),
        ("/runs?state=exploded", 422),
        ("/tree?verdict=purple", 422),
        ("/audit?from=yesterday", 422),
    ] {
        assert_eq!(house.page(As::Ben, address).await.status.as_u16(), expected, "{address}");
    }
}

/// A run of Ana's that is being started, with the token “right”.
async fn armed(house: &House) -> RunRecord {
    let launched = house.call(As::Ana, Method::POST, "launch", &format!("{CART}&request[profile]=smoke")).await;
    let run: RunId = launched.body.trim_matches('"').parse().unwrap();
    let record = house.portal.store.run(&Access::system(windfirm_model::actor::SystemTask::RunSupervisor), run).await.unwrap().unwrap();
    let since = house.portal.clock.now();
    let step = Step { version: record.version, to: RunState::Starting { since }, confinement: None, events: Vec::new() };
    let version = house.portal.store.advance(&permit(house, run), step).await.unwrap();
    let hash: [u8; 32] = Sha256::digest(b"right").into();
    house.portal.store.arm_execution(&permit(house, run), record.execution, &hash, &serde_json::json!({})).await.unwrap();
    RunRecord { version, ..record }
}

fn permit(house: &House, run: RunId) -> Permit<SuperviseRuns> {
    Permit::system(OperationId(house.portal.clock.new_uuid()), Resource { run: Some(run), ..Resource::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_large_test_are_its_executions_alone() {
    let Some(house) = House::open().await else { return };
    let (record, other) = (armed(&house).await, armed(&house).await);
    let archive = b"an archive of a test".to_vec();
    let digest: String = Sha256::digest(&archive).iter().map(|byte| format!("{byte:02x}")).collect();
    // Where the executor lays it out.
    let folder = house.portal.settings.state.join("archives").join(record.execution.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(&digest), &archive).unwrap();
    let ask = async |execution: ExecutionId, digest: &str, token: &str| {
        let request = Request::get(format!("/ingest/v2/archives/{execution}/{digest}")).header("authorization", format!("Token {token}"));
        house.send(As::Nobody, request.header("range", "bytes=3-5").body(Body::empty()).unwrap()).await
    };
    for _ in 0..40 {
        let answer = ask(record.execution, &digest, "right").await;
        assert_eq!((answer.status, answer.body.as_bytes()), (StatusCode::OK, archive.as_slice()), "whole, and its turn is given back");
    }
    for (execution, digest, token, expected) in [
        (record.execution, digest.as_str(), "wrong", StatusCode::UNAUTHORIZED),
        (record.execution, digest.as_str(), "", StatusCode::UNAUTHORIZED),
        // They are starting: what is not there yet may come.
        (other.execution, digest.as_str(), "right", StatusCode::SERVICE_UNAVAILABLE),
        (record.execution, "..%2f..%2fwindfirm.db", "right", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let answer = ask(execution, digest, token).await;
        assert_eq!(answer.status, expected, "{digest}: {}", answer.body);
        assert!(answer.body.contains("message") && !answer.body.contains("archive of"), "{}", answer.body);
    }
    // They are given for as long as the run goes on.
    let ends = Step { version: record.version, to: RunState::Lost, confinement: None, events: Vec::new() };
    house.portal.store.advance(&permit(&house, record.id), ends).await.unwrap();
    assert_eq!(ask(record.execution, &digest, "right").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_are_not_from_our_runner_are_refused() {
    let Some(house) = House::open().await else { return };
    let record = armed(&house).await;

    let snappy_bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    // A hundred bytes are promised, in one literal of sixty, of which three come.
    let snappy_torn = [100, 59 << 2, 1, 2, 3];
    let huge = vec![0_u8; 5 << 20];
    let cases: [(&str, &str, &str, Vec<u8>, u16); 7] = [
        ("wrong", "snappy", "key", vec![0], 401),
        ("right", "gzip", "key", vec![0], 415),
        ("right", "snappy", "", vec![0], 400),
        ("right", "snappy", "key", b"not snappy at all".to_vec(), 400),
        ("right", "snappy", "key", snappy_torn.to_vec(), 400),
        ("right", "snappy", "key", snappy_bomb.to_vec(), 413),
        ("right", "snappy", "key", huge, 413),
    ];
    for (token, encoding, key, body, expected) in cases {
        let request = Request::post(format!("/ingest/v2/metrics/{}", record.execution))
            .header("authorization", format!("Token {token}"))
            .header("content-encoding", encoding)
            .header("k6-idempotency-key", key)
            .body(Body::from(body))
            .unwrap();
        let answer = house.send(As::Nobody, request).await;
        assert_eq!(answer.status.as_u16(), expected, "{token} {encoding} {key}: {}", answer.body);
        assert!(answer.body.contains("message"), "{}", answer.body);
    }
    let frames = house.portal.store.frames(&Access::system(windfirm_model::actor::SystemTask::Ingest), record.execution, None, 10).await.unwrap();
    assert!(frames.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_file_can_have_are_names_of_nothing() {
    let Some(house) = House::open().await else { return };
    for address in [format!("/{}", "a".repeat(256)), format!("/pkg/{}.js", "a".repeat(300)), format!("/{}", "a/".repeat(2_500)), "/a%00b".to_owned()] {
        let answer = house.page(As::Ana, &address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", &address[..20.min(address.len())]);
        assert!(!house.page(As::Nobody, &address).await.status.is_server_error());
    }
    assert_eq!(house.page(As::Ana, &format!("/{}", "a".repeat(255))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_are_none() {
    let Some(house) = House::open().await else { return };
    let request = Request::get("/login").header(header::HOST, "127.0.0.1:7700").header(header::HOST, "evil.example").body(Body::empty()).unwrap();
    let answer = house.send(As::Nobody, request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    assert!(answer.body.contains("two hosts"), "{}", answer.body);
}
