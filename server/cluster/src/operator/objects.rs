//! The objects of one execution, as they are sent. What stands in them is all that runners are told.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use windfirm_executor::{InCluster, Orders, k6};
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
    pub(crate) const LOG_BYTES: &str = "windfirm.dev/log-bytes";
    pub(crate) const MEMORY_MIB: &str = "windfirm.dev/memory-mib";
    /// Uid of the account that began it. As another account by the same name nobody goes on with it.
    pub(crate) const ACCOUNT: &str = "windfirm.dev/account-uid";
    /// Start of the SHA-256 of the ingest token, so that a start that is repeated knows whether the Secret fits.
    pub(crate) const TOKEN: &str = "windfirm.dev/token-sha256";
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

/// Whom the objects are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) orders: &'a Orders,
    pub(crate) cluster: &'a InCluster,
    pub(crate) settings: &'a OperatorSettings,
    pub(crate) account: &'a Account,
    pub(crate) account_uid: &'a str,
}

pub(crate) fn fingerprint(orders: &Orders) -> String {
    Sha256::digest(orders.token.reveal()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Plan<'_> {
    pub(crate) fn name(&self) -> String {
        name_of(self.orders.execution)
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
        let mut runner = self.pod(k6);
        put(&mut runner, "env", self.runner_environment(&name));
        put(&mut runner, "resources", json!({ "requests": { "cpu": self.settings.runner.cpu, "memory": memory }, "limits": { "memory": memory } }));
        // The operator's own probes look every ten seconds, so that a run would begin ten seconds late; and they end a runner that is too busy to
        // answer within one second three times.
        let status = json!({ "path": "/v1/status", "port": REST_PORT });
        put(&mut runner, "readinessProbe", json!({ "httpGet": status, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 30 }));
        put(&mut runner, "livenessProbe", json!({ "httpGet": status, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 12 }));
        writable(&mut runner);
        if self.gives_secrets() {
            mount(&mut runner, "delivery", json!({ "secretName": name, "items": [{ "key": CONFIG, "path": CONFIG }] }), CONFIG_FOLDER);
        }
        json!({
            "metadata": { "name": name, "labels": self.labels(), "annotations": self.annotations() },
            "spec": {
                "parallelism": self.cluster.runners,
                "script": { "configMap": { "name": name, "file": ARCHIVE } },
                "initializer": initializer,
                "starter": self.pod(starter),
                "runner": runner,
            },
        })
    }
    /// The bundle, owned by the TestRun.
    pub(crate) fn config_map(&self, archive: &[u8], owner_uid: &str) -> Value {
        json!({
            "metadata": self.owned(owner_uid),
            "immutable": true,
            "binaryData": { ARCHIVE: STANDARD.encode(archive) },
        })
    }
    /// The ingest token, owned by the TestRun.
    pub(crate) fn secret(&self, owner_uid: &str) -> Value {
        let token = self.orders.token.reveal();
        let data = if self.gives_secrets() {
            let config = json!({ "collectors": { "cloud": { "token": token } } });
            json!({ CONFIG: STANDARD.encode(config.to_string()) })
        } else {
            json!({ TOKEN: STANDARD.encode(token) })
        };
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

/// A Secret as files, beside what is mounted already.
fn mount(pod: &mut Value, name: &str, secret: Value, folder: &str) {
    for (field, one) in
        [("volumes", json!({ "name": name, "secret": secret })), ("volumeMounts", json!({ "name": name, "mountPath": folder, "readOnly": true }))]
    {
        if let Some(Value::Array(all)) = pod.get_mut(field) {
            all.push(one);
        }
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
    use crate::operator::settings::{PullPolicy, Resources};

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
            commit: "c0".repeat(20),
            secrets: Vec::new(),
        }
    }
    pub(crate) fn settings() -> OperatorSettings {
        OperatorSettings {
            instance: "test".into(),
            k6_image: "windfirm.local/k6:2.2.0@sha256:09ee".into(),
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
        look(Plan { orders: &orders, cluster, settings: &settings, account: &account, account_uid: "uid-1" })
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
