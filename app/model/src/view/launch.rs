//! The launch form and its live verdict.

use serde::{Deserialize, Serialize};

use crate::{
    environment::Environment,
    path::AppPath,
    run::Profile,
    view::{
        access::DecisionRow,
        app::{Target, TestRow},
        run::SecretUse,
        tree::TreeRevision,
    },
};

/// The longest reason and the longest list of variables, in characters: what the form takes, and what the portal takes of it.
pub const MAX_REASON_CHARACTERS: usize = 500;
pub const MAX_ENV_CHARACTERS: usize = 20_000;

/// What a launch asks for. Texts as they were typed: judging says what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchRequest {
    pub path: String,
    /// Path of the script in the repository.
    pub test: String,
    pub profile: String,
    /// Empty: as the profile says. Whole number.
    pub vus: String,
    /// Empty: as the profile says. `90s`, `6m`, `1h`.
    pub duration: String,
    /// Empty: one. Whole number; only where the app runs in a cluster.
    pub runners: String,
    /// Empty: at once. A Secret of the tests: when it is changed.
    pub after: String,
    /// `NAME=value` lines.
    pub env: String,
    pub reason: String,
    /// Made with the form: the same form sent twice is one run.
    pub once: String,
    /// Names of fields, separated by commas, whose text was too long to be carried back into the form whole. Never judged.
    pub cut: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaunchForm {
    pub path: AppPath,
    pub name: String,
    pub environment: Environment,
    pub tests: Vec<TestRow>,
    pub target: Target,
    pub revision: TreeRevision,
    /// The commit that runs in the app's cluster, where the tests are from that one and not from `revision`.
    #[serde(default)]
    pub tests_at: Option<String>,
    /// Why they are not from it, though it is another one.
    #[serde(default)]
    pub tests_problem: Option<String>,
    /// Which grant decides, and as which account.
    pub decision: DecisionRow,
    pub allowed: bool,
    /// The cluster that it is carried out in; `None`: on the portal's own machine.
    #[serde(default)]
    pub cluster: Option<String>,
    /// What its tests get of Secrets, in order of variable.
    #[serde(default)]
    pub secrets: Vec<SecretUse>,
    pub request: LaunchRequest,
    pub judgement: Judgement,
    pub profiles: Vec<ProfileRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    pub profile: Profile,
    pub sentence: String,
}

/// The guardrails' answer to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Everything is kept and every field is good: the run may start.
    pub may_start: bool,
    /// k6 had not answered yet when this was drawn; asking again brings its answer.
    pub pending: bool,
    /// One sentence: “4 rules are kept”, “2 rules refuse this”.
    pub sentence: String,
    pub rules: Vec<RuleRow>,
    /// Field name, sentence: input that cannot be taken.
    pub fields: Vec<(String, String)>,
    /// What k6 said it would do with this request.
    pub max_vus: Option<u32>,
    /// The longest that it may take, with the time that iterations are given to end: what guardrails judge.
    pub duration_s: Option<u32>,
    /// How long it takes when every iteration ends in time.
    pub planned_s: Option<u32>,
    /// All places are taken: it waits for one. Not how many wait before it, which would tell what other teams do.
    pub waits: bool,
    pub policy_digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// `max_vus`, `max_duration`, `target_hosts`, `modules`; `lost_runners` where they are tolerated.
    pub kind: String,
    pub title: String,
    /// “20 of 50”.
    pub fact: String,
    /// Name of the guardrail and where it comes from.
    pub from: String,
    pub kept: bool,
    /// When broken: what to do.
    pub sentence: String,
}
