//! `windfirm serve --config FILE`.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use tokio::net::TcpListener;

use crate::{
    cli::{default_site, log, runner_command, say},
    clock::SystemClock,
    config::Config,
    start::{self, Options, StartError},
};

#[derive(Debug, Args)]
pub(crate) struct ConfigArgument {
    /// The configuration file (YAML)
    #[arg(long)]
    pub(super) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Folder of the browser half
    #[arg(long, env = "WINDFIRM_SITE")]
    site: Option<PathBuf>,
}

/// Serves until it is asked to end.
pub(super) async fn serve(arguments: ServeArguments) -> Result<(), String> {
    log("info");
    let config = Config::read(&arguments.config.config).map_err(|error| error.to_string())?;
    let site = arguments.site.unwrap_or_else(default_site);
    let listener = TcpListener::bind(config.listen).await.map_err(|source| StartError::Listen { address: config.listen, source }.to_string())?;
    let listening = listener.local_addr().map_err(|error| error.to_string())?;
    let options = Options { site: site.clone(), demo: false, runner_command: runner_command()? };
    let portal = start::build(&config, &options, listening, Arc::new(SystemClock)).await.map_err(|error| error.to_string())?;
    say(&format!("Windfirm serves at {}", config.public_url));
    start::serve(portal, listener, &site).await.map_err(|error| error.to_string())
}
