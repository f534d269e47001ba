//! What is wrong with a configuration beyond syntax and types: all of it at once, a sentence each, with the field that it is about.

use url::Url;
use windfirm_identity::IdentityConfig;
use windfirm_tree::Address;

use super::{ArgoCdSection, ClusterSection, Config, EVERYWHERE, IssuerSection, Secret, clusters::PullPolicy, is_loopback};

/// The longest name of a provider; the identity layer takes no longer one.
const MAX_NAME: usize = 32;

pub(super) fn of(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    public_url(&config.public_url, &mut problems);
    for (index, address) in config.tree.repositories.iter().enumerate() {
        if Address::read(address).is_none() {
            problems.push(format!("tree.repositories[{index}]: “{address}” names no repository. Write it as the manifests do in repoURL."));
        }
    }
    if config.identity.is_empty() {
        problems.push("identity: no provider is named, so nobody could log in. Add at least one.".to_owned());
    }
    for (index, issuer) in config.identity.iter().enumerate() {
        let earlier = config.identity.get(..index).unwrap_or_default();
        identity(&format!("identity[{index}]"), issuer, earlier, &mut problems);
    }
    for (index, section) in config.clusters.iter().enumerate() {
        let earlier = config.clusters.get(..index).unwrap_or_default();
        cluster(&format!("clusters[{index}]"), section, earlier, &mut problems);
    }
    for (at, secret) in secrets(config) {
        secret_ref(&at, secret, &config.clusters, &mut problems);
    }
    if !(1..=64).contains(&config.runner.slots) {
        problems.push(format!("runner.slots: {} is not between 1 and 64.", config.runner.slots));
    }
    if config.runner.per_person == 0 {
        problems.push("runner.per_person: with 0 nobody could launch anything. Write how many runs one person may have at the same time.".to_owned());
    }
    // What the identity layer would refuse at start must be told here too, whatever it comes to refuse one day.
    let issuers = config.identity.iter().map(IssuerSection::issuer).collect();
    if problems.is_empty()
        && let Err(error) = IdentityConfig::new(config.public_url.clone(), issuers).check()
    {
        problems.push(format!("identity: {error}."));
    }
    problems
}

fn public_url(url: &Url, problems: &mut Vec<String>) {
    if !matches!(url.scheme(), "https" | "http") {
        problems.push(format!("public_url: {} is neither https nor http.", shown(url)));
    }
    if url.scheme() == "http" && !is_loopback(url) {
        problems.push(format!("public_url: {} would send session cookies in the clear. Use https; plain http is for loopback only.", shown(url)));
    }
    if has_user(url) {
        problems.push(format!("public_url: there is a user or password in front of {}. Take it out; people log in at the identity provider.", shown(url)));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        problems.push(format!(
            "public_url: {} has a path, a query or a fragment. The portal needs an address of its own, such as https://windfirm.example/.",
            shown(url)
        ));
    }
}

fn identity(at: &str, section: &IssuerSection, earlier: &[IssuerSection], problems: &mut Vec<String>) {
    let name = &section.name;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        problems.push(format!("{at}.name: “{name}” must be 1 to {MAX_NAME} lower-case letters, digits and “-”; it becomes part of an address."));
    }
    if earlier.iter().any(|other| other.name == *name) {
        problems.push(format!("{at}.name: “{name}” is there twice. Give each provider its own name."));
    }
    match Url::parse(&section.issuer) {
        Ok(url) => {
            if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
                problems.push(format!("{at}.issuer: {} is not https. Only a provider on loopback may be plain http.", shown(&url)));
            }
            if url.query().is_some() || url.fragment().is_some() || has_user(&url) {
                problems.push(format!("{at}.issuer: {} has a query, a fragment or a user. Write it exactly as the provider's metadata do.", shown(&url)));
            }
        }
        Err(error) => problems.push(format!("{at}.issuer: “{}” is no address: {error}.", section.issuer)),
    }
    if earlier.iter().any(|other| other.issuer == section.issuer) {
        problems.push(format!("{at}.issuer: {} is there twice, and a person would be two people. Keep one of the two.", section.issuer));
    }
    if section.client_id.is_empty() {
        problems.push(format!("{at}.client_id: it is empty. Write the id that the provider gave when Windfirm was registered."));
    }
    if !section.scopes.iter().any(|scope| scope == "openid") {
        problems.push(format!("{at}.scopes: “openid” is missing; without it there is no identity."));
    }
}

/// Every secret, with its field.
fn secrets(config: &Config) -> impl Iterator<Item = (String, &Secret)> {
    let clients = config.identity.iter().enumerate();
    let clients = clients.filter_map(|(index, issuer)| Some((format!("identity[{index}].client_secret"), issuer.client_secret.as_ref()?)));
    config.database.iter().map(|secret| ("database".to_owned(), secret)).chain(clients)
}

fn secret_ref(at: &str, secret: &Secret, clusters: &[ClusterSection], problems: &mut Vec<String>) {
    let Secret::SecretRef(section) = secret else { return };
    if !clusters.iter().any(|cluster| cluster.name == section.cluster) {
        let known = clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "there are none".to_owned() } else { format!("there are {known}") };
        problems.push(format!("{at}.secretRef.cluster: “{}” is no cluster in `clusters`; {known}. Name the one that holds the Secret.", section.cluster));
    }
    if let Err(error) = section.at() {
        problems.push(format!("{at}.secretRef: {error}"));
    }
}

fn cluster(at: &str, section: &ClusterSection, earlier: &[ClusterSection], problems: &mut Vec<String>) {
    if let Err(error) = section.spec() {
        problems.push(format!("{at}.name: {error}"));
    }
    if earlier.iter().any(|other| other.name == section.name) {
        problems.push(format!("{at}.name: “{}” is there twice. Give each cluster its own name.", section.name));
    }
    match (section.in_cluster, &section.kubeconfig) {
        (true, Some(_)) => problems.push(format!("{at}: it is both in_cluster and has a kubeconfig. Keep the one that says how the portal reaches it.")),
        (false, None) => problems.push(format!("{at}: nothing says how to reach it. Write in_cluster: true, or kubeconfig: {{ file: … }}.")),
        (true, None) | (false, Some(_)) => {}
    }
    for name in &section.known_as {
        if earlier.iter().any(|other| other.known_as.contains(name) || other.name == *name) {
            problems.push(format!("{at}.known_as: “{name}” means an earlier cluster already. One name can mean one cluster only."));
        }
    }
    if let Some(argocd) = &section.argocd {
        applications_in(at, argocd, problems);
    }
    let Some(runs) = &section.runs else { return };
    if !matches!(runs.portal.scheme(), "https" | "http") || has_user(&runs.portal) || runs.portal.query().is_some() || runs.portal.fragment().is_some() {
        problems.push(format!("{at}.runs.portal: {} must be http or https, without user, query and fragment.", shown(&runs.portal)));
    }
    for (name, image) in [("k6_image", &runs.k6_image), ("starter_image", &runs.starter_image)] {
        if image.is_empty() || image.contains(char::is_whitespace) {
            problems.push(format!("{at}.runs.{name}: “{image}” names no image."));
        } else if runs.pull_policy != PullPolicy::Never && !is_pinned(image) {
            problems.push(format!(
                "{at}.runs.{name}: “{image}” has no digest. A tag can mean another image tomorrow: name it with one, name@sha256:…. \
                 Only with pull_policy: Never, where nodes have the image already, a name is enough."
            ));
        }
    }
    if let Some(image) = runs.runner_image.as_ref().filter(|image| !is_pinned(image)) {
        problems.push(format!(
            "{at}.runs.runner_image: “{image}” has no digest. It is named with one, name@sha256:…, so that runners are what the policy was rendered for."
        ));
    }
    if !(1..=1_000).contains(&runs.slots) {
        problems.push(format!("{at}.runs.slots: {} is not between 1 and 1,000.", runs.slots));
    }
    if runs.memory_mib < 32 {
        problems.push(format!("{at}.runs.memory_mib: k6 does not start with {} MiB. Give it at least 32.", runs.memory_mib));
    }
    if !(10..=3_600).contains(&runs.start_limit_s) {
        problems.push(format!("{at}.runs.start_limit_s: {} is not between 10 and 3,600.", runs.start_limit_s));
    }
    if runs.run_as == Some(0) {
        problems.push(format!("{at}.runs.run_as: 0 is root, and runners never run as root."));
    }
}

/// `name@sha256:` and 64 digits. Nothing else of the name may stand in a rule that is written with it.
pub fn is_pinned(image: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | ':' | '_' | '-');
    let digest = image.rsplit_once("@sha256:").filter(|(name, _)| !name.is_empty() && name.chars().all(allowed));
    digest.is_some_and(|(_, digest)| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// More namespaces than these are watched better all at once.
const MOST_WATCHED: usize = 50;

fn applications_in(at: &str, argocd: &ArgoCdSection, problems: &mut Vec<String>) {
    if !is_namespace(&argocd.namespace) {
        problems.push(format!("{at}.argocd.namespace: “{}” cannot be the name of a namespace. Write where Argo CD itself lives.", argocd.namespace));
    }
    let named = &argocd.applications_in;
    for (index, namespace) in named.iter().enumerate() {
        let place = format!("{at}.argocd.applications_in[{index}]");
        if namespace == EVERYWHERE {
            if named.len() > 1 {
                problems.push(format!("{place}: “{EVERYWHERE}” means all namespaces, so nothing else may stand beside it. Keep the one or the others."));
            }
        } else if !is_namespace(namespace) {
            problems.push(format!("{place}: “{namespace}” cannot be the name of a namespace. Name each one whole, or write “{EVERYWHERE}” alone for all."));
        } else if named.get(..index).unwrap_or_default().contains(namespace) {
            problems.push(format!("{place}: “{namespace}” is there twice. Take one of them out."));
        }
    }
    if named.len() > MOST_WATCHED {
        problems.push(format!(
            "{at}.argocd.applications_in: {} namespaces are more than {MOST_WATCHED}, and each is watched by itself. Write “{EVERYWHERE}” for all.",
            named.len()
        ));
    }
}

/// As Kubernetes has it.
fn is_namespace(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('-') && !name.ends_with('-')
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The address without user and password: what is told ends in logs.
fn shown(url: &Url) -> Url {
    let mut shown = url.clone();
    // Fails only for addresses that can have neither.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown
}

#[cfg(test)]
mod tests {
    use super::super::{Config, tests::GOOD};

    fn problems(text: &str) -> Vec<String> {
        Config::parse(text).unwrap_err()
    }

    #[test]
    fn every_semantic_problem_is_told_at_once() {
        let text = GOOD.replace("https://windfirm.example", "http://windfirm.example/x").replace("https://login.example", "http://login.example")
            + "runner: { slots: 0 }\n";
        let problems = problems(&text);
        for part in ["clear", "path", "issuer", "slots"] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
        }
    }

    /// Each of these let `check` say “good” and `serve` end at once.
    #[test]
    fn what_the_identity_layer_refuses_is_told_with_its_field() {
        let second = |name: &str, issuer: &str| format!("{GOOD}  - {{ name: {name}, issuer: '{issuer}', client_id: windfirm }}\n");
        let long = "a".repeat(33);
        let cases = [
            (second("other", "https://login.example"), "identity[1].issuer"),
            (second("company", "https://two.example"), "identity[1].name"),
            (GOOD.replace("client_id: windfirm", "client_id: ''"), "identity[0].client_id"),
            (GOOD.replace("name: company", &format!("name: {long}")), "identity[0].name"),
            (GOOD.replace("https://login.example", "https://login.example?tenant=1"), "identity[0].issuer"),
            (GOOD.replace("https://login.example", "https://me:hunter2@login.example"), "identity[0].issuer"),
            (GOOD.replace("https://windfirm.example", "https://me:hunter2@windfirm.example"), "public_url"),
            (GOOD.replace("https://windfirm.example", "https://windfirm.example/?x=1"), "public_url"),
        ];
        for (text, field) in cases {
            let problems = problems(&text);
            assert!(problems.len() == 1 && problems[0].starts_with(field), "{field}: {problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn an_address_of_the_repository_that_is_none_is_told() {
        let problems = problems(&GOOD.replace("deploy.git }", "deploy.git, repositories: ['https://git.example/deploy', ''] }"));
        assert!(problems.len() == 1 && problems[0].starts_with("tree.repositories[1]"), "{problems:?}");
    }

    #[test]
    fn a_secret_of_a_cluster_that_is_not_there_is_told_with_its_field() {
        let reference = "{ secretRef: { cluster: home, namespace: windfirm, name: oidc, key: secret } }";
        let text = GOOD.replace("{ env: OIDC_SECRET }", reference);
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].starts_with("identity[0].client_secret.secretRef.cluster: “home”"), "{found:?}");
        let text = format!("{text}database: {reference}\nclusters: [ {{ name: home, in_cluster: true }} ]\n");
        Config::parse(&text).unwrap();
        let found = problems(&text.replace("cluster: home", "cluster: hmoe").replace("key: secret", "key: a/b"));
        for part in [
            "database.secretRef.cluster: “hmoe” is no cluster in `clusters`; there are home.",
            "database.secretRef: “a/b” cannot be a key",
            "identity[0].client_secret.secretRef.cluster",
            "identity[0].client_secret.secretRef: “a/b”",
        ] {
            assert!(found.iter().any(|problem| problem.starts_with(part)), "{part}: {found:#?}");
        }
    }

    #[test]
    fn what_is_wrong_with_clusters_is_told_by_field() {
        let clusters = "
clusters:
  - { name: home, in_cluster: true, kubeconfig: { file: a }, known_as: [other] }
  - { name: Other, known_as: [other] }
  - name: home
    in_cluster: true
    argocd: { namespace: Argo, applications_in: ['*', 'team-*', shop, shop] }
    runs: { portal: 'ftp://portal', k6_image: '', starter_image: 'a b', runner_image: 'runner:1', slots: 0, memory_mib: 1, start_limit_s: 1, run_as: 0 }
";
        let found = problems(&format!("{GOOD}{clusters}"));
        for part in [
            "clusters[0]: it is both",
            "clusters[1].name",
            "clusters[1]: nothing says how",
            "clusters[1].known_as",
            "clusters[2].name: “home” is there twice",
            "clusters[2].argocd.namespace: “Argo”",
            "clusters[2].argocd.applications_in[0]: “*” means all",
            "clusters[2].argocd.applications_in[1]: “team-*”",
            "clusters[2].argocd.applications_in[3]: “shop” is there twice",
            "clusters[2].runs.portal",
            "clusters[2].runs.k6_image",
            "clusters[2].runs.starter_image",
            "clusters[2].runs.runner_image",
            "clusters[2].runs.slots",
            "clusters[2].runs.memory_mib",
            "clusters[2].runs.start_limit_s",
            "clusters[2].runs.run_as",
        ] {
            assert!(found.iter().any(|problem| problem.starts_with(part)), "{part}: {found:#?}");
        }
        let good = "
clusters:
  - name: home
    kubeconfig: { file: conf, context: here }
    known_as: ['https://kubernetes.default.svc']
    impersonation: legacy
    argocd: {}
    runs: { portal: 'http://portal.host:7700', k6_image: 'k6:1', starter_image: 'starter:1', pull_policy: Never }
";
        let config = Config::parse(&format!("{GOOD}{good}")).unwrap();
        // What nodes pull is named by what it is.
        let pulled = problems(&format!("{GOOD}{}", good.replace(", pull_policy: Never", "")));
        let told = |name: &str| pulled.iter().any(|problem| problem.starts_with(&format!("clusters[0].runs.{name}: “")) && problem.contains("has no digest"));
        assert!(told("k6_image") && told("starter_image") && pulled.len() == 2, "{pulled:#?}");
        let pinned = good.replace("k6_image:", &format!("runner_image: 'registry.example/runner@sha256:{}', k6_image:", "5e".repeat(32)));
        assert!(Config::parse(&format!("{GOOD}{pinned}")).unwrap().clusters[0].runs.as_ref().unwrap().runner_image.is_some());
        assert_eq!(config.clusters[0].argocd.as_ref().unwrap().namespace, "argocd");
        assert_eq!(config.clusters[0].argocd.as_ref().unwrap().watched(), [Some("argocd".to_owned())], "Argo CD's own namespace unless told otherwise");
        let watched = |named: &str| {
            let text = format!("{GOOD}{}", good.replace("argocd: {}", &format!("argocd: {{ applications_in: {named} }}")));
            Config::parse(&text).unwrap().clusters[0].argocd.as_ref().unwrap().watched()
        };
        assert_eq!(watched("[team-b, team-a]"), [Some("team-a".to_owned()), Some("team-b".to_owned())]);
        assert_eq!(watched("['*']"), [None]);
        assert_eq!(config.clusters[0].runs.as_ref().unwrap().ingest_url(), "http://portal.host:7700");
        for (wrong, part) in [("impersonation: legacy", "impersonation: wide"), ("pull_policy: Never", "pull_policy: Sometimes")] {
            assert!(Config::parse(&format!("{GOOD}{}", good.replace(wrong, part))).unwrap_err()[0].contains("is none of them"));
        }
    }
}
