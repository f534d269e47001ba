//! Keeps what a cluster has of one kind, as the portal's own account, which only reads.
//!
//! Each object is projected to a small `T` as it comes in; the whole is never kept. What is there stands in a [`Snapshot`] that everybody
//! shares. When the cluster goes away, the snapshot stays, and says since when it is old and why ([`Trouble`]); when the cluster is back,
//! it goes on by itself. A relist replaces everything at one moment, so that no object is lost or doubled.
//!
//! kube's watcher does the work of listing, resuming and listing again. What it does not see, a connection that is open and silent, is
//! seen by `alive`.

mod alive;
mod follow;
mod projected;

use std::{collections::BTreeMap, fmt, pin::pin, sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _};
use kube::{
    Api,
    core::Status,
    runtime::watcher::{self, Event, watcher},
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch as channel, time::Instant};
use tokio_util::sync::CancellationToken;
use windfirm_model::clock::Timestamp;
use windfirm_tree::{LiveApplication, LiveApplicationSet, LiveProject};

use crate::{account::Account, call, cluster::Cluster, error::ClusterError, kind::Kind};
pub(crate) use alive::ActingAs;
use alive::{Alive, Pulse};
pub(crate) use follow::follow;
pub use follow::{Change, Changes};
use projected::Projected;

/// What is kept of the objects of one kind.
pub trait Watched: DeserializeOwned + fmt::Debug + Send + Sync + 'static {
    const KIND: Kind;
    /// The same, known to come from this cluster. For what keeps the name.
    #[must_use]
    fn read_from(self, _cluster: &Arc<str>) -> Self {
        self
    }
}

impl Watched for LiveApplication {
    const KIND: Kind = Kind::APPLICATION;
    fn read_from(self, cluster: &Arc<str>) -> Self {
        Self::read_from(self, cluster)
    }
}

impl Watched for LiveApplicationSet {
    const KIND: Kind = Kind::APPLICATION_SET;
    fn read_from(self, cluster: &Arc<str>) -> Self {
        Self::read_from(self, cluster)
    }
}

impl Watched for LiveProject {
    const KIND: Kind = Kind::APP_PROJECT;
    fn read_from(self, cluster: &Arc<str>) -> Self {
        Self::read_from(self, cluster)
    }
}

/// Times and sizes. The defaults are for real clusters.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// The only namespace that is watched. `None`: all.
    pub namespace: Option<String>,
    /// Only what these fields say, such as `metadata.name=x`: a right on that name is enough then.
    pub fields: Option<String>,
    /// How long one watch request lasts before it is made again, from where it was. Also bounds how long a silent connection is believed,
    /// and how long a right that was taken away still works.
    pub request: Duration,
    /// How much later than asked an answer, or the end of a request, may come.
    pub patience: Duration,
    /// Objects per page of a list. One of Argo CD's can have more than a megabyte.
    pub page: u32,
    /// Changes within this time are told together.
    pub gather: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            namespace: None,
            fields: None,
            request: Duration::from_secs(30),
            patience: Duration::from_secs(5),
            page: 100,
            gather: Duration::from_millis(50),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// An object's place in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

/// One object, projected.
#[derive(Debug)]
pub struct Object<T> {
    pub name: ObjectName,
    pub uid: String,
    /// Opaque; the same means unchanged.
    pub resource_version: String,
    /// The projection, or why there is none: the object is of another form than `T` knows. It does not hold up the others.
    pub view: Result<Arc<T>, String>,
}

/// Why what is known may be old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub since: Timestamp,
    /// The last try.
    pub tried: Timestamp,
    pub why: ClusterError,
}

/// All objects of a kind at one moment.
#[derive(Debug)]
pub struct Snapshot<T> {
    pub objects: Arc<BTreeMap<ObjectName, Arc<Object<T>>>>,
    /// Since when all objects are known; none until the first list was read to its end. Before, `objects` is empty.
    pub complete_since: Option<Timestamp>,
    /// The last list that was read to its end.
    pub listed: Option<Timestamp>,
    /// The last time that an object came, changed or went.
    pub changed: Option<Timestamp>,
    pub trouble: Option<Trouble>,
}

/// What a cluster has of one kind, for any number of readers.
#[derive(Debug)]
pub struct Watch<T> {
    snapshots: channel::Receiver<Arc<Snapshot<T>>>,
    pulse: Arc<Pulse>,
}

/// Does the watching, in [`Watcher::run`].
#[derive(Debug)]
pub struct Watcher<T> {
    cluster: Arc<Cluster>,
    settings: WatchSettings,
    snapshots: channel::Sender<Arc<Snapshot<T>>>,
    pulse: Arc<Pulse>,
    /// The cluster's name in the configuration.
    name: Arc<str>,
    /// As it will be published next.
    now: Snapshot<T>,
    /// What a list that is not yet at its end has brought.
    coming: Option<BTreeMap<ObjectName, Arc<Object<T>>>>,
    /// When to publish, if something has changed.
    due: Option<Instant>,
}

// Written out, because what is derived would want `T: Clone`, and no `T` is cloned here.
impl<T> Clone for Object<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), uid: self.uid.clone(), resource_version: self.resource_version.clone(), view: self.view.clone() }
    }
}

impl<T: Watched> Object<T> {
    fn read_from(self, cluster: &Arc<str>) -> Self {
        // It has just come, and is nobody else's yet.
        let named = |view: Arc<T>| Arc::try_unwrap(view).map_or_else(|shared| shared, |own| Arc::new(own.read_from(cluster)));
        Self { view: self.view.map(named), ..self }
    }
}

impl<T> Clone for Snapshot<T> {
    fn clone(&self) -> Self {
        let (objects, trouble) = (Arc::clone(&self.objects), self.trouble.clone());
        Self { objects, trouble, complete_since: self.complete_since, listed: self.listed, changed: self.changed }
    }
}

impl<T> Clone for Watch<T> {
    fn clone(&self) -> Self {
        Self { snapshots: self.snapshots.clone(), pulse: Arc::clone(&self.pulse) }
    }
}

/// A watch, on all namespaces unless the settings name one. Nothing happens before [`Watcher::run`] is run, in a task of the caller's.
#[must_use]
pub fn watch<T: Watched>(cluster: Arc<Cluster>, settings: WatchSettings) -> (Watcher<T>, Watch<T>) {
    let now = Snapshot { objects: Arc::default(), complete_since: None, listed: None, changed: None, trouble: None };
    let (sender, receiver) = channel::channel(Arc::new(now.clone()));
    let pulse = Arc::new(Pulse::default());
    let watch = Watch { snapshots: receiver, pulse: Arc::clone(&pulse) };
    let name = cluster.name().as_str().into();
    (Watcher { cluster, name, settings, snapshots: sender, pulse, now, coming: None, due: None }, watch)
}

impl<T> Watch<T> {
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot<T>> {
        Arc::clone(&self.snapshots.borrow())
    }
    /// When the cluster was last heard of in this watch, be it only that nothing has changed: the age of the snapshot.
    #[must_use]
    pub fn heard(&self) -> Option<Timestamp> {
        self.pulse.heard()
    }
    /// Waits until there is another snapshot than the one that was last waited for.
    ///
    /// # Errors
    /// When the watcher has ended, and there will be none.
    pub async fn changed(&mut self) -> Result<Arc<Snapshot<T>>, Ended> {
        self.snapshots.changed().await.map_err(|_| Ended)?;
        Ok(Arc::clone(&self.snapshots.borrow_and_update()))
    }
    /// Waits until a snapshot is as wanted.
    ///
    /// # Errors
    /// As [`Watch::changed`].
    pub async fn until(&mut self, mut wanted: impl FnMut(&Snapshot<T>) -> bool) -> Result<Arc<Snapshot<T>>, Ended> {
        self.snapshots.wait_for(|snapshot| wanted(snapshot)).await.map(|snapshot| Arc::clone(&snapshot)).map_err(|_| Ended)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The watch was ended.")]
pub struct Ended;

impl<T: Watched> Watcher<T> {
    /// Watches until it is told to stop. Never gives up.
    pub async fn run(mut self, stop: CancellationToken) {
        // One future for all, so that a stop ends even a request that is under way.
        let _ = stop.run_until_cancelled(self.go_on()).await;
    }
    async fn go_on(&mut self) {
        let mut pause = Pause::new(self.settings.longest_pause);
        loop {
            let connection = match self.cluster.connection().await {
                Ok(connection) => connection,
                Err(error) => {
                    self.troubled(error);
                    self.rest(pause.next()).await;
                    continue;
                }
            };
            let alive = Alive { cluster: Arc::clone(&self.cluster), pulse: Arc::clone(&self.pulse), settings: self.settings.clone(), account: None };
            let client = alive.over(connection.client.clone());
            let api: Api<Projected<T>> = match &self.settings.namespace {
                None => Api::all_with(client, &T::KIND),
                Some(namespace) => Api::namespaced_with(client, namespace, &T::KIND),
            };
            let mut events = pin!(watcher(api, config_of(&self.settings)));
            // With other credentials or another address, all is read again; else it is gone on from where it was.
            while let Some(event) = self.next_of(&mut events).await {
                match event {
                    Ok(event) => {
                        self.apply(event);
                        pause.reset();
                    }
                    Err(error) => {
                        let error = in_words(&self.cluster, None, T::KIND, &error);
                        self.troubled(error);
                        self.rest(pause.next()).await;
                        if self.cluster.connection().await.is_ok_and(|now| now.made_from != connection.made_from) {
                            break;
                        }
                    }
                }
            }
            self.coming = None;
        }
    }
    /// The next event; publishes in between what is due, and that the cluster was heard of again.
    async fn next_of<S>(&mut self, events: &mut S) -> Option<S::Item>
    where
        S: futures::Stream + Unpin,
    {
        loop {
            // What is there already is taken first, so that many changes make one snapshot.
            if let Some(event) = events.next().now_or_never() {
                if self.due.is_some_and(|due| due <= Instant::now()) {
                    self.publish();
                }
                return event;
            }
            let due = self.due;
            let pulse = Arc::clone(&self.pulse);
            tokio::select! {
                event = events.next() => return event,
                () = async { if let Some(due) = due { tokio::time::sleep_until(due).await } else { std::future::pending().await } } => self.publish(),
                () = pulse.revived() => {
                    // It may have beaten before the last failure.
                    if self.now.trouble.as_ref().is_some_and(|trouble| pulse.heard() > Some(trouble.tried)) {
                        self.revived();
                    }
                }
            }
        }
    }
    fn apply(&mut self, event: Event<Projected<T>>) {
        let at = self.cluster.now();
        match event {
            Event::Init => self.coming = Some(BTreeMap::new()),
            Event::InitApply(object) => {
                let object = object.into_object().read_from(&self.name);
                self.coming.get_or_insert_default().insert(object.name.clone(), Arc::new(object));
            }
            Event::InitDone => {
                self.now.objects = Arc::new(self.coming.take().unwrap_or_default());
                self.now.complete_since.get_or_insert(at);
                (self.now.listed, self.now.changed) = (Some(at), Some(at));
                self.revived();
            }
            Event::Apply(object) => {
                let object = object.into_object().read_from(&self.name);
                Arc::make_mut(&mut self.now.objects).insert(object.name.clone(), Arc::new(object));
                self.changed(at);
            }
            Event::Delete(object) => {
                Arc::make_mut(&mut self.now.objects).remove(&object.into_object().name);
                self.changed(at);
            }
        }
    }
    fn changed(&mut self, at: Timestamp) {
        self.now.changed = Some(at);
        self.due.get_or_insert(Instant::now() + self.settings.gather);
    }
    fn troubled(&mut self, why: ClusterError) {
        let now = self.cluster.now();
        let since = self.now.trouble.as_ref().map_or(now, |trouble| trouble.since);
        if self.now.trouble.is_none() {
            tracing::warn!(cluster = %self.cluster.name(), kind = %T::KIND, why = %why, "watch troubled");
        }
        self.pulse.expect_revival();
        self.now.trouble = Some(Trouble { since, tried: now, why });
        self.publish();
    }
    fn revived(&mut self) {
        if self.now.trouble.take().is_some() {
            tracing::info!(cluster = %self.cluster.name(), kind = %T::KIND, "watch goes on");
        }
        self.publish();
    }
    fn publish(&mut self) {
        self.due = None;
        self.snapshots.send_replace(Arc::new(self.now.clone()));
    }
    async fn rest(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

fn config_of(settings: &WatchSettings) -> watcher::Config {
    let config = watcher::Config { field_selector: settings.fields.clone(), ..watcher::Config::default() };
    config.page_size(settings.page).timeout(whole_seconds(settings.request))
}

/// The API server counts in seconds; none would mean its own default.
fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1)
}

fn in_words(cluster: &Cluster, account: Option<&Account>, kind: Kind, error: &watcher::Error) -> ClusterError {
    let name = cluster.name().as_str();
    let of_status = |status: &Status| call::of_status(name, account, &kind.path(None), status, None, None);
    match error {
        watcher::Error::WatchError(status) => of_status(status),
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => match error {
            kube::Error::Api(status) => of_status(status),
            // These quote what could not be read.
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                ClusterError::Unreadable { cluster: name.to_owned(), why: format!("{kind} were sent that are cut off or not JSON") }
            }
            error => call::transport(cluster, error),
        },
        watcher::Error::NoResourceVersion => ClusterError::Unreadable { cluster: name.to_owned(), why: format!("{kind} were sent without a version") },
    }
}

/// The pauses between tries: each twice the one before.
#[derive(Debug)]
struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    const SHORTEST: Duration = Duration::from_millis(200);

    fn new(longest: Duration) -> Self {
        Self { next: Self::SHORTEST.min(longest), longest }
    }
    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }
    fn reset(&mut self) {
        *self = Self::new(self.longest);
    }
}

#[cfg(test)]
mod tests;
