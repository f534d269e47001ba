//! Adding to the audit log.

use windfirm_model::{
    actor::{Actor, Groups},
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    environment::Environment,
    id::{OperationId, RunId},
    path::AppPath,
};
use windfirm_policy::{Permit, Resource, act::ReconcileAudit};

use crate::{
    audit::{Details, Event, OpenIntent, PORTAL_ENVIRONMENT, PORTAL_PATH, TABLE},
    db::{Store, Tx},
    error::StoreError,
    values,
};

/// Something that was asked for and refused, so that no permit exists.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// A fresh id: one attempt is one operation.
    pub operation: OperationId,
    pub actor: Actor,
    pub code: EventCode,
    /// `None`: the portal itself.
    pub path: Option<AppPath>,
    pub environment: Option<Environment>,
    pub run: Option<RunId>,
    /// What was told to the asker, or to the log alone when they may not know.
    pub why: String,
    pub policy_digest: String,
    pub details: Details,
}

/// Whether an outcome was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    New,
    /// The operation has an outcome already; the first stands.
    Before,
}

const ADD: &str = "
insert into audit_events (operation, phase, at_us, code, outcome, actor_key, actor_name, actor_folded, groups, path, environment, run_id,
    grant_name, role, service_account, policy_digest, tree_commit, request_id, client, reason, why, facts)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
on conflict (operation, phase) do nothing
returning seq";

// An outcome repeats who, what and where of its intent, and adds how it ended.
const SETTLE: &str = "
insert into audit_events (operation, phase, at_us, code, outcome, actor_key, actor_name, actor_folded, groups, path, environment, run_id,
    grant_name, role, service_account, policy_digest, tree_commit, request_id, client, reason, why, facts)
select i.operation, 'outcome', $2, i.code, $3, i.actor_key, i.actor_name, i.actor_folded, i.groups, i.path, i.environment, coalesce(i.run_id, $6),
    i.grant_name, i.role, i.service_account, i.policy_digest, i.tree_commit, i.request_id, i.client, i.reason, $4, $5
from audit_events i where i.operation = $1 and i.phase = 'intent'
on conflict (operation, phase) do nothing";

const HAS_INTENT: &str = "select seq from audit_events where operation = $1 and phase = 'intent'";

const OPEN: &str = "
select i.seq, i.operation, i.at_us, i.code, i.actor_key, i.run_id from audit_events i
where i.phase = 'intent' and i.at_us < $1
  and not exists (select 1 from audit_events o where o.operation = i.operation and o.phase = 'outcome')
order by i.seq";

row! {
    struct OpenRow { seq: i64, operation: uuid::Uuid, at_us: i64, code: String, actor_key: String, run_id: Option<uuid::Uuid> }
}

async fn insert(tx: &mut Tx, event: &Event<'_>, phase: &str, outcome: EventOutcome, why: Option<&str>, now: Timestamp) -> Result<Option<i64>, StoreError> {
    let details = event.details;
    let groups: &[String] = if let Actor::Person { groups: Groups::Known(names), .. } = event.actor { names } else { &[] };
    let text = |text: &Option<String>| text.as_deref().map(values::plain);
    let row = tx_optional!(
        tx,
        (i64,),
        ADD,
        event.operation.0,
        phase,
        now.0,
        event.code.code(),
        outcome.word(),
        values::plain(&event.actor.key()),
        values::plain(event.actor.display_name()),
        values::folded(event.actor.display_name()),
        values::doc(TABLE, &groups)?,
        event.path.map_or(PORTAL_PATH, AppPath::as_str),
        event.environment.map_or(PORTAL_ENVIRONMENT, Environment::as_str),
        event.run.map(|run| run.0),
        event.grant.map(|grant| values::plain(&grant.grant)),
        event.grant.map(|grant| values::plain(&grant.role)),
        event.service_account.map(values::plain),
        Some(event.policy_digest).filter(|digest| !digest.is_empty()),
        text(&details.commit),
        text(&details.request_id),
        text(&details.client),
        text(&details.reason),
        why.map(values::plain),
        values::doc(TABLE, &details.facts)?,
    )?;
    Ok(row.map(|(seq,)| seq))
}

/// The intent row of a permitted operation, on the given target.
pub(crate) async fn insert_intent<A>(
    tx: &mut Tx,
    permit: &Permit<A>,
    target: &Resource,
    code: EventCode,
    details: &Details,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let event = Event {
        operation: permit.operation(),
        code,
        actor: permit.actor(),
        path: target.path.as_ref(),
        environment: target.environment.as_ref(),
        run: target.run,
        grant: permit.grant(),
        service_account: permit.service_account(),
        policy_digest: permit.policy_digest(),
        details,
    };
    insert(tx, &event, "intent", EventOutcome::Open, None, now).await?.ok_or(StoreError::Audit("this operation has its intent already"))
}

async fn insert_outcome(
    tx: &mut Tx,
    operation: OperationId,
    outcome: EventOutcome,
    why: Option<&str>,
    facts: &[(String, String)],
    run: Option<RunId>,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let why = why.map(values::plain);
    let added = execute!(&mut *tx, SETTLE, operation.0, now.0, outcome.word(), why, values::doc(TABLE, &facts)?, run.map(|run| run.0))?;
    if added == 1 {
        return Ok(Recorded::New);
    }
    match tx_optional!(&mut *tx, (i64,), HAS_INTENT, operation.0)? {
        Some(_) => Ok(Recorded::Before),
        None => Err(StoreError::Audit("there is no intent to this outcome")),
    }
}

impl Store {
    /// Writes the intent of a permitted operation; returns its number. If this fails, the operation must not happen.
    ///
    /// # Errors
    /// [`StoreError::Audit`] for a second intent of one operation; else the database's.
    pub async fn intent<A>(&self, permit: &Permit<A>, code: EventCode, details: &Details) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        let seq = insert_intent(&mut tx, permit, permit.resource(), code, details, self.now()).await?;
        tx.commit().await?;
        Ok(seq)
    }

    /// Writes how a permitted operation ended, `why` when it did not end well. The first outcome stands.
    ///
    /// # Errors
    /// [`StoreError::Audit`] when there is no intent; else the database's.
    pub async fn outcome<A>(&self, permit: &Permit<A>, outcome: EventOutcome, why: Option<&str>, facts: &[(String, String)]) -> Result<Recorded, StoreError> {
        let mut tx = self.begin().await?;
        let recorded = insert_outcome(&mut tx, permit.operation(), outcome, why, facts, permit.resource().run, self.now()).await?;
        tx.commit().await?;
        Ok(recorded)
    }

    /// Writes intent and outcome together, for what has no effect of its own between them: a login, a reading, a new policy.
    ///
    /// # Errors
    /// As [`Store::intent`].
    pub async fn record<A>(&self, permit: &Permit<A>, code: EventCode, details: &Details, outcome: EventOutcome, why: Option<&str>) -> Result<i64, StoreError> {
        let now = self.now();
        let mut tx = self.begin().await?;
        let seq = insert_intent(&mut tx, permit, permit.resource(), code, details, now).await?;
        insert_outcome(&mut tx, permit.operation(), outcome, why, &[], permit.resource().run, now).await?;
        tx.commit().await?;
        Ok(seq)
    }

    /// Writes that something was asked for and refused; returns the number of the intent row.
    ///
    /// # Errors
    /// [`StoreError::Audit`] when the operation id was used before; else the database's.
    pub async fn denied(&self, attempt: &Attempt) -> Result<i64, StoreError> {
        let event = Event {
            operation: attempt.operation,
            code: attempt.code,
            actor: &attempt.actor,
            path: attempt.path.as_ref(),
            environment: attempt.environment.as_ref(),
            run: attempt.run,
            grant: None,
            service_account: None,
            policy_digest: &attempt.policy_digest,
            details: &attempt.details,
        };
        let now = self.now();
        let mut tx = self.begin().await?;
        let seq = insert(&mut tx, &event, "intent", EventOutcome::Open, None, now).await?.ok_or(StoreError::Audit("this operation has its intent already"))?;
        insert_outcome(&mut tx, attempt.operation, EventOutcome::Denied, Some(&attempt.why), &[], None, now).await?;
        tx.commit().await?;
        Ok(seq)
    }

    /// Intents from before `before` that have no outcome, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_intents(&self, _permit: &Permit<ReconcileAudit>, before: Timestamp) -> Result<Vec<OpenIntent>, StoreError> {
        let read = |row: OpenRow| {
            Ok(OpenIntent {
                seq: row.seq,
                operation: OperationId(row.operation),
                at: Timestamp(row.at_us),
                code: EventCode::parse(&row.code).ok_or_else(|| StoreError::unreadable(TABLE, format!("“{}” is no code", row.code)))?,
                actor_key: row.actor_key,
                run: row.run_id.map(RunId),
            })
        };
        fetch_all!(self, OpenRow, OPEN, before.0)?.into_iter().map(read).collect()
    }

    /// Closes an intent whose outcome was lost: what can be told of how it ended stands in `why`.
    ///
    /// # Errors
    /// [`StoreError::Audit`] when there is no such intent; else the database's.
    pub async fn reconcile(&self, _permit: &Permit<ReconcileAudit>, operation: OperationId, why: &str) -> Result<Recorded, StoreError> {
        let mut tx = self.begin().await?;
        let recorded = insert_outcome(&mut tx, operation, EventOutcome::Reconciled, Some(why), &[], None, self.now()).await?;
        tx.commit().await?;
        Ok(recorded)
    }
}
