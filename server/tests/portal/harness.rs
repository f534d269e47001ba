//! A whole portal in a temporary folder: the demo's repository and policy, SQLite, the real k6 where it is there, no sockets
//! but the ones that a test opens itself. People log in by a session row, as after a finished login.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
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
use windfirm_model::{
    actor::{Groups, PersonKey},
    clock::Clock,
    session::Login,
};
use windfirm_store::session::SessionRows;

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

/// The k6 that the test command built. Without it, tests that need it say so and fail where it is required.
pub(crate) fn k6() -> Option<PathBuf> {
    let named = std::env::var_os("WINDFIRM_K6").map(PathBuf::from);
    let in_path = std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).map(|folder| folder.join("k6")).collect::<Vec<_>>());
    let found = named.into_iter().chain(in_path).find(|path| path.is_file());
    if found.is_none() {
        // Past the test harness, which keeps to itself what passing tests print.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: tests of the whole portal: no k6 (set WINDFIRM_K6, or run make k6)\n");
        assert!(std::env::var_os("WINDFIRM_REQUIRE_K6").is_none(), "k6 is required here");
    }
    found
}

/// What a portal finds on the machine.
struct Machine {
    runner: Vec<OsString>,
    clock: Arc<dyn Clock>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { runner: vec![env!("CARGO_BIN_EXE_windfirm").into(), "runner".into()], clock: Arc::new(SystemClock) }
    }
}

impl House {
    /// `None` when there is no k6; that was said.
    pub(crate) async fn open() -> Option<Self> {
        Self::open_with(|_, _| {}).await
    }

    /// The same with another configuration; `change` is told the folder that everything stands in.
    pub(crate) async fn open_with(change: impl FnOnce(&Path, &mut Config)) -> Option<Self> {
        Self::build(7_710, ([127, 0, 0, 1], 7_700).into(), change, Machine::default()).await
    }

    /// With another command for the runner, and another clock.
    pub(crate) async fn open_on(runner: Vec<OsString>, clock: Arc<dyn Clock>) -> Option<Self> {
        Self::build(7_710, ([127, 0, 0, 1], 7_700).into(), |_, _| {}, Machine { runner, clock }).await
    }

    /// The next start of the same portal, on the same folder.
    pub(crate) async fn start_again(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.config.clone();
        change(&mut config);
        Self::start(Arc::clone(&self.folder), config, Machine::default()).await
    }

    /// With workers, a real socket for what runners deliver, and the demo's shop on ports from `shop_port` on.
    pub(crate) async fn open_live(shop_port: u16) -> Option<Self> {
        Self::open_live_at(shop_port, Arc::new(SystemClock)).await
    }

    /// The same, with a clock of the test's own.
    pub(crate) async fn open_live_at(shop_port: u16, clock: Arc<dyn Clock>) -> Option<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let house = Self::build(shop_port, listener.local_addr().unwrap(), |_, _| {}, Machine { clock, ..Machine::default() }).await?;
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

    async fn build(shop_port: u16, listening: std::net::SocketAddr, change: impl FnOnce(&Path, &mut Config), machine: Machine) -> Option<Self> {
        let k6 = k6()?;
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository.git");
        windfirm_demo::repository::create(&repository, &windfirm_demo::shop::places(shop_port)).unwrap();
        let policy = folder.path().join("policy.yaml");
        std::fs::write(&policy, windfirm_demo::repository::policy()).unwrap();
        let mut config = Config {
            folder: PathBuf::new(),
            listen: listening,
            public_url: "http://127.0.0.1:7700/".parse().unwrap(),
            state: folder.path().join("state"),
            database: None,
            policy,
            tree: TreeConfig { repository, revision: "main".into(), roots: "roots".into(), repositories: Vec::new() },
            identity: vec![IssuerSection {
                name: "demo".into(),
                label: None,
                issuer: "http://127.0.0.1:9".into(),
                client_id: "windfirm".into(),
                client_secret: Some(Secret::Value("secret".into())),
                scopes: vec!["openid".into()],
                groups_claim: "groups".into(),
                name_claim: "name".into(),
            }],
            runner: RunnerConfig { k6: Some(k6), ..RunnerConfig::default() },
        };
        change(folder.path(), &mut config);
        Some(Self::start(Arc::new(folder), config, machine).await)
    }

    async fn start(folder: Arc<tempfile::TempDir>, config: Config, machine: Machine) -> Self {
        let options = Options { site: folder.path().join("site"), demo: true, runner_command: machine.runner };
        let portal = start::build(&config, &options, config.listen, machine.clock).await.unwrap();
        let router = build_router(&portal, &options.site, start::recorder().unwrap());
        Self { portal, router, folder, config }
    }

    /// The cookie of a person who has just logged in.
    pub(crate) async fn cookie(&self, who: As) -> Option<String> {
        let (name, groups) = who.facts()?;
        let now = self.portal.clock.now();
        let login = Login {
            person: PersonKey { issuer: "http://127.0.0.1:9".into(), subject: name.to_lowercase() },
            name: name.into(),
            groups: Groups::Known(groups.iter().map(|group| (*group).to_owned()).collect()),
            began: now,
            absolute_end: now.plus_seconds(3_600),
            authenticated: now,
            id_token: String::new(),
            client: "test".into(),
        };
        let session = Session::new(None, Arc::new(SessionRows(self.portal.store.clone())), None);
        windfirm_identity::begin_session(&session, &login, &*self.portal.clock).await.unwrap();
        Some(format!("windfirm={}", session.id().unwrap()))
    }

    pub(crate) async fn send(&self, who: As, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        if let Some(cookie) = self.cookie(who).await {
            parts.headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        let response = self.router.clone().oneshot(Request::from_parts(parts, body)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|all| String::from_utf8_lossy(&all.to_bytes()).into_owned()).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body }
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
