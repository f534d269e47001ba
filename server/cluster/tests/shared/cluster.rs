//! The cluster that tests are given: the folder that `WINDFIRM_TEST_CLUSTER` names, with its kubeconfigs, programs and images.
//!
//! `make cluster` makes such a folder for the project's own cluster, `make cluster-test CLUSTER=context` for one that was there before.

use std::{
    fs::File,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tokio::net::TcpListener;

#[derive(Debug)]
pub(crate) struct TestCluster {
    pub(crate) folder: PathBuf,
    /// Has `bin/kubectl` and `images/list`.
    built: PathBuf,
}

/// The cluster, beside other tests or alone, until it is dropped: across test programs, which run at the same time.
#[derive(Debug)]
pub(crate) struct Hold {
    _room: File,
}

/// Says so past the test harness, which keeps to itself what passing tests print.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = std::io::stderr().write_all(format!("skipped: {name}: {why}\n").as_bytes());
}

impl TestCluster {
    /// `None` after saying so: there is no cluster.
    pub(crate) fn given() -> Option<Self> {
        let Some(folder) = std::env::var_os("WINDFIRM_TEST_CLUSTER").map(PathBuf::from) else {
            let why = "WINDFIRM_TEST_CLUSTER is not set. `make cluster` brings one up; its folder is .windfirm/cluster";
            assert_ne!(std::env::var("WINDFIRM_REQUIRE_CLUSTER").as_deref(), Ok("1"), "a cluster is required, but {why}");
            skipped(why);
            return None;
        };
        let built = std::fs::read_to_string(folder.join("built")).unwrap();
        Some(Self { built: PathBuf::from(built.trim()), folder })
    }

    /// Waits for the cluster. Alone is who does to it what every other run would notice.
    pub(crate) async fn hold(&self, alone: bool) -> Hold {
        let open = |name: &str| File::options().create(true).append(true).open(self.folder.join(name)).unwrap();
        let (door, room) = (open("door.lock"), open("room.lock"));
        let waiting = move || {
            // Whoever waits to be alone stands in the door, so that nobody else comes in meanwhile.
            door.lock().unwrap();
            if alone { room.lock() } else { room.lock_shared() }.unwrap();
            Hold { _room: room }
        };
        tokio::task::spawn_blocking(waiting).await.unwrap()
    }

    /// This machine, as pods reach it.
    pub(crate) fn address(&self) -> String {
        std::fs::read_to_string(self.folder.join("address")).unwrap().trim().to_owned()
    }

    /// A listener that pods reach at that address: there alone, or where the way leads through another machine, at all of this one's.
    pub(crate) async fn listener(&self) -> TcpListener {
        match TcpListener::bind((self.address(), 0)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("0.0.0.0", 0)).await.unwrap(),
        }
    }

    /// An image of its nodes: pinned by its digest where they know it by that, and there must be no pulling of it.
    pub(crate) fn image(&self, name: &str) -> String {
        let list = std::fs::read_to_string(self.built.join("images/list")).unwrap();
        let line = list.lines().find(|line| line.starts_with(&format!("windfirm.local/{name}:"))).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join("@")
    }

    /// What the API server wrote down; `None` after saying so, as that of somebody else's cluster cannot be read from here.
    pub(crate) fn audit_log(&self) -> Option<String> {
        let log = std::fs::read_to_string(self.folder.join("log/audit.jsonl")).ok();
        if log.is_none() {
            assert!(self.folder.join("context").exists(), "the cluster of `make cluster` has an audit log");
            skipped("the audit log of a borrowed cluster cannot be read");
        }
        log
    }

    /// Somebody who may do everything, and is not the portal.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        #[expect(clippy::disallowed_methods, reason = "this is somebody else's hand in the cluster")]
        let mut command = Command::new(self.built.join("bin/kubectl"));
        command.arg("--kubeconfig").arg(self.folder.join("admin.kubeconfig")).args(arguments);
        command.env("KUBECACHEDIR", self.folder.join("kubectl"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}
