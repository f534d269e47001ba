//! How old a Secret is: read as the account, without what stands in it.

use serde_json::json;
use windfirm_cluster::{ClusterError, Question, SECRET_RIGHT, Side, preflight};

use crate::stage::{on_stage, until};

const PLURAL: &str = "secrets";

async fn let_it_read(stage: &crate::stage::Stage, names: &[&str]) {
    for (role, verb) in [("reads", SECRET_RIGHT.verb.to_owned()), ("portal-reads", format!("impersonate-on:serviceaccount:{}", SECRET_RIGHT.verb))] {
        let rule = json!({ "apiGroups": [""], "resources": [PLURAL], "resourceNames": names, "verbs": [verb] });
        stage.post(&stage.rbac("roles"), json!({ "metadata": { "name": format!("runner-{role}") }, "rules": [rule] })).await;
    }
    stage.bind("runner", "reads", "Role", json!({ "kind": "ServiceAccount", "name": "runner", "namespace": stage.namespace })).await;
    stage.bind("runner", "portal-reads", "Role", json!({ "kind": "ServiceAccount", "name": "portal", "namespace": "windfirm" })).await;
}

#[test]
fn when_and_by_what_a_secret_was_changed_is_read_without_its_values() {
    on_stage("secret-age", async |stage| {
        let (gateway, permit) = (stage.gateway(), stage.permit("runner"));
        let acting = gateway.as_service_account(&permit).await.unwrap();
        let secret = json!({ "metadata": { "name": "pay-user" }, "stringData": { "password": "first" } });
        stage.post(&format!("{}?fieldManager=vault-agent", stage.core(PLURAL)), secret).await;

        // Without the right: the API server's own sentence, and whose lack it is.
        let ClusterError::Refused(refusal) = until("the right to act", async || acting.secret_facts("pay-user").await.err()).await else { panic!() };
        assert!(matches!(refusal.side, Side::Account | Side::Portal) && refusal.sentence.contains("secrets \"pay-user\" is forbidden"), "{refusal:?}");
        let question = Question::of_secret(&stage.account("runner"), "pay-user");
        let lacking = preflight(&stage.cluster(), std::slice::from_ref(&question)).await;
        let told = lacking.accounts[0].sentences().join(" ");
        assert!(told.contains("may not get secrets “pay-user” in namespace") && told.contains("to show when a Secret"), "{told}");

        let_it_read(stage, &["pay-user", "gone"]).await;
        let made = until("the right", async || acting.secret_facts("pay-user").await.ok()).await;
        assert_eq!((made.by.as_deref(), made.copied, made.changed), (Some("vault-agent"), false, made.created));
        until("green", async || preflight(&stage.cluster(), std::slice::from_ref(&question)).await.is_green().then_some(())).await;

        let path = format!("{}/pay-user", stage.core(PLURAL));
        let label = json!({ "metadata": { "labels": { "a": "b" }, "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" } } });
        // The API server writes down whole seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        stage.merge(&format!("{path}?fieldManager=labeller"), label).await;
        let labelled = acting.secret_facts("pay-user").await.unwrap();
        assert_eq!((labelled.changed, labelled.by.as_deref(), labelled.copied), (made.changed, Some("vault-agent"), true));
        stage.merge(&format!("{path}?fieldManager=ann"), json!({ "stringData": { "password": "second" } })).await;
        let changed = acting.secret_facts("pay-user").await.unwrap();
        assert!(changed.changed > made.changed && changed.created == made.created && changed.by.as_deref() == Some("ann"), "{changed:?}");

        let gone = acting.secret_facts("gone").await.unwrap_err();
        assert!(matches!(&gone, ClusterError::NotThere { sentence, .. } if sentence.contains("secrets \"gone\" not found")), "{gone}");
        let other = acting.secret_facts("database").await.unwrap_err();
        assert!(matches!(other, ClusterError::Refused(_)), "only those that are named: {other}");
    });
}
