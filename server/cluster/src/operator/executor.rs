//! [`KubernetesExecutor`]: the executor's contract, kept with TestRuns.
//!
//! Everything is done as the permit's account, through the gateway. What stands in memory is only what was read, and why we asked for a
//! stop; after a restart it is read again, and the supervisor says why again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::{try_join, try_join_all};
use serde_json::json;
use tokio::{task::spawn_blocking, time::Instant};
use windfirm_executor::{Executor, ExecutorError, ExitReport, Handle, InCluster, Observation, Orders};
use windfirm_measure::frame::Frame;
use windfirm_model::{clock::Clock, id::ExecutionId, view::run::LogPage};
use windfirm_policy::{Permit, act::SuperviseRuns};

use super::{
    archive::{self, ArchiveError},
    log::{Book, Feed},
    objects::{self, Fetched, Plan, REST_PORT, mark},
    report,
    seen::{Event, Job, Pod, Seen, TestRun},
    settings::OperatorSettings,
    standing::{self, Standing},
    watching::Watching,
};
use crate::{
    account::Account,
    acting::{Acting, LogPart, Selector},
    error::ClusterError,
    gateway::Gateway,
    kind::Kind,
};

/// Whoever asks more often is told what was seen then, where nothing watches.
const LOOK: Duration = Duration::from_millis(800);
/// For so long after an order a node may still say that the ConfigMap is not there.
const MISSED: Duration = Duration::from_secs(30);
/// One piece of a log, bytes.
const LOG_PIECE: u32 = 4 << 20;
/// Logs of a run that goes on are read again after that.
const LOG_LOOK: Duration = Duration::from_secs(2);
const LOGS_AT_ONCE: usize = 8;
/// Of how many parts that do not move the events are read: they all have the same reason.
const MOST_UNMOVED: usize = 3;
/// Runners that one run may have. The operator looks at each every second.
const MOST_RUNNERS: u32 = 200;

type SupervisorPermit = Permit<SuperviseRuns>;
type ActingFor<'p> = Acting<'p, SuperviseRuns>;

/// Carries out executions in one cluster.
#[derive(Debug)]
pub struct KubernetesExecutor {
    gateway: Gateway,
    settings: OperatorSettings,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<ExecutionId, Arc<tokio::sync::Mutex<Kept>>>>,
}

/// What was seen of one execution.
#[derive(Debug, Default)]
struct Kept {
    looked: Option<(Instant, Observation)>,
    /// When we ordered it, if we did.
    ordered: Option<Instant>,
    seen: Option<Seen>,
    watching: Watching,
    book: Option<(Instant, Book)>,
    /// Why we asked it to stop, and which runners have heard it.
    stop: Option<String>,
    told: BTreeSet<u32>,
    /// The end does not change any more.
    report: Option<ExitReport>,
}

impl KubernetesExecutor {
    #[must_use]
    pub fn new(gateway: Gateway, settings: OperatorSettings, clock: Arc<dyn Clock>) -> Self {
        Self { gateway, settings, clock, kept: Mutex::default() }
    }
    #[must_use]
    pub const fn settings(&self) -> &OperatorSettings {
        &self.settings
    }
    fn kept(&self, execution: ExecutionId) -> Arc<tokio::sync::Mutex<Kept>> {
        Arc::clone(self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(execution).or_default())
    }
    fn forget(&self, execution: ExecutionId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&execution);
    }
    async fn acting<'p>(&self, permit: &'p SupervisorPermit) -> Result<ActingFor<'p>, ExecutorError> {
        self.gateway.as_service_account(permit).await.map_err(told)
    }
    fn check<'o>(&self, orders: &'o Orders) -> Result<&'o InCluster, ExecutorError> {
        let refuse = |why: String| Err(ExecutorError::Orders(why));
        let Some(cluster) = &orders.in_cluster else { return refuse("they say nothing for a cluster".into()) };
        if cluster.runners == 0 || cluster.runners > MOST_RUNNERS {
            return refuse(format!("a run has 1 to {MOST_RUNNERS} runners, not {}", cluster.runners));
        }
        if cluster.runners > orders.max_vus {
            return refuse(format!("{} runners are too many for {} virtual users: each runner needs one", cluster.runners, orders.max_vus));
        }
        if orders.deadline_s == 0 {
            return refuse("a run needs a deadline".into());
        }
        if !url::Url::parse(&orders.portal).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return refuse("the address of the portal is not an HTTP URL".into());
        }
        Ok(cluster)
    }
    /// The TestRun of an execution, if it is there, and the account that it was begun as.
    async fn find<'p>(&self, acting: ActingFor<'p>, execution: ExecutionId) -> Result<Option<(TestRun, ActingFor<'p>)>, ExecutorError> {
        let Some(run) = self.find_ours(&acting, execution).await? else { return Ok(None) };
        let acting = acting.insist_on(run.metadata.annotation(mark::ACCOUNT)).map_err(told)?;
        Ok(Some((run, acting)))
    }
    /// The TestRun of an execution, if it is there, whoever began it.
    async fn find_ours(&self, acting: &ActingFor<'_>, execution: ExecutionId) -> Result<Option<TestRun>, ExecutorError> {
        let run = match acting.get::<TestRun>(Kind::TEST_RUN, &objects::name_of(execution)).await {
            Ok(done) => done.object,
            Err(ClusterError::NotThere { .. }) => return Ok(None),
            Err(error) => return Err(told(error)),
        };
        if !run.metadata.is_ours(execution, &self.settings.instance) {
            let (name, account) = (&run.metadata.name, acting.account());
            let message = format!(
                "In namespace {} there is a TestRun {name} that this portal did not make, though it has the name of a run of ours. Somebody should look at it, and delete it or give it another name.",
                account.namespace()
            );
            return Err(ExecutorError::Cluster { message, passing: false, audit_id: None });
        }
        Ok(Some(run))
    }
    /// Parts of a TestRun that was deleted go after it. The operator would take them for those of the next one by its name.
    async fn wait_for_clearing<'p>(&self, acting: ActingFor<'p>, execution: ExecutionId) -> Result<ActingFor<'p>, ExecutorError> {
        let of_run = Selector::labels(format!("k6_cr={}", objects::name_of(execution)));
        let (jobs, pods) = try_join(acting.list::<Job>(Kind::JOB, &of_run), acting.list::<Pod>(Kind::POD, &of_run)).await.map_err(told)?;
        if jobs.is_empty() && pods.is_empty() {
            return Ok(acting);
        }
        match self.find(acting, execution).await? {
            Some((_, acting)) => Ok(acting),
            None => Err(try_again("What an earlier beginning of this run has left is still being cleared away.")),
        }
    }
    /// Secret and ConfigMap, in this order: when the ConfigMap is there, all is. What is there already is taken as done, since no account of ours may read it.
    async fn complete(acting: &ActingFor<'_>, plan: &Plan<'_>, run: &TestRun, archive: &[u8]) -> Result<(), ExecutorError> {
        let secret = plan.secret(&run.metadata.uid);
        let is_same = run.metadata.annotation(mark::TOKEN) == objects::fingerprint(plan.orders) && run.metadata.annotation(mark::ARCHIVE) == plan.archive();
        if !is_same {
            // Ordered again after we died: the store knows the new token only. No runner has read the old one yet; those that fetch do so
            // before they begin.
            let (initializing, begun) = (standing::is_initializing(run), standing::has_begun(run));
            if begun || (plan.fetched.is_none() && !initializing) {
                return Ok(());
            }
            if_there(acting.delete(Kind::SECRET, &plan.name(), None).await.map(drop)).map_err(told)?;
            if plan.fetched.is_some() {
                // A pod that fetches may have mounted it, and what is immutable is not mounted again.
                if_there(acting.delete(Kind::TEST_RUN, &plan.name(), Some(&run.metadata.uid)).await.map(drop)).map_err(told)?;
                return Err(try_again("The run is begun anew, because its token or its files were replaced before it had begun."));
            }
        }
        if_new(acting.create::<serde_json::Value>(Kind::SECRET, &secret).await.map(drop)).map_err(told)?;
        if_new(acting.create::<serde_json::Value>(Kind::CONFIG_MAP, &plan.config_map(archive, &run.metadata.uid)).await.map(drop)).map_err(told)
    }
    /// Looks at everything, unless somebody did a moment ago.
    async fn observe_into(&self, permit: &SupervisorPermit, execution: ExecutionId, kept: &mut Kept) -> Result<Observation, ExecutorError> {
        if let Some(report) = &kept.report {
            return Ok(Observation::Ended(Box::new(report.clone())));
        }
        if let Some((at, observation)) = &kept.looked
            && at.elapsed() < kept.watching.holds(LOOK)
        {
            return Ok(observation.clone());
        }
        // What goes wrong from here on is not hidden by what was seen before.
        kept.looked = None;
        kept.watching.look();
        let acting = self.acting(permit).await?;
        let Some((run, acting)) = self.find(acting, execution).await? else {
            (kept.seen, kept.watching) = (None, Watching::default());
            return Ok(Observation::Absent);
        };
        kept.watching.keep(&acting, &run.metadata.name).await.map_err(told)?;
        let seen = self.see(&acting, run).await.map_err(told)?;
        let observation = if self.has_lost_its_files(execution, &seen.run) { Observation::Absent } else { self.understand(&acting, &seen, kept).await? };
        kept.seen = Some(seen);
        kept.looked = Some((Instant::now(), observation.clone()));
        Ok(observation)
    }
    async fn see(&self, acting: &ActingFor<'_>, run: TestRun) -> Result<Seen, ClusterError> {
        // The TestRun was read before its pods: what it says of them is never newer than they are.
        let of_run = Selector::labels(format!("k6_cr={}", run.metadata.name));
        let pods: Vec<Pod> = acting.list(Kind::POD, &of_run).await?;
        let mut seen = Seen { run, pods, jobs: Vec::new(), events: Vec::new(), initializer_log: None, now: self.clock.now() };
        if !standing::all_there(&seen) {
            seen.jobs = acting.list::<Job>(Kind::JOB, &of_run).await?;
        }
        for (job, pod) in standing::unmoved(&seen).into_iter().take(MOST_UNMOVED) {
            let (kind, name) = pod.map_or(("Job", job), |pod| ("Pod", pod));
            let about = Selector { labels: String::new(), fields: format!("involvedObject.kind={kind},involvedObject.name={name}") };
            seen.events.extend(acting.list::<Event>(Kind::EVENT, &about).await?);
        }
        if let Some(pod) = standing::unhappy_initializer(&seen) {
            let part = LogPart { container: Some("k6".to_owned()), tail_lines: None, limit_bytes: 1 << 20, timestamps: false, since: None };
            seen.initializer_log = Some(acting.pod_log(&pod.metadata.name, &part).await?.object);
        }
        Ok(seen)
    }
    async fn understand(&self, acting: &ActingFor<'_>, seen: &Seen, kept: &mut Kept) -> Result<Observation, ExecutorError> {
        let report = match standing::standing(seen, &self.settings) {
            // A node that has missed its ConfigMap once looks again after a while, and says so until then.
            Standing::HalfOrdered if kept.ordered.is_some_and(|at| at.elapsed() < MISSED) => {
                return Ok(Observation::Starting { waits_for: Some("The node waits for the files of the test, which are there since a moment.".to_owned()) });
            }
            Standing::HalfOrdered => return Ok(Observation::Absent),
            Standing::Waiting(waits_for) => return Ok(Observation::Starting { waits_for }),
            Standing::Running { since, events } => return Ok(Observation::Running { k6_started: since, confinement: report::confinement(), events }),
            Standing::Going => return Ok(Observation::Lost),
            Standing::Failed(cause) => report::not_started(cause, seen.now),
            Standing::Over { runners, since } => {
                let book = book_of(kept, seen);
                read_logs(acting, book, seen).await.map_err(told)?;
                // Also of those that are gone, or will never begin.
                book.feeds.iter_mut().for_each(|feed| feed.whole = true);
                book.settle(seen.now);
                let facts = report::Facts {
                    stop: kept.stop.clone(),
                    deadline_s: seen.run.metadata.number(mark::DEADLINE).unwrap_or(u32::MAX),
                    memory_mib: seen.run.metadata.number(mark::MEMORY_MIB).unwrap_or(self.settings.runner.memory_mib),
                    since,
                    now: seen.now,
                };
                let Some((_, book)) = &kept.book else { return Err(ExecutorError::Cut("the logs were lost".to_owned())) };
                report::of_runners(&runners, book, &facts)
            }
        };
        (kept.report, kept.watching) = (Some(report.clone()), Watching::default());
        Ok(Observation::Ended(Box::new(report)))
    }
    async fn delete(&self, permit: &SupervisorPermit, execution: ExecutionId) -> Result<(), ExecutorError> {
        let acting = self.acting(permit).await?;
        // An account that was made again goes on with nothing that the one before has begun. To take it away is no going on, and somebody has to.
        if let Some(run) = self.find_ours(&acting, execution).await? {
            let deleted = acting.delete(Kind::TEST_RUN, &run.metadata.name, Some(&run.metadata.uid)).await;
            if_there(deleted.map(drop)).map_err(told)?;
        }
        self.clear_shelf(execution).await
    }
    /// How the archive comes to the pods: in the ConfigMap, or fetched from the shelf, where it lies before anybody is told of it.
    async fn shelve(&self, execution: ExecutionId, archive: &Arc<Vec<u8>>) -> Result<Option<Fetched>, ExecutorError> {
        if archive::is_small(archive) {
            return Ok(None);
        }
        let bytes = archive.len();
        let Some(image) = &self.settings.runner_image else { return Err(ExecutorError::Orders(ArchiveError::TooLargeForConfigMap { bytes }.to_string())) };
        let (shelf, archive) = (image.shelf.clone(), Arc::clone(archive));
        let put = spawn_blocking(move || shelf.put(execution, &archive)).await.map_err(|error| ExecutorError::Cut(error.to_string()))?;
        let digest = put.map_err(|source| ExecutorError::File { what: "The files of the test cannot be laid out for the runners".to_owned(), source })?;
        Ok(Some(Fetched { digest, bytes, image: image.name.clone() }))
    }
    /// Whether its pods still have to fetch files that are not laid out here any more: the state folder is another one. It is ordered again.
    fn has_lost_its_files(&self, execution: ExecutionId, run: &TestRun) -> bool {
        let digest = run.metadata.annotation(mark::ARCHIVE);
        let Some(image) = self.settings.runner_image.as_ref().filter(|_| !digest.is_empty()) else { return false };
        !standing::has_begun(run) && image.shelf.find(execution, digest).is_none()
    }
    async fn clear_shelf(&self, execution: ExecutionId) -> Result<(), ExecutorError> {
        let Some(shelf) = self.settings.runner_image.as_ref().map(|image| image.shelf.clone()) else { return Ok(()) };
        let cleared = spawn_blocking(move || shelf.clear(execution)).await.map_err(|error| ExecutorError::Cut(error.to_string()))?;
        cleared.map_err(|source| ExecutorError::File { what: "The files that were laid out for the runners cannot be removed".to_owned(), source })
    }
}

/// Made before is made.
fn if_new(made: Result<(), ClusterError>) -> Result<(), ClusterError> {
    if let Err(ClusterError::AlreadyThere { .. }) = made { Ok(()) } else { made }
}

/// Gone before is gone.
fn if_there(deleted: Result<(), ClusterError>) -> Result<(), ClusterError> {
    if let Err(ClusterError::NotThere { .. }) = deleted { Ok(()) } else { deleted }
}

/// The next time it may be otherwise.
fn try_again(why: &str) -> ExecutorError {
    ExecutorError::Cluster { message: why.to_owned(), passing: true, audit_id: None }
}

fn told(error: ClusterError) -> ExecutorError {
    ExecutorError::Cluster { passing: error.is_passing(), audit_id: error.audit_id().map(str::to_owned), message: error.to_string() }
}

fn book_of<'k>(kept: &'k mut Kept, seen: &Seen) -> &'k mut Book {
    let new = || (Instant::now(), Book::new(seen.run.spec.parallelism, seen.run.metadata.number(mark::LOG_BYTES).unwrap_or(u64::MAX)));
    &mut kept.book.get_or_insert_with(new).1
}

/// Reads what is new in the logs of all runners that have any.
async fn read_logs(acting: &ActingFor<'_>, book: &mut Book, seen: &Seen) -> Result<(), ClusterError> {
    for some in book.feeds.chunks_mut(LOGS_AT_ONCE) {
        try_join_all(some.iter_mut().filter(|feed| !feed.whole).map(|feed| read_log(acting, feed, seen))).await?;
    }
    Ok(())
}

async fn read_log(acting: &ActingFor<'_>, feed: &mut Feed, seen: &Seen) -> Result<(), ClusterError> {
    let Some(pod) = seen.pod_of(&objects::runner_job(&seen.run.metadata.name, feed.runner)).filter(|pod| pod.has_started()) else { return Ok(()) };
    loop {
        let part = LogPart { container: Some("k6".to_owned()), tail_lines: None, limit_bytes: LOG_PIECE, timestamps: true, since: feed.since() };
        let piece = match acting.pod_log(&pod.metadata.name, &part).await {
            Ok(done) => done.object,
            // The pod, or its log, went away in the meantime.
            Err(ClusterError::NotThere { .. } | ClusterError::Invalid { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let cut = u32::try_from(piece.len()).is_ok_and(|length| length >= LOG_PIECE);
        // More than a piece within one second cannot be read this way; the next second can.
        if !feed.take(&piece, cut) || !cut {
            break;
        }
    }
    // That it has ended was seen before its log was read.
    feed.whole = pod.terminated().is_some();
    Ok(())
}

#[async_trait]
impl Executor for KubernetesExecutor {
    fn handle(&self, permit: &SupervisorPermit, execution: ExecutionId) -> Result<Handle, ExecutorError> {
        let cluster = self.gateway.cluster().name().to_string();
        let account = permit.service_account().ok_or_else(|| told(ClusterError::NoAccount { cluster: cluster.clone() }))?;
        let account: Account = account.parse().map_err(|error| told(ClusterError::BadAccount(error)))?;
        Ok(Handle::Kubernetes { cluster, namespace: account.namespace().to_owned(), name: objects::name_of(execution) })
    }

    fn start_limit_s(&self) -> u32 {
        self.settings.start_limit_s
    }

    async fn start(&self, permit: &SupervisorPermit, orders: &Orders) -> Result<Handle, ExecutorError> {
        let cluster = self.check(orders)?;
        let handle = self.handle(permit, orders.execution)?;
        let (reading, of_cluster) = (orders.clone(), cluster.clone());
        let archive = spawn_blocking(move || archive::of_orders(&reading, &of_cluster)).await.map_err(|error| ExecutorError::Cut(error.to_string()))?;
        let archive = Arc::new(archive.map_err(|error| ExecutorError::Orders(error.to_string()))?);
        let fetched = self.shelve(orders.execution, &archive).await?;
        let acting = self.acting(permit).await?;
        let acting = if cluster.again { self.wait_for_clearing(acting, orders.execution).await? } else { acting };
        let (account, account_uid) = (acting.account().clone(), acting.account_uid().to_owned());
        let plan = Plan { orders, cluster, settings: &self.settings, account: &account, account_uid: &account_uid, fetched: fetched.as_ref() };
        let (run, acting, made) = match acting.create::<TestRun>(Kind::TEST_RUN, &plan.test_run()).await {
            Ok(done) => (done.object, acting, true),
            Err(ClusterError::AlreadyThere { .. }) => {
                let Some((run, acting)) = self.find(acting, orders.execution).await? else {
                    return Err(try_again("The run was there, and was deleted at this moment."));
                };
                (run, acting, false)
            }
            Err(error) => {
                if !error.is_passing() {
                    self.clear_shelf(orders.execution).await?;
                }
                return Err(told(error));
            }
        };
        if let Err(error) = Self::complete(&acting, &plan, &run, &archive).await {
            if made && !error.is_passing() {
                // It could never begin. When this fails too, the run is found by its label.
                let _ = acting.delete(Kind::TEST_RUN, &run.metadata.name, Some(&run.metadata.uid)).await;
            }
            return Err(error);
        }
        let kept = self.kept(orders.execution);
        let mut kept = kept.lock().await;
        // What was seen before is old.
        (kept.looked, kept.ordered) = (None, Some(Instant::now()));
        Ok(handle)
    }

    async fn observe(&self, permit: &SupervisorPermit, execution: ExecutionId) -> Result<Observation, ExecutorError> {
        let kept = self.kept(execution);
        let mut kept = kept.lock().await;
        self.observe_into(permit, execution, &mut kept).await
    }

    async fn recall(&self, execution: ExecutionId, reason: &str) {
        self.kept(execution).lock().await.stop.get_or_insert_with(|| reason.to_owned());
    }

    async fn stop(&self, permit: &SupervisorPermit, execution: ExecutionId, reason: &str) -> Result<(), ExecutorError> {
        let kept = self.kept(execution);
        let mut kept = kept.lock().await;
        let observation = self.observe_into(permit, execution, &mut kept).await?;
        match (observation, kept.seen.clone()) {
            (Observation::Absent, _) => Err(ExecutorError::Absent(execution)),
            (Observation::Ended(_) | Observation::Lost, _) => Ok(()),
            // No k6 is there that could run a teardown, and nothing was measured.
            (Observation::Starting { .. }, _) => self.delete(permit, execution).await.inspect(|()| kept.looked = None),
            (Observation::Running { .. }, None) => Err(ExecutorError::Absent(execution)),
            (Observation::Running { .. }, Some(seen)) => {
                let name = seen.run.metadata.name.clone();
                let running = |number: &u32| seen.pod_of(&objects::runner_job(&name, *number)).is_some_and(Pod::is_running);
                let numbers: Vec<u32> = (1..=seen.run.spec.parallelism).filter(running).collect();
                kept.stop.get_or_insert_with(|| reason.to_owned());
                let acting = self.acting(permit).await?;
                let mut failed = Ok(());
                for number in numbers {
                    if kept.told.contains(&number) {
                        continue;
                    }
                    match tell_to_stop(&acting, &objects::runner_service(&name, number)).await {
                        Ok(()) => {
                            kept.told.insert(number);
                        }
                        // The others are told all the same.
                        Err(error) => failed = Err(error),
                    }
                }
                failed
            }
        }
    }

    async fn kill(&self, permit: &SupervisorPermit, execution: ExecutionId) -> Result<(), ExecutorError> {
        self.delete(permit, execution).await?;
        self.kept(execution).lock().await.looked = None;
        Ok(())
    }

    /// None: runners deliver to the portal themselves, and what it did not take is lost with their pods.
    async fn spooled_frames(&self, _permit: &SupervisorPermit, _execution: ExecutionId, _after: u64) -> Result<Vec<Frame>, ExecutorError> {
        Ok(Vec::new())
    }

    async fn log(&self, permit: &SupervisorPermit, execution: ExecutionId, after: u64) -> Result<LogPage, ExecutorError> {
        let nothing = LogPage { from: after, total: after, ..LogPage::default() };
        let kept = self.kept(execution);
        let mut kept = kept.lock().await;
        self.observe_into(permit, execution, &mut kept).await?;
        if kept.book.as_mut().is_some_and(|(_, book)| book.page(after).is_none()) {
            kept.book = None;
        }
        let Some(seen) = kept.seen.clone().filter(|seen| seen.pods.iter().any(Pod::has_started)) else {
            return Ok(kept.book.as_mut().and_then(|(_, book)| book.page(after)).unwrap_or(nothing));
        };
        let due = kept.book.as_ref().is_none_or(|(at, book)| !book.is_whole() && at.elapsed() >= LOG_LOOK);
        if due {
            let acting = self.acting(permit).await?;
            let book = book_of(&mut kept, &seen);
            // What was printed before this moment is in what is read now.
            let now = self.clock.now();
            read_logs(&acting, book, &seen).await.map_err(told)?;
            book.settle(now);
            if let Some((at, _)) = &mut kept.book {
                *at = Instant::now();
            }
        }
        Ok(kept.book.as_mut().and_then(|(_, book)| book.page(after)).unwrap_or(nothing))
    }

    async fn clean_up(&self, permit: &SupervisorPermit, execution: ExecutionId) -> Result<(), ExecutorError> {
        if matches!(self.observe(permit, execution).await?, Observation::Starting { .. } | Observation::Running { .. }) {
            return Err(ExecutorError::StillGoing(execution));
        }
        self.delete(permit, execution).await?;
        self.forget(execution);
        Ok(())
    }

    async fn find_all(&self, permit: &SupervisorPermit) -> Result<Vec<ExecutionId>, ExecutorError> {
        let ours = Selector::labels(format!("{}={},{}={}", mark::MANAGED_BY, mark::WINDFIRM, mark::INSTANCE, self.settings.instance));
        let runs: Vec<TestRun> = self.acting(permit).await?.list(Kind::TEST_RUN, &ours).await.map_err(told)?;
        let mut found: Vec<ExecutionId> = runs.iter().filter_map(|run| run.metadata.execution()).collect();
        found.sort_unstable();
        Ok(found)
    }
}

/// k6's own way of being stopped: it runs its teardown and sends what it has measured.
async fn tell_to_stop(acting: &ActingFor<'_>, service: &str) -> Result<(), ExecutorError> {
    let stop = json!({ "data": { "type": "status", "id": "default", "attributes": { "stopped": true } } });
    let answer = acting.patch_service(service, REST_PORT, "/v1/status", &stop).await.map_err(told)?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let message = format!("A runner did not take the wish to stop ({} from {service}). It is told again.", answer.status);
    Err(ExecutorError::Cluster { message, passing: true, audit_id: answer.audit_id })
}
