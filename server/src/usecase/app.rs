//! One app: what it is, its tests as k6 reads them, its runs, who may do what.

use tokio::time::Instant;
use windfirm_model::{
    action::Action,
    audit::EventCode,
    fault::Fault,
    path::AppPath,
    view::{
        app::{AppPage, ChildRow, CommitRow, SourceRow, Target, TestRow},
        run::Permission,
    },
};
use windfirm_policy::{Decision, Place, Refused, explain_all};
use windfirm_tree::{address, graph::App, page::live_facts};

use crate::{
    audit::Attempted,
    context::Asker,
    sites::RunsAt,
    usecase::{
        inspection::{self, PAGE_PATIENCE, Patience, Question},
        launch::{fields::short, host_of},
        tests_of::Tests,
    },
};

/// Newest runs on the app page.
const RUN_ROWS: u32 = 20;

impl Asker {
    /// The app, if the asker may see it. Every attempt on another one is recorded, whether it exists or not: the two are told alike,
    /// and take the same time.
    pub(super) async fn see_app(&self, path: &AppPath, code: EventCode) -> Result<App, Fault> {
        let Some(app) = self.tree.tree.find(path) else {
            let why = format!("There is no app “{}”.", short(path.as_str()));
            return Err(self.record_refusal(code, Attempted::default(), why, Fault::NotFound).await);
        };
        if app.allows(&self.access, Action::ViewApp) {
            return Ok(app.clone());
        }
        Err(self.refuse(code, Attempted { place: Some(app.place()), run: None }, &Refused::Invisible).await)
    }

    /// What keeps somebody who may launch from having it carried out, and who can mend it; `None`: nothing.
    pub(super) fn locked(&self, app: &App, account: Option<&str>) -> Option<String> {
        if let Some(there) = app.live_place() {
            return Some(format!(
                "Git says that this app is in {}, and the cluster has deployed it to another place. Nothing is launched until the two agree{}.",
                app.environment,
                if self.access.allows(Action::ViewApp, &there) { format!(": there it is in {}", there.environment) } else { String::new() }
            ));
        }
        match self.portal.sites.runs_at(&app.cluster) {
            RunsAt::Here => self.secrets_out_of_reach(app),
            RunsAt::Nowhere(why) => Some(why),
            RunsAt::In(site) => {
                let Some(account) = account else {
                    return Some("The grant names no service account, and in a cluster nothing is done without one.".to_owned());
                };
                Some(site.locks(account, self.portal.clock.now()).join(" ")).filter(|why| !why.is_empty())
            }
        }
    }

    /// May the asker launch here, and why not.
    pub(super) fn may_launch(&self, place: &Place) -> Permission {
        match self.access.can(Action::LaunchRun, place) {
            Decision::Allowed(grant) => {
                let account = grant.service_account.as_deref();
                match self.tree.tree.find(&place.path).and_then(|app| self.locked(app, account)) {
                    Some(why) => Permission { allowed: false, why },
                    None => Permission { allowed: true, why: format!("You act as {} through grant {}.", account.unwrap_or("no account"), grant.grant) },
                }
            }
            Decision::Refused => Permission { allowed: false, why: self.access.why_not(Action::LaunchRun, place) },
        }
    }

    /// All tests of an app, as k6 reads them. What it has not read by `until` says so.
    pub(super) async fn test_rows(&self, app: &App, tests: &Tests, until: Instant) -> Vec<TestRow> {
        let person = self.actor.key();
        let patience = Patience { person: &person, until: Some(until) };
        let target = match &app.target {
            Target::Known { url, .. } => url.clone(),
            Target::Missing { .. } => String::new(),
        };
        let rows = tests.scripts.iter().map(|test| async {
            let name = test.path.rsplit('/').next().unwrap_or_default().to_owned();
            let (digest, options) = match tests.bundle(test).await {
                Ok(bundle) => {
                    let question = Question { target: &target, parameters: &[], load: None };
                    let answer = inspection::inspect(&self.portal, patience, &bundle, question).await;
                    (bundle.digest, inspection::options(answer))
                }
                Err(message) => (String::new(), windfirm_model::view::app::TestOptions::Broken { message }),
            };
            TestRow { path: test.path.clone(), name, digest, options }
        });
        futures::future::join_all(rows).await
    }

    async fn source_rows(&self, app: &App) -> Vec<SourceRow> {
        let Some(snapshot) = self.tree.snapshot.clone() else { return Vec::new() };
        let sources = app.sources.clone();
        let read = move || {
            let row = |source: windfirm_tree::graph::AppSource| {
                let last: Option<CommitRow> = source.folder.as_deref().and_then(|folder| snapshot.last_commit(folder).ok().flatten());
                SourceRow {
                    repository: address::shown(&source.source.repository),
                    path: source.source.path.unwrap_or_default(),
                    revision: source.source.revision,
                    kind: source.kind.to_owned(),
                    last_commit: last,
                }
            };
            sources.into_iter().map(row).collect()
        };
        let mut rows: Vec<SourceRow> = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        for row in &mut rows {
            row.last_commit = row.last_commit.take().map(|commit| self.commit(commit));
        }
        rows
    }

    pub(super) async fn app_page(&self, path: AppPath) -> Result<AppPage, Fault> {
        let app = self.see_app(&path, EventCode::Denied).await?;
        let tree = &self.tree.tree;
        let place = app.place();
        let visible = |app: &App| app.allows(&self.access, Action::ViewApp);
        let children: Vec<&App> = tree.children(&app).collect();
        let shown: Vec<ChildRow> = children
            .iter()
            .filter(|child| visible(child))
            .map(|child| ChildRow { path: child.path.clone(), name: child.name.clone(), wave: child.wave, environment: child.environment.clone() })
            .collect();
        let (runs, runs_total) = self.portal.store.app_runs(&self.access, &app.path, RUN_ROWS).await.map_err(|error| self.store_fault(&error))?;
        let mut problems = app.problems.clone();
        if let Target::Known { url, .. } = &app.target
            && let Err(why) = host_of(url)
        {
            problems.push(why);
        }
        let tests = self.tests_of(&app).await;
        let new: Vec<String> = tests.problems.iter().filter(|problem| !problems.contains(problem)).cloned().collect();
        problems.extend(new);
        let account_findings = self.account_findings_of(&app).await?;
        let secrets = self.secret_rows(&app).await?;
        // One cluster has one name on the page, however the manifests spell it.
        let named = |spelling: &str| self.portal.sites.meant(spelling).unwrap_or_else(|| spelling.to_owned());
        let (mut live, cluster_state) = live_facts(tree, &app, &self.access, &self.cluster_states_of(&app));
        if let Some(told) = live.as_mut().and_then(|live| live.told.as_mut()) {
            told.destination_cluster = named(&told.destination_cluster);
        }
        let project = self.project_facts(&app);
        let deployments = self.deployment_rows(&app, live.as_ref()).await?;
        Ok(AppPage {
            hidden_children: u32::try_from(children.len().saturating_sub(shown.len())).unwrap_or_default(),
            children: shown,
            name: app.name.clone(),
            kind: app.kind.word().to_owned(),
            environment: app.environment.clone(),
            environment_why: app.environment_why.clone(),
            wave: app.wave,
            cluster: named(&app.cluster),
            namespace: app.namespace.clone(),
            destination_namespace: app.destination_namespace.clone(),
            target: app.target.clone(),
            parent: tree.parent(&app).filter(|parent| visible(parent)).map(|parent| parent.path.clone()),
            sources: self.source_rows(&app).await,
            revision: self.revision(),
            tests: self.test_rows(&app, &tests, Instant::now() + PAGE_PATIENCE).await,
            tests_at: tests.deployed_at,
            searched: tests.searched,
            runs,
            runs_total,
            launch: self.may_launch(&place),
            service_account: match self.access.can(Action::LaunchRun, &place) {
                Decision::Allowed(grant) => grant.service_account.clone(),
                Decision::Refused => None,
            },
            access: explain_all(&self.policy.policy, &self.access, &place),
            guardrails: self.policy.policy.guardrails_for(&place),
            problems,
            unresolved: app.unresolved,
            live,
            project,
            deployments,
            cluster_state,
            account_findings,
            secrets,
            now: self.portal.clock.now(),
            path: app.path,
        })
    }
}
