//! The objects of one execution, as they are sent. What stands in them is all that runners are told.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use windfirm_executor::{InCluster, Orders, k6, runner::pod};
use windfirm_model::id::ExecutionId;

use super::settings::OperatorSettings;
use crate::account::Account;

/// Key of the archive in the ConfigMap; the operator mounts it below `/test`.
const ARCHIVE: &str = "archive.tar";
/// Key of the ingest token in the Secret.
const TOKEN: &str = "token";
/// Key of a configuration file of k6 with that token, where tests get Secrets; and where the runners find it.
const CONFIG: &str = "config.json";
const CONFIG_FOLDER: &str = "/etc/windfirm";
/// Where the init container finds the token, and nobody else does.
const TOKEN_FOLDER: &str = "/etc/windfirm-token";
/// Where an archive lies that was fetched, and where that is as the operator says it, which looks for scripts below `/test` only.
const BUNDLE_FOLDER: &str = "/bundle";
const BUNDLE_FILE: &str = "../bundle/archive.tar";
/// Key of what says which archive is fetched, in the ConfigMap.
const FETCHED: &str = "fetched";
/// Where a runner of ours spools, how much of it (MiB), and how long it still delivers when k6 has ended.
const SPOOL_FOLDER: &str = "/var/lib/windfirm";
const SPOOL_MIB: u32 = 512;
const FORWARD_GRACE_S: u32 = 600;
/// The portal asks a run that is late to end, and kills one that does not, within this time after its deadline. Only without a portal the
/// cluster comes to it.
const PORTAL_FIRST_S: u32 = 180;
/// Port of k6's REST interface. The operator's, not ours.
pub(crate) const REST_PORT: u16 = 6565;

/// Labels and annotations of ours.
pub(crate) mod mark {
    pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    pub(crate) const INSTANCE: &str = "app.kubernetes.io/instance";
    pub(crate) const WINDFIRM: &str = "windfirm";
    pub(crate) const EXECUTION: &str = "windfirm.dev/execution";
    pub(crate) const RUN: &str = "windfirm.dev/run";
    pub(crate) const APP: &str = "windfirm.dev/app";
    pub(crate) const ACTOR: &str = "windfirm.dev/actor-sha256";
    pub(crate) const COMMIT: &str = "windfirm.dev/commit";
    pub(crate) const DEADLINE: &str = "windfirm.dev/deadline-seconds";
    /// Of runner pods: the operator has no field for it, so the API server is to put it there (`windfirm_render`).
    pub const ACTIVE_DEADLINE: &str = "windfirm.dev/active-deadline-seconds";
    pub(crate) const LOG_BYTES: &str = "windfirm.dev/log-bytes";
    pub(crate) const MEMORY_MIB: &str = "windfirm.dev/memory-mib";
    /// Uid of the account that began it. As another account by the same name nobody goes on with it.
    pub(crate) const ACCOUNT: &str = "windfirm.dev/account-uid";
    /// Start of the SHA-256 of the ingest token, so that a start that is repeated knows whether the Secret fits.
    pub(crate) const TOKEN: &str = "windfirm.dev/token-sha256";
    /// SHA-256 of the files that its pods fetch from the portal; empty when they come in the ConfigMap.
    pub(crate) const ARCHIVE: &str = "windfirm.dev/archive-sha256";
}

/// Name of everything that belongs to an execution: a DNS label, also with what the operator puts behind it.
pub(crate) fn name_of(execution: ExecutionId) -> String {
    format!("windfirm-{execution}")
}

pub(crate) fn initializer_job(name: &str) -> String {
    format!("{name}-initializer")
}

pub(crate) fn starter_job(name: &str) -> String {
    format!("{name}-starter")
}

pub(crate) fn runner_job(name: &str, runner: u32) -> String {
    format!("{name}-{runner}")
}

pub(crate) fn runner_service(name: &str, runner: u32) -> String {
    format!("{name}-service-{runner}")
}

/// An archive that is too large for a ConfigMap. Each pod fetches it from the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// SHA-256 in hex.
    pub(crate) digest: String,
    pub(crate) bytes: usize,
    /// What can fetch.
    pub(crate) image: String,
}

/// Whom the objects are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) orders: &'a Orders,
    pub(crate) cluster: &'a InCluster,
    pub(crate) settings: &'a OperatorSettings,
    pub(crate) account: &'a Account,
    pub(crate) account_uid: &'a str,
    /// `None`: the archive is in the ConfigMap.
    pub(crate) fetched: Option<&'a Fetched>,
}

pub(crate) fn fingerprint(orders: &Orders) -> String {
    Sha256::digest(orders.token.reveal()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Plan<'_> {
    pub(crate) fn name(&self) -> String {
        name_of(self.orders.execution)
    }
    /// The digest of what its pods fetch.
    pub(crate) fn archive(&self) -> &str {
        self.fetched.map_or("", |fetched| &fetched.digest)
    }
    fn labels(&self) -> Value {
        json!({
            mark::MANAGED_BY: mark::WINDFIRM,
            mark::INSTANCE: self.settings.instance,
            mark::EXECUTION: self.orders.execution.to_string(),
            mark::RUN: self.orders.run.to_string(),
        })
    }
    fn annotations(&self) -> Value {
        json!({
            mark::APP: self.cluster.app,
            mark::ACTOR: self.cluster.actor_sha256,
            mark::COMMIT: self.cluster.commit,
            mark::DEADLINE: self.orders.deadline_s.to_string(),
            mark::LOG_BYTES: self.orders.limits.log_bytes.to_string(),
            mark::MEMORY_MIB: self.settings.runner.memory_mib.to_string(),
            mark::ACCOUNT: self.account_uid,
            mark::TOKEN: fingerprint(self.orders),
            mark::ARCHIVE: self.archive(),
        })
    }
    /// The TestRun. Without `cleanup`: what the operator removes takes exit codes and logs with it, before we have read them.
    pub(crate) fn test_run(&self) -> Value {
        let name = self.name();
        let (k6, starter) = (&self.settings.k6_image, &self.settings.starter_image);
        let memory = format!("{}Mi", self.settings.runner.memory_mib);
        let mut initializer = self.pod(k6);
        put(&mut initializer, "env", variables(&self.quiet()));
        put(&mut initializer, "resources", json!({ "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "memory": memory } }));
        writable(&mut initializer);
        self.fetch(&mut initializer, Use::Anew);
        let ours = self.settings.runner_image.as_ref();
        let mut runner = self.pod(ours.map_or(k6, |image| &image.name));
        put(&mut runner, "env", self.runner_environment(&name));
        put(&mut runner, "resources", json!({ "requests": { "cpu": self.settings.runner.cpu, "memory": memory }, "limits": { "memory": memory } }));
        // The operator's own probes look every ten seconds, so that a run would begin ten seconds late; and they end a runner that is too busy to
        // answer within one second three times.
        let status = json!({ "path": "/v1/status", "port": REST_PORT });
        put(&mut runner, "readinessProbe", json!({ "httpGet": status, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 30 }));
        put(&mut runner, "livenessProbe", json!({ "httpGet": status, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 12 }));
        let until = json!({ mark::ACTIVE_DEADLINE: self.active_deadline_s().to_string() });
        put(&mut runner, "metadata", json!({ "labels": self.labels(), "annotations": until }));
        writable(&mut runner);
        if ours.is_some() {
            // More than the spool takes, so that its own bound is met first.
            add(&mut runner, "volumes", json!({ "name": "spool", "emptyDir": { "sizeLimit": format!("{}Mi", SPOOL_MIB + 64) } }));
            add(&mut runner, "volumeMounts", json!({ "name": "spool", "mountPath": SPOOL_FOLDER }));
        }
        self.fetch(&mut runner, Use::AsItIs);
        if self.gives_secrets() {
            add(&mut runner, "volumes", self.of_own_secret("delivery", CONFIG));
            add(&mut runner, "volumeMounts", json!({ "name": "delivery", "mountPath": CONFIG_FOLDER, "readOnly": true }));
        }
        json!({
            "metadata": { "name": name, "labels": self.labels(), "annotations": self.annotations() },
            "spec": {
                "parallelism": self.cluster.runners,
                "script": { "configMap": { "name": name, "file": if self.fetched.is_some() { BUNDLE_FILE } else { ARCHIVE } } },
                "initializer": initializer,
                "starter": self.pod(starter),
                "runner": runner,
            },
        })
    }
    /// From the moment that a node takes the pod, so that it may wait for the others, and for a portal that is away.
    fn active_deadline_s(&self) -> u32 {
        let delivers_s = if self.settings.runner_image.is_some() { FORWARD_GRACE_S } else { 0 };
        [self.settings.start_limit_s, PORTAL_FIRST_S, delivers_s].into_iter().fold(self.orders.deadline_s, u32::saturating_add)
    }
    /// What comes before k6 in a pod whose archive is fetched. Only there the token is, as a file: the operator prints the initializer's variables.
    fn fetch(&self, pod: &mut Value, kind: Use) {
        let Some(fetched) = self.fetched else { return };
        let url = format!("{}/ingest/v2/archives/{}/{}", self.orders.portal, self.orders.execution, fetched.digest);
        let arguments = [url, fetched.digest.clone(), fetched.bytes.to_string(), format!("{TOKEN_FOLDER}/{TOKEN}"), format!("{BUNDLE_FOLDER}/{ARCHIVE}")];
        let memory = json!({ "memory": "64Mi" });
        let container = json!({
            "name": "files",
            "image": fetched.image,
            "command": [pod::FRONT, pod::FETCH],
            "args": arguments.map(|argument| plain(&argument)),
            "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": memory },
            "volumeMounts": [{ "name": "bundle", "mountPath": BUNDLE_FOLDER }, { "name": "fetching", "mountPath": TOKEN_FOLDER, "readOnly": true }],
        });
        put(pod, "initContainers", json!([container]));
        // The archive, and beside it the copy that the operator has the initializer make.
        add(pod, "volumes", json!({ "name": "bundle", "emptyDir": { "sizeLimit": "64Mi" } }));
        add(pod, "volumes", self.of_own_secret("fetching", TOKEN));
        add(pod, "volumeMounts", json!({ "name": "bundle", "mountPath": BUNDLE_FOLDER, "readOnly": kind == Use::AsItIs }));
    }
    /// A volume with one key of the run's own Secret.
    fn of_own_secret(&self, volume: &str, key: &str) -> Value {
        json!({ "name": volume, "secret": { "secretName": self.name(), "items": [{ "key": key, "path": key }] } })
    }
    /// The bundle, owned by the TestRun; where it is fetched, only which one it is. Either way pods wait for it.
    pub(crate) fn config_map(&self, archive: &[u8], owner_uid: &str) -> Value {
        let mut map = json!({ "metadata": self.owned(owner_uid), "immutable": true });
        match self.fetched {
            Some(fetched) => put(&mut map, "data", json!({ FETCHED: format!("sha256:{} {} bytes", fetched.digest, fetched.bytes) })),
            None => put(&mut map, "binaryData", json!({ ARCHIVE: STANDARD.encode(archive) })),
        }
        map
    }
    /// The ingest token, owned by the TestRun.
    pub(crate) fn secret(&self, owner_uid: &str) -> Value {
        let token = self.orders.token.reveal();
        let mut data = json!({});
        if self.gives_secrets() {
            let config = json!({ "collectors": { "cloud": { "token": token } } });
            put(&mut data, CONFIG, json!(STANDARD.encode(config.to_string())));
        }
        if !self.gives_secrets() || self.fetched.is_some() {
            put(&mut data, TOKEN, json!(STANDARD.encode(token)));
        }
        json!({ "metadata": self.owned(owner_uid), "immutable": true, "type": "Opaque", "data": data })
    }
    /// Tests find Secrets among the variables of their pod. Then they can read all of those, so that the token is put into a file instead,
    /// which no script can open: an archive has only the files that are in it.
    const fn gives_secrets(&self) -> bool {
        !self.cluster.secrets.is_empty()
    }
    fn owned(&self, uid: &str) -> Value {
        let name = self.name();
        // Without `blockOwnerDeletion`, which would want the right to change the owner's finalizers.
        let owner = json!({ "apiVersion": "k6.io/v1alpha1", "kind": "TestRun", "name": name, "uid": uid });
        json!({ "name": name, "labels": self.labels(), "ownerReferences": [owner] })
    }
    /// What every pod has.
    fn pod(&self, image: &str) -> Value {
        let mut pod = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
        if let Some(user) = self.settings.run_as {
            for field in ["runAsUser", "runAsGroup", "fsGroup"] {
                put(&mut pod, field, json!(user));
            }
        }
        json!({
            "image": image,
            "imagePullPolicy": self.settings.pull_policy.word(),
            "serviceAccountName": self.account.name(),
            "automountServiceAccountToken": "false",
            "metadata": { "labels": self.labels() },
            "securityContext": pod,
            "containerSecurityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
        })
    }
    /// For every k6. The operator writes the initializer's into a shell line and its own log, so nothing here is a secret, or anybody's text
    /// but ours.
    fn quiet(&self) -> BTreeMap<String, String> {
        [
            ("HOME", "/tmp"),
            ("TMPDIR", "/tmp"),
            ("TZ", "UTC"),
            ("K6_NO_USAGE_REPORT", "true"),
            ("K6_AUTO_EXTENSION_RESOLUTION", "false"),
            ("K6_LOG_FORMAT", "json"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
    /// The runners': where measurements go, as the local runner has it. The names of k6's flags as variables, because arguments would pass
    /// a shell.
    fn runner_environment(&self, secret: &str) -> Value {
        let mut environment = self.quiet();
        let host = |url: &str| url::Url::parse(url).ok().and_then(|url| url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()));
        let direct = [host(&self.orders.target), host(&self.orders.portal)].into_iter().flatten();
        let allowed =
            self.orders.allowed.iter().flat_map(|target| std::iter::once(target.host.clone()).chain(target.addresses.iter().map(ToString::to_string)));
        let direct = direct.chain(allowed).collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",");
        let nowhere = format!("http://{}:9", k6::NOWHERE);
        let memory_bytes = u64::from(self.settings.runner.memory_mib) << 20;
        let wanted = [
            ("K6_OUT", "cloud".to_owned()),
            ("K6_CLOUD_HOST", format!("{}/ingest", self.orders.portal)),
            ("K6_CLOUD_PUSH_REF_ID", self.orders.execution.to_string()),
            ("K6_CLOUD_TRACES_ENABLED", "false".to_owned()),
            ("K6_CLOUD_AGGREGATION_PERIOD", "1s".to_owned()),
            ("K6_CLOUD_AGGREGATION_WAIT_PERIOD", "1s".to_owned()),
            ("K6_CLOUD_METRIC_PUSH_INTERVAL", "500ms".to_owned()),
            ("K6_CLOUD_STOP_ON_ERROR", "true".to_owned()),
            // Without it scripts cannot read the token.
            ("K6_INCLUDE_SYSTEM_ENV_VARS", self.gives_secrets().to_string()),
            // Each runner sees its own share only. The portal judges, by all of it.
            ("K6_NO_THRESHOLDS", "true".to_owned()),
            ("K6_LOG_OUTPUT", "stderr".to_owned()),
            ("K6_SUMMARY_MODE", "compact".to_owned()),
            // k6 prints its own counters in place of the text for terminals: see `summary`.
            ("K6_SUMMARY_EXPORT", "stdout".to_owned()),
            ("GOMEMLIMIT", (memory_bytes / 10 * 8).to_string()),
            ("HTTP_PROXY", nowhere.clone()),
            ("HTTPS_PROXY", nowhere),
            ("NO_PROXY", direct),
        ];
        environment.extend(wanted.map(|(name, value)| (name.to_owned(), value)));
        // The operator's `--tag` replaces the script's own tags; this keeps both, and adds a tag that says so.
        if self.cluster.options.get("tags").and_then(Value::as_object).is_some_and(|tags| !tags.is_empty()) {
            environment.insert("K6_FEATURES".to_owned(), "merge-run-tags".to_owned());
        }
        if self.settings.runner_image.is_some() {
            let wanted = [(pod::SPOOL, SPOOL_FOLDER.to_owned()), (pod::SPOOL_MIB, SPOOL_MIB.to_string()), (pod::FORWARD_GRACE_S, FORWARD_GRACE_S.to_string())];
            environment.extend(wanted.map(|(name, value)| (name.to_owned(), value)));
        }
        environment.extend(self.settings.runner_environment.iter().cloned());
        let mut secrets: Vec<Value> = self.cluster.secrets.iter().map(|given| of_secret(&given.variable, &given.secret, &given.key)).collect();
        if self.gives_secrets() {
            environment.insert("K6_CONFIG".to_owned(), format!("{CONFIG_FOLDER}/{CONFIG}"));
            environment.retain(|name, _| self.cluster.secrets.iter().all(|given| given.variable != *name));
        } else {
            secrets.push(of_secret("K6_CLOUD_TOKEN", secret, TOKEN));
        }
        let Value::Array(mut variables) = variables(&environment) else { return Value::Array(secrets) };
        variables.append(&mut secrets);
        Value::Array(variables)
    }
}

/// A variable by reference. Without what it refers to, no container is made.
fn of_secret(variable: &str, secret: &str, key: &str) -> Value {
    json!({ "name": variable, "valueFrom": { "secretKeyRef": { "name": secret, "key": key, "optional": false } } })
}

fn variables(environment: &BTreeMap<String, String>) -> Value {
    environment.iter().filter(|(name, _)| *name != "K6_CLOUD_TOKEN").map(|(name, value)| json!({ "name": name, "value": plain(value) })).collect()
}

/// Kubernetes replaces `$(NAME)` in values, and takes two dollars for one.
fn plain(value: &str) -> String {
    value.replace('$', "$$")
}

/// A folder to write in, where all else is read-only. It goes with the pod.
fn writable(pod: &mut Value) {
    put(pod, "volumes", json!([{ "name": "scratch", "emptyDir": { "sizeLimit": "64Mi" } }]));
    put(pod, "volumeMounts", json!([{ "name": "scratch", "mountPath": "/tmp" }]));
}

/// What a pod does with a fetched archive: the operator has the initializer make another one beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Anew,
    AsItIs,
}

/// One more of a list that is there.
fn add(pod: &mut Value, list: &str, one: Value) {
    if let Some(Value::Array(all)) = pod.get_mut(list) {
        all.push(one);
    }
}

fn put(object: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use windfirm_executor::{Limits, Secret};
    use windfirm_model::{id::RunId, view::run::SecretUse};

    use super::*;
    use crate::operator::{
        settings::{PullPolicy, Resources, RunnerImage},
        shelf::Shelf,
    };

    pub(crate) fn orders() -> Orders {
        Orders {
            execution: ExecutionId(uuid::Uuid::from_u128(0x0193_5c7e_8b1a_7000_8000_1234_5678_9abc)),
            run: RunId(uuid::Uuid::from_u128(1)),
            portal: "http://portal.host:8080".into(),
            token: Secret::new("t0ken-of-this-run".into()),
            k6: "/nowhere/k6".into(),
            bundle: "/nowhere".into(),
            entry: "k6/a.js".into(),
            target: "http://cart.shop-dev.svc.cluster.local".into(),
            parameters: vec![("COLOUR".into(), "a \"b\" $(c)".into())],
            load: None,
            max_vus: 4,
            allowed: Vec::new(),
            deadline_s: 60,
            limits: Limits::default(),
            in_cluster: None,
        }
    }
    pub(crate) fn in_cluster() -> InCluster {
        InCluster {
            runners: 2,
            options: json!({ "vus": 4, "duration": "5s", "scenarios": { "s": { "executor": "constant-vus", "vus": 4, "duration": "5s" } }, "tags": null, "totalDuration": "35s", "maxVUs": 4 }),
            app: "shop/shop-dev/cart".into(),
            actor_sha256: "ac".repeat(32),
            again: false,
            commit: "c0".repeat(20),
            secrets: Vec::new(),
        }
    }
    pub(crate) fn settings() -> OperatorSettings {
        OperatorSettings {
            instance: "test".into(),
            k6_image: "windfirm.local/k6:2.2.0@sha256:09ee".into(),
            runner_image: None,
            starter_image: "windfirm.local/starter:1".into(),
            pull_policy: PullPolicy::Never,
            runner: Resources { cpu: "500m".into(), memory_mib: 512 },
            runner_environment: Vec::new(),
            run_as: None,
            start_limit_s: 120,
        }
    }
    fn with<T>(cluster: &InCluster, look: impl FnOnce(Plan<'_>) -> T) -> T {
        let (orders, settings, account) = (orders(), settings(), "shop-dev/loadtest".parse().unwrap());
        look(Plan { orders: &orders, cluster, settings: &settings, account: &account, account_uid: "uid-1", fetched: None })
    }
    /// With an image of ours; and with an archive that is fetched.
    fn with_image<T>(cluster: &InCluster, look: impl FnOnce(Plan<'_>, Plan<'_>) -> T) -> T {
        let image = "windfirm.local/runner:1@sha256:5e1f".to_owned();
        let shelf = Shelf::in_state(std::path::Path::new("/nowhere"));
        let settings = OperatorSettings { runner_image: Some(RunnerImage { name: image.clone(), shelf }), ..settings() };
        let (orders, account) = (orders(), "shop-dev/loadtest".parse().unwrap());
        let fetched = Fetched { digest: "d1".into(), bytes: 2_000_000, image };
        let small = Plan { orders: &orders, cluster, settings: &settings, account: &account, account_uid: "uid-1", fetched: None };
        look(small, Plan { fetched: Some(&fetched), ..small })
    }
    fn value_of<'a>(block: &'a Value, name: &str) -> Option<&'a str> {
        block["env"].as_array().unwrap().iter().find(|one| one["name"] == name)?["value"].as_str()
    }

    #[test]
    fn the_token_stands_in_the_secret_and_nowhere_else() {
        with(&in_cluster(), |plan| {
            let run = plan.test_run();
            assert!(!run.to_string().contains("t0ken") && !plan.config_map(b"x", "u").to_string().contains("t0ken"));
            let runner = run["spec"]["runner"]["env"].as_array().unwrap();
            let token: Vec<_> = runner.iter().filter(|one| one["name"] == "K6_CLOUD_TOKEN").collect();
            assert_eq!(token.len(), 1);
            assert_eq!(token[0]["valueFrom"]["secretKeyRef"], json!({ "name": plan.name(), "key": "token", "optional": false }));
            assert!(!run["spec"]["initializer"].to_string().contains("TOKEN"));
            assert_eq!(plan.secret("u")["data"]["token"], STANDARD.encode("t0ken-of-this-run"));
        });
    }

    #[test]
    fn a_test_with_secrets_gets_them_by_reference_in_its_runners_alone_and_not_the_token() {
        let given = |variable: &str, key: &str| SecretUse { variable: variable.into(), secret: "pay-user".into(), key: key.into() };
        let cluster = InCluster { secrets: vec![given("TEST_PASSWORD", "password"), given("TEST_USER", "username")], ..in_cluster() };
        with(&cluster, |plan| {
            let run = plan.test_run();
            let runner = &run["spec"]["runner"];
            let by_reference: Vec<_> = runner["env"].as_array().unwrap().iter().filter(|one| one.get("valueFrom").is_some()).collect();
            assert_eq!(
                by_reference,
                [
                    &json!({ "name": "TEST_PASSWORD", "valueFrom": { "secretKeyRef": { "name": "pay-user", "key": "password", "optional": false } } }),
                    &json!({ "name": "TEST_USER", "valueFrom": { "secretKeyRef": { "name": "pay-user", "key": "username", "optional": false } } }),
                ]
            );
            assert_eq!(value_of(runner, "K6_INCLUDE_SYSTEM_ENV_VARS"), Some("true"));
            assert_eq!(value_of(runner, "K6_CONFIG"), Some("/etc/windfirm/config.json"));
            assert_eq!(runner["volumes"][1]["secret"]["secretName"], plan.name());
            for part in ["initializer", "starter"] {
                let block = run["spec"][part].to_string();
                assert!(!block.to_lowercase().contains("secret") && !block.contains("TEST_USER"), "{part}: {block}");
            }
            let secret = plan.secret("u");
            assert_eq!(secret["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["config.json"]);
            let config = STANDARD.decode(secret["data"]["config.json"].as_str().unwrap()).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&config).unwrap(), json!({ "collectors": { "cloud": { "token": "t0ken-of-this-run" } } }));
        });
    }

    #[test]
    fn an_image_of_ours_runs_the_runners_alone_and_has_where_to_spool() {
        with_image(&in_cluster(), |plan, _| {
            let run = plan.test_run();
            let (runner, initializer) = (&run["spec"]["runner"], &run["spec"]["initializer"]);
            assert_eq!(
                (runner["image"].as_str(), initializer["image"].as_str()),
                (Some("windfirm.local/runner:1@sha256:5e1f"), Some("windfirm.local/k6:2.2.0@sha256:09ee"))
            );
            assert_eq!(value_of(runner, "WINDFIRM_SPOOL"), Some("/var/lib/windfirm"));
            assert_eq!(runner["metadata"]["annotations"][mark::ACTIVE_DEADLINE], "960", "it delivers for ten minutes after its end");
            assert!(runner["volumeMounts"].as_array().unwrap().contains(&json!({ "name": "spool", "mountPath": "/var/lib/windfirm" })));
            assert_eq!((run["spec"]["script"]["configMap"]["file"].as_str(), runner.get("initContainers")), (Some("archive.tar"), None));
        });
        with(&in_cluster(), |plan| assert_eq!(value_of(&plan.test_run()["spec"]["runner"], "WINDFIRM_SPOOL"), None));
    }

    #[test]
    fn a_large_archive_is_fetched_with_the_token_of_this_run_which_k6_never_has() {
        let given = SecretUse { variable: "TEST_USER".into(), secret: "pay-user".into(), key: "username".into() };
        for cluster in [in_cluster(), InCluster { secrets: vec![given], ..in_cluster() }] {
            with_image(&cluster, |_, plan| {
                let run = plan.test_run();
                assert_eq!(run["spec"]["script"]["configMap"]["file"], "../bundle/archive.tar");
                for part in ["initializer", "runner"] {
                    let pod = &run["spec"][part];
                    let files = &pod["initContainers"][0];
                    assert_eq!(
                        (files["image"].as_str(), files["command"].clone()),
                        (Some("windfirm.local/runner:1@sha256:5e1f"), json!(["/usr/bin/k6", "fetch-archive"]))
                    );
                    let url = "http://portal.host:8080/ingest/v2/archives/01935c7e8b1a70008000123456789abc/d1";
                    assert_eq!(files["args"], json!([url, "d1", "2000000", "/etc/windfirm-token/token", "/bundle/archive.tar"]));
                    assert!(files["volumeMounts"].to_string().contains("fetching") && !pod["volumeMounts"].to_string().contains("fetching"), "{part}");
                    let secret = json!({ "name": "fetching", "secret": { "secretName": plan.name(), "items": [{ "key": "token", "path": "token" }] } });
                    assert!(pod["volumes"].as_array().unwrap().contains(&secret), "{part}");
                    let bundle = json!({ "name": "bundle", "mountPath": "/bundle", "readOnly": part == "runner" });
                    assert!(pod["volumeMounts"].as_array().unwrap().contains(&bundle), "{part}");
                }
                assert_eq!(run["spec"]["starter"].get("initContainers"), None);
                assert_eq!(plan.secret("u")["data"]["token"], STANDARD.encode("t0ken-of-this-run"));
                assert!(!run.to_string().contains("t0ken"));
                let map = plan.config_map(b"tar", "u");
                assert_eq!((map["data"]["fetched"].as_str(), map.get("binaryData")), (Some("sha256:d1 2000000 bytes"), None));
            });
        }
    }

    #[test]
    fn pods_are_kept_in_their_place() {
        with(&in_cluster(), |plan| {
            let run = plan.test_run();
            for part in ["initializer", "starter", "runner"] {
                let block = &run["spec"][part];
                assert_eq!(block["serviceAccountName"], "loadtest", "{part}");
                assert_eq!(block["automountServiceAccountToken"], "false", "{part}");
                assert_eq!(block["securityContext"], json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } }), "{part}");
                let container = &block["containerSecurityContext"];
                assert_eq!((container["readOnlyRootFilesystem"].clone(), container["allowPrivilegeEscalation"].clone()), (json!(true), json!(false)));
                assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
                assert_eq!(block["metadata"]["labels"][mark::EXECUTION], "01935c7e8b1a70008000123456789abc");
            }
            assert_eq!(run["spec"]["runner"]["metadata"]["annotations"], json!({ mark::ACTIVE_DEADLINE: "360" }));
            assert_eq!(run["spec"].get("cleanup"), None);
            assert_eq!(run["spec"].get("arguments"), None, "arguments pass a shell");
        });
    }

    #[test]
    fn runners_push_in_time_and_stop_when_told() {
        with(&in_cluster(), |plan| {
            let run = plan.test_run();
            let runner = &run["spec"]["runner"];
            for (name, value) in [
                ("K6_OUT", "cloud"),
                ("K6_CLOUD_HOST", "http://portal.host:8080/ingest"),
                ("K6_CLOUD_PUSH_REF_ID", "01935c7e8b1a70008000123456789abc"),
                ("K6_CLOUD_AGGREGATION_PERIOD", "1s"),
                ("K6_CLOUD_STOP_ON_ERROR", "true"),
                ("K6_INCLUDE_SYSTEM_ENV_VARS", "false"),
                ("NO_PROXY", "cart.shop-dev.svc.cluster.local,portal.host"),
                ("GOMEMLIMIT", "429496728"),
            ] {
                assert_eq!(value_of(runner, name), Some(value), "{name}");
            }
            assert_eq!(value_of(runner, "K6_FEATURES"), None);
            assert_eq!(runner["readinessProbe"]["periodSeconds"], 1);
        });
        let tagged = InCluster { options: json!({ "tags": { "team": "x" } }), ..in_cluster() };
        with(&tagged, |plan| assert_eq!(value_of(&plan.test_run()["spec"]["runner"], "K6_FEATURES"), Some("merge-run-tags")));
    }

    #[test]
    fn what_is_owned_names_its_owner_and_needs_no_further_right() {
        with(&in_cluster(), |plan| {
            for object in [plan.config_map(b"tar", "uid-of-run"), plan.secret("uid-of-run")] {
                let owner = &object["metadata"]["ownerReferences"][0];
                assert_eq!((owner["kind"].clone(), owner["uid"].clone(), owner["name"].clone()), (json!("TestRun"), json!("uid-of-run"), json!(plan.name())));
                assert_eq!(owner.get("blockOwnerDeletion"), None);
                assert_eq!(object["immutable"], true);
            }
        });
    }

    #[test]
    fn names_fit_also_with_what_the_operator_puts_behind_them() {
        let name = name_of(orders().execution);
        for longest in [initializer_job(&name), runner_job(&name, 9999), runner_service(&name, 9999)] {
            // A pod has six more characters, and its name must be a host's name.
            assert!(longest.len() + 6 <= 63 && crate::account::is_label(&longest), "{longest}");
        }
    }

    #[test]
    fn a_value_is_not_a_reference_to_another() {
        assert_eq!(plain("a $(HOME) $$"), "a $$(HOME) $$$$");
    }
}
