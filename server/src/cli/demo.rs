//! `windfirm demo`: a portal with everything around it that a company has, on one machine.
//!
//! The identity provider is part of this process. The shop is a process of its own, so that a portal that is killed finds its
//! targets as they were; it ends some minutes after the last sign of life of a demo.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use clap::Args;
use tokio::net::TcpListener;
use url::Url;
use windfirm_demo::{repository, shop as demo_shop};
use windfirm_executor::K6;
use windfirm_identity::{Secret as ClientSecret, demo as demo_idp};

use crate::{
    cli::{default_site, log, runner_command, say},
    clock::SystemClock,
    config::{Config, IssuerSection, RunnerConfig, Secret, TreeConfig},
    start::{self, Options, StartError},
    state::Portal,
};

const CLIENT: &str = "windfirm";
/// Known to everybody who reads this: the demo's provider lets everybody be anybody, on loopback only.
const CLIENT_SECRET: &str = "demo-secret-for-loopback-only";
/// How long the shop outlives the demo.
const SHOP_PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Port of the portal on 127.0.0.1
    #[arg(long, default_value_t = 7700)]
    port: u16,
    /// Port of the demo's identity provider on 127.0.0.1
    #[arg(long, default_value_t = 7701)]
    idp_port: u16,
    /// First of the shop's ports on 127.0.0.1; it takes 23
    #[arg(long, default_value_t = 7710)]
    shop_port: u16,
    /// Where the demo keeps its database, repository and policy
    #[arg(long, default_value = ".windfirm/demo")]
    state: PathBuf,
    /// Folder of the browser half
    #[arg(long, env = "WINDFIRM_SITE")]
    site: Option<PathBuf>,
    /// The k6 binary; found in PATH when absent
    #[arg(long)]
    k6: Option<PathBuf>,
    /// Another database than SQLite in the state folder
    #[arg(long, env = "WINDFIRM_DATABASE", hide_env_values = true)]
    database: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct IdpArguments {
    /// Port on 127.0.0.1
    #[arg(long, default_value_t = 7701)]
    port: u16,
    /// The portal that people are sent back to; its configuration calls this provider “demo”
    #[arg(long, default_value = "http://127.0.0.1:7700/")]
    portal: Url,
}

/// Serves the identity provider alone until it is asked to end.
pub(super) async fn idp(arguments: IdpArguments) -> Result<(), String> {
    log("warn,windfirm=info");
    let listener = listen(arguments.port, "--port").await?;
    let issuer = format!("http://127.0.0.1:{}", arguments.port);
    let router = idp_router(&issuer, &arguments.portal)?;
    say(&format!("The demo's identity provider is at {issuer}, for the portal at {}. Everybody may be anybody.", arguments.portal));
    axum::serve(listener, router).with_graceful_shutdown(start::asked_to_end()).await.map_err(|error| error.to_string())
}

/// Serves the demo until it is asked to end.
pub(super) async fn demo(arguments: DemoArguments) -> Result<(), String> {
    // A line for each request would scroll the address away, which stands there for whoever has just started it.
    log("warn,windfirm=info,windfirm::http::request_log=warn");
    let state = &arguments.state;
    std::fs::create_dir_all(state).map_err(|error| format!("{} cannot be made: {error}. Name another folder with --state.", state.display()))?;
    // Before the shop is opened: it outlives a demo that does not come up.
    K6::find(arguments.k6.as_deref(), &[]).map_err(|error| format!("{error} (Here: --k6.)"))?;
    let listener = listen(arguments.port, "--port").await?;
    let idp_listener = listen(arguments.idp_port, "--idp-port").await?;
    let listening = listener.local_addr().map_err(|error| error.to_string())?;
    let places = demo_shop::places(arguments.shop_port);
    // Ports stand in the manifests, so another first port is another repository.
    let repository_path = state.join(format!("repository-{}.git", arguments.shop_port));
    if !repository_path.join("refs/heads/main").is_file() {
        let _ = std::fs::remove_dir_all(&repository_path);
        repository::create(&repository_path, &places).map_err(|error| error.to_string())?;
    }
    let policy = state.join("policy.yaml");
    if !policy.is_file() {
        std::fs::write(&policy, repository::policy()).map_err(|error| format!("{} cannot be written: {error}.", policy.display()))?;
    }
    let alive = state.join("alive");
    touch(&alive)?;
    open_shop(arguments.shop_port, &alive).await?;
    let public_url = Url::parse(&format!("http://127.0.0.1:{}/", listening.port())).map_err(|error| error.to_string())?;
    let issuer = format!("http://127.0.0.1:{}", arguments.idp_port);
    serve_idp(idp_listener, &issuer, &public_url)?;
    let config = Config {
        folder: PathBuf::new(),
        listen: listening,
        public_url: public_url.clone(),
        trusted_proxies: Vec::new(),
        state: state.clone(),
        database: arguments.database.map(Secret::Value),
        policy,
        tree: TreeConfig {
            repository: repository_path,
            revision: "main".to_owned(),
            roots: "roots".to_owned(),
            repositories: vec![repository::ADDRESS.to_owned()],
        },
        identity: vec![IssuerSection {
            name: "demo".to_owned(),
            label: Some("Demo identity provider".to_owned()),
            issuer,
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::Value(CLIENT_SECRET.to_owned())),
            scopes: ["openid", "profile", "groups"].map(str::to_owned).to_vec(),
            groups_claim: "groups".to_owned(),
            name_claim: "name".to_owned(),
            ca_file: None,
        }],
        runner: RunnerConfig { k6: arguments.k6, ..RunnerConfig::default() },
        clusters: Vec::new(),
    };
    let site = arguments.site.unwrap_or_else(default_site);
    let options = Options { site: site.clone(), demo: true, runner_command: runner_command()? };
    let portal = start::build(&config, &options, listening, Arc::new(SystemClock)).await.map_err(|error| error.to_string())?;
    stay_alive(&portal, alive);
    say(&format!("\n  Windfirm demo: {public_url}\n\n  Open it, choose a person (Ana, Ben, Chris, Dora or Eli), and run a test. Ctrl-C ends it.\n"));
    start::serve(portal, listener, &site).await.map_err(|error| error.to_string())
}

async fn listen(port: u16, option: &str) -> Result<TcpListener, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|source| format!("{} (Here: {option}.)", StartError::Listen { address, source }))
}

fn serve_idp(listener: TcpListener, issuer: &str, public_url: &Url) -> Result<(), String> {
    let router = idp_router(issuer, public_url)?;
    #[expect(clippy::disallowed_methods, reason = "it lives as long as the process; there is nothing to drain")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

fn idp_router(issuer: &str, public_url: &Url) -> Result<Router, String> {
    let config = demo_idp::DemoConfig {
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: ClientSecret::new(CLIENT_SECRET),
        redirect_uris: vec![format!("{public_url}login/demo/callback")],
        post_logout_redirect_uris: vec![format!("{public_url}logged-out")],
    };
    demo_idp::router(config, Arc::new(SystemClock)).map_err(|error| error.to_string())
}

/// Starts the shop unless it is there already, and waits until it answers.
async fn open_shop(base: u16, alive: &Path) -> Result<(), String> {
    if shop_answers(base).await {
        return Ok(());
    }
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    #[expect(clippy::disallowed_methods, reason = "the shop is the demo's target, not a test; it must outlive this process")]
    let mut command = std::process::Command::new(exe);
    let alive = alive.canonicalize().map_err(|error| error.to_string())?;
    let log = std::fs::File::create(alive.with_file_name("shop.log")).map_err(|error| error.to_string())?;
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
        .args(["demo-shop", "--base-port", &base.to_string(), "--alive"])
        .arg(&alive)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("The demo's shop cannot be started: {error}."))?;
    for _ in 0..100 {
        if shop_answers(base).await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let said = std::fs::read_to_string(alive.with_file_name("shop.log")).unwrap_or_default();
    Err(format!("The demo's shop does not answer on port {base}. {}", said.trim()))
}

/// Whether the last of the shop's services is there, and is ours.
async fn shop_answers(base: u16) -> bool {
    let Some(last) = demo_shop::places(base).last().copied() else { return false };
    let url = format!("http://127.0.0.1:{}/_health", last.port);
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_millis(500)).no_proxy().build() else { return false };
    match client.get(url).send().await {
        Ok(answer) => answer.text().await.is_ok_and(|text| text.contains(last.spec.name)),
        Err(_) => false,
    }
}

fn touch(alive: &Path) -> Result<(), String> {
    std::fs::write(alive, "a running demo touches this file\n").map_err(|error| format!("{} cannot be written: {error}.", alive.display()))
}

fn stay_alive(portal: &Arc<Portal>, alive: PathBuf) {
    let shared = Arc::clone(portal);
    portal.run(async move {
        loop {
            if let Err(error) = touch(&alive) {
                tracing::warn!(error, "demo.not_touched");
            }
            tokio::select! {
                () = shared.ending.cancelled() => break,
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
        }
        // Asked to end, and nothing is being tested: the shop need not wait for the next demo.
        match shared.store.queue_counts().await.map(|counts| counts.queued.saturating_add(counts.running)) {
            Ok(0) => drop(std::fs::remove_file(&alive)),
            Ok(live) => {
                let runs = if live == 1 { "1 run goes on".to_owned() } else { format!("{live} runs go on") };
                let minutes = SHOP_PATIENCE.as_secs() / 60;
                say(&format!(
                    "\n  {runs} without the portal, and the shop with it. The next start within {minutes} minutes picks that up; after that the shop ends.\n"
                ));
            }
            Err(_) => {}
        }
    });
}

/// The body of the shop's own process.
pub(super) async fn shop(base: u16, alive: &Path) -> Result<(), String> {
    demo_shop::serve(base, alive, SHOP_PATIENCE).await.map_err(|error| error.to_string())
}
