//! What is wrong with a policy file: where, in which field, why, and what to do about it.
//!
//! Knows only texts and positions. [`crate::compile`] finds the errors and returns all of them at once.

use std::fmt;

use windfirm_model::path::PathError;

/// A place in the file. Both count from 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// One error in a policy file. Displayed as `policy.yaml:12:7: grants[0].role: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    pub file: String,
    pub at: Position,
    /// `grants[0].to[1].group`; empty when it concerns the whole file.
    pub field: String,
    pub problem: Problem,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.at.line, self.at.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.problem)
    }
}
impl std::error::Error for PolicyError {}

/// What can be wrong. Each text says what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the file has {bytes} bytes; a policy has at most {limit}. Split the portal, or grant to fewer, larger groups")]
    TooLarge { bytes: usize, limit: usize },
    #[error("this is nested more than {limit} levels deep; no policy needs that. Remove the extra brackets or indentation")]
    TooDeep { limit: usize },
    #[error("there is nothing in the file; an empty policy would lock everybody out. Start with “apiVersion: windfirm.dev/v1”")]
    Empty,
    #[error("this is not YAML: {0}. Nothing after this place was read; correct it and check again")]
    Syntax(String),
    #[error("a second document starts here; a policy is one document. Remove the “---”, or the second part")]
    SecondDocument,
    #[error(
        "anchors and aliases (“&name”, “*name”) are not read in policies, so that each rule says all of itself. Write the value out; quote a text that starts with “*” or “&”"
    )]
    Anchor,
    #[error("the tag “{0}” is not read in policies. Remove it")]
    Tag(String),
    #[error("a key must be a plain text. Write “name: value”")]
    KeyNotText,
    #[error("“{key}” stands here a second time (first in line {first_line}); one of the two would be lost. Remove or rename one")]
    DuplicateKey { key: String, first_line: usize },
    #[error("“{key}” is not known here, and would silently do nothing. Known: {known}")]
    UnknownKey { key: String, known: String },
    #[error("“{key}” is missing; it is needed here. Add it")]
    Missing { key: &'static str },
    #[error("this is {found}, but must be {expected}. {hint}")]
    WrongType { expected: &'static str, found: &'static str, hint: &'static str },
    #[error("this must be “{expected}”, because that is the form that this version reads; it is “{found}”. Correct it, or use a Windfirm that reads it")]
    WrongHeader { expected: &'static str, found: String },
    #[error("this list is empty, and so the rule would never hold. {hint}")]
    EmptyList { hint: &'static str },
    #[error("there are {count} {what}; at most {limit} are read. Use fewer, wider ones")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("“{name}” cannot be a name: {why}. Choose another")]
    BadName { name: String, why: &'static str },
    #[error("“{text}” has a wildcard; {what} are named one by one, so that nobody gets more than was meant. {hint}")]
    Wildcard { text: String, what: &'static str, hint: &'static str },
    #[error("the {what} “{name}” exists already (line {first_line}); a decision could not say which one it came from. Rename one")]
    DuplicateName { what: &'static str, name: String, first_line: usize },
    #[error("“{value}” stands twice in this list. Remove one")]
    Repeated { value: String },
    #[error("there is no role “{name}”. Known: {known}")]
    UnknownRole { name: String, known: String },
    #[error("there is no action “{name}”. Known: {known}")]
    UnknownAction { name: String, known: String },
    #[error("no environment rule gives “{name}”, so this would never hold. Known: {known}")]
    UnknownEnvironment { name: String, known: String },
    #[error("roles include each other in a circle: {chain}. Remove one of these includes")]
    RoleCycle { chain: String },
    #[error("role “{name}” can do nothing. Give it “can” or “includes”, or remove it")]
    EmptyRole { name: String },
    #[error("{0}")]
    BadPath(PathError),
    #[error("a subject is exactly one of “group” and “user”. Write {{ group: name }} or {{ user: \"issuer|subject\" }}")]
    BadSubject,
    #[error("“{0}” names no user: users are known by issuer and subject, never by e-mail. Write \"https://idp.example|subject\"")]
    BadUser(String),
    #[error("role “{role}” may {action}, which reaches a cluster, but this grant names no service account to do it as. Add “as: namespace/name”")]
    NeedsAccount { role: String, action: &'static str },
    #[error("“{0}” is no service account. Write “namespace/name”, both in the lower-case form of Kubernetes")]
    BadAccount(String),
    #[error("{found} is out of range; this must be a whole number from {least} to {most}")]
    OutOfRange { found: String, least: u32, most: u32 },
    #[error("“{text}” is none of the choices here. Write {known}")]
    UnknownChoice { text: String, known: String },
    #[error("“{0}” is no duration. Write a whole number with h, m or s, such as 90s, 10m or 1h30m; at least 1s")]
    BadDuration(String),
    #[error("“{text}” is no host pattern: {why}. Write host:port, *.domain:port, address:* or [IPv6 address]:port")]
    BadHost { text: String, why: &'static str },
    #[error("the last environment rule does not match every app, so that an app could end up in none. Add a last rule with match: {{ namespace: \"*\" }}")]
    NoCatchAll,
    #[error("this rule is never reached, because “{by}” in line {line} already matches every app. Move it up, or remove it")]
    NeverReached { by: String, line: usize },
    #[error(
        "this allows more ({wider}) than guardrail “{by}” on {path} ({tighter}), which holds here too; the tightest wins, so this would do nothing. Tighten it, or loosen “{by}”"
    )]
    Loosens { wider: String, tighter: String, by: String, path: String },
    #[error("guardrail “{name}” limits nothing. Add max_vus, max_duration, target_hosts or lost_runners, or remove it")]
    NoLimit { name: String },
    #[error("“{text}” is no {what}: {form}. Copy it from the cloud's own console")]
    BadIdentity { text: String, what: &'static str, form: &'static str },
    #[error(
        "environment “{environment}” has “{key}” already, as “{first}”; a service account can carry one value only. Give the same value, or another name to one of the environments"
    )]
    OtherIdentity { environment: String, key: String, first: String },
    #[error(
        "runs of {one} and of {other} would both be {account}, but these environments give different annotations, and a service account has one set of them. Name another account for one of the two"
    )]
    MixedIdentities { account: String, one: String, other: String },
    #[error(
        "“{0}” cannot name a Secret. Write its name alone, in the lower-case form of Kubernetes; it lives in the namespace of the account that runs act as"
    )]
    BadSecret(String),
    #[error("“{0}” cannot be a key of a Secret. Keys are letters, digits, “-”, “_” and “.”; look with kubectl describe secret")]
    BadSecretKey(String),
    #[error("“{name}” cannot be a variable of a test: {why}. Choose another name, and use it in the script as __ENV.NAME")]
    BadVariable { name: String, why: &'static str },
    #[error(
        "“{by}” in line {line} gives “{name}” already to tests that this rule holds for, and they could get one of the two only. Choose another name, or make one of the rules narrower"
    )]
    VariableTwice { name: String, by: String, line: usize },
    #[error("there are more errors than the first {limit}; correct these and check again")]
    MoreErrors { limit: usize },
}
