//! `windfirm check` and `windfirm policy check`: say all that is wrong, change nothing that people use.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use windfirm_executor::K6;
use windfirm_identity::{Identity, IdentityConfig, IssuerConfig, LoginError, LoginRow, LoginRows, RowsError};
use windfirm_model::clock::Clock;
use windfirm_store::Store;

use crate::{
    cli::say,
    clock::SystemClock,
    config::{Config, IssuerSection},
    secrets::{Unread, Use, named, try_to_read},
    sites::Sites,
    worker::reload,
};

/// What is told, and how many parts are not good.
#[derive(Default)]
struct Told {
    bad: usize,
}

impl Told {
    fn part(&mut self, part: &str, result: Result<String, String>) {
        match result {
            Ok(fact) => say(&format!("{part:<14} good: {fact}")),
            Err(problem) => {
                say(&format!("{part:<14} not good: {problem}"));
                self.bad = self.bad.saturating_add(1);
            }
        }
    }
    /// What may be otherwise in a minute, and keeps nothing from starting.
    fn open(part: &str, sentence: &str) {
        say(&format!("{part:<14} not known: {sentence}"));
    }
}

/// Checks the file, then each part that it names. Every problem is told; any of them fails the check.
pub(super) async fn check(file: &Path) -> Result<(), String> {
    let config = Config::read(file).map_err(|error| error.to_string())?;
    say(&format!("configuration  good: {}", file.display()));
    let mut told = Told::default();
    let policy = reload::read_policy(&config.policy);
    told.part("policy", policy.as_ref().map(|policy| format!("version {}", policy.digest().get(..8).unwrap_or_default())).map_err(|all| all.join("\n")));
    if let Ok(policy) = &policy {
        let tree = reload::tree_now(&config.tree, policy, &SystemClock);
        let read = match tree.revision.stale {
            None => Ok(format!("{} apps at commit {}", tree.tree.apps().len(), tree.revision.commit.get(..8).unwrap_or_default())),
            Some(why) => Err(why),
        };
        told.part("tree", read);
    }
    told.part("k6", K6::find(config.runner.k6.as_deref(), &[]).map(|k6| format!("{} at {}", k6.version, k6.path.display())).map_err(|error| error.to_string()));
    let database = secrets(&config, &mut told).await;
    for issuer in config.identity.iter().filter(|issuer| issuer.ca_file.is_some()) {
        told.part("certificates", issuer.ca_pem().map(|_| format!("those of {} can be read", issuer.name)));
    }
    providers(&config, &mut told).await;
    clusters(&config, &mut told).await;
    told.part("state", config.open_state().map(|state| format!("{} can be written to", state.display())));
    match database {
        Ok(url) => told.part("store", store(&url).await),
        Err(()) => Told::open("store", "where it is could not be read; see above."),
    }
    say(&format!("checked at     {} (seconds since 1970, UTC)", SystemClock.now().seconds()));
    match told.bad {
        0 => Ok(()),
        1 => Err("One of the parts that the configuration names is not good; see above.".to_owned()),
        count => Err(format!("{count} of the parts that the configuration names are not good; see above.")),
    }
}

/// One that does not answer now may do so later, and the portal starts without it.
async fn clusters(config: &Config, told: &mut Told) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sites = match Sites::new(&config.clusters, "check", &clock) {
        Ok(sites) => sites,
        Err(error) => return told.part("clusters", Err(error.to_string())),
    };
    for site in sites.iter() {
        match site.cluster.probe().await {
            Ok(version) => told.part("cluster", Ok(format!("{} answers, Kubernetes {version}", site.name()))),
            Err(error) => Told::open("cluster", &format!("{error} Windfirm starts without it; until it answers, nothing is launched there.")),
        }
    }
}

/// Every secret, as a start would read it, but without waiting. The database's address, if it is known.
async fn secrets(config: &Config, told: &mut Told) -> Result<String, ()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // What is wrong with the clusters themselves is told with them.
    let sites = Sites::new(&config.clusters, "check", &clock).unwrap_or_default();
    let mut url = Ok(config.database_url(None));
    for (used, secret) in named(config) {
        let read = try_to_read(secret, &sites).await;
        if used == Use::Database {
            url = read.as_ref().map(|said| config.database_url(Some(said))).map_err(|_| ());
        }
        told.part(
            "secret",
            match read {
                Ok(_) => Ok(format!("{used}, from {secret}")),
                Err(Unread::Wrong(why)) => Err(format!("{used}: {why}")),
                Err(Unread::Passing(why)) => {
                    Err(format!("{used}: {why} Windfirm waits for it at its start, for half a minute, and does not start without it."))
                }
            },
        );
    }
    url
}

async fn store(url: &str) -> Result<String, String> {
    let store = Store::open(url, Arc::new(SystemClock)).await.map_err(|error| error.to_string())?;
    let answer = store.ping().await.map(|()| "answers and can be written to".to_owned()).map_err(|error| error.to_string());
    store.close().await;
    answer
}

/// Nobody finishes a login here, so nothing is kept of it.
struct NoRows;

#[async_trait]
impl LoginRows for NoRows {
    async fn put(&self, _row: LoginRow) -> Result<(), RowsError> {
        Ok(())
    }
    async fn take(&self, _state_hash: &str) -> Result<Option<LoginRow>, RowsError> {
        Ok(None)
    }
}

/// Begins a login at each provider, as the first person would, and goes no further: its metadata and keys have been read then.
async fn providers(config: &Config, told: &mut Told) {
    // What cannot be read was told above.
    let with_certificates = |section: &IssuerSection| IssuerConfig { ca_pem: section.ca_pem().unwrap_or_default(), ..section.issuer() };
    let issuers = config.identity.iter().map(with_certificates).collect();
    let identity = match Identity::new(IdentityConfig::new(config.public_url.clone(), issuers), Arc::new(NoRows), Arc::new(SystemClock)) {
        Ok(identity) => identity,
        Err(error) => return told.part("identity", Err(error.to_string())),
    };
    for section in &config.identity {
        let name = &section.name;
        match identity.begin(Some(name), "/", "").await {
            Ok(_) => told.part("identity", Ok(format!("{name} answers as {}; register {} there", section.issuer, identity.redirect_uri(name)))),
            Err(LoginError::ProviderDown { why, .. }) => Told::open(
                "identity",
                &format!("{name} at {} cannot be reached: {why}. Windfirm starts without it; until it answers, nobody can log in there.", section.issuer),
            ),
            Err(error) => told.part("identity", Err(format!("{name}: {error}"))),
        }
    }
}

/// Checks one policy file.
pub(super) fn policy(file: &Path) -> Result<(), String> {
    match reload::read_policy(file) {
        Ok(policy) => {
            say(&format!(
                "{} is good: version {}, {} roles, {} grants, {} environments.",
                file.display(),
                policy.digest().get(..8).unwrap_or_default(),
                policy.roles().len(),
                policy.grants().len(),
                policy.environments().len()
            ));
            Ok(())
        }
        Err(problems) => {
            let count = if problems.len() == 1 { "one problem".to_owned() } else { format!("{} problems", problems.len()) };
            Err(format!("{} is not a good policy; {count}:\n{}", file.display(), problems.join("\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_to_start_from_are_good() {
        for file in ["../deploy/demo/policy.yaml", "../deploy/example/cluster-policy.yaml"] {
            policy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        }
    }
}
