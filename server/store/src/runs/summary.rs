//! What the tree shows of each app's runs, for all visible apps in one query.

use std::collections::BTreeMap;

use windfirm_model::{action::Action, id::RunId, path::AppPath, run::RunStateKind, view::runs::RunRow};
use windfirm_policy::Access;

use crate::{
    db::Store,
    error::StoreError,
    runs::{
        TABLE, kind,
        list::{LineRow, line_columns},
    },
    values,
};

/// The runs of one app in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSummary {
    /// The newest run that came to an end by itself; one that somebody cancelled says nothing of the app, and stands here only
    /// where there is no other.
    pub last: Option<(RunId, RunStateKind)>,
    /// How many runs are live; those that wait for a Secret to change do nothing yet.
    pub live: u32,
    /// p99 − p50 of the last twenty of these in microseconds, oldest first; cancelled ones and those without one are left out.
    pub spreads_us: Vec<u64>,
}

// Per app and liveness: the twenty newest, cancelled ones last, and how many there are.
const SUMMARIES: &str = concat!(
    "select t.path, t.id, t.state, t.live, t.spread_us, t.place, t.total from (
        select r.path, r.id, r.state, r.live, r.spread_us,
            row_number() over (partition by r.path, r.live
                order by case when r.state = 'cancelled' then 1 else 0 end, r.created_us desc, r.id desc) as place,
            count(*) over (partition by r.path, r.live) as total
        from runs r where r.state <> 'waiting' and ",
    in_scope!("r"),
    ") t where t.place <= 20 and (t.place = 1 or not t.live) order by t.path, t.live, t.place"
);

row! {
    struct SummaryRow { path: String, id: uuid::Uuid, state: String, live: bool, spread_us: Option<i64>, place: i64, total: i64 }
}

const NOT_PASSED: &str = concat!(
    "select ",
    line_columns!(),
    " from (select r.*, row_number() over (partition by r.path order by r.created_us desc, r.id desc) as place
            from runs r where not r.live and r.state <> 'cancelled' and ",
    in_scope!("r"),
    ") r where r.place = 1 and r.state in ('failed', 'inconclusive', 'errored', 'lost') order by r.created_us desc, r.id desc limit $2"
);

impl Store {
    /// One summary per app that has visible runs.
    ///
    /// # Errors
    /// The database's.
    pub async fn app_summaries(&self, access: &Access) -> Result<BTreeMap<AppPath, AppSummary>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        let mut apps: BTreeMap<AppPath, AppSummary> = BTreeMap::new();
        for row in fetch_all!(self, SummaryRow, SUMMARIES, scope)? {
            let app = apps.entry(values::path(TABLE, &row.path)?).or_default();
            if row.live {
                app.live = values::small(row.total);
                continue;
            }
            let state = kind(&row.state)?;
            if row.place == 1 {
                app.last = Some((RunId(row.id), state));
            }
            if state.tells() {
                app.spreads_us.extend(row.spread_us.map(values::uncount));
            }
        }
        for app in apps.values_mut() {
            app.spreads_us.reverse();
        }
        Ok(apps)
    }

    /// The newest ended run of each visible app, cancelled ones aside, where it did not pass; newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn newest_not_passed(&self, access: &Access, limit: u32) -> Result<Vec<RunRow>, StoreError> {
        let scope = self.scope(access, Action::ViewRun).await?;
        fetch_all!(self, LineRow, NOT_PASSED, scope, i64::from(limit))?.into_iter().map(LineRow::read).collect()
    }
}
