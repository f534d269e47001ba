//! A refusal by the API server, and whose right was missing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::Account;

/// Who lacks the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The portal may not do this, or may not act as the account.
    Portal,
    /// The account itself may not do this.
    Account,
    /// Both may, but a rule of the cluster forbids it: a quota, pod security, an admission policy, a namespace that is being deleted.
    ClusterRule,
}

/// The API server said no (403).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub side: Side,
    pub cluster: String,
    /// Whom the portal acted as; none when it asked as itself.
    pub account: Option<Account>,
    /// The API server's own words.
    pub sentence: String,
    /// Names the request in the API server's audit log.
    pub audit_id: Option<String>,
}

impl Refusal {
    /// Whether it says nothing but that the cluster has not counted yet what a quota is about, as in the first minutes of a quota.
    pub(crate) fn is_passing(&self) -> bool {
        self.side == Side::ClusterRule && self.sentence.contains("status unknown for quota")
    }
    /// Reads the side from the sentence. RBAC says `User "…" cannot VERB resource …`, about the portal when it may not impersonate, about
    /// the account when that lacks the right; whatever says otherwise came after both, from admission.
    pub(crate) fn side_of(sentence: &str, account: Option<&Account>) -> Side {
        match account {
            Some(account) if sentence.contains(&format!("User \"{}\" cannot ", account.user())) => Side::Account,
            _ if sentence.contains("User \"") && sentence.contains("\" cannot ") => Side::Portal,
            _ => Side::ClusterRule,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, sentence, .. } = self;
        match (self.side, &self.account) {
            (Side::Portal, Some(account)) => {
                write!(f, "Cluster {cluster} does not let the portal act as {account} for this: {sentence}. ")?;
                write!(f, "Somebody who administers namespace {} can apply what `windfirm policy render` writes for the portal.", account.namespace())
            }
            (Side::Account, Some(account)) => {
                write!(f, "In cluster {cluster} the account {account} may not do this: {sentence}. ")?;
                write!(f, "Somebody who administers namespace {} can give it the right; `windfirm policy render` writes the role.", account.namespace())
            }
            (Side::ClusterRule, _) => {
                write!(f, "A rule of cluster {cluster} forbids this: {sentence}. ")?;
                write!(f, "Rights are not the matter; ask those who run the cluster about the rule that is named.")
            }
            (Side::Portal | Side::Account, None) => {
                write!(f, "Cluster {cluster} does not let the portal's own account do this: {sentence}. ")?;
                write!(f, "Somebody who administers the cluster can apply what `windfirm policy render` writes for the portal.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sentences of a real API server, version 1.36.1.
    #[test]
    fn the_side_is_read_from_what_the_api_server_says() {
        let account: Account = "shop-dev/loadtest".parse().unwrap();
        let cases = [
            (
                r#"serviceaccounts.authentication.k8s.io "loadtest" is forbidden: User "system:serviceaccount:windfirm:portal" cannot impersonate:serviceaccount resource "serviceaccounts" in API group "authentication.k8s.io" in the namespace "shop-dev""#,
                Side::Portal,
            ),
            (
                r#"services is forbidden: User "system:serviceaccount:windfirm:portal" cannot impersonate-on:serviceaccount:list resource "services" in API group "" in the namespace "shop-dev""#,
                Side::Portal,
            ),
            (
                r#"serviceaccounts "loadtest" is forbidden: User "system:serviceaccount:windfirm:portal" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "shop-dev""#,
                Side::Portal,
            ),
            (
                r#"testruns.k6.io is forbidden: User "system:serviceaccount:shop-dev:loadtest" cannot create resource "testruns" in API group "k6.io" in the namespace "shop-dev": RBAC: role.rbac.authorization.k8s.io "gone" not found"#,
                Side::Account,
            ),
            (r#"pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2"#, Side::ClusterRule),
            (r#"configmaps "x" is forbidden: unable to create new content in namespace a because it is being terminated"#, Side::ClusterRule),
            (
                r#"testruns.k6.io "x" is forbidden: ValidatingAdmissionPolicy 'own-account' with binding 'b' denied request: runners run as the account that created them"#,
                Side::ClusterRule,
            ),
        ];
        for (sentence, side) in cases {
            assert_eq!(Refusal::side_of(sentence, Some(&account)), side, "{sentence}");
        }
        let own =
            r#"configmaps is forbidden: User "system:serviceaccount:windfirm:portal" cannot create resource "configmaps" in API group "" in the namespace "a""#;
        assert_eq!(Refusal::side_of(own, None), Side::Portal);
    }

    #[test]
    fn what_is_not_counted_yet_passes_and_what_is_used_up_does_not() {
        let refused = |sentence: &str| Refusal { side: Side::ClusterRule, cluster: "home".into(), account: None, sentence: sentence.into(), audit_id: None };
        assert!(refused(r#"testruns.k6.io "x" is forbidden: status unknown for quota: windfirm-runs, resources: count/testruns.k6.io"#).is_passing());
        assert!(!refused(r#"testruns.k6.io "x" is forbidden: exceeded quota: windfirm-runs"#).is_passing());
    }

    #[test]
    fn a_refusal_says_what_why_and_who_can_mend_it() {
        let refusal = Refusal {
            side: Side::Account,
            cluster: "here".into(),
            account: Some("shop-dev/loadtest".parse().unwrap()),
            sentence: "testruns.k6.io is forbidden".into(),
            audit_id: None,
        };
        let text = refusal.to_string();
        assert!(text.contains("shop-dev/loadtest may not do this: testruns.k6.io is forbidden."), "{text}");
        assert!(text.contains("administers namespace shop-dev"), "{text}");
    }
}
