//! A watch as somebody's account: the changes as a stream, for whoever follows a run.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use kube::{
    Api,
    runtime::watcher::{Event, watcher},
};
use serde::de::DeserializeOwned;

use super::{Object, Pause, Pulse, WatchSettings, alive::ActingAs, alive::Alive, config_of, in_words, projected::Projected};
use crate::{acting::Selector, error::ClusterError, kind::Kind};

/// What happens to the objects that are followed.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// All that was told before is void: what is there follows, up to [`Change::Complete`]. Comes first, and again after a long gap.
    Anew,
    /// What is there, or has come or changed.
    There(Object<T>),
    /// What was there when it began has been told.
    Complete,
    /// Deleted; as it was last.
    Gone(Object<T>),
}

/// Never ends. After an error it goes on by itself, a little later; when to give up is the reader's to say.
pub type Changes<T> = Pin<Box<dyn Stream<Item = Result<Change<T>, ClusterError>> + Send>>;

/// The account's rights, and that it is still there, are looked at again whenever a watch request begins: at least so often.
const REQUEST: Duration = Duration::from_secs(15);

pub(crate) async fn follow<T>(who: ActingAs, kind: Kind, selector: &Selector) -> Result<Changes<T>, ClusterError>
where
    T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
{
    let cluster = Arc::clone(who.gateway.cluster());
    let connection = cluster.connection().await?;
    let settings = WatchSettings { request: REQUEST, ..WatchSettings::default() };
    let mut config = config_of(&settings);
    config.label_selector = Some(selector.labels.clone()).filter(|labels| !labels.is_empty());
    config.field_selector = Some(selector.fields.clone()).filter(|fields| !fields.is_empty());
    let account = who.account.clone();
    let pause = Pause::new(settings.longest_pause);
    let alive = Alive { cluster: Arc::clone(&cluster), pulse: Arc::new(Pulse::default()), settings, account: Some(who) };
    let api: Api<Projected<T>> = Api::namespaced_with(alive.over(connection.client.clone()), account.namespace(), &kind);
    let events = watcher(api, config).boxed();
    let changes = futures::stream::unfold((events, pause, Duration::ZERO), move |(mut events, mut pause, wait)| {
        let (cluster, account) = (Arc::clone(&cluster), account.clone());
        async move {
            tokio::time::sleep(wait).await;
            let (change, wait) = match events.next().await? {
                Ok(event) => {
                    pause.reset();
                    (Ok(Change::from(event)), Duration::ZERO)
                }
                Err(error) => (Err(in_words(&cluster, Some(&account), kind, &error)), pause.next()),
            };
            Some((change, (events, pause, wait)))
        }
    });
    Ok(changes.boxed())
}

impl<T> From<Event<Projected<T>>> for Change<T> {
    fn from(event: Event<Projected<T>>) -> Self {
        match event {
            Event::Init => Self::Anew,
            Event::InitDone => Self::Complete,
            Event::InitApply(object) | Event::Apply(object) => Self::There(object.into_object()),
            Event::Delete(object) => Self::Gone(object.into_object()),
        }
    }
}
