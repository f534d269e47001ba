//! `windfirm policy preflight`: asks the clusters beforehand, changes nothing.

use std::sync::Arc;

use clap::Args;
use windfirm_cluster::{Findings, Preflight, Presence, preflight as ask};
use windfirm_model::clock::Clock;

use crate::{
    cli::{say, serve::ConfigArgument},
    clock::SystemClock,
    config::Config,
    sites::Sites,
    worker::{preflight, reload},
};

#[derive(Debug, Args)]
pub(crate) struct PreflightArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Print everything as one JSON document
    #[arg(long)]
    json: bool,
}

/// Fails when anything is missing, or cannot be known.
pub(super) async fn preflight(arguments: PreflightArguments) -> Result<(), String> {
    let config = Config::read(&arguments.config.config).map_err(|error| error.to_string())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sites = Sites::new(&config.clusters, "preflight", &clock).map_err(|error| format!("clusters: {error}"))?;
    if sites.iter().next().is_none() {
        return Err(format!("{} names no cluster, so there is nothing to ask. Add a section `clusters:`.", arguments.config.config.display()));
    }
    let policy = reload::read_policy(&config.policy).map_err(|problems| problems.join("\n"))?;
    let tree = reload::tree_now(&config.tree, &policy, &*clock);
    if let Some(why) = &tree.revision.stale {
        return Err(format!("The tree cannot be read, so which accounts are used where is not known: {why}"));
    }
    let mut accounts = preflight::accounts(&sites, &policy, &tree.tree);
    let mut found: Vec<Preflight> = Vec::new();
    for site in sites.iter() {
        found.push(ask(&site.cluster, &preflight::questions(&accounts.remove(site.name()).unwrap_or_default())).await);
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&found).map_err(|error| error.to_string())?);
    } else {
        found.iter().for_each(table);
    }
    let bad = found.iter().flat_map(|preflight| &preflight.accounts).filter(|findings| !findings.is_green()).count();
    match bad {
        0 => Ok(()),
        1 => Err("One account cannot do all that runs need, or that is not known; see above.".to_owned()),
        count => Err(format!("{count} accounts cannot do all that runs need, or that is not known; see above.")),
    }
}

fn table(preflight: &Preflight) {
    let accounts = preflight.accounts.len();
    let noun = if accounts == 1 { "account" } else { "accounts" };
    say(&format!("cluster {}: {accounts} {noun}, {} questions, {} ms", preflight.cluster, preflight.reviews, preflight.took_ms));
    let width = preflight.accounts.iter().map(|findings| findings.account.to_string().len()).max().unwrap_or_default();
    for findings in &preflight.accounts {
        say(&format!("  {:<width$}  {}", findings.account.to_string(), word(findings)));
        for sentence in findings.sentences() {
            say(&format!("  {:<width$}  {sentence}", ""));
        }
    }
}

fn word(findings: &Findings) -> &'static str {
    match &findings.presence {
        _ if findings.is_green() => "good",
        Presence::Missing => "missing",
        _ if findings.is_unknown() => "not known",
        _ if findings.lacks.is_empty() => "not possible",
        Presence::Unknown | Presence::Exists { .. } => "lacking",
    }
}
