//! The audit log as leads and auditors read it: one line per operation, cut to the paths that the asker may audit.

use windfirm_model::{
    action::Action,
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    environment::Environment,
    id::{OperationId, RunId},
    path::AppPath,
    view::audit::{AuditDetail, AuditRow},
};
use windfirm_policy::Access;

use crate::{
    audit::{PORTAL_ENVIRONMENT, PORTAL_PATH, TABLE},
    db::Store,
    error::StoreError,
    values::{self, Doc},
};

/// What the list shows; absent means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// This place and everything below it.
    pub below: Option<AppPath>,
    /// Part of a name, whatever its case.
    pub actor: Option<String>,
    pub event: Option<EventFilter>,
    pub outcome: Option<EventOutcome>,
    /// The first moment that is in.
    pub from: Option<Timestamp>,
    /// The first moment that is out again.
    pub until: Option<Timestamp>,
    pub run: Option<RunId>,
    /// Where the page begins: [`AuditSlice::older`] of the page before.
    pub before: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventFilter {
    Is(EventCode),
    /// `run` for `run.*`.
    Family(String),
}

impl EventFilter {
    /// The range of codes, in the order of bytes: the first in, the first out.
    fn range(&self) -> (String, String) {
        match self {
            // A blank sorts before everything that codes are made of.
            Self::Is(code) => (code.code().to_owned(), format!("{} ", code.code())),
            // “/” is the character after “.”.
            Self::Family(first) => (values::plain(&format!("{first}.")), values::plain(&format!("{first}/"))),
        }
    }
}

/// One page of the log, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSlice {
    pub rows: Vec<AuditRow>,
    pub older: Option<i64>,
}

macro_rules! audit_lines {
    () => {
        "select i.seq, i.at_us, i.actor_name, i.code, i.path, i.environment, coalesce(o.run_id, i.run_id) as run_id, \
         coalesce(o.outcome, i.outcome) as outcome, o.at_us as outcome_at_us, o.why, i.service_account, \
         o.seq as outcome_seq, i.operation, i.actor_key, i.groups, i.grant_name, i.role, i.policy_digest, i.tree_commit, \
         i.request_id, i.client, i.reason, i.facts, o.facts as outcome_facts \
         from audit_events i left join audit_events o on o.operation = i.operation and o.phase = 'outcome' \
         where i.phase = 'intent' and "
    };
}

const LIST: &str = concat!(
    audit_lines!(),
    in_scope!("i"),
    " and i.seq < $2
      and i.path >= $3 and i.path < $4
      and ($5 = '' or replace(i.actor_folded, $5, '') <> i.actor_folded)
      and i.code >= $6 and i.code < $7
      and ($8 = '' or coalesce(o.outcome, i.outcome) = $8)
      and i.at_us >= $9 and i.at_us < $10
      and ($11 = 0 or coalesce(o.run_id, i.run_id) = $12)
    order by i.seq desc limit $13"
);

const ONE: &str = concat!(audit_lines!(), in_scope!("i"), " and i.seq = $2");

row! {
    struct EntryRow {
        seq: i64,
        at_us: i64,
        actor_name: String,
        code: String,
        path: String,
        environment: String,
        run_id: Option<uuid::Uuid>,
        outcome: String,
        outcome_at_us: Option<i64>,
        why: Option<String>,
        service_account: Option<String>,
        outcome_seq: Option<i64>,
        operation: uuid::Uuid,
        actor_key: String,
        groups: Doc,
        grant_name: Option<String>,
        role: Option<String>,
        policy_digest: Option<String>,
        tree_commit: Option<String>,
        request_id: Option<String>,
        client: Option<String>,
        reason: Option<String>,
        facts: Doc,
        outcome_facts: Option<Doc>,
    }
}

impl EntryRow {
    fn read(self) -> Result<AuditDetail, StoreError> {
        let portal = self.path == PORTAL_PATH && self.environment == PORTAL_ENVIRONMENT;
        let mut facts: Vec<(String, String)> = values::undoc(TABLE, self.facts)?;
        if let Some(more) = self.outcome_facts {
            facts.extend(values::undoc::<Vec<(String, String)>>(TABLE, more)?);
        }
        let code = EventCode::parse(&self.code);
        Ok(AuditDetail {
            row: AuditRow {
                seq: self.seq,
                at: Timestamp(self.at_us),
                actor: self.actor_name,
                // A code of a newer version is shown as it is.
                sentence: code.map(EventCode::sentence).unwrap_or_default().to_owned(),
                code: self.code,
                path: (!portal).then_some(self.path),
                environment: Some(self.environment).filter(|environment| environment != PORTAL_ENVIRONMENT).map(Environment),
                run: self.run_id.map(RunId),
                outcome: EventOutcome::parse(&self.outcome).ok_or_else(|| StoreError::unreadable(TABLE, format!("“{}” is no outcome", self.outcome)))?,
                outcome_at: values::time(self.outcome_at_us),
                why: self.why,
                service_account: self.service_account,
            },
            outcome_seq: self.outcome_seq,
            operation: OperationId(self.operation).to_string(),
            actor_key: self.actor_key,
            groups: values::undoc(TABLE, self.groups)?,
            grant: self.grant_name,
            role: self.role,
            policy_digest: self.policy_digest,
            commit: self.tree_commit,
            request_id: self.request_id,
            client: self.client,
            reason: self.reason,
            facts,
        })
    }
}

impl Store {
    /// One page of the operations that the asker may audit, newest first, at most `limit` rows.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit(&self, access: &Access, filter: &AuditFilter, limit: u32) -> Result<AuditSlice, StoreError> {
        let scope = self.scope(access, Action::ViewAudit).await?;
        let below = filter.below.clone().unwrap_or_else(AppPath::root);
        let (code_from, code_to) = filter.event.as_ref().map_or_else(|| (String::new(), "\u{10ffff}".to_owned()), EventFilter::range);
        let rows = fetch_all!(
            self,
            EntryRow,
            LIST,
            scope,
            filter.before.unwrap_or(i64::MAX),
            below.as_str(),
            below.end(),
            values::folded(filter.actor.as_deref().unwrap_or_default()),
            code_from,
            code_to,
            filter.outcome.map_or("", EventOutcome::word),
            filter.from.map_or(i64::MIN, |from| from.0),
            filter.until.map_or(i64::MAX, |until| until.0),
            i64::from(filter.run.is_some()),
            filter.run.map_or(uuid::Uuid::nil(), |run| run.0),
            // One more than asked for tells whether there is an older page.
            i64::from(limit) + 1,
        )?;
        let mut rows = rows.into_iter().map(|row| row.read().map(|entry| entry.row)).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(AuditSlice { older: rows.last().filter(|_| more).map(|last| last.seq), rows })
    }

    /// One operation in full, by the number of its intent row; `None` when there is none or it is not the asker's to see.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_entry(&self, access: &Access, seq: i64) -> Result<Option<AuditDetail>, StoreError> {
        let scope = self.scope(access, Action::ViewAudit).await?;
        fetch_optional!(self, EntryRow, ONE, scope, seq)?.map(EntryRow::read).transpose()
    }
}
