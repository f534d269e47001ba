//! The command line.

mod check;
mod demo;
mod preflight;
mod render;
mod serve;

use std::{ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Parser, Subcommand};

use crate::clock::SystemClock;

/// For what still reads or writes a file when all else has ended.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Load-tests a whole app-of-apps tree, as yourself.
#[derive(Debug, Parser)]
#[command(name = "windfirm", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a whole demo on this machine: identity provider, shop, tree, policy; SQLite; no cluster
    Demo(demo::DemoArguments),
    /// Serve the demo's identity provider alone, for a portal on this machine: everybody may be anybody
    DemoIdp(demo::IdpArguments),
    /// Serve the portal with a configuration
    Serve(serve::ServeArguments),
    /// Check a configuration and everything that it names, without serving
    Check(serve::ConfigArgument),
    /// Look at policies
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// One execution (started by the portal, not by people)
    #[command(hide = true)]
    Runner {
        #[arg(long)]
        orders: PathBuf,
    },
    /// The demo's shop (started by the demo, not by people)
    #[command(hide = true)]
    DemoShop {
        #[arg(long)]
        base_port: u16,
        #[arg(long)]
        alive: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Say everything that is wrong with a policy file, with line and column
    Check { file: PathBuf },
    /// Ask the clusters of a configuration whether the policy's service accounts may do all that runs need
    Preflight(preflight::PreflightArguments),
    /// Write the Kubernetes manifests that a policy needs: accounts, rights, admission, quotas, networks. Applies nothing
    Render(Box<render::RenderArguments>),
}

/// Where the browser half is looked for when nothing is said.
fn default_site() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent()?.parent().map(|target| target.join("site")))
        .filter(|site| site.is_dir())
        .unwrap_or_else(|| PathBuf::from("target/site"))
}

/// How this program starts itself as a runner.
fn runner_command() -> Result<Vec<OsString>, String> {
    let exe = std::env::current_exe().map_err(|error| format!("This program cannot find its own file: {error}."))?;
    Ok(vec![exe.into_os_string(), "runner".into()])
}

/// Parses and does what was asked.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        // Small and single: no async runtime of the portal, no logging set-up.
        Command::Runner { orders } => windfirm_executor::runner::main(&orders, Arc::new(SystemClock)),
        other => with_runtime(other),
    }
}

fn with_runtime(command: Command) -> ExitCode {
    // One TLS provider, chosen before anything can ask for it.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return complain("A second TLS provider was installed; this is our own fault.");
    }
    // Never fewer than four workers: with one, a page that streams can wait for itself.
    let workers = std::thread::available_parallelism().map_or(4, std::num::NonZero::get).max(4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("The program cannot start its threads: {error}.")),
    };
    let result = runtime.block_on(async {
        match command {
            Command::Demo(arguments) => demo::demo(arguments).await,
            Command::DemoIdp(arguments) => demo::idp(arguments).await,
            Command::Serve(arguments) => serve::serve(arguments).await,
            Command::Check(argument) => check::check(&argument.config).await,
            Command::Policy { command: PolicyCommand::Check { file } } => check::policy(&file),
            Command::Policy { command: PolicyCommand::Preflight(arguments) } => preflight::preflight(arguments).await,
            Command::Policy { command: PolicyCommand::Render(arguments) } => render::render(*arguments).await,
            Command::DemoShop { base_port, alive } => demo::shop(base_port, &alive).await,
            Command::Runner { .. } => Ok(()),
        }
    });
    // Everything that had to be waited for was. What is left reads from a disk that does not answer, and could go on for ever.
    runtime.shutdown_timeout(LAST_PATIENCE);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => complain(&message),
    }
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn complain(message: &str) -> ExitCode {
    eprintln!("windfirm: {message}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
fn say(message: &str) {
    println!("{message}");
}

/// Logs as JSON lines on standard error; `RUST_LOG` narrows or widens them. The Kubernetes client's own lines do not say which cluster they
/// are about: what they tell, we tell with its name.
fn log(default: &str) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("{default},kube_client=off")));
    let written = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr).try_init();
    if let Err(error) = written {
        complain(&format!("Logging is set up already: {error}."));
    }
}
