//! A whole portal in a temporary folder: the demo's repository and policy, SQLite, the real k6 where it is there, no sockets
//! but the ones that a test opens itself. People log in by a session row, as after a finished login.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower_sessions::Session;
use windfirm::{
    clock::SystemClock,
    config::{Config, IssuerSection, RunnerConfig, Secret, TreeConfig},
    http::routes::build_router,
    start::{self, Options},
    state::Portal,
    worker,
};
use windfirm_executor::Executor as _;
use windfirm_model::{
    actor::{Groups, PersonKey, SystemTask},
    audit::EventOutcome,
    clock::Clock,
    id::{ExecutionId, OperationId},
    session::Login,
    view::audit::AuditRow,
};
use windfirm_policy::{Access, Permit, Resource, act::SuperviseRuns};
use windfirm_store::{audit::AuditFilter, session::SessionRows};

use crate::k6::k6;

pub(crate) struct House {
    pub portal: Arc<Portal>,
    pub router: Router,
    pub folder: Arc<tempfile::TempDir>,
    pub config: Config,
}

impl Drop for House {
    fn drop(&mut self) {
        self.portal.ending.cancel();
    }
}

/// What differs between the houses of tests.
pub(crate) struct Plan {
    pub shop_port: u16,
    /// Where runners find the portal.
    pub listening: std::net::SocketAddr,
    pub public_url: &'static str,
    /// The identity provider; nobody listens there unless a test does.
    pub issuer: String,
    /// The command that starts the runner.
    pub runner: Vec<OsString>,
    pub clock: Arc<dyn Clock>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            shop_port: 7_710,
            listening: ([127, 0, 0, 1], 7_700).into(),
            public_url: "http://127.0.0.1:7700/",
            issuer: "http://127.0.0.1:9".into(),
            runner: vec![env!("CARGO_BIN_EXE_windfirm").into(), "runner".into()],
            clock: Arc::new(SystemClock),
        }
    }
}

/// Who asks. The five people of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    Nobody,
    Ana,
    Ben,
    Eli,
    Chris,
    Dora,
}

impl As {
    pub(crate) const PEOPLE: [Self; 5] = [Self::Ana, Self::Ben, Self::Eli, Self::Chris, Self::Dora];

    fn facts(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Nobody => None,
            Self::Ana => Some(("Ana Ruiz", &["shop-dev"])),
            Self::Ben => Some(("Ben Okafor", &["shop-dev", "shop-leads"])),
            Self::Eli => Some(("Eli Tanaka", &["search-dev"])),
            Self::Chris => Some(("Chris Lindqvist", &["platform"])),
            Self::Dora => Some(("Dora Weiss", &["audit"])),
        }
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl House {
    /// `None` when there is no k6; that was said.
    pub(crate) async fn open() -> Option<Self> {
        Self::build(Plan::default()).await
    }

    /// The same with another configuration; `change` is told the folder that everything stands in.
    pub(crate) async fn open_with(change: impl FnOnce(&Path, &mut Config)) -> Option<Self> {
        Self::build_with(Plan::default(), change).await
    }

    /// What the executor has a trace of.
    pub(crate) async fn executions(&self) -> Vec<ExecutionId> {
        let permit: Permit<SuperviseRuns> = Permit::system(OperationId(self.portal.clock.new_uuid()), Resource::default());
        self.portal.local.find_all(&permit).await.unwrap()
    }

    /// The next start of the same portal, on the same folder.
    pub(crate) async fn start_again(&self, change: impl FnOnce(&mut Config)) -> Self {
        worker::lease::leave(&self.portal).await;
        let mut config = self.config.clone();
        change(&mut config);
        let Plan { runner, clock, .. } = Plan::default();
        Self::start(Arc::clone(&self.folder), config, runner, clock).await
    }

    /// With workers, a real socket for what runners deliver, and the demo's shop on ports from `shop_port` on.
    pub(crate) async fn open_live(shop_port: u16) -> Option<Self> {
        Self::open_live_at(shop_port, Arc::new(SystemClock)).await
    }

    /// The same, with a clock of the test's own.
    pub(crate) async fn open_live_at(shop_port: u16, clock: Arc<dyn Clock>) -> Option<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let house = Self::build(Plan { shop_port, listening: listener.local_addr().unwrap(), clock, ..Plan::default() }).await?;
        let (router, ending) = (house.router.clone(), house.portal.ending.clone());
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(async move { ending.cancelled().await }).await });
        worker::start(&house.portal);
        let alive = house.folder.path().join("alive");
        std::fs::write(&alive, "").unwrap();
        tokio::spawn(async move { windfirm_demo::shop::serve(shop_port, &alive, std::time::Duration::from_secs(600)).await });
        let last = windfirm_demo::shop::places(shop_port).last().unwrap().port;
        while tokio::net::TcpStream::connect(("127.0.0.1", last)).await.is_err() {
            tokio::task::yield_now().await;
        }
        Some(house)
    }

    pub(crate) async fn build(plan: Plan) -> Option<Self> {
        Self::build_with(plan, |_, _| {}).await
    }

    pub(crate) async fn build_with(plan: Plan, change: impl FnOnce(&Path, &mut Config)) -> Option<Self> {
        let Plan { shop_port, listening, public_url, issuer, runner, clock } = plan;
        let k6 = k6()?;
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository.git");
        windfirm_demo::repository::create(&repository, &windfirm_demo::shop::places(shop_port)).unwrap();
        let policy = folder.path().join("policy.yaml");
        std::fs::write(&policy, windfirm_demo::repository::policy()).unwrap();
        let mut config = Config {
            folder: PathBuf::new(),
            listen: listening,
            public_url: public_url.parse().unwrap(),
            trusted_proxies: Vec::new(),
            state: folder.path().join("state"),
            database: None,
            policy,
            tree: TreeConfig { repository, revision: "main".into(), roots: "roots".into(), repositories: Vec::new() },
            identity: vec![IssuerSection {
                name: "demo".into(),
                label: None,
                issuer,
                client_id: "windfirm".into(),
                client_secret: Some(Secret::Value("secret".into())),
                scopes: ["openid", "profile", "groups"].map(str::to_owned).to_vec(),
                groups_claim: "groups".into(),
                name_claim: "name".into(),
                ca_file: None,
            }],
            runner: RunnerConfig { k6: Some(k6), ..RunnerConfig::default() },
            clusters: Vec::new(),
        };
        change(folder.path(), &mut config);
        Some(Self::start(Arc::new(folder), config, runner, clock).await)
    }

    async fn start(folder: Arc<tempfile::TempDir>, config: Config, runner: Vec<OsString>, clock: Arc<dyn Clock>) -> Self {
        let options = Options { site: folder.path().join("site"), demo: true, runner_command: runner };
        let portal = start::build(&config, &options, config.listen, clock).await.unwrap();
        let router = build_router(&portal, &options.site, start::recorder().unwrap());
        Self { portal, router, folder, config }
    }

    /// The login of a person who has just come in.
    pub(crate) fn login(&self, who: As) -> Option<Login> {
        let (name, groups) = who.facts()?;
        let now = self.portal.clock.now();
        Some(Login {
            person: PersonKey { issuer: "http://127.0.0.1:9".into(), subject: name.to_lowercase() },
            name: name.into(),
            groups: Groups::Known(groups.iter().map(|group| (*group).to_owned()).collect()),
            began: now,
            absolute_end: now.plus_seconds(3_600),
            authenticated: now,
            id_token: String::new(),
            client: "test".into(),
        })
    }

    /// The cookie of a person who has just logged in.
    pub(crate) async fn cookie(&self, who: As) -> Option<String> {
        let login = self.login(who)?;
        let session = Session::new(None, Arc::new(SessionRows(self.portal.store.clone())), None);
        windfirm_identity::begin_session(&session, &login, &*self.portal.clock).await.unwrap();
        let name = if self.portal.settings.public_url.scheme() == "https" { "__Host-windfirm" } else { "windfirm" };
        Some(format!("{name}={}", session.id().unwrap()))
    }

    /// Status and headers only: the body of a live stream does not end.
    pub(crate) async fn head(&self, who: As, request: Request<Body>) -> (StatusCode, HeaderMap) {
        let (parts, _) = self.respond(who, request).await.into_parts();
        (parts.status, parts.headers)
    }

    async fn respond(&self, who: As, request: Request<Body>) -> Response {
        let (mut parts, body) = request.into_parts();
        if let Some(cookie) = self.cookie(who).await {
            parts.headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        self.router.clone().oneshot(Request::from_parts(parts, body)).await.unwrap()
    }

    pub(crate) async fn send(&self, who: As, request: Request<Body>) -> Answer {
        let (parts, body) = self.respond(who, request).await.into_parts();
        let body = body.collect().await.map(|all| String::from_utf8_lossy(&all.to_bytes()).into_owned()).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Every operation on the record, by its number.
    pub(crate) async fn record(&self) -> BTreeMap<i64, AuditRow> {
        let slice = self.portal.store.audit(&Access::system(SystemTask::AuditReconciler), &AuditFilter::default(), 10_000).await.unwrap();
        slice.rows.into_iter().map(|row| (row.seq, row)).collect()
    }

    /// The ways in and out on the record, oldest first: what, how it ended, who.
    pub(crate) async fn at_the_door(&self) -> Vec<(String, EventOutcome, String)> {
        let rows = self.record().await.into_values().filter(|row| row.code.starts_with("session."));
        rows.map(|row| (row.code, row.outcome, row.actor)).collect()
    }

    /// A page, as a browser asks for it.
    pub(crate) async fn page(&self, who: As, uri: &str) -> Answer {
        self.send(who, Request::get(uri).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap()).await
    }

    /// A server function, as the script of a page calls it.
    pub(crate) async fn call(&self, who: As, method: Method, name: &str, fields: &str) -> Answer {
        let uri = format!("/api/fn/{name}");
        let request = Request::builder().method(method.clone()).header(header::HOST, "127.0.0.1:7700").header("sec-fetch-site", "same-origin");
        let request = if method == Method::GET {
            request.uri(format!("{uri}?{fields}")).body(Body::empty())
        } else {
            request.uri(uri).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(fields.to_owned()))
        };
        self.send(who, request.unwrap()).await
    }
}
