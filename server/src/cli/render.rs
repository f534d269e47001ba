//! `windfirm policy render`: the Kubernetes manifests that a policy needs, as text, as a folder, or compared with a cluster.
//!
//! It applies nothing, and the portal never does.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use windfirm_cluster::{Account, Cluster, ClusterSpec, Clusters, Impersonation, Source, read_labelled, read_one};
use windfirm_model::clock::Clock;
use windfirm_render::{
    BadSetting, Endpoint, Found, HostAddress, KINDS, MANAGED_BY, Namespaces, OwnSecret, Peer, Rendered, Settings, Sizes, Version, diff, namespace,
    render as rendered_of,
};

use crate::{
    cli::{complain, say},
    clock::SystemClock,
    config::{Config, Secret, is_pinned},
    secrets::named,
    worker::reload,
};

#[derive(Debug, Args)]
pub(crate) struct RenderArguments {
    /// The policy file
    #[arg(long)]
    policy: PathBuf,
    /// Version of the cluster; from 1.36 on the portal may act as an account call by call, before only altogether
    #[arg(long, value_name = "VERSION", default_value = "1.36")]
    kubernetes: Version,
    /// The account that the portal runs as
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "windfirm/portal")]
    portal_account: Account,
    /// Where runners reach the portal; again for several. Otherwise its namespace, at the port that --config has it listen on, or 7700
    #[arg(long, value_name = "NAMESPACE:PORT or CIDR:PORT")]
    portal_ingest: Vec<Endpoint>,
    /// Read Argo CD's objects in this namespace only; otherwise in all
    #[arg(long, value_name = "NAMESPACE", value_parser = a_namespace)]
    argocd_namespace: Option<String>,
    /// Where names are resolved; again for several
    #[arg(long, value_name = "NAMESPACE or CIDR", default_value = "kube-system")]
    dns: Vec<Peer>,
    /// What the names of services end with
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", value_parser = a_domain)]
    cluster_domain: String,
    /// Where a target host outside the cluster is, because a NetworkPolicy knows no names; again for several
    #[arg(long, value_name = "NAME=CIDR")]
    host_address: Vec<HostAddress>,
    /// Nothing but runs lives in this namespace: quota and limits hold for all of it; again for several
    #[arg(long, value_name = "NAMESPACE", value_parser = a_namespace)]
    dedicated: Vec<String>,
    /// The namespaces exist and belong to somebody else: leave them out
    #[arg(long)]
    without_namespaces: bool,
    /// TestRuns in a namespace at once, as `runs.slots` of the cluster in the configuration
    #[arg(long, value_name = "NUMBER", default_value_t = Sizes::default().runs, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The most runners of one run
    #[arg(long, value_name = "NUMBER", default_value_t = Sizes::default().runners, value_parser = clap::value_parser!(u32).range(1..))]
    runners: u32,
    /// Processor of a runner in thousandths, as `runs.cpu` in the configuration
    #[arg(long, value_name = "NUMBER", default_value_t = Sizes::default().cpu_millis, value_parser = clap::value_parser!(u32).range(1..))]
    runner_cpu_millis: u32,
    /// Memory of a runner in MiB, as `runs.memory_mib` in the configuration
    #[arg(long, value_name = "NUMBER", default_value_t = Sizes::default().memory_mib, value_parser = clap::value_parser!(u32).range(1..))]
    runner_memory_mib: u32,
    /// What may fetch the files of large tests in the pods of runs, with its digest, as `runs.runner_image` in the configuration
    #[arg(long, value_name = "IMAGE")]
    runner_image: Option<String>,
    /// The portal's configuration: it may read the Secrets that are named there by `secretRef`, each by its name, and no others; and it
    /// says the runner image of the cluster
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For --config: which of its clusters the manifests are for, where it has several
    #[arg(long, value_name = "NAME", requires = "config")]
    cluster: Option<String>,
    /// The same without a configuration file at hand: a Secret that the configuration names; again for several
    #[arg(long, value_name = "NAMESPACE/NAME")]
    secret: Vec<OwnSecret>,
    /// Write a folder for Kustomize instead, with one file for each namespace
    #[arg(long, value_name = "FOLDER", conflicts_with = "diff")]
    output: Option<PathBuf>,
    /// Say instead what would change in a cluster; ends with an error if anything would
    #[arg(long, requires = "kubeconfig")]
    diff: bool,
    /// For --diff: as whom to look. The portal's own account may not read roles, so it is one of yours
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// For --diff: a context of that file; otherwise its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
}

fn a_namespace(text: &str) -> Result<String, BadSetting> {
    namespace(text)
}

fn a_domain(text: &str) -> Result<String, String> {
    let good = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if text.split('.').all(good) { Ok(text.to_owned()) } else { Err(format!("“{text}” is no domain. Write one such as cluster.local.")) }
}

impl RenderArguments {
    fn settings(&self) -> Result<Settings, String> {
        Ok(Settings {
            kubernetes: self.kubernetes,
            ingest: self.ingest()?,
            dns: self.dns.clone(),
            argocd_namespace: self.argocd_namespace.clone(),
            cluster_domain: self.cluster_domain.clone(),
            host_addresses: self.host_address.clone(),
            dedicated: self.dedicated.iter().cloned().collect(),
            namespaces: if self.without_namespaces { Namespaces::Expected } else { Namespaces::Made },
            sizes: Sizes { runs: self.runs, runners: self.runners, cpu_millis: self.runner_cpu_millis, memory_mib: self.runner_memory_mib },
            runner_image: self.runner_image()?,
            secrets: self.secrets()?,
            ..Settings::new(self.portal_account.clone())
        })
    }
    /// As said; else the portal's own namespace, at the port that the configuration has it listen on.
    fn ingest(&self) -> Result<Vec<Endpoint>, String> {
        match (self.portal_ingest.as_slice(), &self.config) {
            ([], Some(file)) => {
                let port = Config::read(file).map_err(|error| error.to_string())?.listen.port();
                Ok(vec![Endpoint { peer: Peer::Namespace(self.portal_account.namespace().to_owned()), port }])
            }
            (said, _) => Ok(said.to_vec()),
        }
    }
    /// As said, or as the configuration has it.
    fn runner_image(&self) -> Result<Option<String>, String> {
        let said = match (&self.runner_image, self.of_config()?) {
            (Some(image), _) => Some(image.clone()),
            (None, Some((config, cluster))) => {
                let section = config.clusters.iter().find(|section| section.name == cluster);
                section.and_then(|section| section.runs.as_ref()?.runner_image.clone())
            }
            (None, None) => None,
        };
        // It becomes part of an expression.
        match said {
            Some(image) if !is_pinned(&image) => Err(format!("“{image}” has no digest. Name the runner image with one: name@sha256:….")),
            said => Ok(said),
        }
    }
    /// The configuration, and which of its clusters is meant; nothing without one.
    fn of_config(&self) -> Result<Option<(Config, String)>, String> {
        let Some(file) = &self.config else { return Ok(None) };
        let config = Config::read(file).map_err(|error| error.to_string())?;
        let names: Vec<&str> = config.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let cluster = match (&self.cluster, names.as_slice()) {
            (Some(name), all) if all.contains(&name.as_str()) => name.clone(),
            (None, [only]) => (*only).to_owned(),
            // Without clusters it names nothing of any.
            (None, []) => return Ok(None),
            (Some(name), all) => return Err(format!("{} has no cluster “{name}”. It has: {}.", file.display(), all.join(", "))),
            (None, all) => return Err(format!("{} has several clusters. Say with --cluster which the manifests are for: {}.", file.display(), all.join(", "))),
        };
        Ok(Some((config, cluster)))
    }
    /// What the portal reads for itself in this cluster, and what for.
    fn secrets(&self) -> Result<BTreeMap<OwnSecret, BTreeSet<String>>, String> {
        let mut found: BTreeMap<OwnSecret, BTreeSet<String>> = self.secret.iter().map(|secret| (secret.clone(), BTreeSet::new())).collect();
        let Some((config, cluster)) = self.of_config()? else { return Ok(found) };
        for (used, secret) in named(&config) {
            if let Secret::SecretRef(section) = secret
                && section.cluster == cluster
            {
                let own = OwnSecret { namespace: section.namespace.clone(), name: section.name.clone() };
                found.entry(own).or_default().insert(used.to_string());
            }
        }
        Ok(found)
    }
}

/// Writes, or compares.
pub(super) async fn render(arguments: RenderArguments) -> Result<(), String> {
    let policy = reload::read_policy(&arguments.policy)
        .map_err(|problems| format!("{} is not a good policy, so there is nothing to write:\n{}", arguments.policy.display(), problems.join("\n")))?;
    let rendered = rendered_of(&policy, &arguments.settings()?).map_err(|error| error.to_string())?;
    for warning in &rendered.warnings {
        complain(warning);
    }
    match (&arguments.kubeconfig, &arguments.output) {
        (Some(kubeconfig), _) if arguments.diff => compare(&rendered, kubeconfig, arguments.context, arguments.kubernetes.impersonation()).await,
        (_, Some(folder)) => write(&rendered.folder(), folder),
        _ => {
            // Not a line more than the manifests, for whatever reads them next.
            let written = std::io::stdout().write_all(rendered.stream().as_bytes());
            written.map_err(|error| format!("The manifests cannot be written: {error}."))
        }
    }
}

/// Over files of an earlier render, and without those that are no longer needed. Files of somebody else stay, and are never written over.
fn write(files: &BTreeMap<String, String>, folder: &Path) -> Result<(), String> {
    let cannot = |path: &Path, error: std::io::Error| format!("{} cannot be written: {error}.", path.display());
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let ours = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| Rendered::is_own_file(&text));
    if let Some(other) = files.keys().map(|name| folder.join(name)).find(|path| path.exists() && !ours(path)) {
        return Err(format!("{} was not written by `windfirm policy render`, and would be lost. Name another folder.", other.display()));
    }
    for entry in std::fs::read_dir(folder).map_err(|error| cannot(folder, error))? {
        let path = entry.map_err(|error| cannot(folder, error))?.path();
        let is_known = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| files.contains_key(name));
        if !is_known && path.is_file() && ours(&path) {
            std::fs::remove_file(&path).map_err(|error| cannot(&path, error))?;
        }
    }
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| cannot(&path, error))?;
    }
    say(&format!("{} files in {}. Nothing was applied; `kubectl diff -k` shows what they would change.", files.len(), folder.display()));
    Ok(())
}

async fn compare(rendered: &Rendered, kubeconfig: &Path, context: Option<String>, impersonation: Impersonation) -> Result<(), String> {
    let source = Source::Kubeconfig { file: kubeconfig.to_owned(), context };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let name = "cluster".parse().map_err(|error: windfirm_cluster::BadClusters| error.to_string())?;
    let clusters = Clusters::new(vec![ClusterSpec { name, source, impersonation }], &clock).map_err(|error| error.to_string())?;
    let cluster = clusters.iter().next().ok_or("There is no cluster to compare with.")?;
    let changes = diff(rendered, &found(cluster, rendered).await?);
    for change in &changes {
        say(&change.to_string());
    }
    match changes.len() {
        0 => {
            say("The cluster has what the policy asks for, and nothing from an earlier one.");
            Ok(())
        }
        1 => Err("The cluster differs from the policy in one object.".to_owned()),
        count => Err(format!("The cluster differs from the policy in {count} objects.")),
    }
}

/// All that was ever rendered, and what else stands where something is to be.
async fn found(cluster: &Cluster, rendered: &Rendered) -> Result<Vec<Found>, String> {
    let mut found: Vec<Found> = Vec::new();
    for kind in KINDS {
        let objects = read_labelled(cluster, kind, &format!("app.kubernetes.io/managed-by={MANAGED_BY}")).await.map_err(|error| error.to_string())?;
        found.extend(objects.into_iter().map(|object| Found { kind, object }));
    }
    for object in rendered.objects() {
        if found.iter().any(|found| found.is_at(object)) {
            continue;
        }
        let there = read_one(cluster, object.kind(), object.namespace(), object.name()).await.map_err(|error| error.to_string())?;
        found.extend(there.map(|there| Found { kind: object.kind(), object: there }));
    }
    Ok(found)
}
