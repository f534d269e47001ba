//! Lists of runs: newest first, filtered, by keyset pages. The list is exactly what the asker may see, filters aside.

use std::str::FromStr;

use windfirm_model::{
    action::Action,
    clock::Timestamp,
    environment::Environment,
    id::RunId,
    path::AppPath,
    run::RunStateKind,
    view::{
        run::{Manifest, Placement},
        runs::RunRow,
    },
};
use windfirm_policy::Access;

use crate::{
    db::Store,
    error::StoreError,
    runs::{TABLE, kind, main_reason, maybe, profile},
    values::{self, Doc},
};

/// What a list shows; absent means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunsFilter {
    /// This app and everything below it.
    pub below: Option<AppPath>,
    pub environment: Option<Environment>,
    pub state: Option<StateFilter>,
    pub by: Option<Who>,
    /// Part of the script's path.
    pub test: Option<String>,
    /// Where the page begins: [`RunsSlice::older`] of the page before.
    pub before: Option<Cursor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFilter {
    Live,
    Is(RunStateKind),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The asker.
    Me,
    /// Part of a name, whatever its case.
    Named(String),
}

/// A run that passed, and how it was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub id: RunId,
    /// Since when it may have been begun: its launch, or the end of its waiting.
    pub queued: Timestamp,
    /// `namespace/name`.
    pub service_account: String,
    pub placement: Option<Placement>,
}

/// A place between two runs. As text it goes into a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created: Timestamp,
    pub id: RunId,
}

impl Cursor {
    /// Before the newest.
    const START: Self = Self { created: Timestamp(i64::MAX), id: RunId(uuid::Uuid::max()) };
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.created.0, self.id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list; start again from its top")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;
    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (created, id) = text.split_once('-').ok_or(BadCursor)?;
        Ok(Self { created: Timestamp(created.parse().map_err(|_| BadCursor)?), id: id.parse().map_err(|_| BadCursor)? })
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunsSlice {
    pub rows: Vec<RunRow>,
    pub older: Option<Cursor>,
}

/// The columns of [`LineRow`], for a query over `runs r`.
macro_rules! line_columns {
    () => {
        "r.id, r.path, r.environment, r.test, r.profile, r.state, r.state_detail, r.by_name, r.created_us, r.ended_us, r.planned_s, \
         r.verdict, r.totals, r.band, r.tree_commit"
    };
}
pub(crate) use line_columns;

row! {
    struct LineRow {
        id: uuid::Uuid,
        path: String,
        environment: String,
        test: String,
        profile: String,
        state: String,
        state_detail: Doc,
        by_name: String,
        created_us: i64,
        ended_us: Option<i64>,
        planned_s: Option<i64>,
        verdict: Option<Doc>,
        totals: Option<Doc>,
        band: Doc,
        tree_commit: String,
    }
}

impl LineRow {
    pub(crate) fn read(self) -> Result<RunRow, StoreError> {
        let verdict = maybe(self.verdict)?;
        Ok(RunRow {
            id: RunId(self.id),
            path: values::path(TABLE, &self.path)?,
            environment: values::environment(self.environment),
            test: self.test,
            profile: profile(&self.profile)?,
            state: kind(&self.state)?,
            by: self.by_name,
            created: Timestamp(self.created_us),
            ended: values::time(self.ended_us),
            planned_s: self.planned_s.map(values::small),
            reason: main_reason(&values::undoc(TABLE, self.state_detail)?, verdict.as_ref()),
            totals: maybe(self.totals)?,
            band_us: values::undoc(TABLE, self.band)?,
            commit: self.tree_commit,
        })
    }
}

// `replace(text, part, '') <> text` says “contains” with the same rules on both databases; `like` folds case on one only.
const LIST: &str = concat!(
    "select ",
    line_columns!(),
    " from runs r where ",
    in_scope!("r"),
    " and (r.created_us, r.id) < ($2, $3)
      and r.path >= $4 and r.path < $5
      and ($6 = '' or r.environment = $6)
      and ($7 = '' or r.state = $7)
      and (not $8 or r.live)
      and ($9 = '' or r.by_key = $9)
      and ($10 = '' or replace(r.by_folded, $10, '') <> r.by_folded)
      and ($11 = '' or replace(r.test, $11, '') <> r.test)
    order by r.created_us desc, r.id desc limit $12"
);

const ANY: &str = concat!("select 1 as one from runs r where ", in_scope!("r"), " limit 1");

const OF_APP: &str =
    concat!("select ", line_columns!(), " from runs r where ", in_scope!("r"), " and r.path = $2 order by r.created_us desc, r.id desc limit $3");

const COUNT_OF_APP: &str = concat!("select count(*) from runs r where ", in_scope!("r"), " and r.path = $2");

const PASSED_SINCE: &str = concat!(
    "select r.id, coalesce(r.queued_us, r.created_us) as queued_us, r.service_account, r.manifest from runs r where ",
    in_scope!("r"),
    " and r.path = $2 and r.state = 'passed' and coalesce(r.queued_us, r.created_us) >= $3 order by r.created_us desc, r.id desc limit $4"
);

row! {
    struct PassedRow {
        id: uuid::Uuid,
        queued_us: i64,
        service_account: String,
        manifest: Doc,
    }
}

impl Store {
    /// One page of the runs that the asker may see, newest first, at most `limit` rows.
    ///
    /// # Errors
    /// The database's.
    pub async fn runs(&self, access: &Access, filter: &RunsFilter, limit: u32) -> Result<RunsSlice, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let start = filter.before.unwrap_or(Cursor::START);
        let below = filter.below.clone().unwrap_or_else(AppPath::root);
        let environment = filter.environment.as_ref().map_or("", Environment::as_str);
        let state = if let Some(StateFilter::Is(kind)) = filter.state { kind.word() } else { "" };
        let (by_key, by_part) = match &filter.by {
            None => (String::new(), String::new()),
            Some(Who::Me) => (values::plain(&access.actor().key()), String::new()),
            Some(Who::Named(part)) => (String::new(), values::folded(part)),
        };
        let rows = fetch_all!(
            self,
            LineRow,
            LIST,
            scope,
            start.created.0,
            start.id.0,
            below.as_str(),
            below.end(),
            values::plain(environment),
            state,
            filter.state == Some(StateFilter::Live),
            by_key,
            by_part,
            values::plain(filter.test.as_deref().unwrap_or_default()),
            // One more than asked for tells whether there is an older page.
            i64::from(limit) + 1,
        )?;
        let mut rows = rows.into_iter().map(LineRow::read).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let older = rows.last().filter(|_| more).map(|last| Cursor { created: last.created, id: last.id });
        Ok(RunsSlice { rows, older })
    }

    /// Whether the asker may see any run at all: tells “none match” from “none yet”.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_run(&self, access: &Access) -> Result<bool, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        Ok(fetch_optional!(self, AnyRow, ANY, scope)?.is_some())
    }

    /// The newest runs of exactly this app, and how many there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn app_runs(&self, access: &Access, path: &AppPath, limit: u32) -> Result<(Vec<RunRow>, u64), StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, LineRow, OF_APP, &scope, path.as_str(), i64::from(limit))?;
        let (total,) = fetch_one!(self, (i64,), COUNT_OF_APP, &scope, path.as_str())?;
        Ok((rows.into_iter().map(LineRow::read).collect::<Result<_, _>>()?, values::uncount(total)))
    }

    /// The newest runs of exactly this app that were queued at `since` or later and passed.
    ///
    /// # Errors
    /// The database's.
    pub async fn passed_since(&self, access: &Access, path: &AppPath, since: Timestamp, limit: u32) -> Result<Vec<Passed>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let rows = fetch_all!(self, PassedRow, PASSED_SINCE, &scope, path.as_str(), since.0, i64::from(limit))?;
        let read = |row: PassedRow| {
            let manifest: Manifest = values::undoc(TABLE, row.manifest)?;
            Ok(Passed { id: RunId(row.id), queued: Timestamp(row.queued_us), service_account: row.service_account, placement: manifest.placement })
        };
        rows.into_iter().map(read).collect()
    }
}

/// A row whose presence is the answer.
#[derive(Debug)]
struct AnyRow;

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for AnyRow {
    fn from_row(_row: &'r R) -> sqlx::Result<Self> {
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_from_its_text() {
        let cursor = Cursor { created: Timestamp(17), id: RunId(uuid::Uuid::from_u128(7)) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!("x".parse::<Cursor>(), Err(BadCursor));
        assert_eq!("1-x".parse::<Cursor>(), Err(BadCursor));
    }
}
