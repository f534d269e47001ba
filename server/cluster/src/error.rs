//! What can go wrong with a cluster: what, why, and what to do, in words for people.

use crate::{account::Account, refusal::Refusal};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// Where the credentials stand cannot be used: a file that is missing or wrong. Read again at every try.
    #[error("Cluster {cluster} cannot be used: {why}. Mend the configuration or the file; it is read again by itself.")]
    Settings { cluster: String, why: String },
    /// No connection: the request was not sent.
    #[error("Cluster {cluster} cannot be reached: {why}. Nothing was changed there; the portal goes on by itself when it is back.")]
    Unreachable { cluster: String, why: String },
    /// The request was sent and no answer came. A change may have been made, or not: look before doing it again.
    #[error("Cluster {cluster} gave no answer: {why}. If it was asked for a change, that may have been made or not; the portal looks again when it is back.")]
    Unanswered { cluster: String, why: String },
    /// 401.
    #[error(
        "Cluster {cluster} does not know the portal: its token or certificate has expired, was revoked, or is of another cluster. \
         Give it a new one; the file is read again by itself."
    )]
    Unauthenticated { cluster: String, audit_id: Option<String> },
    /// 403.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The permit names no account, so nothing can be done with it in a cluster. A fault of the policy or of ours.
    #[error("No service account is named for this, so the portal does nothing in cluster {cluster}. Add `as: namespace/name` to the grant.")]
    NoAccount { cluster: String },
    #[error("The permit's service account cannot be used: {0}")]
    BadAccount(#[from] crate::account::BadAccount),
    /// Kubernetes lets us act as accounts that do not exist. We refuse.
    #[error(
        "The service account {account} does not exist in cluster {cluster}, so nothing is done as it. \
         Somebody who administers namespace {} can create it; `windfirm policy render` writes it.", account.namespace()
    )]
    GhostAccount { cluster: String, account: Account },
    /// Deleted and made again since we began: another account by the same name.
    #[error(
        "The service account {account} of cluster {cluster} was deleted and made again since this began, so it is another account now. \
         What was begun as the old one is not continued as the new one; start again."
    )]
    OtherAccount { cluster: String, account: Account },
    /// 404 for one object, or for its namespace.
    #[error("Cluster {cluster} has no such object: {sentence}. It was deleted by somebody, or never made.")]
    NotThere { cluster: String, sentence: String, audit_id: Option<String> },
    /// 404 for a whole kind.
    #[error(
        "Cluster {cluster} does not know {kind}: the definition (CRD) is not installed, or has another version. \
         Install it; the portal goes on by itself."
    )]
    NoSuchKind { cluster: String, kind: String },
    /// 409 at a creation. Whoever creates by a name of their own can take it for done.
    #[error("Cluster {cluster} has this already: {sentence}. Read what is there, or choose another name.")]
    AlreadyThere { cluster: String, sentence: String, audit_id: Option<String> },
    /// 409 at a change; also when a precondition fails.
    #[error("Somebody else changed this in cluster {cluster} in the meantime: {sentence}. Read it again and decide again.")]
    Conflict { cluster: String, sentence: String, audit_id: Option<String> },
    /// 400, 413, 415, 422: the object is wrong, or has fields that this cluster does not know.
    #[error(
        "Cluster {cluster} cannot take what the portal sent: {sentence}. Compare the versions of what is installed there with those the portal is made for."
    )]
    Invalid { cluster: String, sentence: String, audit_id: Option<String> },
    /// 410: a list or a watch that began too long ago. Begin again.
    #[error("Cluster {cluster} does not remember what the portal asked to go on from: {sentence}. The portal reads everything again by itself.")]
    Expired { cluster: String, sentence: String },
    /// 429.
    #[error("Cluster {cluster} has too much to do and asks to wait {retry_after_s} seconds. Nothing was changed; try again then.")]
    Throttled { cluster: String, retry_after_s: u64, audit_id: Option<String> },
    /// 5xx: a change may have been made, or not.
    #[error("Cluster {cluster} has trouble of its own ({status}): {sentence}. Look at its API server; the portal tries again.")]
    Trouble { cluster: String, status: u16, sentence: String, audit_id: Option<String> },
    /// An answer that is too large or is not what the API describes.
    #[error("An answer of cluster {cluster} cannot be used: {why}. Something between the portal and the API server may have changed it.")]
    Unreadable { cluster: String, why: String },
    /// We built a request that cannot be sent. A fault of ours.
    #[error("The portal could not put a request together: {0}. This is a fault of the portal; please report it.")]
    Request(String),
}

impl ClusterError {
    /// Whether trying again later may help, without anybody mending anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        if let Self::Refused(refusal) = self {
            return refusal.is_passing();
        }
        matches!(
            self,
            Self::Unreachable { .. }
                // A token that has run out is followed by another one, and says nothing of the runs that go on.
                | Self::Unauthenticated { .. }
                | Self::Unanswered { .. }
                | Self::Throttled { .. }
                | Self::Trouble { .. }
                | Self::Conflict { .. }
                | Self::Expired { .. }
                | Self::Unreadable { .. }
        )
    }
    /// Whether a change that was asked for may have been made all the same.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Unanswered { .. } | Self::Trouble { .. } | Self::Unreadable { .. })
    }
    /// Names the request in the API server's audit log.
    #[must_use]
    pub fn audit_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.audit_id.as_deref(),
            Self::Unauthenticated { audit_id, .. }
            | Self::NotThere { audit_id, .. }
            | Self::AlreadyThere { audit_id, .. }
            | Self::Conflict { audit_id, .. }
            | Self::Invalid { audit_id, .. }
            | Self::Throttled { audit_id, .. }
            | Self::Trouble { audit_id, .. } => audit_id.as_deref(),
            _ => None,
        }
    }
    /// Whether the cluster as a whole is out of reach, as opposed to this one request.
    pub(crate) const fn is_outage(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Unreachable { .. } | Self::Unanswered { .. } | Self::Unauthenticated { .. })
    }
}
