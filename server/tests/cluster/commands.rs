//! What people who run the cluster do with the program: ask beforehand what the accounts may do, and compare the cluster with the policy. With
//! the example's configuration as it stands, its folder and address aside.

use std::process::Command;

use serde_json::Value;

use crate::{
    account::account_of,
    cluster::TestCluster,
    stage::{turn, until},
};

const SPACE: &str = "shop-staging";
const ACCESS: &str = include_str!("../../../deploy/cluster/manifests/access.yaml");
const EXAMPLE: &str = include_str!("../../../deploy/example/cluster.yaml");

/// Exit code and what was printed.
fn windfirm(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_windfirm")).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Leaves the account as it was, however the test ends.
struct Tidy<'a>(&'a TestCluster);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        self.0.kubectl(&["apply", "-f", "-"], &account_of(SPACE));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_and_diff_are_content_until_a_binding_is_gone_and_name_it() {
    let Some(cluster) = TestCluster::given() else { return };
    // Others make accounts of their own meanwhile, which are nobody's here.
    let _turn = turn(&cluster).await;
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/example/cluster-policy.yaml");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("windfirm.yaml");
    let text = EXAMPLE
        .replace("../../.windfirm/cluster/", &format!("{}/", cluster.folder.display()))
        .replace("policy: cluster-policy.yaml", &format!("policy: {policy}"));
    assert!(text.matches(&cluster.folder.display().to_string()).count() == 2 && text.contains(policy));
    std::fs::write(&config, text).unwrap();
    let preflight = |more: &[&str]| windfirm(&[&["policy", "preflight", "--config", config.to_str().unwrap()], more].concat());
    let (ingest, admin) = (format!("{}/32:7700", cluster.address()), cluster.folder.join("admin.kubeconfig"));
    let rendered = ["policy", "render", "--policy", policy, "--portal-ingest", &ingest, "--portal-ingest", "windfirm:8080"];
    let diff = || windfirm(&[&rendered[..], &["--diff", "--kubeconfig", admin.to_str().unwrap()]].concat());

    // As `make cluster` left it, whatever tests did with it since.
    let access = ACCESS.replace("192.0.2.1/32", &format!("{}/32", cluster.address()));
    assert!(cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &access).status.success());
    let table = until("a good preflight", async || {
        let (code, out, err) = preflight(&[]);
        (code == 0).then_some((out, err))
    })
    .await;
    assert!(table.0.starts_with("cluster home: ") && table.0.contains("shop-staging/loadtest") && table.1.is_empty(), "{table:?}");
    assert!(table.0.lines().skip(1).all(|line| line.ends_with("  good")), "{table:?}");
    let (code, out, _) = preflight(&["--json"]);
    let all: Value = serde_json::from_str(&out).unwrap();
    let accounts = all[0]["accounts"].as_array().unwrap();
    assert!(code == 0 && accounts.len() == table.0.lines().count() - 1, "{out}");
    assert!(accounts.iter().all(|account| account["lacks"] == serde_json::json!([])), "{out}");
    let (code, out, err) = diff();
    assert_eq!((code, out.trim(), err.as_str()), (0, "The cluster has what the policy asks for, and nothing from an earlier one.", ""));

    let tidy = Tidy(&cluster);
    assert!(cluster.kubectl(&["-n", SPACE, "delete", "rolebinding", "windfirm-runs-loadtest"], "").status.success());
    let (out, err) = until("a preflight that is not content", async || {
        let (code, out, err) = preflight(&[]);
        (code == 1).then_some((out, err))
    })
    .await;
    assert!(err.contains("One account cannot do all that runs need"), "{err}");
    let bad: Vec<&str> = out.lines().skip(1).filter(|line| !line.ends_with("  good")).collect();
    assert!(bad[0].contains("shop-staging/loadtest") && bad[0].ends_with("lacking"), "{out}");
    assert!(bad[1..].iter().any(|line| line.contains("create, get, list, watch, delete testruns of k6.io")), "{out}");
    let (code, out, _) = preflight(&["--json"]);
    let all: Value = serde_json::from_str(&out).unwrap();
    let lacking: Vec<&Value> = all[0]["accounts"].as_array().unwrap().iter().filter(|account| account["lacks"] != serde_json::json!([])).collect();
    assert!(code == 1 && lacking.len() == 1, "{out}");
    let (code, out, err) = diff();
    assert_eq!((code, out.trim()), (1, "RoleBinding shop-staging/windfirm-runs-loadtest is not there."));
    assert!(err.contains("The cluster differs from the policy in one object."), "{err}");
    drop(tidy);
    until("a good preflight", async || (preflight(&[]).0 == 0).then_some(())).await;
    assert_eq!(diff().0, 0);
}
