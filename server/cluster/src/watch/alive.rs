//! What kube's watcher does not see: whether the other end is still there.
//!
//! A layer around the portal's client. It gives every request a time in which its answer must begin, and every answer a time in which
//! more of it must come. A watch request ends by itself after the time that it asks for, so an answer that is silent for longer is dead.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use kube::{Client, client::Body};
use tokio::{sync::Notify, time::Instant};
use tower::BoxError;
use windfirm_model::clock::Timestamp;

use super::WatchSettings;
use crate::{
    account::Account,
    call::{impersonate, silent, transport},
    cluster::Cluster,
    error::ClusterError,
    gateway::Gateway,
};

/// Two watch requests begin at least this far apart: one that ends as soon as it begins must not be made again and again at full speed.
const APART: Duration = Duration::from_millis(500);

/// When the other end was last heard of.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Microseconds; zero before anything was heard.
    heard: AtomicI64,
    /// Somebody wants to know of the next good answer.
    expected: AtomicBool,
    revival: Notify,
    begun: Mutex<Option<Instant>>,
}

impl Pulse {
    pub(super) fn heard(&self) -> Option<Timestamp> {
        Some(Timestamp(self.heard.load(Ordering::Acquire))).filter(|at| at.0 != 0)
    }
    fn beat(&self, now: Timestamp) {
        self.heard.store(now.0, Ordering::Release);
        if self.expected.swap(false, Ordering::AcqRel) {
            self.revival.notify_one();
        }
    }
    /// From now on, the next good answer ends the wait of [`Pulse::revived`].
    pub(super) fn expect_revival(&self) {
        self.expected.store(true, Ordering::Release);
    }
    pub(super) async fn revived(&self) {
        self.revival.notified().await;
    }
    /// Waits until the next watch request may begin.
    async fn pace(&self) {
        let wait = {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = begun.map_or(now, |before| now.max(before + APART));
            *begun = Some(at);
            at
        };
        tokio::time::sleep_until(wait).await;
    }
}

/// Whom a watch acts as, if not as the portal itself.
#[derive(Clone, Debug)]
pub(crate) struct ActingAs {
    pub(crate) gateway: Gateway,
    pub(crate) account: Account,
    pub(crate) uid: String,
}

#[derive(Clone, Debug)]
pub(super) struct Alive {
    pub(super) cluster: Arc<Cluster>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) settings: WatchSettings,
    pub(super) account: Option<ActingAs>,
}

type Guarded = UnsyncBoxBody<Bytes, BoxError>;
type Answered = Pin<Box<dyn Future<Output = Result<Response<Guarded>, BoxError>> + Send>>;

impl Alive {
    /// Never leaves this crate: the client that it makes is for kube's watcher.
    pub(super) fn over(self, client: Client) -> Client {
        let service = tower::service_fn(move |request: Request<Body>| -> Answered {
            let (alive, client) = (self.clone(), client.clone());
            Box::pin(async move { alive.exchange(&client, request).await })
        });
        Client::new(service, "default")
    }
    async fn exchange(&self, client: &Client, mut request: Request<Body>) -> Result<Response<Guarded>, BoxError> {
        let is_watch = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        if is_watch {
            self.pulse.pace().await;
        }
        if let Some(ActingAs { gateway, account, uid }) = &self.account {
            gateway.confirm(account, uid).await?;
            impersonate(request.headers_mut(), account)?;
        }
        // A list is many objects, and each page is one answer.
        let limit = if is_watch { self.settings.patience } else { self.settings.patience.saturating_mul(2) };
        let response = match tokio::time::timeout(limit, client.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.failed(transport(&self.cluster, &error))),
            Err(_) => return Err(self.failed(silent(&self.cluster, limit))),
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            self.failed(ClusterError::Unauthenticated { cluster: self.cluster.name().to_string(), audit_id: None });
        } else {
            self.cluster.note_answer();
        }
        if response.status().is_success() {
            self.pulse.beat(self.cluster.now());
        }
        let silence = if is_watch { self.settings.request + self.settings.patience } else { limit };
        Ok(response.map(|body| self.clone().guarded(body, silence)))
    }
    fn failed(&self, error: ClusterError) -> BoxError {
        self.cluster.note_failure(&error);
        Box::new(error)
    }
    /// The body, which fails when nothing of it comes for longer than `silence`.
    fn guarded(self, body: Body, silence: Duration) -> Guarded {
        let frames = futures::stream::try_unfold((self, body), move |(alive, mut body)| async move {
            match tokio::time::timeout(silence, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    alive.pulse.beat(alive.cluster.now());
                    Ok(Some((frame, (alive, body))))
                }
                Ok(Some(Err(error))) => Err(BoxError::from(error)),
                Ok(None) => Ok(None),
                Err(_) => Err(alive.failed(silent(&alive.cluster, silence))),
            }
        });
        StreamBody::new(frames).boxed_unsync()
    }
}
