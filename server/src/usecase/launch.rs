//! Launching a run: the form, the guardrails' answer while somebody types, and the launch itself.
//!
//! All three go the same way: resolve the request against tree and policy, ask k6 what the script would do, let the guardrails
//! judge those facts. k6 is asked for those only who may launch there: others are told that they may not, and cost nothing. Only the launch then asks for a permit, and only with the permit is a run stored.

mod attempt;
mod awaited;
pub mod fields;
mod planned;
pub mod queued;

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;
use windfirm_executor::Load;
use windfirm_model::{
    action::Action,
    actor::SystemTask,
    audit::EventCode,
    fault::Fault,
    path::AppPath,
    run::Profile,
    view::{
        app::{Target, TestRow},
        launch::{Judgement, LaunchForm, LaunchRequest, ProfileRow, RuleRow},
        run::Manifest,
    },
};
use windfirm_policy::{Access, Decision, Facts, HostPort, Place, explain};
use windfirm_store::runs::RunRecord;
use windfirm_tree::{Bundle, graph::App};

use crate::{
    context::Asker,
    places,
    sites::RunsAt,
    usecase::{
        inspection::{self, Answer, NoAnswer, PAGE_PATIENCE, Patience, Question},
        tests_of::Tests,
    },
};

use fields::Fields;

/// Host and port of a target.
pub fn host_of(target: &str) -> Result<HostPort, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("The target {target} is no address that can be tested: {why}.");
    let url = url::Url::parse(target).map_err(|error| wrong(&error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(&"it is neither http nor https"));
    }
    let port = url.port_or_known_default().ok_or_else(|| wrong(&"it has no port"))?;
    HostPort::new(url.host_str().unwrap_or_default(), port).map_err(|error| wrong(&error))
}

/// The load that a frozen run was launched with; `None`: the script's own scenarios. It stands in the manifest's options, as
/// they went onto k6's command line.
#[must_use]
pub fn load_of(manifest: &Manifest) -> Option<Load> {
    let number = |prefix: &str| manifest.options.iter().find_map(|option| option.strip_prefix(prefix)?.trim_end_matches('s').parse().ok());
    Some(Load { vus: number("--vus=")?, duration_s: number("--duration=")? })
}

fn options_of(load: Option<Load>) -> Vec<String> {
    load.map(|load| vec![format!("--vus={}", load.vus), format!("--duration={}s", load.duration_s)]).unwrap_or_default()
}

/// A request, resolved as far as it goes.
struct Resolved {
    app: App,
    tests: Tests,
    place: Place,
    runs_at: RunsAt,
    fields: Fields,
    /// Path of the script, and its frozen files.
    test: Option<(String, Bundle)>,
    target: Option<String>,
    /// What k6 said; absent when there was nothing to ask about, a field could not be read, or nobody is there who may launch.
    answer: Option<Result<Answer, NoAnswer>>,
    problems: BTreeMap<String, String>,
    /// Where it has to be carried out nothing can be: no change of the form helps.
    locked: bool,
}

impl Resolved {
    /// How long it takes when nothing is late: what the guardrails judge also has the time that k6 gives iterations to end.
    fn planned_s(&self) -> Option<u32> {
        let Some(Ok(Answer::Loads { inspected })) = &self.answer else { return None };
        match self.fields.load {
            Some(load) => Some(load.duration_s),
            None => planned::seconds(&inspected.options).or(inspected.total_duration_s),
        }
    }

    fn facts(&self) -> Option<Facts> {
        let Some(Ok(Answer::Loads { inspected })) = &self.answer else { return None };
        let target = self.target.as_deref()?;
        Some(Facts {
            max_vus: inspected.max_vus,
            duration_s: inspected.total_duration_s,
            target_hosts: host_of(target).into_iter().collect(),
            modules: self.test.as_ref().map(|(_, bundle)| bundle.modules.iter().cloned().collect()).unwrap_or_default(),
        })
    }
}

impl Asker {
    /// Waits for k6 until `until`; `None`: to the end.
    async fn resolve(&self, request: &LaunchRequest, code: EventCode, until: Option<Instant>) -> Result<Resolved, Fault> {
        let path: AppPath = request.path.parse().map_err(|_| Fault::NotFound)?;
        let app = self.see_app(&path, code).await?;
        let place = app.place();
        let mut problems = BTreeMap::new();
        let fields = fields::read(request, &mut problems);
        for given in self.policy.policy.secrets_for(&place) {
            if fields.parameters.iter().any(|(name, _)| *name == given.variable) {
                let sentence = format!("{} comes from Secret {}, as the policy says. Take another name.", given.variable, given.secret);
                problems.entry("env".to_owned()).or_insert(sentence);
            }
        }
        if let Some(why) = self.not_awaited(&place, &fields) {
            problems.insert("after".to_owned(), why);
        }
        // A field that cannot be read is as if it was empty; k6 would answer another question than the one that was asked.
        let readable = !["profile", "vus", "duration", "env"].iter().any(|field| problems.contains_key(*field));
        let found = self.tests_of(&app).await;
        let tests = &found.scripts;
        let chosen = if request.test.is_empty() { tests.first() } else { tests.iter().find(|test| test.path == request.test) };
        if chosen.is_none() {
            let sentence = match (tests.is_empty(), request.test.as_str()) {
                (true, _) => "This app has no test. Add a k6 script beside its manifests, in a folder k6/.".to_owned(),
                (false, name) => format!("There is no test {} at this revision. Choose one of the list.", fields::short(name)),
            };
            problems.insert("test".to_owned(), sentence);
        }
        let mut test = None;
        if let Some(chosen) = chosen {
            match found.bundle(chosen).await {
                Ok(bundle) => test = Some((chosen.path.clone(), bundle)),
                Err(why) => {
                    problems.insert("test".to_owned(), why);
                }
            }
        }
        let target = match &app.target {
            Target::Known { url, .. } => match host_of(url) {
                Ok(_) => Some(url.clone()),
                Err(why) => {
                    problems.insert("target".to_owned(), why);
                    None
                }
            },
            Target::Missing { why } => {
                problems.insert("target".to_owned(), why.clone());
                None
            }
        };
        let answer = match (&test, &target) {
            (Some((_, bundle)), Some(target)) if readable && self.access.allows(Action::LaunchRun, &place) => {
                let question = Question { target, parameters: &fields.parameters, load: fields.load };
                let person = self.actor.key();
                Some(inspection::inspect(&self.portal, Patience { person: &person, until }, bundle, question).await)
            }
            _ => None,
        };
        match &answer {
            Some(Ok(Answer::Broken { message })) => {
                problems.entry("test".to_owned()).or_insert_with(|| message.clone());
            }
            Some(Err(no_answer @ NoAnswer::TooMany)) => {
                problems.entry(String::new()).or_insert_with(|| no_answer.to_string());
            }
            Some(Err(NoAnswer::Trouble(why))) => {
                problems.entry(String::new()).or_insert_with(|| format!("k6 could not be asked about this script: {why} Try again in a moment."));
            }
            _ => {}
        }
        let runs_at = self.portal.sites.runs_at(&app.cluster);
        let mut resolved = Resolved { app, tests: found, place, runs_at, fields, test, target, answer, problems, locked: false };
        self.judge_placement(&mut resolved);
        Ok(resolved)
    }

    /// What keeps it from being carried out where it has to be: told only to those who may launch there.
    fn judge_placement(&self, resolved: &mut Resolved) {
        let runners = resolved.fields.runners;
        let most = resolved.facts().map_or(u32::MAX, |facts| facts.max_vus);
        let wrong = match &resolved.runs_at {
            RunsAt::Here if runners.is_some_and(|runners| runners > 1) => Some("On the portal's own machine a run has one runner. Leave it empty.".to_owned()),
            RunsAt::In(_) if runners.is_some_and(|runners| runners > most) => {
                Some(format!("Each runner needs a virtual user, and this test has {most}. Take fewer runners or more virtual users."))
            }
            _ => None,
        };
        if let Some(sentence) = wrong {
            resolved.problems.entry("runners".to_owned()).or_insert(sentence);
        }
        if let Decision::Allowed(grant) = self.access.can(Action::LaunchRun, &resolved.place)
            && let Some(why) = self.locked(&resolved.app, grant.service_account.as_deref())
        {
            resolved.problems.insert(String::new(), why);
            resolved.locked = true;
        }
    }

    /// Whether a run of this app would have to wait for a place.
    fn waits(&self, resolved: &Resolved, live: &[RunRecord]) -> bool {
        let place = resolved.runs_at.cluster();
        let there = |counted: HashMap<Option<&str>, u32>| counted.get(&place).copied().unwrap_or_default();
        let before = there(places::taken(live, self.portal.store.portal())).saturating_add(there(places::wanted(live)));
        before >= self.portal.slots(place)
    }

    async fn judgement(&self, resolved: &Resolved) -> Result<Judgement, Fault> {
        let facts = resolved.facts();
        let rules: Vec<RuleRow> = facts.as_ref().map(|facts| self.policy.policy.judge(&resolved.place, facts)).unwrap_or_default();
        let broken = rules.iter().filter(|rule| !rule.kept).count();
        let live = self.portal.store.live_runs(&Access::system(SystemTask::RunSupervisor)).await.map_err(|error| self.store_fault(&error))?;
        let own = self.portal.store.own_live_runs(&self.access).await.map_err(|error| self.store_fault(&error))?;
        let mut problems = resolved.problems.clone();
        if own >= self.portal.settings.per_person {
            problems.entry(String::new()).or_insert_with(|| self.person_full());
        } else if places::standing_beside(&live, resolved.fields.after.is_some()) >= self.portal.settings.queue {
            problems.entry(String::new()).or_insert_with(|| self.queue_full());
        }
        let allowed = self.access.allows(Action::LaunchRun, &resolved.place);
        let pending = match &resolved.answer {
            Some(Err(no_answer @ NoAnswer::Pending)) => Some(no_answer.to_string()),
            _ => None,
        };
        let sentence = match (allowed, problems.is_empty(), broken, rules.len()) {
            (true, true, ..) if pending.is_some() => pending.clone().unwrap_or_default(),
            (false, ..) => self.access.why_not(Action::LaunchRun, &resolved.place),
            (true, _, 1, _) => "1 rule refuses this".to_owned(),
            (true, ..) if matches!(resolved.answer, Some(Err(NoAnswer::TooMany))) => NoAnswer::TooMany.to_string(),
            (true, _, 2.., _) => format!("{broken} rules refuse this"),
            (true, false, ..) if matches!(resolved.answer, Some(Ok(Answer::Broken { .. }))) => {
                "k6 cannot load this script. It has to be mended in the repository first".to_owned()
            }
            (true, false, ..) if resolved.locked => "It cannot be launched right now".to_owned(),
            (true, false, ..) => "Something in the form has to change first".to_owned(),
            (true, true, 0, kept) => format!("All {kept} rules are kept"),
        };
        Ok(Judgement {
            pending: pending.is_some(),
            may_start: allowed && problems.is_empty() && broken == 0 && facts.is_some(),
            sentence,
            rules,
            fields: problems.into_iter().collect(),
            max_vus: facts.as_ref().map(|facts| facts.max_vus),
            duration_s: facts.as_ref().and_then(|facts| facts.duration_s),
            planned_s: resolved.planned_s(),
            waits: self.waits(resolved, &live),
            policy_digest: self.policy.policy.digest().to_owned(),
        })
    }

    fn queue_full(&self) -> String {
        format!("{} runs are waiting already, which is as many as may. Try again when some have started.", self.portal.settings.queue)
    }

    fn person_full(&self) -> String {
        format!(
            "{} of your runs are waiting or running, which is as many as one person may have. Stop one, or try again when one has ended.",
            self.portal.settings.per_person
        )
    }

    /// The form for one app. It does not wait long for k6: what it has not said yet comes with the live answer, or with a reload.
    pub(super) async fn launch_form_page(&self, mut request: LaunchRequest) -> Result<LaunchForm, Fault> {
        let until = Instant::now() + PAGE_PATIENCE;
        let resolved = self.resolve(&request, EventCode::Denied, Some(until)).await?;
        let judgement = self.judgement(&resolved).await?;
        if request.once.is_empty() {
            request.once = self.portal.clock.new_uuid().simple().to_string();
        }
        if let (true, Some((path, _))) = (request.test.is_empty(), &resolved.test) {
            request.test.clone_from(path);
        }
        request.profile = resolved.fields.profile.word().to_owned();
        let app = &resolved.app;
        let tests: Vec<TestRow> = self.test_rows(app, &resolved.tests, until).await;
        Ok(LaunchForm {
            path: app.path.clone(),
            name: app.name.clone(),
            environment: resolved.place.environment.clone(),
            tests,
            target: app.target.clone(),
            revision: self.revision(),
            tests_at: resolved.tests.deployed_at,
            tests_problem: resolved.tests.problems.into_iter().next(),
            decision: explain(&self.policy.policy, &self.access, Action::LaunchRun, &resolved.place),
            allowed: self.access.allows(Action::LaunchRun, &resolved.place),
            cluster: resolved.runs_at.cluster().map(str::to_owned),
            secrets: self.policy.policy.secrets_for(&resolved.place),
            request,
            judgement,
            profiles: Profile::ALL.into_iter().map(|profile| ProfileRow { profile, sentence: profile.sentence().to_owned() }).collect(),
        })
    }

    /// The guardrails' answer alone.
    pub(super) async fn judge_request(&self, request: LaunchRequest) -> Result<Judgement, Fault> {
        let resolved = self.resolve(&request, EventCode::Denied, None).await?;
        self.judgement(&resolved).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_of_a_run_is_read_from_what_went_onto_the_command_line() {
        let load = Load { vus: 7, duration_s: 90 };
        let manifest = Manifest { options: options_of(Some(load)), ..Manifest::default() };
        assert_eq!(load_of(&manifest), Some(load));
        assert_eq!(load_of(&Manifest::default()), None);
    }

    #[test]
    fn a_target_is_a_host_and_a_port() {
        assert_eq!(host_of("http://127.0.0.1:7711/x").unwrap(), HostPort::new("127.0.0.1", 7711).unwrap());
        assert_eq!(host_of("https://shop.example").unwrap().port(), 443);
        for wrong in ["ftp://x", "shop", "http://", "file:///etc/passwd"] {
            assert!(host_of(wrong).is_err(), "{wrong}");
        }
    }
}
