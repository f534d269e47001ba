//! Reading and stopping runs.

use async_trait::async_trait;
use windfirm_app::portal::{Answer, Runs};
use windfirm_model::{
    action::Action,
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    environment::Environment,
    fault::Fault,
    id::{RunId, ShortId},
    path::AppPath,
    run::{RunState, RunStateKind},
    view::{
        launch::{Judgement, LaunchForm, LaunchRequest},
        run::{LogPage, Manifest, Permission, RunPage},
        runs::{RunsPage, RunsQuery},
    },
};
use windfirm_policy::{
    Access, Permit, Place, Refused, Resource,
    act::{ReadLog, StopOwnRun, StopRun},
};
use windfirm_store::{
    StoreError,
    runs::{Cursor, RunRecord, RunsFilter, StateFilter, Stopped, Who},
};

use crate::{audit::Attempted, context::Asker, worker::collect};

/// Rows of one page of the history.
const PAGE_ROWS: u32 = 50;
/// Lines of the log on the run page, and on a page of the log.
const TAIL_LINES: u32 = 50;
const LOG_LINES: u32 = 500;

/// The run, if the asker may see it. Every attempt on another one is recorded, whether it exists or not: the two are told alike, and
/// take the same time.
pub(crate) async fn see_run(asker: &Asker, id: RunId, code: EventCode) -> Result<RunRecord, Fault> {
    if let Some(record) = asker.portal.store.run(&asker.access, id).await.map_err(|error| asker.store_fault(&error))? {
        return Ok(record);
    }
    let whose = asker.portal.store.run(&Access::system(SystemTask::RunSupervisor), id).await.map_err(|error| asker.store_fault(&error))?;
    match whose {
        Some(record) => {
            let attempted = Attempted { place: Some(place_of(&record)), run: Some(id) };
            Err(asker.refuse(code, attempted, &Refused::Invisible).await)
        }
        // Not as the run of the row: it is nobody's, and leads nowhere.
        None => Err(asker.record_refusal(code, Attempted::default(), format!("There is no run {}.", id.0), Fault::NotFound).await),
    }
}

fn place_of(record: &RunRecord) -> Place {
    Place { path: record.path.clone(), environment: record.environment.clone() }
}

fn resource_of(record: &RunRecord) -> Resource {
    Resource { path: Some(record.path.clone()), environment: Some(record.environment.clone()), run: Some(record.id) }
}

impl Asker {
    fn may_stop(&self, record: &RunRecord) -> Permission {
        let place = place_of(record);
        let own = record.by_key == self.actor.key();
        if !record.state.is_live() {
            return Permission { allowed: false, why: "This run has ended.".to_owned() };
        }
        if matches!(record.state.kind(), RunStateKind::Finishing | RunStateKind::Cancelling) {
            return Permission { allowed: false, why: "It is ending already.".to_owned() };
        }
        if self.access.allows(Action::StopRun, &place) {
            return Permission { allowed: true, why: "Your role stops any run here.".to_owned() };
        }
        if own && self.access.allows(Action::StopOwnRun, &place) {
            return Permission { allowed: true, why: "You launched this run.".to_owned() };
        }
        let action = if own { Action::StopOwnRun } else { Action::StopRun };
        Permission { allowed: false, why: self.access.why_not(action, &place) }
    }

    fn may_run_again(&self, record: &RunRecord) -> Permission {
        let place = place_of(record);
        match self.access.allows(Action::LaunchRun, &place) {
            true => Permission { allowed: true, why: String::new() },
            false => Permission { allowed: false, why: self.access.why_not(Action::LaunchRun, &place) },
        }
    }

    fn runs_filter(&self, query: &RunsQuery) -> Result<RunsFilter, Fault> {
        let given = |value: &Option<String>| value.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let below = given(&query.path).map(|text| {
            let text = if text.ends_with('/') { text } else { format!("{text}/") };
            text.parse::<AppPath>().map_err(|error| Fault::field("path", format!("{error}.")))
        });
        let state = given(&query.state).map(|word| match word.as_str() {
            "live" => Ok(StateFilter::Live),
            word => RunStateKind::parse(word).map(StateFilter::Is).ok_or_else(|| Fault::field("state", format!("“{word}” is no state of a run."))),
        });
        let before = given(&query.before)
            .map(|text| text.parse::<Cursor>().map_err(|_| Fault::field("before", "This link to older runs is damaged. Begin with the newest again.")));
        Ok(RunsFilter {
            below: below.transpose()?,
            environment: given(&query.env).map(|name| Environment::from(name.as_str())),
            state: state.transpose()?,
            by: given(&query.by).map(|text| if text == "me" { Who::Me } else { Who::Named(text) }),
            test: given(&query.test),
            before: before.transpose()?,
        })
    }

    async fn page_of(&self, record: RunRecord) -> Result<RunPage, Fault> {
        let store = &self.portal.store;
        let fault = |error: StoreError| self.store_fault(&error);
        let measured = match &record.measured {
            Some(measured) => measured.clone(),
            None if record.state.is_live() && !record.state.kind().is_before_start() => {
                collect::seen(&self.portal, &record).await.map_err(|error| self.internal(&error))?.measured()
            }
            None => Default::default(),
        };
        let (total, dropped) = store.log(&self.access, record.id, 0, 0).await.map_err(fault)?.map_or((0, 0), |page| (page.total, page.dropped));
        let tail = store.log(&self.access, record.id, total.saturating_sub(u64::from(TAIL_LINES)), TAIL_LINES).await.map_err(fault)?;
        let queue_place = match record.state {
            RunState::Queued => store.queue_place(&self.access, record.id).await.map_err(fault)?,
            _ => None,
        };
        Ok(RunPage {
            stop: self.may_stop(&record),
            again: self.may_run_again(&record),
            id: record.id,
            execution: record.execution,
            path: record.path,
            environment: record.environment,
            test: record.test,
            profile: record.profile,
            state: record.state,
            by: record.by_name,
            service_account: record.service_account,
            reason: record.reason,
            created: record.created,
            started: record.started,
            ended: record.ended,
            planned_s: record.planned_s,
            max_vus: record.max_vus,
            target: record.target,
            queue_place,
            verdict: record.verdict,
            measured,
            completeness: record.completeness,
            log_tail: tail.map(|page| page.lines).unwrap_or_default(),
            log_total: total,
            log_dropped: dropped,
            events: store.run_events(&self.access, record.id).await.map_err(fault)?,
            // The subject of a commit may name things of other teams.
            manifest: if self.sees_everything() { record.manifest } else { Manifest { tree_commit_subject: String::new(), ..record.manifest } },
            confinement: record.confinement,
            now: self.portal.clock.now(),
        })
    }

    async fn stop_with<A>(&self, permit: &Permit<A>, stop: impl Future<Output = Result<Stopped, StoreError>>) -> Result<(), Fault> {
        let store = &self.portal.store;
        store.intent(permit, EventCode::RunStop, &self.details()).await.map_err(|error| self.store_fault(&error))?;
        let stopped = stop.await;
        let (outcome, why) = match &stopped {
            Ok(Stopped::Cancelled | Stopped::Cancelling) => (EventOutcome::Done, None),
            Ok(Stopped::TooLate(kind)) => (EventOutcome::Failed, Some(format!("It was {} already.", kind.word()))),
            Err(error) => (EventOutcome::Failed, Some(error.to_string())),
        };
        if let Err(error) = store.outcome(permit, outcome, why.as_deref(), &[]).await {
            tracing::warn!(%error, "stop.outcome_not_recorded");
        }
        self.portal.wake.notify_one();
        match stopped {
            Ok(Stopped::Cancelled | Stopped::Cancelling) => Ok(()),
            Ok(Stopped::TooLate(kind)) => Err(Fault::Conflict { what: format!("The run is {} already; there is nothing left to stop.", kind.word()) }),
            Err(error) => Err(self.store_fault(&error)),
        }
    }
}

#[async_trait]
impl Runs for Asker {
    async fn launch_form(&self, request: LaunchRequest) -> Answer<LaunchForm> {
        self.launch_form_page(request).await
    }
    async fn judge(&self, request: LaunchRequest) -> Answer<Judgement> {
        self.judge_request(request).await
    }
    async fn launch(&self, request: LaunchRequest) -> Answer<RunId> {
        self.launch_run(request).await
    }

    async fn runs(&self, query: RunsQuery) -> Answer<RunsPage> {
        let filter = self.runs_filter(&query)?;
        let store = &self.portal.store;
        let slice = store.runs(&self.access, &filter, PAGE_ROWS).await.map_err(|error| self.store_fault(&error))?;
        let any = !slice.rows.is_empty() || store.any_run(&self.access).await.map_err(|error| self.store_fault(&error))?;
        Ok(RunsPage {
            rows: slice.rows,
            older: slice.older.map(|cursor| cursor.to_string()),
            environments: self.visible_environments(),
            any,
            now: self.portal.clock.now(),
            query,
        })
    }

    async fn run(&self, id: RunId) -> Answer<RunPage> {
        let record = see_run(self, id, EventCode::RunRead).await?;
        self.page_of(record).await
    }

    async fn find_run(&self, short: ShortId) -> Answer<RunId> {
        match self.portal.store.run_by_short(&self.access, short).await.map_err(|error| self.store_fault(&error))? {
            Some(id) => Ok(id),
            None => {
                // Whether somebody else has such a run is neither told nor looked up.
                let why = "No run that this person may see, or more than one, goes by these six characters.".to_owned();
                Err(self.record_refusal(EventCode::RunRead, Attempted::default(), why, Fault::NotFound).await)
            }
        }
    }

    async fn log(&self, id: RunId, from: u64) -> Answer<LogPage> {
        let record = see_run(self, id, EventCode::LogRead).await?;
        let store = &self.portal.store;
        // A log may hold what a script printed of its answers, so reading all of it stands in the record.
        let permit: Permit<ReadLog> = match self.access.permit(self.operation(), &place_of(&record), resource_of(&record)) {
            Ok(permit) => permit,
            Err(refused) => return Err(self.refuse(EventCode::LogRead, Attempted { place: Some(place_of(&record)), run: Some(id) }, &refused).await),
        };
        self.record_reading(permit, EventCode::LogRead, &self.details()).await?;
        store.log(&self.access, id, from, LOG_LINES).await.map_err(|error| self.store_fault(&error))?.ok_or(Fault::NotFound)
    }

    async fn stop(&self, id: RunId) -> Answer<()> {
        let record = see_run(self, id, EventCode::RunStop).await?;
        let (place, resource) = (place_of(&record), resource_of(&record));
        if let Ok(permit) = self.access.permit::<StopRun>(self.operation(), &place, resource.clone()) {
            return self.stop_with(&permit, self.portal.store.stop_run(&permit)).await;
        }
        let attempted = Attempted { place: Some(place.clone()), run: Some(id) };
        if record.by_key != self.actor.key() {
            let why = format!("{} launched this run. {}", record.by_name, self.access.why_not(Action::StopRun, &place));
            return Err(self.record_refusal(EventCode::RunStop, attempted, why.clone(), Fault::Forbidden { why }).await);
        }
        match self.access.permit::<StopOwnRun>(self.operation(), &place, resource) {
            Ok(permit) => self.stop_with(&permit, self.portal.store.stop_own_run(&permit)).await,
            Err(refused) => Err(self.refuse(EventCode::RunStop, attempted, &refused).await),
        }
    }
}
