//! The program itself in a process of its own, with a configuration in a temporary folder: SQLite, the demo's repository and
//! policy, the real k6.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::k6::k6;

pub(crate) struct Process {
    folder: tempfile::TempDir,
    pub port: u16,
    /// What is logged, as `RUST_LOG` says it.
    level: &'static str,
    pub client: reqwest::Client,
    child: Option<Child>,
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Process {
    /// `None` when there is no k6; that was said. The identity provider has the client `windfirm` with this secret.
    pub(crate) fn prepare(shop_port: u16, issuer: &str, secret: &str, level: &'static str) -> Option<Self> {
        let k6 = k6()?;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        windfirm_demo::repository::create(&at("repository.git"), &windfirm_demo::shop::places(shop_port)).unwrap();
        std::fs::write(at("policy.yaml"), windfirm_demo::repository::policy()).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "listen: 127.0.0.1:{port}\npublic_url: http://127.0.0.1:{port}/\nstate: state\npolicy: policy.yaml\n\
             tree: {{ repository: repository.git, revision: main, roots: roots }}\n\
             identity: [ {{ name: demo, issuer: '{issuer}', client_id: windfirm, client_secret: {{ value: '{secret}' }}, scopes: [openid, profile, groups] }} ]\n\
             runner: {{ k6: '{}' }}\n",
            k6.display()
        );
        std::fs::write(at("windfirm.yaml"), config).unwrap();
        std::fs::create_dir(at("state")).unwrap();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Some(Self { folder, port, level, client, child: None })
    }

    pub(crate) async fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.at("portal.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_windfirm"))
            .args(["serve", "--config"])
            .arg(self.at("windfirm.yaml"))
            .arg("--site")
            .arg(self.at(""))
            .env("RUST_LOG", self.level)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.client.get(self.url("/health/live")).send().await.is_err() {
            assert!(Instant::now() < deadline, "the portal does not answer: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.at("portal.log")).unwrap_or_default()
    }

    /// SIGTERM: the process is asked to end.
    pub(crate) fn ask_to_end(&self) {
        let pid = self.child.as_ref().unwrap().id();
        assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap().success());
    }

    /// How it ended; fails when it does not within its own limits, 15 s for requests and 10 s for workers.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
