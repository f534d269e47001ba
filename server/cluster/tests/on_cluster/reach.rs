//! Clusters that cannot be reached, and that come back.

use std::sync::Arc;

use windfirm_cluster::{ClusterError, Gateway, Question, Reach, preflight};

use crate::{
    between::{Between, Mode},
    stage::{cluster_of, on_stage, permit_as},
};

#[test]
fn it_says_since_when_and_why_and_comes_back_by_itself() {
    on_stage("reach", async |stage| {
        let between = Between::open(stage.portal_kubeconfig()).await;
        let cluster = cluster_of(&between.kubeconfig());
        assert_eq!(cluster.reach(), Reach::Untried);
        assert!(cluster.probe().await.unwrap().starts_with("v1."));
        assert!(matches!(cluster.reach(), Reach::Reached { .. }));
        between.set(Mode::Refuse);
        let first = cluster.probe().await.unwrap_err();
        assert!(first.is_passing(), "{first:?}");
        let second = cluster.probe().await.unwrap_err();
        let Reach::Away { since, tried, why } = cluster.reach() else { panic!("{:?}", cluster.reach()) };
        assert!(since < tried && why == second.to_string(), "{why}");
        between.set(Mode::Pass);
        cluster.probe().await.unwrap();
        assert!(matches!(cluster.reach(), Reach::Reached { .. }));
    });
}

#[test]
fn a_silent_api_server_is_not_waited_for() {
    on_stage("silent", async |stage| {
        let between = Between::open(stage.portal_kubeconfig()).await;
        let cluster = cluster_of(&between.kubeconfig());
        between.set(Mode::Silent);
        let error = cluster.probe().await.unwrap_err();
        assert!(matches!(&error, ClusterError::Unanswered { .. }) && error.may_have_happened(), "{error:?}");
        // The rest of a sweep is not asked then, and nothing is taken for allowed.
        let account = stage.account("runner");
        let swept = preflight(&cluster, &Question::of_a_run(&account).collect::<Vec<_>>()).await;
        let findings = swept.of(&account).unwrap();
        assert!(!swept.is_green() && findings.lacks.is_empty() && !findings.unanswered.is_empty(), "{findings:?}");
    });
}

#[test]
fn a_token_that_is_not_accepted_and_a_wrong_authority_are_told_and_mended_without_a_restart() {
    on_stage("token", async |stage| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let cluster = cluster_of(&file);
        let missing = cluster.probe().await.unwrap_err();
        assert!(matches!(&missing, ClusterError::Settings { .. }), "{missing:?}");

        let right = stage.portal_kubeconfig();
        let mut wrong = right.clone();
        wrong["users"][0]["user"]["token"] = "not-a-token".into();
        std::fs::write(&file, wrong.to_string()).unwrap();
        // Anybody may ask for the version, so something else is asked for.
        let permit = permit_as("shop-dev/loadtest");
        let gateway = Gateway::new(Arc::clone(&cluster));
        let refused = gateway.as_service_account(&permit).await.err().unwrap();
        assert!(matches!(&refused, ClusterError::Unauthenticated { .. }), "{refused:?}");
        assert!(matches!(cluster.reach(), Reach::Away { .. }));

        let mut wrong = right.clone();
        let authority = wrong["clusters"][0]["cluster"].as_object_mut().unwrap();
        authority.remove("certificate-authority-data");
        authority.insert("certificate-authority".into(), "other.pem".into());
        std::fs::write(folder.path().join("other.pem"), OTHER_AUTHORITY).unwrap();
        std::fs::write(&file, wrong.to_string()).unwrap();
        let untrusted = cluster.probe().await.unwrap_err();
        assert!(matches!(&untrusted, ClusterError::Unreachable { why, .. } if why.contains("certificate authority")), "{untrusted:?}");

        std::fs::write(&file, right.to_string()).unwrap();
        gateway.as_service_account(&permit).await.unwrap();
        assert!(matches!(cluster.reach(), Reach::Reached { .. }));
    });
}

/// Of nobody; valid for a long time.
const OTHER_AUTHORITY: &str = include_str!("other-authority.pem");
