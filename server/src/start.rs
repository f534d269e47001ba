//! Puts a portal together from a configuration, serves it, and drains it when asked to end.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;
use windfirm_executor::{K6, LocalExecutor, LocalSettings};
use windfirm_identity::{Identity, IdentityConfig, IssuerConfig, LoginRow, LoginRows, RowsError, flow::WARM_EVERY};
use windfirm_model::clock::Clock;
use windfirm_store::Store;

use crate::{
    audit::{self, Folded},
    config::Config,
    deployed::DeployedFiles,
    home::Home,
    http::{
        events::Places,
        ingest::Refusals,
        listen::{self, Bounds, Shares},
        refusal_in_address::Stamps,
        routes,
        turnstile::Turnstile,
    },
    lease::Lease,
    live::LiveExecutions,
    secrets::{Secrets, Use},
    sites::Sites,
    state::{InForce, Keeper, Portal, Settings},
    usecase::inspection::Desk,
    worker::{self, backoff::Backoff, deployments::Kept, reload, watching::Joined},
};

/// How long a start waits for a cluster that holds a secret of the configuration. Longer than an API server takes to be replaced by
/// another one; shorter than whoever started the portal takes to wonder.
const SECRETS_PATIENCE: Duration = Duration::from_secs(30);

/// Why the portal does not start: what, why, what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Config(String),
    #[error("A secret of the configuration cannot be had, and Windfirm does not start without it. {0}")]
    Secrets(String),
    #[error("The store cannot be opened: {0}")]
    Store(#[from] windfirm_store::StoreError),
    #[error(
        "The policy {file} is not good, and no policy was in force before that could stay so. Mend it, and try it with `windfirm policy check`:\n{problems}"
    )]
    Policy { file: String, problems: String },
    #[error("{0}")]
    K6(#[from] windfirm_executor::k6::K6Error),
    #[error("The executor cannot start: {0}")]
    Executor(#[from] windfirm_executor::ExecutorError),
    #[error("Identity cannot start: {0}")]
    Identity(#[from] windfirm_identity::ConfigError),
    #[error("{address} cannot be listened on: {source}. Another program has the port, or it is not this machine's; end that program or name another address.")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("The metrics cannot be set up: {0}")]
    Metrics(String),
}

/// What the command line adds to the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the browser half.
    pub site: PathBuf,
    pub demo: bool,
    /// How a runner is started.
    pub runner_command: Vec<std::ffi::OsString>,
}

/// Logins under way, in the store.
struct Rows(Store);

#[async_trait]
impl LoginRows for Rows {
    async fn put(&self, row: LoginRow) -> Result<(), RowsError> {
        let data = serde_json::to_value(&row).map_err(|error| RowsError(error.to_string()))?;
        self.0.put_login(&row.state_hash, &data, row.expires).await.map_err(|error| RowsError(error.to_string()))
    }
    async fn take(&self, state_hash: &str) -> Result<Option<LoginRow>, RowsError> {
        let data = self.0.take_login(state_hash).await.map_err(|error| RowsError(error.to_string()))?;
        data.map(serde_json::from_value).transpose().map_err(|error| RowsError(error.to_string()))
    }
}

/// Builds everything, listens nowhere yet. `listening` is the address that runners on this machine reach us at.
pub async fn build(config: &Config, options: &Options, listening: SocketAddr, clock: Arc<dyn Clock>) -> Result<Arc<Portal>, StartError> {
    let state = config.open_state().map_err(StartError::Config)?;
    let sites =
        Sites::serving(&config.clusters, &instance(&config.public_url), &state, &clock).map_err(|error| StartError::Config(format!("clusters: {error}")))?;
    let secrets = Secrets::read(config, &sites, &*clock, SECRETS_PATIENCE).await.map_err(StartError::Secrets)?;
    let home = Home::open(&state, &*clock).map_err(StartError::Config)?;
    let store = Store::open(&secrets.database_url(config), Arc::clone(&clock)).await?;
    let k6 = K6::find(config.runner.k6.as_deref(), &[])?;
    let k6_version = k6.version.clone();
    let settings = LocalSettings { state_dir: state.clone(), k6, runner_command: options.runner_command.clone() };
    let local = Arc::new(LocalExecutor::new(settings, Arc::clone(&clock))?);
    let lease = if store.is_shared() { Lease::default() } else { Lease::alone() };
    worker::lease::join(&store, &home, &*clock).await?;
    let stamps = Stamps::new(&store.shared_key("stamps", &clock.secret()).await?);
    let identity = Identity::new(identity_config(config, &secrets)?, Arc::new(Rows(store.clone())), Arc::clone(&clock))?;
    let policy = reload::first_policy(&config.policy, &store, &*clock)
        .await
        .map_err(|problems| StartError::Policy { file: config.policy.display().to_string(), problems })?;
    let tree = reload::first_tree(&config.tree, &policy.policy, &*clock).await;
    let portal = Arc::new(Portal {
        store,
        clock,
        rules: Keeper::new(InForce { policy: Arc::new(policy), tree: Arc::new(tree) }),
        local,
        k6_version,
        deployed: DeployedFiles::default(),
        ordering: Backoff::new(1, 15),
        cleaning: Backoff::new(30, 3_600),
        complaining: Backoff::new(10, 60),
        desk: Desk::default(),
        identity: Arc::new(identity),
        turnstile: Turnstile::default(),
        watching: Places::default(),
        folded: Folded::default(),
        stamps,
        live: LiveExecutions::default(),
        lease,
        home,
        sites,
        secrets,
        joined: Joined::default(),
        kept: Kept::default(),
        settings: Settings {
            public_url: config.public_url.clone(),
            ingest_url: ingest_url(listening),
            state,
            policy_file: config.policy.clone(),
            repository: config.tree.repository.clone(),
            revision: config.tree.revision.clone(),
            roots: config.tree.roots.clone(),
            repositories: config.tree.repositories.clone(),
            slots: config.runner.slots,
            queue: config.runner.queue,
            per_person: config.runner.per_person,
            trusted_proxies: config.trusted_proxies.clone(),
            demo: options.demo,
            confinement: windfirm_executor::confine::offered(),
        },
        wake: Notify::new(),
        ingest_refusals: Refusals::default(),
        tasks: TaskTracker::new(),
        ending: CancellationToken::new(),
    });
    if let Some(why) = windfirm_executor::confine::too_few_files() {
        tracing::warn!(why, "runs.few_files");
    }
    reload::record_start(&portal).await;
    Ok(portal)
}

/// Where runners on this machine reach us: the address that is listened on; where that is all of them, loopback of the same family.
fn ingest_url(listening: SocketAddr) -> String {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listening.port()))
}

/// Tells the TestRuns of this portal from those of another one in the same cluster: a label value that is the same after every
/// start, and in every replica.
fn instance(public_url: &Url) -> String {
    let digest = Sha256::digest(public_url.as_str());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn identity_config(config: &Config, secrets: &Secrets) -> Result<IdentityConfig, StartError> {
    let mut issuers = Vec::new();
    for section in &config.identity {
        let client_secret = secrets.value(&Use::Client(section.name.clone()));
        let ca_pem = section.ca_pem().map_err(|error| StartError::Config(format!("identity {}: {error}", section.name)))?;
        issuers.push(IssuerConfig { client_secret, ca_pem, ..section.issuer() });
    }
    Ok(IdentityConfig::new(config.public_url.clone(), issuers))
}

/// Listens, serves, and drains on SIGTERM or Ctrl-C: no new requests, live streams told, workers finished. Running tests go on;
/// the next start takes them up again.
pub async fn serve(portal: Arc<Portal>, listener: TcpListener, site: &Path) -> Result<(), StartError> {
    let router = routes::build_router(&portal, site, recorder()?);
    worker::start(&portal);
    let warming = Arc::clone(&portal);
    portal.run(async move {
        let again_and_again = async {
            loop {
                warming.identity.warm().await;
                tokio::time::sleep(WARM_EVERY).await;
            }
        };
        tokio::select! {
            () = again_and_again => {}
            () = warming.ending.cancelled() => {}
        }
    });
    let ending = Arc::clone(&portal);
    let shutdown = async move {
        asked_to_end().await;
        tracing::info!("portal.draining");
        ending.ending.cancel();
    };
    let bounds = Bounds::of_this_process();
    let shares = Shares::of(bounds.connections, &portal.settings.trusted_proxies);
    let served = listen::serve(listener, router, bounds, shares, shutdown);
    let hard_end = {
        let ending = portal.ending.clone();
        async move {
            ending.cancelled().await;
            tokio::time::sleep(Duration::from_secs(15)).await;
        }
    };
    tokio::select! {
        () = served => {}
        () = hard_end => tracing::warn!("portal.drain_cut_short"),
    }
    portal.ending.cancel();
    portal.tasks.close();
    if tokio::time::timeout(Duration::from_secs(10), portal.tasks.wait()).await.is_err() {
        tracing::warn!("portal.workers_cut_short");
    }
    worker::lease::leave(&portal).await;
    audit::tell(&portal, true).await;
    if tokio::time::timeout(Duration::from_secs(5), portal.store.close()).await.is_err() {
        tracing::warn!("portal.store_cut_short");
    }
    tracing::info!("portal.ended");
    Ok(())
}

/// The one recorder of this process. Tests that build several portals share it.
pub fn recorder() -> Result<PrometheusHandle, StartError> {
    static RECORDER: std::sync::OnceLock<Result<PrometheusHandle, String>> = std::sync::OnceLock::new();
    let installed = RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().map_err(|error| error.to_string()));
    installed.clone().map_err(StartError::Metrics)
}

/// Returns on SIGTERM or Ctrl-C.
pub(crate) async fn asked_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_are_told_the_address_that_is_listened_on() {
        for (listening, told) in [
            ("127.0.0.1:7700", "http://127.0.0.1:7700"),
            ("0.0.0.0:7700", "http://127.0.0.1:7700"),
            ("192.0.2.7:80", "http://192.0.2.7:80"),
            ("127.0.0.2:7700", "http://127.0.0.2:7700"),
            ("[::1]:7700", "http://[::1]:7700"),
            ("[::]:7700", "http://[::1]:7700"),
            ("[2001:db8::7]:7700", "http://[2001:db8::7]:7700"),
        ] {
            assert_eq!(ingest_url(listening.parse().unwrap()), told);
            assert!(url::Url::parse(told).is_ok());
        }
    }
}
