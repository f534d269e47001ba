//! What the accounts may do, asked beforehand: plain data for pages and commands.
//!
//! Every question is a review that the API server's own authorisers answer, asked as the portal. It is a forecast only: the API server
//! decides again at each call.

mod ask;
mod rights;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use windfirm_model::clock::Timestamp;

use crate::{account::Account, cluster::Cluster, refusal::Side};
use ask::{Answer, Ask, Asker};
pub use rights::{RUN_RIGHTS, Right, SECRET_RIGHT};

/// One thing that an account must be able to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    pub account: Account,
    pub namespace: String,
    pub right: Right,
    /// Of one object only.
    pub name: Option<String>,
}

impl Question {
    /// All that a run as this account needs.
    pub fn of_a_run(account: &Account) -> impl Iterator<Item = Self> + use<> {
        let account = account.clone();
        RUN_RIGHTS.iter().map(move |&right| Self { account: account.clone(), namespace: account.namespace().to_owned(), right, name: None })
    }
    /// What is asked of one Secret that its runs get.
    #[must_use]
    pub fn of_secret(account: &Account, secret: &str) -> Self {
        Self { account: account.clone(), namespace: account.namespace().to_owned(), right: SECRET_RIGHT, name: Some(secret.to_owned()) }
    }
}

/// The result of one sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    pub cluster: String,
    /// When it was asked: the age of all that stands here.
    pub asked: Timestamp,
    pub took_ms: u64,
    /// Reviews that were sent.
    pub reviews: usize,
    /// In order of account.
    pub accounts: Vec<Findings>,
}

/// What was found of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    pub account: Account,
    pub presence: Presence,
    pub lacks: Vec<Lack>,
    /// Why questions have no answer, each reason once. Without an answer nothing is taken for allowed.
    pub unanswered: Vec<String>,
    /// Why no run at all can be carried out in this cluster, whatever the account may do; `None`: nothing is known to be in the way.
    #[serde(default)]
    pub obstacle: Option<String>,
    /// What the API server says why the account may do what it may, each reason once: it names the bindings.
    #[serde(default)]
    pub because: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Presence {
    Exists {
        uid: String,
    },
    Missing,
    /// The question has no answer.
    Unknown,
}

/// A right that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    pub side: Side,
    pub namespace: String,
    /// As RBAC has it; for the portal's side with `impersonate`.
    pub verb: String,
    /// Empty for the core group.
    pub group: String,
    /// With its part: `pods/log`.
    pub resource: String,
    pub name: Option<String>,
    /// What the API server says why; empty when simply nothing gives the right. It names a binding whose role is gone.
    pub reason: String,
    /// What does not work without it.
    pub needed_for: String,
}

impl Preflight {
    /// Nothing is missing, and every question has its answer.
    #[must_use]
    pub fn is_green(&self) -> bool {
        self.accounts.iter().all(Findings::is_green)
    }
    /// Accounts of which something is known to be wrong, and those of which something is not known.
    #[must_use]
    pub fn lacking_and_unknown(&self) -> (u32, u32) {
        let (unknown, lacking): (Vec<_>, Vec<_>) = self.accounts.iter().filter(|findings| !findings.is_green()).partition(|findings| findings.is_unknown());
        let count = |findings: Vec<&Findings>| u32::try_from(findings.len()).unwrap_or(u32::MAX);
        (count(lacking), count(unknown))
    }
    #[must_use]
    pub fn of(&self, account: &Account) -> Option<&Findings> {
        self.accounts.iter().find(|findings| findings.account == *account)
    }
}

impl Findings {
    #[must_use]
    pub fn is_green(&self) -> bool {
        matches!(self.presence, Presence::Exists { .. }) && self.lacks.is_empty() && self.unanswered.is_empty() && self.obstacle.is_none()
    }
    /// Whether nothing is known to be wrong, and not everything is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        !self.is_green() && !matches!(self.presence, Presence::Missing) && self.lacks.is_empty() && self.obstacle.is_none()
    }
    /// What is wrong, a sentence each, for whoever wants to launch. Empty when all is well.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let missing = matches!(self.presence, Presence::Missing).then(|| {
            let (account, namespace) = (&self.account, self.account.namespace());
            format!("The service account {account} does not exist. Somebody who administers namespace {namespace} can create it.")
        });
        let unanswered = self.unanswered.iter().map(|why| format!("What {} may do is not known: {why}", self.account));
        self.obstacle.clone().into_iter().chain(missing).chain(self.lacking()).chain(unanswered).collect()
    }
    /// A sentence for each right, or for all that go together where there are many: who lost a whole binding reads one sentence.
    fn lacking(&self) -> Vec<String> {
        let mut together: BTreeMap<(Side, &str, &str), Vec<&Lack>> = BTreeMap::new();
        for lack in &self.lacks {
            together.entry((lack.side, &lack.namespace, &lack.reason)).or_default().push(lack);
        }
        let sentences = |lacks: Vec<&Lack>| match lacks.as_slice() {
            [first, _, _, ..] => vec![first.with_others(&self.account, &lacks)],
            few => few.iter().map(|lack| lack.sentence(&self.account)).collect(),
        };
        together.into_values().flat_map(sentences).collect()
    }
}

impl Lack {
    /// Which account lacks what, where, why, what it breaks, and who can mend it.
    #[must_use]
    pub fn sentence(&self, account: &Account) -> String {
        let Self { namespace, verb, resource, .. } = self;
        let of_group = self.of_group();
        let named = self.name.as_ref().map(|name| format!(" “{name}”")).unwrap_or_default();
        let (who, why) = (self.who(account), self.why());
        let needed_for = &self.needed_for;
        format!(
            "{who} may not {verb} {resource}{named}{of_group} in namespace {namespace}{why}. It is needed {needed_for}. Somebody who administers that namespace can give it back."
        )
    }
}

impl Lack {
    fn who(&self, account: &Account) -> String {
        match self.side {
            Side::Portal => format!("The portal, acting as {account},"),
            Side::Account | Side::ClusterRule => format!("The account {account}"),
        }
    }
    fn why(&self) -> String {
        if self.reason.is_empty() {
            return String::new();
        }
        // A binding whose role is gone. The API server names the role; which binding it is only those see who may read bindings.
        let gone = self.reason.split_once("role.rbac.authorization.k8s.io \"").and_then(|(_, rest)| rest.split_once("\" not found"));
        let dangling = gone.map(|(role, _)| format!("; a binding gives it the role “{role}”, which does not exist")).unwrap_or_default();
        format!(" ({}{dangling})", self.reason)
    }
    fn of_group(&self) -> String {
        if self.group.is_empty() { String::new() } else { format!(" of {}", self.group) }
    }
    /// The same for many that are missing for one reason in one namespace: verbs by resource, in the order in which runs need them.
    fn with_others(&self, account: &Account, lacks: &[&Self]) -> String {
        let mut by_resource: Vec<(String, Vec<&str>)> = Vec::new();
        for lack in lacks {
            let named = lack.name.as_ref().map(|name| format!(" “{name}”")).unwrap_or_default();
            let what = format!("{}{named}{}", lack.resource, lack.of_group());
            match by_resource.iter_mut().find(|(other, _)| *other == what) {
                Some((_, verbs)) => verbs.push(&lack.verb),
                None => by_resource.push((what, vec![&lack.verb])),
            }
        }
        let all = by_resource.iter().map(|(what, verbs)| format!("{} {what}", verbs.join(", "))).collect::<Vec<_>>().join("; ");
        let (who, namespace, why) = (self.who(account), &self.namespace, self.why());
        format!(
            "{who} lacks {} rights in namespace {namespace}{why}: {all}. Without them no run can be carried out there. Somebody who administers that namespace can give them back.",
            lacks.len()
        )
    }
}

/// Asks all questions. One sweep of a few hundred accounts takes seconds; questions that are the same are asked once.
pub async fn preflight(cluster: &Arc<Cluster>, questions: &[Question]) -> Preflight {
    let (asked, begun) = (cluster.now(), Instant::now());
    let asks = questions.iter().flat_map(|question| Ask::all_of(question, cluster.impersonation())).collect();
    let answers = Asker::new(cluster).all(asks).await;
    let mut accounts: BTreeMap<&Account, Findings> = BTreeMap::new();
    for question in questions {
        let findings = accounts.entry(&question.account).or_insert_with(|| Findings {
            account: question.account.clone(),
            presence: Presence::Unknown,
            lacks: Vec::new(),
            unanswered: Vec::new(),
            obstacle: None,
            because: Vec::new(),
        });
        for ask in Ask::all_of(question, cluster.impersonation()) {
            match (&ask, answers.get(&ask)) {
                (Ask::Presence(_), Some(Answer::Uid(uid))) => findings.presence = Presence::Exists { uid: uid.clone() },
                (Ask::Presence(_), Some(Answer::No(_))) => findings.presence = Presence::Missing,
                (Ask::TestRuns, Some(Answer::No(why))) => findings.obstacle = Some(why.clone()),
                (Ask::May(may), Some(Answer::Yes(reason))) if may.is_of_account() && !reason.is_empty() && !findings.because.contains(reason) => {
                    findings.because.push(reason.clone());
                }
                (Ask::May(may), Some(Answer::No(reason))) => {
                    let lack = may.lacking(reason, question.right.needed_for);
                    if !findings.lacks.iter().any(|other| other.right() == lack.right()) {
                        findings.lacks.push(lack);
                    }
                }
                (_, Some(Answer::Unanswered(why))) if !findings.unanswered.contains(why) => findings.unanswered.push(why.clone()),
                _ => {}
            }
        }
    }
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Preflight { cluster: cluster.name().to_string(), asked, took_ms, reviews: answers.len(), accounts: accounts.into_values().collect() }
}

impl Lack {
    /// What is missing, whatever for.
    fn right(&self) -> (Side, [&str; 4], Option<&str>) {
        (self.side, [&self.namespace, &self.verb, &self.group, &self.resource], self.name.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lack(side: Side, verb: &str, reason: &str) -> Lack {
        let (namespace, group, resource) = ("shop-dev".into(), "k6.io".into(), "testruns".into());
        Lack { side, namespace, verb: verb.into(), group, resource, name: None, reason: reason.into(), needed_for: "to start a run".into() }
    }

    fn well(account: Account) -> Findings {
        let presence = Presence::Exists { uid: "1".into() };
        Findings { account, presence, lacks: Vec::new(), unanswered: Vec::new(), obstacle: None, because: Vec::new() }
    }

    #[test]
    fn a_lack_says_who_what_where_why_and_what_it_breaks() {
        let account: Account = "shop-dev/loadtest".parse().unwrap();
        let reason = r#"RBAC: role.rbac.authorization.k8s.io "gone" not found"#;
        assert_eq!(
            lack(Side::Account, "create", reason).sentence(&account),
            "The account shop-dev/loadtest may not create testruns of k6.io in namespace shop-dev (RBAC: role.rbac.authorization.k8s.io \"gone\" not found; a binding gives it the role “gone”, which does not exist). \
             It is needed to start a run. Somebody who administers that namespace can give it back."
        );
        assert!(lack(Side::Portal, "impersonate", "").sentence(&account).starts_with("The portal, acting as shop-dev/loadtest, may not impersonate "));
    }

    #[test]
    fn many_that_went_together_are_one_sentence() {
        let account: Account = "shop-dev/loadtest".parse().unwrap();
        let lacks = ["create", "get", "delete"].map(|verb| lack(Side::Account, verb, "")).into_iter().chain([Lack {
            group: String::new(),
            resource: "pods/log".into(),
            ..lack(Side::Account, "get", "")
        }]);
        let findings = Findings { lacks: lacks.collect(), ..well(account) };
        assert_eq!(
            findings.sentences(),
            ["The account shop-dev/loadtest lacks 4 rights in namespace shop-dev: create, get, delete testruns of k6.io; get pods/log. \
              Without them no run can be carried out there. Somebody who administers that namespace can give them back."]
        );
        let few = Findings { lacks: findings.lacks.iter().take(2).cloned().collect(), ..findings.clone() };
        assert_eq!(few.sentences().len(), 2);
        let two_reasons = Findings { lacks: findings.lacks.iter().cloned().chain([lack(Side::Portal, "impersonate", "no")]).collect(), ..findings };
        assert_eq!(two_reasons.sentences().len(), 2);
    }

    #[test]
    fn nothing_is_green_without_an_answer() {
        let account: Account = "a/b".parse().unwrap();
        let mut findings = well(account);
        assert!(findings.is_green() && findings.sentences().is_empty());
        findings.unanswered.push("Cluster here gave no answer.".into());
        assert!(!findings.is_green());
        findings.unanswered.clear();
        findings.presence = Presence::Unknown;
        assert!(!findings.is_green());
    }

    #[test]
    fn a_cluster_that_cannot_run_anything_is_told_first_and_is_no_doubt() {
        let findings = Findings { obstacle: Some("No operator.".into()), lacks: vec![lack(Side::Account, "get", "")], ..well("a/b".parse().unwrap()) };
        assert!(!findings.is_green() && !findings.is_unknown());
        assert_eq!(findings.sentences().first().unwrap(), "No operator.");
        assert_eq!(findings.sentences().len(), 2);
    }

    #[test]
    fn a_result_is_plain_data() {
        let accounts = vec![Findings { presence: Presence::Missing, lacks: vec![lack(Side::Account, "get", "")], ..well("a/b".parse().unwrap()) }];
        let preflight = Preflight { cluster: "here".into(), asked: Timestamp::from_seconds(1), took_ms: 5, reviews: 3, accounts };
        let text = serde_json::to_string(&preflight).unwrap();
        assert_eq!(serde_json::from_str::<Preflight>(&text).unwrap(), preflight);
        assert!(text.contains(r#""side":"account""#) && text.contains(r#""state":"missing""#), "{text}");
    }
}
