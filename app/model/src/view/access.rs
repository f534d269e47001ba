//! Who may do what, and why: the answer of the policy with its whole chain.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, environment::Environment, path::AppPath, view::cluster::AccountFindings};

/// One action on one app, decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRow {
    /// `run.launch`.
    pub action: String,
    pub sentence: String,
    pub allowed: bool,
    pub decision: DecisionRow,
}

/// The chain behind a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRow {
    /// The group or user entry that matched; absent when refused.
    pub subject: Option<String>,
    pub grant: Option<String>,
    pub role: Option<String>,
    pub path: Option<String>,
    pub service_account: Option<String>,
    /// One sentence, also when refused.
    pub why: String,
}

/// The access page: may somebody do something here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessQuery {
    pub path: Option<String>,
    pub action: Option<String>,
    /// `iss|sub` of another person, only with `access.explain`; absent means the asker.
    pub person: Option<String>,
    /// Groups to try, separated by commas; only with `access.explain`.
    pub groups: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPage {
    pub query: AccessQuery,
    /// Whose access is shown.
    pub person: String,
    pub groups: Vec<String>,
    pub groups_unknown: Option<String>,
    pub may_explain_others: bool,
    /// Roles and grants that hold for this person.
    pub grants: Vec<GrantRow>,
    /// Set when an app was asked for and may be seen.
    pub app: Option<(AppPath, Environment)>,
    pub actions: Vec<ActionRow>,
    pub policy: PolicyVersion,
    /// What clusters answered of service accounts: those that the asker's own grants name, or all for those who may explain access
    /// everywhere. Empty where no cluster is asked.
    #[serde(default)]
    pub accounts: Vec<AccountFindings>,
    #[serde(default)]
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRow {
    pub name: String,
    pub subject: String,
    pub role: String,
    pub can: Vec<String>,
    pub on: Vec<AppPath>,
    /// Empty: all environments.
    pub environments: Vec<Environment>,
    pub service_account: Option<String>,
}

/// Which policy decides: what everybody may know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    pub digest: String,
    pub since: Timestamp,
    /// A newer file has errors and was refused; the one in force stays. What the errors are stands in [`PolicyPage`] alone, because
    /// they quote the file.
    pub newer_refused: bool,
}

/// The policy page, for those who may read the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyPage {
    pub version: PolicyVersion,
    /// The errors of a newer file that was refused; empty when there is none.
    pub refused: Vec<String>,
    pub file: String,
    pub text: String,
    pub grants: Vec<GrantRow>,
    pub roles: Vec<(String, Vec<String>)>,
}
