//! Looks for other values of the secrets in force, and puts them into force while everything goes on: files are read again, Secrets of
//! clusters are watched. Each in a turn of its own, so that a disk or a cluster that does not answer holds up no other.
//!
//! What is empty, gone or not taken changes nothing: the last good value stays in force, and the log, the record and the system page say
//! so. Logins under way and open connections keep what they began with.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use windfirm_cluster::{SecretData, SecretRef, Watch, secret_in, watch_secret};
use windfirm_identity::Secret as Masked;
use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
};

use super::{every, reload::record};
use crate::{
    config::Secret,
    secrets::{Held, Trouble, Use, read_file},
    state::Portal,
};

const PAUSE: Duration = Duration::from_secs(1);

/// Where it is looked.
#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Cluster { name: String, at: SecretRef, watch: Watch<SecretData> },
}

/// Begins to look. Once, at the start. A Secret is watched once, however many of its keys are in force.
pub fn start(portal: &Arc<Portal>) {
    let mut watches: BTreeMap<(String, String, String), Watch<SecretData>> = BTreeMap::new();
    for held in portal.secrets.iter() {
        let place = match &held.from {
            Secret::Env(_) | Secret::Value(_) => continue,
            Secret::File(file) => Place::File(file.clone()),
            Secret::SecretRef(section) => {
                // Both were good when it was read at the start.
                let (Ok(at), Some(site)) = (section.at(), portal.sites.get(&section.cluster)) else { continue };
                let watch = watches.entry((section.cluster.clone(), section.namespace.clone(), section.name.clone())).or_insert_with(|| {
                    let (watcher, watch) = watch_secret(Arc::clone(&site.cluster), &at);
                    portal.run(watcher.run(portal.ending.clone()));
                    watch
                });
                Place::Cluster { name: section.cluster.clone(), at, watch: watch.clone() }
            }
        };
        let held = Arc::clone(held);
        every(
            portal,
            PAUSE,
            move |portal| {
                let (held, place) = (Arc::clone(&held), place.clone());
                async move {
                    // A disk that does not answer keeps nobody from ending the portal.
                    let _ = portal.ending.run_until_cancelled(round(&portal, &held, &place)).await;
                }
            },
            std::future::pending,
        );
    }
}

/// One round for one secret.
async fn round(portal: &Portal, held: &Held, place: &Place) {
    let seen = look(portal, place).await;
    match seen.value {
        Some(Ok(value)) if value != held.value() => take(portal, held, value).await,
        Some(Err(why)) => keep(portal, held, why).await,
        // A cluster that is away says nothing against what it said last, but nobody knows what it would say now.
        Some(Ok(_)) | None => match (seen.away, seen.read) {
            (Some(why), _) => {
                held.doubt(Trouble::Away(why));
            }
            (None, Some(read)) => held.confirm(read),
            (None, None) => {}
        },
    }
}

/// What a look has brought.
struct Seen {
    /// Nothing where it is not known yet; why there is none.
    value: Option<Result<Masked, String>>,
    /// When that was so.
    read: Option<Timestamp>,
    /// Why it may be otherwise by now.
    away: Option<String>,
}

async fn look(portal: &Portal, place: &Place) -> Seen {
    match place {
        Place::File(file) => Seen { value: Some(read_file(file).await.map(Masked::new)), read: Some(portal.clock.now()), away: None },
        Place::Cluster { name, at, watch } => {
            let snapshot = watch.snapshot();
            let value = secret_in(&snapshot, name, at).map(|seen| seen.map(Masked::new).map_err(|error| error.to_string()));
            Seen { value, read: watch.heard(), away: snapshot.trouble.as_ref().map(|trouble| trouble.why.to_string()) }
        }
    }
}

async fn take(portal: &Portal, held: &Held, value: Masked) {
    let taken = match &held.used {
        Use::Database => portal.store.change_url(value.expose()).await.map_err(|error| error.to_string()),
        Use::Client(provider) => portal.identity.set_client_secret(provider, value.clone()).map(drop).map_err(|error| error.to_string()),
    };
    match taken {
        Ok(()) => {
            held.put(value, portal.clock.now());
            record(portal, EventCode::SecretLoad, EventOutcome::Done, None, facts(held)).await;
        }
        Err(why) => keep(portal, held, format!("Another value stands there and is not taken: {why}")).await,
    }
}

/// The record is for more people than the log: it says that, and not where and why.
async fn keep(portal: &Portal, held: &Held, why: String) {
    if held.doubt(Trouble::Refused(why)) {
        let told = "What stands in its place cannot be taken, so the last good value stays in force. The system page says why.";
        record(portal, EventCode::SecretLoad, EventOutcome::Failed, Some(told), facts(held)).await;
    }
}

fn facts(held: &Held) -> Vec<(String, String)> {
    vec![("secret".to_owned(), held.used.to_string())]
}
