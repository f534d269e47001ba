//! The configuration of `windfirm serve`: one YAML file, checked as a whole before anything starts.
//!
//! Secrets are read from the environment, from files or from Secrets of clusters, and never shown by `Debug`.

pub mod clusters;
mod form;
mod problems;
pub mod secret;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;
use windfirm_identity::IssuerConfig;

pub use clusters::{ArgoCdSection, ClusterSection, EVERYWHERE};
pub use problems::is_pinned;
pub use secret::{Secret, SecretRefSection};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the file stands: every relative path in it counts from here.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Where the portal listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The address that people and the identity provider use; cookies are `Secure` when it is https.
    pub public_url: Url,
    /// Networks of the proxies in front of the portal. Whoever comes from there is counted and recorded by the address that the
    /// proxy names in `X-Forwarded-For`; what anybody else writes there is not believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// Scratch of running tests, and the SQLite file when no database is named.
    pub state: PathBuf,
    /// `sqlite:FILE` or `postgres://…`; a secret, because it may hold a password. Wherever the text comes from, a relative FILE
    /// counts from the configuration file.
    #[serde(default)]
    pub database: Option<Secret>,
    /// The policy file.
    pub policy: PathBuf,
    pub tree: TreeConfig,
    pub identity: Vec<IssuerSection>,
    #[serde(default)]
    pub runner: RunnerConfig,
    /// Without any, the tree is Git's alone and k6 runs on this machine.
    #[serde(default)]
    pub clusters: Vec<ClusterSection>,
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
    /// Every `repoURL` that means this repository; its own remotes when there are none. What names another one is shown, and
    /// not followed: grants hold by path, so a guess here would move access.
    #[serde(default)]
    pub repositories: Vec<String>,
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

    /// The same for the identity layer, without secret and certificates: files are read as late as can be.
    #[must_use]
    pub fn issuer(&self) -> IssuerConfig {
        IssuerConfig {
            name: self.name.clone(),
            label: self.label.clone().unwrap_or_else(|| self.name.clone()),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: None,
            scopes: self.scopes.clone(),
            groups_claim: self.groups_claim.clone(),
            name_claim: self.name_claim.clone(),
            ca_pem: None,
        }
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
    /// Runs of one person that may wait or run at the same time, so that nobody keeps the machine from the others.
    pub per_person: u32,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self { k6: None, slots: 2, queue: 50, per_person: 10 }
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
            config.stand_in(folder);
        }
        Ok(config)
    }

    /// Makes every relative path count from `folder`.
    fn stand_in(&mut self, folder: &Path) {
        folder.clone_into(&mut self.folder);
        let secrets = self.database.iter_mut().chain(self.identity.iter_mut().filter_map(|issuer| issuer.client_secret.as_mut()));
        let files = secrets.filter_map(Secret::file_mut);
        for path in [&mut self.state, &mut self.policy, &mut self.tree.repository].into_iter().chain(self.runner.k6.as_mut()).chain(files) {
            *path = folder.join(&*path);
        }
        let kubeconfigs = self.clusters.iter_mut().filter_map(|cluster| Some(&mut cluster.kubeconfig.as_mut()?.file));
        for path in self.identity.iter_mut().filter_map(|issuer| issuer.ca_file.as_mut()).chain(kubeconfigs) {
            *path = folder.join(&*path);
        }
    }

    /// Syntax and types first (all of them, with line and column), then every semantic problem at once.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let config: Self = serde_saphyr::from_str(text).map_err(|error| {
            let all = form::problems(text);
            // Without its snippet of the file, which may hold a secret.
            if all.is_empty() { vec![error.without_snippet().to_string()] } else { all }
        })?;
        let problems = problems::of(&config);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The state folder, made if it is not there yet, and tried.
    ///
    /// # Errors
    /// In words: it cannot be made, or not be written to.
    pub fn open_state(&self) -> Result<PathBuf, String> {
        let failed = |what: &str, error: &std::io::Error| {
            format!("state: {} cannot be {what}: {error}. Name a folder that the user who starts Windfirm may write to.", self.state.display())
        };
        std::fs::create_dir_all(&self.state).map_err(|error| failed("made", &error))?;
        let state = self.state.canonicalize().map_err(|error| failed("found", &error))?;
        let trial = state.join(format!(".trial-{}", std::process::id()));
        std::fs::write(&trial, "").and_then(|()| std::fs::remove_file(&trial)).map_err(|error| failed("written to", &error))?;
        Ok(state)
    }

    /// Where the database is, resolved from what the secret `database` says, if there is one; never to be logged.
    #[must_use]
    pub fn database_url(&self, said: Option<&str>) -> String {
        let Some(url) = said else { return sqlite_url(&self.state.join("windfirm.db")) };
        let file = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match file {
            // `:memory:` is no file; the store says what is wrong with it.
            Some(file) if !file.is_empty() && !file.starts_with([':', '/', '?']) => format!("{}{file}", sqlite_url(&self.folder.join(""))),
            _ => url.to_owned(),
        }
    }
}

/// The address of a SQLite file; in it, `?` and `%` would mean something else.
fn sqlite_url(file: &Path) -> String {
    format!("sqlite:{}", file.display().to_string().replace('%', "%25").replace('?', "%3F"))
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

    pub(super) const GOOD: &str = "
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
    fn every_relative_path_counts_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("conf");
        std::fs::create_dir(&inner).unwrap();
        let text = "
public_url: https://windfirm.example
state: state
database: { file: database.secret }
policy: policy.yaml
tree: { repository: ../deploy.git }
identity:
  - { name: company, issuer: 'https://login.example', client_id: windfirm, client_secret: { file: oidc.secret } }
runner: { k6: bin/k6 }
";
        std::fs::write(inner.join("windfirm.yaml"), text).unwrap();
        std::fs::write(inner.join("oidc.secret"), "open sesame\n").unwrap();
        std::fs::write(inner.join("database.secret"), "sqlite:data/own.db?mode=rwc\n").unwrap();
        let config = Config::read(&inner.join("windfirm.yaml")).unwrap();
        assert_eq!((config.state.clone(), config.policy.clone()), (inner.join("state"), inner.join("policy.yaml")));
        assert_eq!(config.tree.repository, inner.join("../deploy.git"));
        assert_eq!(config.runner.k6, Some(inner.join("bin/k6")));
        assert_eq!(config.identity[0].client_secret.as_ref().unwrap().read_here(), Some(Ok("open sesame".to_owned())));
        let said = config.database.as_ref().unwrap().read_here().unwrap().unwrap();
        assert_eq!(config.database_url(Some(&said)), format!("sqlite:{}", inner.join("data/own.db?mode=rwc").display()));

        assert_eq!(config.database_url(None), format!("sqlite:{}", inner.join("state/windfirm.db").display()));
        let database = |url: &str| config.database_url(Some(url));
        assert_eq!(database("sqlite://own.db"), format!("sqlite:{}", inner.join("own.db").display()));
        for as_it_is in ["sqlite:/var/own.db", "sqlite:///var/own.db", "sqlite::memory:", "postgres://me@host/database"] {
            assert_eq!(database(as_it_is), as_it_is);
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
        assert_eq!(config.identity[0].client_secret.as_ref().unwrap().to_string(), "the configuration file");
    }

    #[test]
    fn what_is_empty_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty");
        std::fs::write(&file, "\n").unwrap();
        for (secret, told) in [(Secret::File(file), "/empty."), (Secret::Value(String::new()), "the configuration file.")] {
            let why = secret.read_here().unwrap().unwrap_err();
            assert!(why.contains("There is nothing in ") && why.contains(told), "{why}");
        }
    }
}
