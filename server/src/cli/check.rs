//! `windfirm check` and `windfirm policy check`: say all that is wrong, change nothing that people use.

use std::{path::Path, sync::Arc};

use windfirm_executor::K6;
use windfirm_model::clock::Clock as _;
use windfirm_store::Store;

use crate::{cli::say, clock::SystemClock, config::Config, worker::reload};

/// Checks the file, then each part that it names. Every problem is told; any of them fails the check.
pub(super) async fn check(file: &Path) -> Result<(), String> {
    let config = Config::read(file).map_err(|error| error.to_string())?;
    say(&format!("configuration  good: {}", file.display()));
    let mut problems: Vec<String> = Vec::new();
    let mut tell = |part: &str, result: Result<String, String>| match result {
        Ok(fact) => say(&format!("{part:<14} good: {fact}")),
        Err(problem) => {
            say(&format!("{part:<14} not good: {problem}"));
            problems.push(problem);
        }
    };
    let policy = reload::read_policy(&config.policy);
    tell("policy", policy.as_ref().map(|policy| format!("version {}", policy.digest().get(..8).unwrap_or_default())).map_err(|all| all.join("\n")));
    if let Ok(policy) = &policy {
        let tree = reload::first_tree(&config.tree, policy, &SystemClock);
        let read = match tree.revision.stale {
            None => Ok(format!("{} apps at commit {}", tree.tree.apps().len(), tree.revision.commit.get(..8).unwrap_or_default())),
            Some(why) => Err(why),
        };
        tell("tree", read);
    }
    tell("k6", K6::find(config.runner.k6.as_deref(), &[]).map(|k6| format!("{} at {}", k6.version, k6.path.display())).map_err(|error| error.to_string()));
    let secrets = config.identity.iter().filter_map(|issuer| issuer.client_secret.as_ref().map(|secret| (issuer, secret)));
    for (issuer, secret) in secrets {
        tell("secret", secret.read().map(|_| format!("client secret of {}", issuer.name)));
    }
    for issuer in config.identity.iter().filter(|issuer| issuer.ca_file.is_some()) {
        tell("certificates", issuer.ca_pem().map(|_| format!("those of {} can be read", issuer.name)));
    }
    let store = match config.database_url() {
        Ok(url) => match Store::open(&url, Arc::new(SystemClock)).await {
            Ok(store) => {
                let answer = store.ping().await.map(|()| "answers and can be written to".to_owned()).map_err(|error| error.to_string());
                store.close().await;
                answer
            }
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error),
    };
    tell("store", store);
    say(&format!("checked at     {} (seconds since 1970, UTC)", SystemClock.now().seconds()));
    match problems.len() {
        0 => Ok(()),
        count => Err(format!("{count} of the parts that the configuration names are not good; see above.")),
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
        Err(problems) => Err(format!("{} is not a good policy; {} problems:\n{}", file.display(), problems.len(), problems.join("\n"))),
    }
}
