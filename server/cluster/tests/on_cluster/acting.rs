//! Acting as an account: what works, what is refused and by whom, and what the API server writes down of it.

use futures::StreamExt as _;
use serde_json::{Value, json};
use windfirm_cluster::{Acting, Change, ClusterError, Done, Kind, LogPart, Refusal, Right, Selector, Side};

use crate::stage::{PATIENCE, Stage, on_stage, permit_as, until};

fn config_map(name: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "run": "1" } }, "data": { "test.js": "export default () => {}" } })
}

/// New rights take the API server a moment. Once it acts, it acts.
async fn ready<A>(acting: &Acting<'_, A>) {
    until("the portal's right to act", async || acting.list::<Value>(Kind::TEST_RUN, &Selector::default()).await.ok()).await;
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ClusterError>) -> Refusal {
    match result {
        Err(ClusterError::Refused(refusal)) => *refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

#[test]
fn it_acts_as_the_permits_account_and_the_api_server_says_so() {
    on_stage("acts", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        let Done { object, audit_id }: Done<Value> = acting.create(Kind::CONFIG_MAP, &config_map("script")).await.unwrap();
        assert_eq!(object["metadata"]["namespace"], stage.namespace.as_str());
        if let Some(entry) = stage.audited(&audit_id.unwrap()).await {
            assert_eq!(entry["user"]["username"], "system:serviceaccount:windfirm:portal");
            assert_eq!(entry["impersonatedUser"]["username"], stage.account("runner").user().as_str());
            assert_eq!(entry["authenticationMetadata"]["impersonationConstraint"], "impersonate:serviceaccount");
            assert_eq!(entry["verb"], "create");
        }

        let deleted = acting.delete(Kind::CONFIG_MAP, "script", Some("another-uid")).await;
        assert!(matches!(deleted, Err(ClusterError::Conflict { .. })), "{deleted:?}");
        let uid = object["metadata"]["uid"].as_str().unwrap();
        let Done { audit_id, .. } = acting.delete(Kind::CONFIG_MAP, "script", Some(uid)).await.unwrap();
        if let Some(entry) = stage.audited(&audit_id.unwrap()).await {
            assert_eq!(entry["verb"], "delete");
        }
        let again = acting.delete(Kind::CONFIG_MAP, "script", None).await;
        assert!(matches!(again, Err(ClusterError::NotThere { .. })), "{again:?}");
    });
}

#[test]
fn what_is_there_already_is_told_apart() {
    on_stage("twice", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        acting.create::<Value>(Kind::CONFIG_MAP, &config_map("script")).await.unwrap();
        let again = acting.create::<Value>(Kind::CONFIG_MAP, &config_map("script")).await;
        assert!(matches!(again, Err(ClusterError::AlreadyThere { .. })), "{again:?}");
    });
}

#[test]
fn a_right_that_the_account_lacks_is_its_own_lack() {
    on_stage("account", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        stage.delete(&format!("{}/runner-account", stage.rbac("rolebindings"))).await;
        let refusal = until("the lost right", async || acting.create::<Value>(Kind::CONFIG_MAP, &config_map("x")).await.err()).await;
        let ClusterError::Refused(refusal) = refusal else { panic!("{refusal:?}") };
        assert_eq!(refusal.side, Side::Account, "{refusal:?}");
        assert!(refusal.sentence.contains("cannot create resource \"configmaps\""), "{refusal:?}");
        if let Some(entry) = stage.audited(&refusal.audit_id.clone().unwrap()).await {
            assert_eq!(entry["responseStatus"]["code"], 403);
        }
        assert!(refusal.to_string().contains(&format!("administers namespace {}", stage.namespace)), "{refusal}");
    });
}

#[test]
fn a_right_that_the_portal_lacks_is_the_portals_lack() {
    on_stage("portal", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        // for one verb: the account might, the portal may not act as it for this
        let services = refusal(acting.list::<Value>(Kind::SERVICE, &Selector::default()).await);
        assert_eq!(services.side, Side::Portal, "{services:?}");
        assert!(services.sentence.contains("impersonate-on:serviceaccount:list"), "{services:?}");
        // for the account as such
        stage.add_account("other").await;
        let permit = stage.permit("other");
        let acting = gateway.as_service_account(&permit).await.unwrap();
        let other = refusal(acting.create::<Value>(Kind::CONFIG_MAP, &config_map("x")).await);
        assert_eq!(other.side, Side::Portal, "{other:?}");
        assert!(other.audit_id.is_some() && other.to_string().contains("does not let the portal act as"), "{other}");
    });
}

#[test]
fn a_rule_of_the_cluster_is_nobodys_lack() {
    on_stage("rule", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        let quota = stage.core("resourcequotas");
        stage.post(&quota, json!({ "metadata": { "name": "none" }, "spec": { "hard": { "count/configmaps": "0" } } })).await;
        let refused = until("the quota", async || acting.create::<Value>(Kind::CONFIG_MAP, &json!({ "metadata": { "generateName": "x-" } })).await.err()).await;
        let ClusterError::Refused(refused) = refused else { panic!("{refused:?}") };
        assert_eq!(refused.side, Side::ClusterRule, "{refused:?}");
        assert!(refused.sentence.contains("quota"), "{refused:?}");
    });
}

#[test]
fn an_account_that_does_not_exist_is_not_acted_as() {
    on_stage("ghost", async |stage| {
        // The API server itself would let us: the portal may act as it, and it may do things.
        stage.let_the_portal_act("ghost", &[Right::new("list", "", "pods", "", "to test")]).await;
        let (gateway, permit) = (stage.gateway(), stage.permit("ghost"));
        let refused = gateway.as_service_account(&permit).await.err();
        assert_eq!(refused, Some(ClusterError::GhostAccount { cluster: "here".into(), account: stage.account("ghost") }));
        // Where nobody gave the portal anything, it may not even look.
        let nowhere = permit_as("no-such-namespace/ghost");
        let Err(ClusterError::Refused(refusal)) = gateway.as_service_account(&nowhere).await else { panic!("it was let in") };
        assert!(refusal.side == Side::Portal && refusal.to_string().contains("does not let the portal act as no-such-namespace/ghost"), "{refusal}");
    });
}

#[test]
fn an_account_that_was_made_again_is_another() {
    on_stage("again", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        stage.delete(&format!("{}/runner", stage.core("serviceaccounts"))).await;
        let list = async || acting.list::<Value>(Kind::TEST_RUN, &Selector::default()).await.err();
        let gone = until("the account to be missed", list).await;
        assert!(matches!(gone, ClusterError::GhostAccount { .. }), "{gone:?}");
        stage.add_account("runner").await;
        let other = until("the new account", async || list().await.filter(|error| !matches!(error, ClusterError::GhostAccount { .. }))).await;
        assert!(matches!(other, ClusterError::OtherAccount { .. }), "{other:?}");
        let anew = gateway.as_service_account(&permit).await.unwrap();
        assert!(matches!(anew.insist_on(acting.account_uid()), Err(ClusterError::OtherAccount { .. })));
    });
}

#[test]
fn a_field_that_the_cluster_does_not_know_is_refused_in_words() {
    on_stage("strict", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        let spec = json!({ "parallelism": 1, "script": { "configMap": { "name": "x", "file": "test.js" } }, "no_such_field": 1 });
        let refused = acting.create::<Value>(Kind::TEST_RUN, &json!({ "metadata": { "name": "x" }, "spec": spec })).await;
        let Err(ClusterError::Invalid { sentence, audit_id, .. }) = refused else { panic!("{refused:?}") };
        assert!(sentence.contains("unknown field \"spec.no_such_field\"") && audit_id.is_some(), "{sentence}");
        let unknown = acting.list::<Value>(Kind::new("k6.io", "v9", "testruns", "TestRun"), &Selector::default()).await;
        assert!(matches!(unknown, Err(ClusterError::NoSuchKind { .. })), "{unknown:?}");
    });
}

#[test]
fn lists_are_selected_and_names_cannot_lead_elsewhere() {
    on_stage("list", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        assert!(acting.list::<Value>(Kind::POD, &Selector::labels("run in (1, 2)")).await.unwrap().is_empty());
        for name in ["../../shop-dev/configmaps/x", "a/b", "", "a?b", "A"] {
            assert!(matches!(acting.delete(Kind::CONFIG_MAP, name, None).await, Err(ClusterError::Request(_))), "{name}");
        }
        for path in ["/v1/../../x", "v1", "/v1?x=1"] {
            assert!(matches!(acting.get_from_service("a", 80, path).await, Err(ClusterError::Request(_))), "{path}");
        }
        let log = LogPart { container: None, tail_lines: Some(10), limit_bytes: 1_000, timestamps: false, since: None };
        assert!(matches!(acting.pod_log("no-such-pod", &log).await, Err(ClusterError::NotThere { .. })));
        // Objects go where the account is, whatever they say themselves.
        let elsewhere = json!({ "metadata": { "name": "here", "namespace": "shop-dev" } });
        let made = acting.create::<Value>(Kind::CONFIG_MAP, &elsewhere).await.unwrap();
        assert_eq!(made.object["metadata"]["namespace"], stage.namespace.as_str());
    });
}

#[test]
fn a_service_is_reached_through_the_api_server() {
    on_stage("proxy", async |stage| {
        let gateway = stage.gateway();
        // The shop of the test cluster, which is only read.
        let permit = permit_as("shop-dev/loadtest");
        let acting = gateway.as_service_account(&permit).await.unwrap();
        let answer = until("the shop's stand-in", async || acting.get_from_service("cart", 80, "/health").await.ok()).await;
        assert!(answer.status < 500 && answer.audit_id.is_some(), "{answer:?}");
        let none = acting.get_from_service("no-such-service", 80, "/").await;
        assert!(matches!(none, Err(ClusterError::NotThere { .. })), "{none:?}");
    });
}

#[test]
fn a_watch_as_the_account_ends_in_words_when_the_right_is_taken() {
    on_stage("follow", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        ready(&acting).await;
        let mut changes = acting.watch::<Value>(Kind::TEST_RUN, &Selector::default()).await.unwrap();
        assert!(matches!(changes.next().await, Some(Ok(Change::Anew))));
        assert!(matches!(changes.next().await, Some(Ok(Change::Complete))));
        let spec = json!({ "parallelism": 1, "paused": "true", "script": { "configMap": { "name": "no-such-script", "file": "test.js" } } });
        acting.create::<Value>(Kind::TEST_RUN, &json!({ "metadata": { "name": "x" }, "spec": spec })).await.unwrap();
        let Some(Ok(Change::There(object))) = changes.next().await else { panic!("no change") };
        assert_eq!((object.name.name.as_str(), &object.view.unwrap()["metadata"]["name"]), ("x", &json!("x")));
        acting.delete(Kind::TEST_RUN, "x", None).await.unwrap();
        let gone = async { while !matches!(changes.next().await, Some(Ok(Change::Gone(_)))) {} };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();

        stage.delete(&format!("{}/runner-portal", stage.rbac("rolebindings"))).await;
        let told = async {
            loop {
                if let Some(Err(error)) = changes.next().await {
                    return error;
                }
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await.unwrap();
        let ClusterError::Refused(refusal) = told else { panic!("{told:?}") };
        assert_eq!(refusal.side, Side::Portal, "{refusal:?}");
    });
}

#[test]
fn nothing_secret_shows_in_debug() {
    on_stage("debug", async |stage: &Stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        let token = stage.portal_kubeconfig()["users"][0]["user"]["token"].as_str().unwrap().to_owned();
        assert!(token.len() > 100);
        let shown = format!("{acting:?} {gateway:?} {:?}", gateway.cluster());
        assert!(!shown.contains(token.get(..40).unwrap()) && !shown.contains("CERTIFICATE"), "{shown}");
    });
}
