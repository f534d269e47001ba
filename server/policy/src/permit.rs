//! Proof that one action on one resolved target was allowed.

use std::marker::PhantomData;

use windfirm_model::{
    actor::{Actor, SystemTask},
    environment::Environment,
    id::{OperationId, RunId},
    path::AppPath,
};

use crate::{
    access::{GrantUse, Place},
    act::{OwnAct, SuperviseRuns, SystemAct},
};

/// What an action is done to, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    pub path: Option<AppPath>,
    pub environment: Option<Environment>,
    pub run: Option<RunId>,
}

impl Resource {
    /// What was judged is what is permitted.
    pub(crate) fn at(self, place: &Place) -> Self {
        Self { path: Some(place.path.clone()), environment: Some(place.environment.clone()), ..self }
    }
}

/// Proof that `actor` may do `A` to `resource`. The fields are private and only this crate makes one: a function that takes
/// `&Permit<A>` cannot be reached without the check. It carries what the audit rows need.
#[derive(Debug)]
pub struct Permit<A> {
    operation: OperationId,
    actor: Actor,
    resource: Resource,
    grant: Option<GrantUse>,
    /// Frozen with a run; see [`Permit::for_run`].
    frozen_account: Option<String>,
    policy_digest: String,
    act: PhantomData<fn() -> A>,
}

impl<A> Permit<A> {
    pub(crate) const fn new(operation: OperationId, actor: Actor, resource: Resource, grant: Option<GrantUse>, policy_digest: String) -> Self {
        Self { operation, actor, resource, grant, frozen_account: None, policy_digest, act: PhantomData }
    }
    #[must_use]
    pub const fn operation(&self) -> OperationId {
        self.operation
    }
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }
    /// The grant that decided; none for system tasks and for what is one's own.
    #[must_use]
    pub const fn grant(&self) -> Option<&GrantUse> {
        self.grant.as_ref()
    }
    /// `namespace/name` of the service account to act as; none when the action does not reach a cluster.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        self.frozen_account.as_deref().or_else(|| self.grant.as_ref().and_then(|grant| grant.service_account.as_deref()))
    }
    #[must_use]
    pub fn policy_digest(&self) -> &str {
        &self.policy_digest
    }
}

impl<A: SystemAct> Permit<A> {
    /// A system task acts as itself, by name. The act decides the task, so no other task can borrow it.
    #[must_use]
    pub fn system(operation: OperationId, resource: Resource) -> Self {
        let task: SystemTask = A::TASK;
        Self::new(operation, Actor::System { task }, resource, None, String::new())
    }
}

impl Permit<SuperviseRuns> {
    /// The supervisor with one run in hand. In a cluster it acts as `service_account` (`namespace/name`): the account that was frozen with
    /// the run when somebody with a grant launched it, and no other. Which run it is stands in `resource`.
    #[must_use]
    pub fn for_run(operation: OperationId, resource: Resource, service_account: &str) -> Self {
        Self { frozen_account: Some(service_account.to_owned()), ..Self::system(operation, resource) }
    }
}

impl<A: OwnAct> Permit<A> {
    /// What everybody may do with what is their own.
    #[must_use]
    pub const fn own(operation: OperationId, actor: Actor, resource: Resource) -> Self {
        Self::new(operation, actor, resource, None, String::new())
    }
}
