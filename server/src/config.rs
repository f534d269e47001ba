//! The configuration of `windfirm serve`: one YAML file, checked as a whole before anything starts.
//!
//! Secrets are read from the environment or from files, and never shown by `Debug`.

pub mod secret;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use url::Url;

pub use secret::Secret;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the portal listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The address that people and the identity provider use; cookies are `Secure` when it is https.
    pub public_url: Url,
    /// Scratch of running tests, and the SQLite file when no database is named.
    pub state: PathBuf,
    /// `sqlite:FILE` or `postgres://…`; a secret, because it may hold a password.
    #[serde(default)]
    pub database: Option<Secret>,
    /// The policy file.
    pub policy: PathBuf,
    pub tree: TreeConfig,
    pub identity: Vec<IssuerSection>,
    #[serde(default)]
    pub runner: RunnerConfig,
}

/// The Git repository with the manifests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeConfig {
    /// A local repository: a working copy or a bare one.
    pub repository: PathBuf,
    #[serde(default = "default_revision")]
    pub revision: String,
    /// The folder whose Applications are the roots of the forest.
    #[serde(default)]
    pub roots: String,
}

/// One identity provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSection {
    /// Part of the callback address: `/login/NAME/callback`.
    pub name: String,
    #[serde(default)]
    pub label: Option<String>,
    pub issuer: String,
    pub client_id: String,
    #[serde(default)]
    pub client_secret: Option<Secret>,
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// Where the groups stand in the ID token; dots go into objects.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    #[serde(default = "default_name_claim")]
    pub name_claim: String,
    /// Certificates in PEM, believed for this provider beside the system's: for a company with its own authority.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl IssuerSection {
    /// The text of `ca_file`, when there is one.
    pub fn ca_pem(&self) -> Result<Option<String>, String> {
        let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|error| format!("ca_file: {} cannot be read: {error}.", file.display()));
        self.ca_file.as_ref().map(read).transpose()
    }
}

/// How load is generated on this machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunnerConfig {
    /// The k6 binary; found in `PATH` when absent.
    pub k6: Option<PathBuf>,
    /// Runs at the same time.
    pub slots: u32,
    /// Runs that may wait.
    pub queue: u32,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self { k6: None, slots: 2, queue: 50 }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7700))
}
fn default_revision() -> String {
    "HEAD".to_owned()
}
fn default_scopes() -> Vec<String> {
    ["openid", "profile"].map(str::to_owned).to_vec()
}
fn default_groups_claim() -> String {
    "groups".to_owned()
}
fn default_name_claim() -> String {
    "name".to_owned()
}

/// Everything that is wrong with a configuration, a sentence each.
#[derive(Debug, thiserror::Error)]
#[error("{} is not a good configuration:\n{}", file.display(), problems.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    pub file: PathBuf,
    pub problems: Vec<String>,
}

impl Config {
    /// Reads and checks a file. Relative paths in it are relative to the file.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let wrong = |problems: Vec<String>| ConfigError { file: file.to_owned(), problems };
        let text = std::fs::read_to_string(file).map_err(|error| {
            wrong(vec![format!("It cannot be read: {error}. Name an existing file with --config; deploy/example/windfirm.yaml is one to start from.")])
        })?;
        let mut config = Self::parse(&text).map_err(wrong)?;
        if let Some(folder) = file.parent() {
            for path in [&mut config.state, &mut config.policy, &mut config.tree.repository] {
                *path = folder.join(&*path);
            }
            for path in config.identity.iter_mut().filter_map(|issuer| issuer.ca_file.as_mut()) {
                *path = folder.join(&*path);
            }
        }
        Ok(config)
    }

    /// Syntax and types first (with line and column), then every semantic problem at once.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let config: Self = serde_saphyr::from_str(text).map_err(|error| vec![error.to_string()])?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !matches!(self.public_url.scheme(), "https" | "http") {
            problems.push(format!("public_url: {} is neither https nor http.", self.public_url));
        }
        if self.public_url.scheme() == "http" && !is_loopback(&self.public_url) {
            problems.push(format!("public_url: {} would send session cookies in the clear. Use https; plain http is for loopback only.", self.public_url));
        }
        if self.public_url.path() != "/" {
            problems.push(format!("public_url: {} has a path. The portal needs an address of its own.", self.public_url));
        }
        if self.identity.is_empty() {
            problems.push("identity: no provider is named, so nobody could log in. Add at least one.".to_owned());
        }
        for (index, issuer) in self.identity.iter().enumerate() {
            let at = format!("identity[{index}]");
            if issuer.name.is_empty() || !issuer.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                problems.push(format!("{at}.name: “{}” must be lower-case letters, digits and “-”; it becomes part of an address.", issuer.name));
            }
            if self.identity.iter().take(index).any(|other| other.name == issuer.name) {
                problems.push(format!("{at}.name: “{}” is there twice.", issuer.name));
            }
            match Url::parse(&issuer.issuer) {
                Ok(url) if url.scheme() == "https" || is_loopback(&url) => {}
                Ok(url) => problems.push(format!("{at}.issuer: {url} is not https. Only a provider on loopback may be plain http.")),
                Err(error) => problems.push(format!("{at}.issuer: “{}” is no address: {error}.", issuer.issuer)),
            }
            if !issuer.scopes.iter().any(|scope| scope == "openid") {
                problems.push(format!("{at}.scopes: “openid” is missing; without it there is no identity."));
            }
        }
        if !(1..=64).contains(&self.runner.slots) {
            problems.push(format!("runner.slots: {} is not between 1 and 64.", self.runner.slots));
        }
        problems
    }

    /// Where the database is, resolved; never to be logged.
    pub fn database_url(&self) -> Result<String, String> {
        self.database.as_ref().map_or_else(|| Ok(format!("sqlite:{}", self.state.join("windfirm.db").display())), Secret::read)
    }
}

/// Whether a URL names this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
public_url: https://windfirm.example
state: /var/lib/windfirm
policy: policy.yaml
tree: { repository: /srv/deploy.git }
identity:
  - { name: company, issuer: 'https://login.example', client_id: windfirm, client_secret: { env: OIDC_SECRET } }
";

    #[test]
    fn the_smallest_good_file_is_taken() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!(config.tree.revision, "HEAD");
        assert_eq!(config.runner.slots, 2);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let problems = Config::parse(&GOOD.replace("state:", "stat:")).unwrap_err();
        assert!(problems[0].contains("stat"), "{problems:?}");
        assert!(problems[0].contains("line 3") || problems[0].contains(":3:"), "{problems:?}");
    }

    #[test]
    fn every_semantic_problem_is_told_at_once() {
        let text = GOOD.replace("https://windfirm.example", "http://windfirm.example/x").replace("https://login.example", "http://login.example")
            + "runner: { slots: 0 }\n";
        let problems = Config::parse(&text).unwrap_err();
        for part in ["clear", "path", "issuer", "slots"] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
        }
    }

    #[test]
    fn certificates_are_looked_for_beside_the_file_and_missed_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("windfirm.yaml");
        std::fs::write(&file, GOOD.replace("client_id: windfirm", "client_id: windfirm, ca_file: company.pem")).unwrap();
        let issuer = Config::read(&file).unwrap().identity.remove(0);
        let missed = issuer.ca_pem().unwrap_err();
        assert!(missed.contains("company.pem cannot be read") && missed.contains("No such file"), "{missed}");
        std::fs::write(folder.path().join("company.pem"), "certificates").unwrap();
        assert_eq!(issuer.ca_pem().unwrap().as_deref(), Some("certificates"));
    }

    #[test]
    fn a_secret_does_not_show() {
        let config = Config::parse(&GOOD.replace("{ env: OIDC_SECRET }", "{ value: hunter2 }")).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
