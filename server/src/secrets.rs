//! The secrets of the configuration that are in force: which, from where, since when, and why a newer one is not.
//!
//! Read once at the start, patiently ([`Secrets::read`]); a portal that cannot have one of them does not start half. While it runs,
//! `worker::secrets` looks for other values. A bad one never replaces a good one.

mod reading;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use windfirm_identity::Secret as Masked;
use windfirm_model::clock::{Clock, Timestamp};

use crate::{
    config::{Config, Secret},
    sites::Sites,
};
pub use reading::{Unread, read_file, read_once, try_to_read};

/// What a secret is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    Database,
    /// The client's secret at this identity provider.
    Client(String),
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("database"),
            Self::Client(provider) => write!(f, "client of {provider}"),
        }
    }
}

/// Every secret that the configuration names, with what it is for.
pub fn named(config: &Config) -> impl Iterator<Item = (Use, &Secret)> {
    let clients = config.identity.iter().filter_map(|issuer| Some((Use::Client(issuer.name.clone()), issuer.client_secret.as_ref()?)));
    config.database.iter().map(|secret| (Use::Database, secret)).chain(clients)
}

/// All of them.
#[derive(Debug, Default)]
pub struct Secrets(Vec<Arc<Held>>);

/// One secret in force.
pub struct Held {
    pub used: Use,
    /// Where it stands.
    pub from: Secret,
    state: Mutex<State>,
}

/// The value, and what is known of it.
#[derive(Clone)]
struct State {
    value: Masked,
    standing: Standing,
}

/// How a secret stands, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In force since then.
    pub since: Timestamp,
    /// When it was last seen in its place, be it only that nothing has changed.
    pub read: Timestamp,
    pub trouble: Option<Trouble>,
}

/// Why the value in force may not be the one that stands in its place. In words, for those who look after the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What stands there now cannot be known.
    Away(String),
    /// What stands there now cannot be taken.
    Refused(String),
}

impl Trouble {
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Away(why) | Self::Refused(why) => why,
        }
    }
}

impl Secrets {
    /// Reads all of them. What may pass by itself, such as an API server that does not answer yet, is waited for.
    ///
    /// # Errors
    /// Everything that cannot be read, in words.
    pub async fn read(config: &Config, sites: &Sites, clock: &dyn Clock, patience: Duration) -> Result<Self, String> {
        let reading = named(config).map(async |(used, from)| {
            let value = reading::read_patiently(&used, from, sites, patience).await.map_err(|why| format!("{used}: {why}"))?;
            let now = clock.now();
            let standing = Standing { since: now, read: now, trouble: None };
            Ok(Arc::new(Held { used, from: from.clone(), state: Mutex::new(State { value: Masked::new(value), standing }) }))
        });
        let mut held = Vec::new();
        let mut problems: Vec<String> = Vec::new();
        for read in futures::future::join_all(reading).await {
            match read {
                Ok(one) => held.push(one),
                Err(why) => problems.push(why),
            }
        }
        if problems.is_empty() { Ok(Self(held)) } else { Err(problems.join("\n")) }
    }
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.0.iter()
    }
    /// The value in force; for whoever needs it, and for nobody to print.
    #[must_use]
    pub fn value(&self, used: &Use) -> Option<Masked> {
        self.0.iter().find(|held| held.used == *used).map(|held| held.value())
    }
    /// Where the database is, resolved; never to be logged.
    #[must_use]
    pub fn database_url(&self, config: &Config) -> String {
        config.database_url(self.value(&Use::Database).as_ref().map(Masked::expose))
    }
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    #[must_use]
    pub fn value(&self) -> Masked {
        self.state().value.clone()
    }
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.state().standing.clone()
    }
    /// Whether it is looked at again while the portal runs.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        matches!(self.from, Secret::File(_) | Secret::SecretRef(_))
    }
    /// The value in its place is the one in force.
    pub fn confirm(&self, read: Timestamp) {
        let mut state = self.state();
        state.standing.read = state.standing.read.max(read);
        if state.standing.trouble.take().is_some() {
            tracing::info!(secret = %self.used, "secrets.trouble_over");
        }
    }
    /// Another value is in force from now on.
    pub fn put(&self, value: Masked, now: Timestamp) {
        *self.state() = State { value, standing: Standing { since: now, read: now, trouble: None } };
        tracing::info!(secret = %self.used, from = %self.from, "secrets.changed");
    }
    /// The value in force stays so, and why. Says whether this is the first that cannot be taken, after one that could.
    pub fn doubt(&self, trouble: Trouble) -> bool {
        let mut state = self.state();
        if state.standing.trouble.as_ref() == Some(&trouble) {
            return false;
        }
        tracing::warn!(secret = %self.used, from = %self.from, why = trouble.why(), "secrets.last_good_one_stays");
        let is_refused = matches!(trouble, Trouble::Refused(_));
        let before = state.standing.trouble.replace(trouble);
        is_refused && !matches!(before, Some(Trouble::Refused(_)))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("used", &self.used).field("from", &self.from).field("standing", &self.standing()).finish_non_exhaustive()
    }
}
