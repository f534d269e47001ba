//! A proxy of the test's own between the portal and the API server: plain HTTP on this side, TLS on the other. It can cut, keep silent,
//! be slow, answer with an error, and make a watch go on from a version that the API server has long forgotten.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsConnector;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// What the API server says comes this much later, piece by piece.
    Slow(Duration),
    /// Every connection ends at once, those that are there too.
    Refuse,
    /// Connections are there, and nothing comes through.
    Silent,
    /// Every request is answered with this status; watches that are there end.
    Answer(u16),
}

pub(crate) struct Between {
    folder: TempDir,
    mode: watch::Sender<Mode>,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    server: String,
    tls: TlsConnector,
    name: ServerName<'static>,
    expire: AtomicBool,
    /// Whether the cluster is one without the operator's kinds.
    without_operator: AtomicBool,
    /// The first line of every request.
    asked: Mutex<Vec<String>>,
}

impl Between {
    /// `kubeconfig` is the one of the portal, which gets another that leads here.
    pub(crate) async fn open(mut kubeconfig: Value) -> Self {
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(serde_json::from_value::<Kubeconfig>(kubeconfig.clone()).unwrap(), &options).await.unwrap();
        let mut roots = RootCertStore::empty();
        for certificate in config.root_cert.unwrap() {
            roots.add(certificate.into()).unwrap();
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        let host = config.cluster_url.host().unwrap().to_owned();
        let shared = Arc::new(Shared {
            server: format!("{host}:{}", config.cluster_url.port_u16().unwrap()),
            tls: TlsConnector::from(Arc::new(tls)),
            name: ServerName::try_from(host).unwrap(),
            expire: AtomicBool::new(false),
            without_operator: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        kubeconfig["clusters"][0]["cluster"] = json!({ "server": format!("http://{}", listener.local_addr().unwrap()) });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        let (mode, modes) = watch::channel(Mode::Pass);
        let tasks = TaskTracker::new();
        let serving = tasks.spawn(serve(listener, Arc::clone(&shared), modes, tasks.clone()));
        Self { folder, mode, shared, _serving: AbortOnDropHandle::new(serving) }
    }
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
    /// The next watch goes on from a version of long ago.
    pub(crate) fn expire_next_watch(&self) {
        self.shared.expire.store(true, Ordering::SeqCst);
    }
    /// Discovery of the operator's kinds is led to a group that no cluster has, so that the API server itself says that it is not there.
    pub(crate) fn be_without_operator(&self, without: bool) {
        self.shared.without_operator.store(without, Ordering::SeqCst);
    }
    /// How many requests had this in their first line.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.shared.asked.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, modes: watch::Receiver<Mode>, tasks: TaskTracker) {
    while let Ok((near, _)) = listener.accept().await {
        if *modes.borrow() == Mode::Refuse {
            continue;
        }
        let (shared, modes) = (Arc::clone(&shared), modes.clone());
        tasks.spawn(async move {
            let mut cut = modes.clone();
            let mode = *modes.borrow();
            if let Mode::Answer(status) = mode {
                answer(near, status).await;
                return;
            }
            tokio::select! {
                _ = cut.wait_for(|mode| matches!(mode, Mode::Refuse | Mode::Answer(_))) => {}
                () = connect(near, &shared, modes) => {}
            }
        });
    }
}

/// What an API server in trouble says, in its own shape.
async fn answer(mut near: TcpStream, status: u16) {
    let body = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "etcdserver: leader changed", "code": status }).to_string();
    let head =
        format!("HTTP/1.1 {status} Trouble\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n", body.len());
    // The request first: who is answered before that may find the connection broken.
    let mut request = vec![0; 64 << 10];
    let _ = near.read(&mut request).await;
    let _ = near.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = near.shutdown().await;
}

async fn connect(near: TcpStream, shared: &Shared, mut modes: watch::Receiver<Mode>) {
    if modes.wait_for(|mode| mode.lets_through()).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect(&shared.server).await else { return };
    let Ok(far) = shared.tls.connect(shared.name.clone(), far).await else { return };
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), tokio::io::split(far));
    tokio::select! {
        () = pump(near_read, far_write, modes.clone(), false, |bytes| shared.look_at(bytes)) => {}
        () = pump(far_read, near_write, modes, true, |_| ()) => {}
    }
}

impl Mode {
    const fn lets_through(self) -> bool {
        matches!(self, Self::Pass | Self::Slow(_))
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut modes: watch::Receiver<Mode>,
    answers: bool,
    look_at: impl Fn(&mut Vec<u8>),
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let mut bytes = buffer[..count].to_vec();
        look_at(&mut bytes);
        let mode = *modes.borrow();
        if let Mode::Slow(later) = mode
            && answers
        {
            tokio::time::sleep(later).await;
        }
        let open = modes.wait_for(|mode| mode.lets_through()).await.is_ok();
        if !open || to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

impl Shared {
    /// The portal's requests to read have no body and come whole.
    fn look_at(&self, bytes: &mut Vec<u8>) {
        let Some(line) = bytes.split(|&byte| byte == b'\r').next().and_then(|line| std::str::from_utf8(line).ok()).filter(|line| line.starts_with("GET "))
        else {
            return;
        };
        self.asked.lock().unwrap().push(line.to_owned());
        const KINDS: &str = "GET /apis/k6.io/v1alpha1 ";
        if line.starts_with(KINDS) && self.without_operator.load(Ordering::SeqCst) {
            drop(bytes.splice(..KINDS.len(), b"GET /apis/k6.not/v1alpha1 ".iter().copied()));
            return;
        }
        if line.contains("watch=true") && self.expire.swap(false, Ordering::SeqCst) {
            let (before, after) = line.split_once("resourceVersion=").unwrap();
            let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            let expired = format!("{before}resourceVersion=1{after}");
            let end = line.len();
            drop(bytes.splice(..end, expired.into_bytes()));
        }
    }
}
