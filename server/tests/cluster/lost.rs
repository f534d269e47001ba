//! A runner that is lost in the middle of a run: a named event, and no verdict unless the policy says otherwise.

use windfirm_model::run::{RunState, RunStateKind};

use crate::{
    harness::As,
    stage::{Stage, cart, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_runner_leaves_no_verdict_unless_a_guardrail_tolerates_it() {
    let Some(stage) = Stage::open().await else { return };
    for (tolerated, expected) in [(false, RunStateKind::Inconclusive), (true, RunStateKind::Passed)] {
        if tolerated {
            let before = stage.house.portal.policy().policy.digest().to_owned();
            let file = &stage.house.portal.settings.policy_file;
            let policy = std::fs::read_to_string(file).unwrap();
            let rule = "guardrails:\n  - { name: soak, on: [/shop/], lost_runners: tolerate }\n";
            std::fs::write(file, policy.replace("guardrails:\n", rule)).unwrap();
            until("the new policy", async || (stage.house.portal.policy().policy.digest() != before).then_some(())).await;
        }
        let run = stage.launch(As::Ana, &cart(3, 6, 20)).await;
        let running = stage.wait_for(run, |state| matches!(state, RunState::Running { .. })).await;
        let job = format!("job-name=windfirm-{}-2", running.execution);
        stage.hand(&["-n", "shop-staging", "delete", "pods", "-l", &job, "--force", "--grace-period=0"]);
        let ended = stage.wait_for(run, |state| !state.is_live()).await;
        let verdict = ended.verdict.clone().unwrap();
        assert_eq!(ended.state.kind(), expected, "{verdict:?}");
        assert!(verdict.reasons.iter().any(|reason| reason.contains("The pod of runner 2 was deleted")), "{verdict:?}");
        let rule = "1 of 3 runners was lost; guardrail soak on /shop/ tolerates that.";
        assert_eq!(verdict.reasons.iter().any(|reason| reason.starts_with(rule)), tolerated, "{verdict:?}");
        let events = stage.events(run).await;
        assert!(events.iter().any(|event| event.bad && event.text.contains("runner 2 was deleted")), "{events:?}");
        stage.nothing_left(ended.execution).await;
    }
}
