//! Every rule is needed: it is taken away, and what it was for is missed, that and nothing else.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use windfirm_cluster::{Account, Cluster, Kind, RUN_RIGHTS, SecretData, SecretRef, Trouble, WatchSettings, Watched, read_secret, watch};

use crate::stage::{PATIENCE, Stage, asked, in_real_time, until, wrong};

/// Takes rule after rule out of a role and sees that exactly what `lost` says is missed. Gives how many there were.
async fn one_by_one(stage: &Stage, role: &str, asks: &[Account], lost: impl Fn(&Value) -> BTreeSet<String>) -> usize {
    let cluster = stage.cluster();
    let rules = stage.get(&["role", role, "--namespace", &stage.namespace])["rules"].as_array().unwrap().clone();
    for (index, rule) in rules.iter().enumerate() {
        let patch = format!(r#"[{{"op":"remove","path":"/rules/{index}"}}]"#);
        stage.done(&["patch", "role", role, "--namespace", &stage.namespace, "--type=json", "-p", &patch], "");
        let expected = lost(rule);
        let mut last = BTreeSet::new();
        let found = tokio::time::timeout(PATIENCE, async {
            while last != expected {
                last = wrong(&asked(&cluster, asks).await);
            }
        });
        if found.await.is_err() {
            panic!("without {rule} there is missing {last:?}, not {expected:?}");
        }
        stage.put_back("Role", Some(&stage.namespace), role);
        until("it to be green again", async || asked(&cluster, asks).await.is_green().then_some(())).await;
    }
    rules.len()
}

fn text(rule: &Value, field: &str) -> String {
    let all: Vec<&str> = rule[field].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    all.join(",")
}

#[test]
fn each_right_of_an_account_is_missed() {
    let Some(stage) = Stage::open(|_| {}) else { return };
    in_real_time(async {
        stage.apply();
        let account: Account = format!("{}/loadtest", stage.namespace).parse().unwrap();
        until("the first green", async || asked(&stage.cluster(), &stage.accounts()).await.is_green().then_some(())).await;
        let role = format!("windfirm-runs-{}.{}-loadtest", stage.settings.portal.namespace(), stage.settings.portal.name());
        let count = one_by_one(&stage, &role, &[account], |rule| {
            let lack = format!("account {} {} {} in {}", text(rule, "verbs"), text(rule, "resources"), text(rule, "apiGroups"), stage.namespace);
            [lack.replace("  ", " ")].into()
        })
        .await;
        assert_eq!(count, RUN_RIGHTS.len() + 1);
    });
}

#[test]
fn each_right_of_the_portal_in_a_namespace_is_missed() {
    let Some(stage) = Stage::open(|_| {}) else { return };
    in_real_time(async {
        stage.apply();
        let accounts: Vec<Account> = stage.accounts().into_iter().filter(|account| account.namespace() == stage.namespace).collect();
        assert_eq!(accounts.len(), 2);
        until("the first green", async || asked(&stage.cluster(), &accounts).await.is_green().then_some(())).await;
        let role = format!("windfirm-portal-{}.{}", stage.settings.portal.namespace(), stage.settings.portal.name());
        // To look for an account: no answer is no right that is missing, and nothing is green.
        let refused = |account: &Account| {
            format!("unanswered Cluster here does not let the portal act as {account} for this: serviceaccounts \"{}\" is forbidden", account.name())
        };
        let count = one_by_one(&stage, &role, &accounts, |rule| {
            if text(rule, "verbs") == "get" && text(rule, "resources") == "serviceaccounts" {
                return accounts.iter().flat_map(|account| [refused(account), format!("presence of {account}")]).collect();
            }
            let lack = format!("portal {} {} {} in {}", text(rule, "verbs"), text(rule, "resources"), text(rule, "apiGroups"), stage.namespace);
            [lack.replace("  ", " ")].into()
        })
        .await;
        assert_eq!(count, 2 + RUN_RIGHTS.len() + 1);
    });
}

macro_rules! seen {
    ($($name:ident = $kind:expr;)+) => {
        $(#[derive(Debug, Deserialize)]
        struct $name {}
        impl Watched for $name {
            const KIND: Kind = $kind;
        })+
    };
}
seen! {
    App = Kind::APPLICATION;
    Set = Kind::APPLICATION_SET;
    Project = Kind::APP_PROJECT;
}

/// What a watch of all objects of a kind says, once it has listed them or cannot.
async fn trouble<T: Watched>(cluster: &Arc<Cluster>, namespace: Option<String>) -> Option<Trouble> {
    // Each watch request ends after a second, so that the second one is seen too: the first list wants `list`, what follows `watch`.
    trouble_of::<T>(cluster, WatchSettings { namespace, request: Duration::from_secs(1), ..WatchSettings::default() }).await
}

async fn trouble_of<T: Watched>(cluster: &Arc<Cluster>, settings: WatchSettings) -> Option<Trouble> {
    let (watcher, mut watched) = watch::<T>(Arc::clone(cluster), settings);
    let stop = CancellationToken::new();
    let running = watcher.run(stop.clone());
    let looking = async {
        let seen = tokio::time::timeout(Duration::from_secs(4), watched.until(|snapshot| snapshot.trouble.is_some())).await;
        stop.cancel();
        seen.ok().and_then(|snapshot| snapshot.unwrap().trouble.clone())
    };
    tokio::join!(running, looking).1
}

#[test]
fn each_right_of_the_portal_in_the_cluster_is_missed() {
    let Some(stage) = Stage::open(|_| {}) else { return };
    in_real_time(async {
        stage.apply();
        let cluster = stage.cluster();
        until("the first green", async || asked(&cluster, &stage.accounts()).await.is_green().then_some(())).await;
        let role = stage.rendered().objects().iter().find(|object| object.kind().kind == "ClusterRole").unwrap().name().to_owned();
        let rules = stage.get(&["clusterrole", &role])["rules"].as_array().unwrap().clone();
        assert_eq!(rules.len(), 7);
        for (index, rule) in rules.iter().enumerate() {
            let patch = format!(r#"[{{"op":"remove","path":"/rules/{index}"}}]"#);
            stage.done(&["patch", "clusterrole", &role, "--type=json", "-p", &patch], "");
            let (verb, resource) = (text(rule, "verbs"), text(rule, "resources"));
            if resource == "subjectaccessreviews" {
                let none = until("no answer", async || Some(asked(&cluster, &stage.accounts()).await).filter(|found| !found.is_green())).await;
                assert!(
                    none.accounts.iter().all(|one| one.lacks.is_empty() && one.unanswered.iter().any(|why| why.contains("subjectaccessreviews"))),
                    "{none:?}"
                );
            } else {
                until("the refusal of a watch", async || {
                    let found = [trouble::<App>(&cluster, None).await, trouble::<Set>(&cluster, None).await, trouble::<Project>(&cluster, None).await];
                    let told: Vec<String> = found.iter().flatten().map(|trouble| trouble.why.to_string()).collect();
                    let expected = format!("cannot {verb} resource \"{resource}\" in API group \"argoproj.io\" at the cluster scope");
                    (told.len() == 1 && told[0].contains(&expected)).then_some(())
                })
                .await;
            }
            stage.put_back("ClusterRole", None, &role);
        }
    });
}

/// What is said of a Secret by the portal's own account: its value, or why there is none.
async fn read(cluster: &Cluster, namespace: &str, name: &str) -> String {
    match read_secret(cluster, &SecretRef::new(namespace, name, "key").unwrap()).await {
        Ok(value) => value,
        Err(error) => error.to_string(),
    }
}

/// What the watch of a Secret says within two of its requests: the first wants `list`, what follows `watch`.
async fn watched(cluster: &Arc<Cluster>, namespace: &str, name: &str) -> Option<Trouble> {
    let fields = Some(format!("metadata.name={name}"));
    let settings = WatchSettings { namespace: Some(namespace.to_owned()), fields, request: Duration::from_secs(1), ..WatchSettings::default() };
    trouble_of::<SecretData>(cluster, settings).await
}

#[test]
fn each_right_on_a_secret_of_the_portal_is_missed_and_no_other_secret_can_be_read() {
    let Some(stage) = Stage::open(|_| {}) else { return };
    let stage = stage.with(|namespace, settings| {
        settings.secrets.insert(format!("{namespace}/oidc").parse().unwrap(), BTreeSet::from(["client of company".to_owned()]));
    });
    in_real_time(async {
        stage.apply();
        for name in ["oidc", "other"] {
            stage.done(&["create", "secret", "generic", name, "--namespace", &stage.namespace, "--from-literal=key=open sesame"], "");
        }
        let cluster = stage.cluster();
        let space = stage.namespace.as_str();
        until("the right to read", async || (read(&cluster, space, "oidc").await == "open sesame").then_some(())).await;
        assert_eq!(watched(&cluster, space, "oidc").await, None);
        let refused = |verb: &str| format!("cannot {verb} resource \"secrets\" in API group \"\" in the namespace \"{space}\"");
        let other = read(&cluster, space, "other").await;
        assert!(other.contains(&refused("list")) && !other.contains("sesame"), "{other}");
        assert!(watched(&cluster, space, "other").await.is_some_and(|trouble| trouble.why.to_string().contains(&refused("list"))));

        let role = format!("windfirm-portal-{}.{}-secrets", stage.settings.portal.namespace(), stage.settings.portal.name());
        let rules = stage.get(&["role", &role, "--namespace", space])["rules"].as_array().unwrap().clone();
        assert_eq!(rules.len(), 2);
        for (index, rule) in rules.iter().enumerate() {
            let patch = format!(r#"[{{"op":"remove","path":"/rules/{index}"}}]"#);
            stage.done(&["patch", "role", &role, "--namespace", space, "--type=json", "-p", &patch], "");
            let expected = refused(&text(rule, "verbs"));
            let told = until("the refusal", async || watched(&cluster, space, "oidc").await.map(|trouble| trouble.why.to_string())).await;
            assert!(told.contains(&expected), "{told}");
            // By `watch` alone nothing can be read, by `list` alone nothing is seen to change.
            let now = read(&cluster, space, "oidc").await;
            assert_eq!(now == "open sesame", text(rule, "verbs") == "watch", "{now}");
            stage.put_back("Role", Some(space), &role);
            until("the right to be back", async || watched(&cluster, space, "oidc").await.is_none().then_some(())).await;
        }
    });
}

/// Where Argo CD keeps all in its own namespace, the right to read there is enough for a watch of it, and for no other.
#[test]
fn argo_cds_own_namespace_alone_can_be_read() {
    let Some(stage) = Stage::open(|settings| settings.argocd_namespace = Some("argocd".to_owned())) else { return };
    in_real_time(async {
        stage.apply();
        let cluster = stage.cluster();
        until("the right to read", async || trouble::<App>(&cluster, Some("argocd".to_owned())).await.is_none().then_some(())).await;
        assert!(trouble::<Set>(&cluster, Some("argocd".to_owned())).await.is_none());
        assert!(trouble::<Project>(&cluster, Some("argocd".to_owned())).await.is_none());
        assert!(trouble::<App>(&cluster, None).await.is_some());
    });
}
