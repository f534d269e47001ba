//! The preflight against real RBAC.

use serde_json::json;
use windfirm_cluster::{Findings, Presence, Question, RUN_RIGHTS, Side, preflight};

use crate::stage::{Stage, on_stage, until};

async fn found(stage: &Stage, account: &str) -> Findings {
    let account = stage.account(account);
    let questions: Vec<Question> = Question::of_a_run(&account).collect();
    preflight(&stage.cluster(), &questions).await.of(&account).unwrap().clone()
}

#[test]
fn a_binding_that_is_taken_away_is_found_and_so_is_its_return() {
    on_stage("binding", async |stage| {
        until("everything to be allowed", async || found(stage, "runner").await.is_green().then_some(())).await;
        stage.delete(&format!("{}/runner-account", stage.rbac("rolebindings"))).await;
        let lost = until("the loss", async || Some(found(stage, "runner").await).filter(|findings| findings.lacks.len() == RUN_RIGHTS.len())).await;
        assert!(lost.lacks.iter().all(|lack| lack.side == Side::Account && lack.namespace == stage.namespace), "{lost:?}");
        let sentences = lost.sentences().join("\n");
        let together = format!(
            "The account {} lacks {} rights in namespace {}: create, get, list, watch, delete testruns of k6.io",
            lost.account,
            RUN_RIGHTS.len(),
            stage.namespace
        );
        assert!(sentences.contains(&together), "{sentences}");
        stage.bind_account("runner").await;
        until("the return", async || found(stage, "runner").await.is_green().then_some(())).await;
    });
}

#[test]
fn a_binding_whose_role_is_gone_is_named() {
    on_stage("dangling", async |stage| {
        until("everything to be allowed", async || found(stage, "runner").await.is_green().then_some(())).await;
        stage.delete(&format!("{}/runner-account", stage.rbac("roles"))).await;
        let lost = until("the loss", async || Some(found(stage, "runner").await).filter(|findings| !findings.lacks.is_empty())).await;
        assert!(lost.lacks.iter().any(|lack| lack.reason.contains("\"runner-account\" not found")), "{lost:?}");
    });
}

#[test]
fn what_the_portal_lacks_is_told_apart_from_what_the_account_lacks() {
    on_stage("sides", async |stage| {
        until("everything to be allowed", async || found(stage, "runner").await.is_green().then_some(())).await;
        let role = format!("{}/runner-portal", stage.rbac("roles"));
        let mut rules = stage.get(&role).await["rules"].as_array().unwrap().clone();
        rules.retain(|rule| rule["verbs"] != json!(["impersonate-on:serviceaccount:patch"]));
        stage.merge(&role, json!({ "rules": rules })).await;
        let lost = until("the loss", async || Some(found(stage, "runner").await).filter(|findings| !findings.lacks.is_empty())).await;
        let [lack] = lost.lacks.as_slice() else { panic!("{lost:?}") };
        assert_eq!((lack.side, lack.verb.as_str(), lack.resource.as_str()), (Side::Portal, "impersonate-on:serviceaccount:patch", "services/proxy"));

        stage.delete(&format!("{}/runner-portal", stage.rbac("rolebindings"))).await;
        let lost = until("the loss of all", async || Some(found(stage, "runner").await).filter(|findings| findings.lacks.len() > 1)).await;
        let becoming = lost.lacks.iter().find(|lack| lack.verb == "impersonate:serviceaccount").unwrap();
        assert_eq!(becoming.needed_for, "for everything that is done as this account");
        assert!(lost.lacks.iter().all(|lack| lack.side == Side::Portal), "{lost:?}");
    });
}

#[test]
fn an_account_that_does_not_exist_is_missing() {
    on_stage("missing", async |stage| {
        let missing = found(stage, "nobody").await;
        assert_eq!(missing.presence, Presence::Missing);
        assert!(missing.sentences().first().unwrap().contains("does not exist"), "{missing:?}");
    });
}
