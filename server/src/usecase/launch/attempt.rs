//! The launch itself: judged under the policy of this very moment, stored with the permit alone. Every attempt that is refused
//! stands in the record, with the reason.

use sha2::{Digest as _, Sha256};
use windfirm_model::{
    action::Action,
    actor::Actor,
    audit::{EventCode, EventOutcome},
    fault::Fault,
    id::{ExecutionId, RunId},
    path::AppPath,
    view::{
        launch::{LaunchRequest, RuleRow},
        run::{Manifest, ManifestFile, Placement},
    },
};
use windfirm_policy::{LaunchRefused, Permit, Resource, act::LaunchRun};
use windfirm_store::{
    audit::Details,
    runs::{Bundle as StoredBundle, Launched, NewRun, Room},
};
use windfirm_tree::Bundle;

use super::{Resolved, fields::short, options_of};
use crate::{
    audit::Attempted,
    context::Asker,
    usecase::{
        bundle,
        inspection::{self, parameters_digest},
    },
};

/// The most of a refusal that is kept in the record.
const MOST_RECORDED_CHARACTERS: usize = 2_000;

impl Asker {
    /// The launch. The same form sent twice is one run.
    pub(in crate::usecase) async fn launch_run(&self, request: LaunchRequest) -> Result<RunId, Fault> {
        let once = once_key(&request);
        if !once.is_empty()
            && let Some(run) = self.portal.store.run_by_once(&self.access, &once).await.map_err(|error| self.store_fault(&error))?
        {
            return Ok(run);
        }
        let resolved = self.resolve_launch(&request).await?;
        // k6 may have been asked for seconds. What decides is the policy of now, not the one of when the request came.
        let now = self.renewed();
        if now.policy.policy.digest() == self.policy.policy.digest() {
            return self.launch_resolved(&resolved, once).await;
        }
        let resolved = now.resolve_launch(&request).await?;
        now.launch_resolved(&resolved, once).await
    }

    async fn resolve_launch(&self, request: &LaunchRequest) -> Result<Resolved, Fault> {
        let path: Option<AppPath> = request.path.parse().ok();
        if path.and_then(|path| self.tree.tree.find(&path)).is_none() {
            let why = format!("There is no app “{}”.", short(&request.path));
            return Err(self.record_refusal(EventCode::RunLaunch, Attempted::default(), why, Fault::NotFound).await);
        }
        self.resolve(request, EventCode::RunLaunch, None).await
    }

    async fn launch_resolved(&self, resolved: &Resolved, once: String) -> Result<RunId, Fault> {
        if !self.access.allows(Action::LaunchRun, &resolved.place) {
            let why = self.access.why_not(Action::LaunchRun, &resolved.place);
            return Err(self.refuse_launch(resolved, Fault::Forbidden { why }).await);
        }
        let (Some(facts), Some((test, bundle)), Some(target), true) =
            (resolved.facts(), resolved.test.as_ref(), resolved.target.clone(), resolved.problems.is_empty())
        else {
            return Err(self.refuse_launch(resolved, Fault::Invalid { fields: resolved.problems.clone() }).await);
        };
        let run = RunId(self.portal.clock.new_uuid());
        let resource = Resource { run: Some(run), ..Resource::default() };
        // Taken afresh: an access of an older policy than this one gets no permit.
        let in_force = self.portal.policy();
        let permit = match in_force.policy.permit_launch(&self.access, self.operation(), &resolved.place, resource, &facts) {
            Ok(permit) => permit,
            Err(LaunchRefused::Access(refused)) => {
                let attempted = Attempted { place: Some(resolved.place.clone()), run: None };
                return Err(self.refuse(EventCode::RunLaunch, attempted, &refused).await);
            }
            Err(outdated @ LaunchRefused::Outdated) => return Err(self.refuse_launch(resolved, Fault::Conflict { what: outdated.to_string() }).await),
            Err(broken @ LaunchRefused::Rules(_)) => return Err(self.refuse_launch(resolved, Fault::Forbidden { why: broken.to_string() }).await),
        };
        let decision = in_force.policy.judge(&resolved.place, &facts);
        let state = match self.first_state(resolved).await {
            Ok(state) => state,
            Err(why) => return Err(self.refuse_launch(resolved, Fault::field("after", why)).await),
        };
        let new = NewRun {
            id: run,
            execution: ExecutionId(self.portal.clock.new_uuid()),
            app: serde_json::json!({ "cluster": resolved.app.cluster, "namespace": resolved.app.namespace, "kind": resolved.app.kind.word(), "name": resolved.app.name }),
            test: test.clone(),
            state,
            profile: resolved.fields.profile,
            planned_s: resolved.planned_s(),
            max_vus: facts.max_vus,
            duration_s: facts.duration_s,
            modules: facts.modules,
            reason: resolved.fields.reason.clone(),
            once,
            manifest: self.manifest(resolved, bundle, &target, decision, &permit),
            bundle: StoredBundle { digest: bundle.digest.clone(), content: bundle::pack(&bundle.files) },
            target,
        };
        let secrets = new.manifest.placement.iter().flat_map(|placement| &placement.secrets);
        let secrets = secrets.map(|given| format!("{} from {} of Secret {}", given.variable, given.key, given.secret)).collect::<Vec<_>>().join(", ");
        let details = Details {
            reason: Some(resolved.fields.reason.clone()).filter(|reason| !reason.is_empty()),
            facts: [
                ("test".to_owned(), test.clone()),
                ("profile".to_owned(), resolved.fields.profile.word().to_owned()),
                ("most VUs".to_owned(), facts.max_vus.to_string()),
                ("bundle".to_owned(), bundle.digest.clone()),
            ]
            .into_iter()
            .chain((!secrets.is_empty()).then(|| ("secrets".to_owned(), secrets)))
            .chain(resolved.fields.after.clone().map(|secret| ("starts when this Secret changes".to_owned(), secret)))
            .collect(),
            ..self.details()
        };
        let room = Room { waiting: self.portal.settings.queue, of_person: self.portal.settings.per_person };
        match self.portal.store.launch(&permit, &new, room, &details).await.map_err(|error| self.store_fault(&error))? {
            Launched::Before(earlier) => Ok(earlier),
            Launched::QueueFull => Err(self.refuse_launch(resolved, Fault::Unavailable { what: self.queue_full() }).await),
            Launched::PersonFull => Err(self.refuse_launch(resolved, Fault::Unavailable { what: self.person_full() }).await),
            Launched::New => {
                // The run stands; an outcome that cannot be written now is reconciled later.
                if let Err(error) = self.portal.store.outcome(&permit, EventOutcome::Done, None, &[]).await {
                    tracing::warn!(%error, %run, "launch.outcome_not_recorded");
                }
                metrics::counter!("windfirm_runs_launched_total").increment(1);
                self.portal.wake.notify_one();
                Ok(run)
            }
        }
    }

    /// Puts a refused launch on record in the words that the asker is told.
    async fn refuse_launch(&self, resolved: &Resolved, fault: Fault) -> Fault {
        let why: String = fault.to_string().chars().take(MOST_RECORDED_CHARACTERS).collect();
        self.record_refusal(EventCode::RunLaunch, Attempted { place: Some(resolved.place.clone()), run: None }, why, fault).await
    }

    /// Where the run is carried out, with all that has to be frozen for it.
    fn placement(&self, resolved: &Resolved) -> Option<Placement> {
        let cluster = resolved.runs_at.cluster()?.to_owned();
        let Some(Ok(inspection::Answer::Loads { inspected })) = &resolved.answer else { return None };
        Some(Placement {
            cluster,
            runners: resolved.fields.runners.unwrap_or(1),
            options: inspected.options.to_string(),
            secrets: self.policy.policy.secrets_for(&resolved.place),
        })
    }

    fn manifest(&self, resolved: &Resolved, bundle: &Bundle, target: &str, decision: Vec<RuleRow>, permit: &Permit<LaunchRun>) -> Manifest {
        let files = bundle.files.iter().map(|(path, content)| ManifestFile {
            path: path.clone(),
            digest: hex_digest(content),
            bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
        });
        let actor = match &self.actor {
            Actor::Person { key, name, .. } => format!("{name} ({key})"),
            Actor::System { task } => task.name().to_owned(),
        };
        Manifest {
            bundle_digest: bundle.digest.clone(),
            files: files.collect(),
            entry: bundle.entry.clone(),
            parameters: resolved.fields.parameters.clone(),
            parameters_digest: parameters_digest(target, &resolved.fields.parameters),
            options: options_of(resolved.fields.load),
            policy_digest: permit.policy_digest().to_owned(),
            grant: permit.grant().map(|grant| grant.grant.clone()).unwrap_or_default(),
            decision: decision.into_iter().map(|rule| format!("{}: {} ({})", rule.title, rule.fact, rule.from)).collect(),
            tree_commit: self.tree.revision.commit.clone(),
            tree_commit_subject: self.tree.revision.subject.clone(),
            test_commit: resolved.test.as_ref().and_then(|(path, _)| resolved.tests.commit_of(path)),
            deployed: self.deployed(&resolved.app),
            k6_version: self.portal.k6_version.clone(),
            service_account: permit.service_account().unwrap_or_default().to_owned(),
            actor,
            target: target.to_owned(),
            reason: resolved.fields.reason.clone(),
            placement: self.placement(resolved),
            tolerates_lost_runners: self.policy.policy.tolerates_lost_runners(&resolved.place),
            thresholds: resolved.answer.as_ref().and_then(|answer| inspection::frozen(answer.as_ref().ok()?)),
            results_digest: None,
        }
    }
}

/// What makes two launches the same: the form that they come from, and everything that stood in its fields. Whoever goes back,
/// changes a field and runs again wants another run. Empty for a request without a form.
fn once_key(request: &LaunchRequest) -> String {
    let LaunchRequest { path, test, profile, vus, duration, runners, after, env, reason, once, cut: _ } = request;
    if once.is_empty() {
        return String::new();
    }
    let mut all = Vec::new();
    for text in [once, path, test, profile, vus, duration, runners, after, env, reason] {
        // A browser without script sends other line ends than one with.
        let text = text.replace("\r\n", "\n");
        all.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend_from_slice(text.as_bytes());
    }
    hex_digest(&all)
}

fn hex_digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_in_a_field_is_another_launch() {
        let form = LaunchRequest { once: "form-1".into(), env: "A=1\nB=2".into(), vus: "5".into(), ..LaunchRequest::default() };
        let key = once_key(&form);
        assert_eq!(key, once_key(&LaunchRequest { env: "A=1\r\nB=2".into(), ..form.clone() }));
        for other in [
            LaunchRequest { vus: "6".into(), ..form.clone() },
            LaunchRequest { runners: "3".into(), ..form.clone() },
            LaunchRequest { once: "form-2".into(), ..form.clone() },
            LaunchRequest { vus: String::new(), duration: "5".into(), ..form.clone() },
        ] {
            assert_ne!(key, once_key(&other), "{other:?}");
        }
        assert_eq!(once_key(&LaunchRequest { once: String::new(), ..form }), "");
    }
}
