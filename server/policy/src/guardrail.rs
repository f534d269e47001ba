//! Guardrails: typed limits on runs, judged on resolved facts, and the only way to a [`Permit<LaunchRun>`].
//!
//! All guardrails on an app's path and the paths above hold together: the tightest number wins, and a host must be allowed by
//! every list. So what stands deeper in the tree can tighten and never widen. Where no guardrail says anything the built-in limits
//! hold: [`BUILT_IN_MAX_VUS`], [`BUILT_IN_MAX_DURATION_S`], no host at all, and no verdict where a runner was lost.

use windfirm_model::{
    environment::Environment,
    id::OperationId,
    path::AppPath,
    view::{app::GuardrailRow, launch::RuleRow},
};

use windfirm_model::action::Action;

use crate::{
    access::{Access, Place, Refused},
    act::LaunchRun,
    host::{HostPattern, HostPort},
    permit::{Permit, Resource},
    policy::Policy,
};

/// Virtual users, where no guardrail says `max_vus`.
pub const BUILT_IN_MAX_VUS: u32 = 100;
/// Seconds (30 minutes), where no guardrail says `max_duration`.
pub const BUILT_IN_MAX_DURATION_S: u32 = 1_800;
/// A browser opens connections that no host list of ours reaches, so no run may use it.
pub const FORBIDDEN_MODULES: [&str; 1] = ["k6/browser"];

#[derive(Clone, Debug)]
pub(crate) struct Guardrail {
    pub(crate) name: String,
    pub(crate) on: Vec<AppPath>,
    /// `None`: all.
    pub(crate) environments: Option<Vec<Environment>>,
    pub(crate) max_vus: Option<u32>,
    pub(crate) max_duration_s: Option<u32>,
    pub(crate) target_hosts: Option<Vec<HostPattern>>,
    pub(crate) lost_runners: Option<LostRunners>,
}

/// What becomes of the verdict when some of a run's runners died and the others went on. The tighter one is the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LostRunners {
    /// The verdict is inconclusive.
    Inconclusive,
    /// The thresholds decide on what was delivered, and the verdict names the lost ones and the guardrail.
    Tolerate,
}

impl LostRunners {
    pub(crate) const ALL: [Self; 2] = [Self::Inconclusive, Self::Tolerate];
    /// As it stands in the policy.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inconclusive => "inconclusive",
            Self::Tolerate => "tolerate",
        }
    }
}

/// What a run would do: the answer of k6 about the script together with the parameters of the launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Most virtual users at one time.
    pub max_vus: u32,
    /// Seconds in all; `None`: without end, or not known.
    pub duration_s: Option<u32>,
    /// Every host that the run is pointed at. None at all is refused: nothing could be judged.
    pub target_hosts: Vec<HostPort>,
    /// k6 modules that the script imports: `k6/http`, `k6/browser`.
    pub modules: Vec<String>,
}

/// A limit and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit<T> {
    pub value: T,
    /// `None`: built in.
    pub source: Option<Source>,
}

/// The guardrail that a limit comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub guardrail: String,
    pub path: AppPath,
}

/// What holds in one place, after the tightest has won. The executor holds the run to the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_vus: Limit<u32>,
    pub max_duration_s: Limit<u32>,
    /// One entry for each guardrail with hosts; a host must be allowed by each. Empty: no host is allowed.
    pub target_hosts: Vec<Limit<Vec<HostPattern>>>,
    pub lost_runners: Limit<LostRunners>,
}

/// Why there is no permit for a launch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchRefused {
    /// No grant, or not even visible.
    #[error(transparent)]
    Access(#[from] Refused),
    /// The policy has changed since the access was made: take the new one and ask again.
    #[error("The policy has changed in the meantime. Load the page again; the new policy decides.")]
    Outdated,
    /// All rules, kept and broken; at least one is broken.
    #[error("{}", broken_text(.0))]
    Rules(Vec<RuleRow>),
}

impl Limits {
    /// Whether every list of hosts allows `target`; no list allows nothing.
    #[must_use]
    pub fn allows_host(&self, target: &HostPort) -> bool {
        !self.target_hosts.is_empty() && self.target_hosts.iter().all(|list| list.value.iter().any(|pattern| pattern.matches(target)))
    }
    /// The same as patterns: what every list allows, no pattern within another, in the order of the first list.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostPattern> {
        let mut lists = self.target_hosts.iter().map(|list| list.value.as_slice());
        let Some(first) = lists.next() else { return Vec::new() };
        lists.fold(widest(first.to_vec()), |allowed, list| widest(allowed.iter().flat_map(|one| list.iter().filter_map(|two| one.and(two))).collect()))
    }
}

impl<T: PartialOrd> Limit<T> {
    /// The built-in limit stands in only where nobody has said anything, so the first that says something replaces it.
    fn tighten(&mut self, value: Option<T>, source: impl FnOnce() -> Source) {
        if let Some(value) = value
            && (self.source.is_none() || value < self.value)
        {
            *self = Self { value, source: Some(source()) };
        }
    }
}

impl Guardrail {
    fn path_for(&self, place: &Place) -> Option<&AppPath> {
        let here = self.environments.as_ref().is_none_or(|names| names.contains(&place.environment));
        self.on.iter().filter(|path| here && path.covers(&place.path)).max_by_key(|path| path.as_str().len())
    }
}

impl Policy {
    /// The limits that hold in `place`.
    #[must_use]
    pub fn limits(&self, place: &Place) -> Limits {
        let mut limits = Limits {
            max_vus: Limit { value: BUILT_IN_MAX_VUS, source: None },
            max_duration_s: Limit { value: BUILT_IN_MAX_DURATION_S, source: None },
            target_hosts: Vec::new(),
            lost_runners: Limit { value: LostRunners::Inconclusive, source: None },
        };
        for guardrail in &self.guardrails {
            let Some(path) = guardrail.path_for(place) else { continue };
            let source = || Source { guardrail: guardrail.name.clone(), path: path.clone() };
            limits.max_vus.tighten(guardrail.max_vus, source);
            limits.max_duration_s.tighten(guardrail.max_duration_s, source);
            limits.lost_runners.tighten(guardrail.lost_runners, source);
            if let Some(hosts) = &guardrail.target_hosts {
                limits.target_hosts.push(Limit { value: hosts.clone(), source: Some(source()) });
            }
        }
        limits
    }
    /// The guardrail that lets thresholds decide though runners were lost (“guardrail soak on /shop/”); `None`: nothing lets them.
    #[must_use]
    pub fn tolerates_lost_runners(&self, place: &Place) -> Option<String> {
        let limit = self.limits(place).lost_runners;
        (limit.value == LostRunners::Tolerate).then(|| from_text(limit.source.as_ref()))
    }
    /// The same for people: each limit with its guardrail, built-in ones included. Lost runners only where they are tolerated.
    #[must_use]
    pub fn guardrails_for(&self, place: &Place) -> Vec<GuardrailRow> {
        let limits = self.limits(place);
        let row = |kind: &str, limit: String, source: &Option<Source>| GuardrailRow {
            kind: kind.to_owned(),
            limit,
            name: source.as_ref().map_or_else(|| "built in".to_owned(), |source| source.guardrail.clone()),
            path: source.as_ref().map_or_else(AppPath::root, |source| source.path.clone()),
        };
        let mut rows = vec![
            row("max_vus", format!("{} VUs", limits.max_vus.value), &limits.max_vus.source),
            row("max_duration", duration_text(limits.max_duration_s.value), &limits.max_duration_s.source),
        ];
        rows.extend(limits.target_hosts.iter().map(|list| row("target_hosts", hosts_text(&list.value), &list.source)));
        if limits.target_hosts.is_empty() {
            rows.push(row("target_hosts", "no host".to_owned(), &None));
        }
        if limits.lost_runners.value == LostRunners::Tolerate {
            rows.push(row("lost_runners", "tolerated".to_owned(), &limits.lost_runners.source));
        }
        rows
    }
    /// Each rule and whether `facts` keep it.
    #[must_use]
    pub fn judge(&self, place: &Place, facts: &Facts) -> Vec<RuleRow> {
        let limits = self.limits(place);
        let mut rows = vec![judge_vus(&limits.max_vus, facts), judge_duration(&limits.max_duration_s, facts)];
        rows.extend(judge_hosts(&limits, facts));
        rows.push(judge_modules(facts));
        rows.extend(tolerated(&limits.lost_runners));
        rows
    }
    /// The only way to a permit for a launch: a grant, all guardrails kept, and an access of this very version of the policy.
    /// The permit is for `place`, whatever path and environment `resource` says.
    pub fn permit_launch(
        &self,
        access: &Access,
        operation: OperationId,
        place: &Place,
        resource: Resource,
        facts: &Facts,
    ) -> Result<Permit<LaunchRun>, LaunchRefused> {
        if access.policy_digest() != self.digest() {
            return Err(LaunchRefused::Outdated);
        }
        let grant = access.grant_for(Action::LaunchRun, place)?;
        let rules = self.judge(place, facts);
        if rules.iter().any(|rule| !rule.kept) {
            return Err(LaunchRefused::Rules(rules));
        }
        Ok(Permit::new(operation, access.actor().clone(), resource.at(place), Some(grant), self.digest.clone()))
    }
}

fn judge_vus(limit: &Limit<u32>, facts: &Facts) -> RuleRow {
    let kept = facts.max_vus <= limit.value;
    RuleRow {
        kind: "max_vus".into(),
        title: "Virtual users".into(),
        fact: format!("{} of {}", facts.max_vus, limit.value),
        from: from_text(limit.source.as_ref()),
        kept,
        sentence: broken(kept, || format!("The run would use {} virtual users; the limit here is {}. Choose fewer.", facts.max_vus, limit.value)),
    }
}

fn judge_duration(limit: &Limit<u32>, facts: &Facts) -> RuleRow {
    let kept = facts.duration_s.is_some_and(|seconds| seconds <= limit.value);
    let most = duration_text(limit.value);
    let fact = facts.duration_s.map_or_else(|| "no known end".to_owned(), duration_text);
    RuleRow {
        kind: "max_duration".into(),
        title: "Duration".into(),
        from: from_text(limit.source.as_ref()),
        kept,
        sentence: broken(kept, || match facts.duration_s {
            Some(_) => format!(
                "The run may take up to {fact}, with the time that its last iterations are given to end; the limit here is {most}. Choose a shorter one."
            ),
            None => format!("It is not known when the run would end; the limit here is {most}. Give it a duration."),
        }),
        fact: if facts.duration_s.is_some() { format!("{fact} of {most}") } else { format!("{fact}, limit {most}") },
    }
}

fn judge_hosts(limits: &Limits, facts: &Facts) -> Vec<RuleRow> {
    let targets = facts.target_hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let row = |from: String, kept: bool, sentence: String| RuleRow {
        kind: "target_hosts".into(),
        title: "Target hosts".into(),
        fact: if targets.is_empty() { "no target".to_owned() } else { targets.clone() },
        from,
        kept,
        sentence,
    };
    if limits.target_hosts.is_empty() {
        let sentence = "No guardrail names a host for this app, and without one no host is allowed. Ask for a guardrail with target_hosts.";
        return vec![row(from_text(None), false, sentence.to_owned())];
    }
    let lists = limits.target_hosts.iter().map(|list| {
        let outside: Vec<String> =
            facts.target_hosts.iter().filter(|target| !list.value.iter().any(|pattern| pattern.matches(target))).map(ToString::to_string).collect();
        let kept = outside.is_empty() && !facts.target_hosts.is_empty();
        let sentence = broken(kept, || {
            if outside.is_empty() {
                "It is not known which host the run would load. Give the app a target.".to_owned()
            } else {
                format!(
                    "{} is not allowed; allowed here: {}. Correct the target of the app, or ask for a guardrail that names it.",
                    outside.join(", "),
                    hosts_text(&list.value)
                )
            }
        });
        row(from_text(list.source.as_ref()), kept, sentence)
    });
    lists.collect()
}

fn judge_modules(facts: &Facts) -> RuleRow {
    let forbidden: Vec<&str> = facts.modules.iter().map(String::as_str).filter(|module| is_forbidden(module)).collect();
    let kept = forbidden.is_empty();
    RuleRow {
        kind: "modules".into(),
        title: "k6 modules".into(),
        fact: if kept { "no browser".to_owned() } else { forbidden.join(", ") },
        from: from_text(None),
        kept,
        sentence: broken(kept, || {
            format!("{} opens connections that cannot be held to the allowed hosts, so no run may use it. Write the test with k6/http.", forbidden.join(", "))
        }),
    }
}

/// No launch breaks it: it tells beforehand how the run will be judged, where that is not as anybody would expect.
fn tolerated(limit: &Limit<LostRunners>) -> Option<RuleRow> {
    (limit.value == LostRunners::Tolerate).then(|| RuleRow {
        kind: "lost_runners".into(),
        title: "Lost runners".into(),
        fact: "tolerated".into(),
        from: from_text(limit.source.as_ref()),
        kept: true,
        sentence: String::new(),
    })
}

/// The module itself, and anything below it (`k6/browser/async`) or its old name.
fn is_forbidden(module: &str) -> bool {
    let name = module.strip_prefix("k6/experimental/").map_or_else(|| module.to_owned(), |rest| format!("k6/{rest}"));
    FORBIDDEN_MODULES.iter().any(|forbidden| name.strip_prefix(forbidden).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Without those that lie in another one.
pub(crate) fn widest(patterns: Vec<HostPattern>) -> Vec<HostPattern> {
    let mut kept: Vec<HostPattern> = Vec::new();
    for pattern in patterns {
        if !kept.iter().any(|wide| wide.includes(&pattern)) {
            kept.retain(|narrow| !pattern.includes(narrow));
            kept.push(pattern);
        }
    }
    kept
}

fn broken(kept: bool, sentence: impl FnOnce() -> String) -> String {
    if kept { String::new() } else { sentence() }
}

fn from_text(source: Option<&Source>) -> String {
    source.map_or_else(|| "built in".to_owned(), |source| format!("guardrail {} on {}", source.guardrail, source.path))
}

pub(crate) fn hosts_text(patterns: &[HostPattern]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// “10 min”, “90 s”, “1 h 30 min”.
pub(crate) fn duration_text(seconds: u32) -> String {
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if seconds < 120 && rest != 0 || seconds == 0 {
        return format!("{seconds} s");
    }
    let parts = [(hours, "h"), (minutes, "min"), (rest, "s")];
    parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number} {unit}")).collect::<Vec<_>>().join(" ")
}

fn broken_text(rules: &[RuleRow]) -> String {
    rules.iter().filter(|rule| !rule.kept).map(|rule| rule.sentence.as_str()).collect::<Vec<_>>().join(" ")
}
