//! The questions as they go over the wire, each once, several at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::StreamExt as _;
use http::{Request, StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use super::{Lack, Question};
use crate::{
    account::Account,
    accounts,
    call::{self, Call},
    cluster::Cluster,
    clusters::Impersonation,
    error::ClusterError,
    refusal::Side,
};

/// Questions under way at once: a sweep is done in seconds all the same, and whoever else asks the API server meanwhile waits for few.
const AT_ONCE: usize = 4;
/// The longest wait that an API server may ask for before a question is given up.
const LONGEST_WAIT_S: u64 = 5;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    /// Whether the cluster knows TestRuns at all.
    TestRuns,
    Presence(Account),
    May(May),
}

/// Whether somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct May {
    /// None: the portal itself.
    account: Option<Account>,
    namespace: String,
    verb: String,
    group: &'static str,
    resource: &'static str,
    part: &'static str,
    name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// With the API server's reason, if it gave one.
    Yes(String),
    Uid(String),
    /// With the API server's reason, if it gave one.
    No(String),
    Unanswered(String),
}

impl Ask {
    /// All that must be true for a question to be answered with yes.
    pub(super) fn all_of(question: &Question, impersonation: Impersonation) -> Vec<Self> {
        let Question { account, namespace, right, name } = question;
        let own = May {
            account: Some(account.clone()),
            namespace: namespace.clone(),
            verb: right.verb.to_owned(),
            group: right.group,
            resource: right.resource,
            part: right.part,
            name: name.clone(),
        };
        let become_it = |verb: &str, group| May {
            account: None,
            namespace: account.namespace().to_owned(),
            verb: verb.to_owned(),
            group,
            resource: "serviceaccounts",
            part: "",
            name: Some(account.name().to_owned()),
        };
        let portal = match impersonation {
            Impersonation::Constrained => {
                let on = May { account: None, verb: format!("impersonate-on:serviceaccount:{}", right.verb), ..own.clone() };
                vec![become_it("impersonate:serviceaccount", "authentication.k8s.io"), on]
            }
            Impersonation::Legacy => vec![become_it("impersonate", "")],
        };
        [Self::TestRuns, Self::Presence(account.clone())].into_iter().chain(portal.into_iter().map(Self::May)).chain([Self::May(own)]).collect()
    }
}

impl May {
    pub(super) const fn is_of_account(&self) -> bool {
        self.account.is_some()
    }
    pub(super) fn lacking(&self, reason: &str, needed_for: &str) -> Lack {
        // Without this one nothing at all works, whichever question it was asked for.
        let becoming = self.account.is_none() && self.resource == "serviceaccounts" && self.verb.starts_with("impersonate") && !self.verb.contains("-on:");
        Lack {
            side: if self.account.is_some() { Side::Account } else { Side::Portal },
            namespace: self.namespace.clone(),
            verb: self.verb.clone(),
            group: self.group.to_owned(),
            resource: if self.part.is_empty() { self.resource.to_owned() } else { format!("{}/{}", self.resource, self.part) },
            name: self.name.clone(),
            reason: reason.to_owned(),
            needed_for: if becoming { "for everything that is done as this account".to_owned() } else { needed_for.to_owned() },
        }
    }
    /// A SubjectAccessReview for an account, a SelfSubjectAccessReview for the portal. As RBAC binds groups too, an account's are told.
    fn review(&self) -> (&'static str, serde_json::Value) {
        let mut attributes = json!({
            "namespace": self.namespace, "verb": self.verb, "group": self.group, "resource": self.resource,
            "subresource": self.part, "name": self.name.as_deref().unwrap_or_default(),
        });
        if let Some(fields) = attributes.as_object_mut() {
            fields.retain(|_, value| *value != "");
        }
        match &self.account {
            Some(account) => {
                let groups =
                    ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{}", account.namespace()), "system:authenticated".to_owned()];
                ("SubjectAccessReview", json!({ "user": account.user(), "groups": groups, "resourceAttributes": attributes }))
            }
            None => ("SelfSubjectAccessReview", json!({ "resourceAttributes": attributes })),
        }
    }
}

/// Asks one cluster.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    cluster: &'a Arc<Cluster>,
    /// Once the cluster is away, the rest is not asked.
    away: OnceLock<String>,
}

impl<'a> Asker<'a> {
    pub(super) const fn new(cluster: &'a Arc<Cluster>) -> Self {
        Self { cluster, away: OnceLock::new() }
    }
    pub(super) async fn all(&self, asks: BTreeSet<Ask>) -> BTreeMap<Ask, Answer> {
        let answered = futures::stream::iter(asks).map(|ask| async move {
            let answer = self.answer(&ask).await;
            (ask, answer)
        });
        answered.buffer_unordered(AT_ONCE).collect().await
    }
    async fn answer(&self, ask: &Ask) -> Answer {
        if let Some(why) = self.away.get() {
            return Answer::Unanswered(why.clone());
        }
        let mut asked = self.once(ask).await;
        if let Err(ClusterError::Throttled { retry_after_s, .. }) = asked {
            tokio::time::sleep(Duration::from_secs(retry_after_s.min(LONGEST_WAIT_S))).await;
            asked = self.once(ask).await;
        }
        asked.unwrap_or_else(|error| {
            // What the connection says is for those who look after the portal, and they read it where it stands that the cluster is away.
            let why = match &error {
                ClusterError::Unreachable { cluster, .. } => format!("Cluster {cluster} cannot be reached."),
                error => error.to_string(),
            };
            if error.is_outage() {
                // Another one may have said so already.
                let _ = self.away.set(why.clone());
            }
            Answer::Unanswered(why)
        })
    }
    async fn once(&self, ask: &Ask) -> Result<Answer, ClusterError> {
        match ask {
            Ask::TestRuns => self.test_runs().await,
            Ask::Presence(account) => match accounts::look(self.cluster, account).await {
                Ok(uid) => Ok(Answer::Uid(uid)),
                Err(ClusterError::GhostAccount { .. }) => Ok(Answer::No(String::new())),
                Err(error) => Err(error),
            },
            Ask::May(may) => self.review(may).await,
        }
    }
    /// What the cluster knows of k6-operator's kinds. Every account of a cluster may read that, unless somebody took it away.
    async fn test_runs(&self) -> Result<Answer, ClusterError> {
        let request = Request::get("/apis/k6.io/v1alpha1").body(Vec::new()).map_err(|error| ClusterError::Request(error.to_string()))?;
        let answer = call::exchange(self.cluster, Call::of(request)).await?;
        Ok(match answer.status {
            StatusCode::OK => Kinds::obstacle(Some(&answer.read(self.cluster)?), self.cluster.name().as_str()),
            StatusCode::NOT_FOUND => Kinds::obstacle(None, self.cluster.name().as_str()),
            // Not a word about TestRuns: the launch itself will tell.
            _ => None,
        }
        .map_or_else(|| Answer::Yes(String::new()), Answer::No))
    }
    async fn review(&self, may: &May) -> Result<Answer, ClusterError> {
        #[derive(serde::Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            allowed: bool,
            #[serde(default)]
            reason: String,
            #[serde(default)]
            evaluation_error: String,
        }
        let (kind, spec) = may.review();
        let body = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec });
        let body = serde_json::to_vec(&body).map_err(|error| ClusterError::Request(error.to_string()))?;
        let path = format!("/apis/authorization.k8s.io/v1/{}s", kind.to_lowercase());
        let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(body).map_err(|error| ClusterError::Request(error.to_string()))?;
        let Review { status } = call::send(self.cluster, Call::of(request)).await?.read(self.cluster)?;
        Ok(match status {
            Status { allowed: true, reason, .. } => Answer::Yes(reason),
            Status { reason, evaluation_error, .. } => Answer::No(if reason.is_empty() { evaluation_error } else { reason }),
        })
    }
}

/// The kinds of one version of a group, as discovery lists them.
#[derive(serde::Deserialize)]
struct Kinds {
    resources: Vec<KindRow>,
}

#[derive(serde::Deserialize)]
struct KindRow {
    name: String,
}

impl Kinds {
    /// Why a run cannot even be ordered, in a sentence.
    fn obstacle(known: Option<&Self>, cluster: &str) -> Option<String> {
        let mend = "Those who run the cluster can install the operator with its CRDs.";
        match known {
            None => {
                Some(format!("Cluster {cluster} does not know TestRuns (k6.io/v1alpha1): k6-operator is not installed there, or its CRDs are gone. {mend}"))
            }
            Some(kinds) if !kinds.resources.iter().any(|kind| kind.name == "testruns") => {
                Some(format!("Cluster {cluster} knows k6-operator's older kinds and no TestRuns: its k6-operator is too old. {mend}"))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::RUN_RIGHTS;

    fn question(account: &str) -> Question {
        Question::of_a_run(&account.parse().unwrap()).next().unwrap()
    }

    #[test]
    fn a_right_is_asked_of_the_account_and_of_the_portal() {
        let verbs = |impersonation| {
            let asks = Ask::all_of(&question("a/b"), impersonation);
            asks.into_iter().filter_map(|ask| if let Ask::May(may) = ask { Some(may.verb) } else { None }).collect::<Vec<_>>()
        };
        assert_eq!(verbs(Impersonation::Constrained), ["impersonate:serviceaccount", "impersonate-on:serviceaccount:create", "create"]);
        assert_eq!(verbs(Impersonation::Legacy), ["impersonate", "create"]);
    }

    #[test]
    fn what_is_the_same_is_asked_once() {
        let questions = ["a/b", "a/c"].iter().flat_map(|account| Question::of_a_run(&account.parse().unwrap()));
        let asks: BTreeSet<Ask> = questions.flat_map(|question| Ask::all_of(&question, Impersonation::Constrained)).collect();
        let rights = RUN_RIGHTS.len();
        // the kinds once; presence and becoming, for each account; the rights of each account; of the portal once, as the namespace is the same
        assert_eq!(asks.len(), 1 + 2 + 2 + 2 * rights + rights);
    }

    #[test]
    fn a_cluster_without_test_runs_is_told_and_one_with_older_kinds_too() {
        let kinds = |text: &str| serde_json::from_str::<Kinds>(text).unwrap();
        let new = kinds(
            r#"{"kind":"APIResourceList","groupVersion":"k6.io/v1alpha1","resources":[{"name":"testruns","verbs":["create"]},{"name":"testruns/status"}]}"#,
        );
        let old = kinds(r#"{"kind":"APIResourceList","groupVersion":"k6.io/v1alpha1","resources":[{"name":"k6s","verbs":["create"]}]}"#);
        assert_eq!(Kinds::obstacle(Some(&new), "home"), None);
        assert!(Kinds::obstacle(Some(&old), "home").unwrap().contains("too old"));
        assert!(Kinds::obstacle(None, "home").unwrap().contains("Cluster home does not know TestRuns"));
    }
}
