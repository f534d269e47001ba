//! Who asks, in one request: the actor, what they may do, and what the audit rows need to know of the request.

use std::{fmt, sync::Arc};

use windfirm_model::{
    action::Action,
    actor::Actor,
    fault::Fault,
    id::OperationId,
    session::Login,
    view::{app::CommitRow, tree::TreeRevision},
};
use windfirm_policy::Access;
use windfirm_store::{StoreError, audit::Details};

use crate::state::{PolicyInForce, Portal, TreeInForce};

/// Why an older tree is shown, or none, for those who may not know where on the disk it lies.
pub const NOT_READ: &str = "The repository cannot be read right now. Those who look after the portal are told why.";

/// One request of one person. It implements the contract of the pages (see [`crate::usecase`]).
///
/// Policy and tree are those of the moment when the request came: a request never sees half of a new one.
#[derive(Clone)]
pub struct Asker {
    pub portal: Arc<Portal>,
    pub login: Login,
    pub actor: Actor,
    pub access: Access,
    pub policy: Arc<PolicyInForce>,
    pub tree: Arc<TreeInForce>,
    pub session: Option<tower_sessions::session::Id>,
    pub request_id: String,
    /// Browser and address in short.
    pub client: String,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("actor", &self.actor.key()).field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

impl Asker {
    #[must_use]
    pub fn new(portal: Arc<Portal>, login: Login, session: Option<tower_sessions::session::Id>, request_id: String, client: String) -> Self {
        let in_force = portal.rules.in_force();
        let (policy, tree) = (Arc::clone(&in_force.policy), Arc::clone(&in_force.tree));
        let actor = login.actor();
        let access = policy.policy.access(&actor);
        Self { portal, login, actor, access, policy, tree, session, request_id, client }
    }

    /// The same request under what is in force now, for what has waited since it came.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self::new(Arc::clone(&self.portal), self.login.clone(), self.session, self.request_id.clone(), self.client.clone())
    }

    /// A fresh operation.
    #[must_use]
    pub fn operation(&self) -> OperationId {
        OperationId(self.portal.clock.new_uuid())
    }

    /// What the audit rows of this request carry.
    #[must_use]
    pub fn details(&self) -> Details {
        Details {
            request_id: Some(self.request_id.clone()),
            client: Some(self.client.clone()),
            commit: Some(self.tree.revision.commit.clone()).filter(|commit| !commit.is_empty()),
            ..Details::default()
        }
    }

    /// The commit of the tree, as this person may know it (see [`Self::commit`]). Its place on the disk, and what went wrong there,
    /// is for those who look after the portal.
    #[must_use]
    pub fn revision(&self) -> TreeRevision {
        let mut revision = self.tree.revision.clone();
        if !self.sees_everything() {
            revision.subject.clear();
            revision.author.clear();
        }
        if self.access.can_anywhere(Action::ViewSystem).is_none() {
            revision.stale = revision.stale.map(|_| NOT_READ.to_owned());
            revision.source = revision.source.rsplit('/').next().unwrap_or_default().to_owned();
        }
        revision
    }

    /// What a commit says of itself, as this person may know it. One commit may change things of several teams, and its subject and
    /// author speak of all of them: so one rule for the tree's commit and for an app's last one, although that one touches the
    /// app's own folder. Which commit it is and when it came tells nothing of others.
    #[must_use]
    pub fn commit(&self, mut commit: CommitRow) -> CommitRow {
        if !self.sees_everything() {
            commit.subject.clear();
            commit.author.clear();
        }
        commit
    }

    /// Whether no app is hidden from this person.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        // Who holds it everywhere needs no look at each app.
        self.access.holds_everywhere(Action::ViewApp) || self.tree.tree.apps().iter().all(|app| app.allows(&self.access, Action::ViewApp))
    }

    /// Our own fault, told once in the log and without details to the asker.
    #[must_use]
    pub fn internal(&self, error: &dyn fmt::Display) -> Fault {
        tracing::error!(request_id = %self.request_id, error = %error, "request.failed");
        Fault::Internal { request_id: self.request_id.clone() }
    }

    /// The database's refusals in the asker's words.
    #[must_use]
    pub fn store_fault(&self, error: &StoreError) -> Fault {
        match error {
            StoreError::NoSuch(_) => Fault::NotFound,
            StoreError::Moved => Fault::Conflict { what: "It has changed in the meantime. Load the page again and look.".to_owned() },
            other => self.internal(other),
        }
    }
}
