//! `windfirm policy render`, as whoever applies it meets it: what comes out, what is written where, what is refused.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking, in its helpers too; it starts what it tests")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/policy.yaml")
}

/// Exit code, standard output, standard error.
fn render(policy: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_windfirm")).args(["policy", "render", "--policy"]).arg(policy).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_manifests_alone_come_out_and_always_the_same() {
    let (code, first, err) = render(&demo(), &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(first.starts_with("# Written by `windfirm policy render`") && first.contains("kind: ValidatingAdmissionPolicy\n"));
    assert_eq!(render(&demo(), &[]).1, first);
    let legacy = render(&demo(), &["--kubernetes", "1.30"]).1;
    assert!(legacy.contains("verbs: [impersonate]") && !legacy.contains("impersonate-on"));
    let placed = render(&demo(), &["--portal-account", "tools/portal", "--portal-ingest", "10.9.0.0/16:443", "--without-namespaces"]).1;
    assert!(placed.contains("cidr: \"10.9.0.0/16\"") && placed.contains("windfirm-portal-tools.portal") && !placed.contains("kind: Namespace\n"));
}

#[test]
fn the_secrets_of_a_configuration_may_be_read_by_their_names_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let secret = |name: &str, cluster: &str| format!("{{ secretRef: {{ cluster: {cluster}, namespace: vault, name: {name}, key: value }} }}");
    let text = format!(
        "public_url: https://windfirm.example\nstate: s\npolicy: p\ntree: {{ repository: r }}\ndatabase: {}\n\
         identity: [ {{ name: company, issuer: 'https://login.example', client_id: c, client_secret: {} }} ]\n\
         clusters: [ {{ name: home, in_cluster: true }} ]\nlisten: 0.0.0.0:4711\n",
        secret("shared", "home"),
        secret("shared", "home"),
    );
    std::fs::write(at("one.yaml"), &text).unwrap();
    let (code, out, err) = render(&demo(), &["--config", &at("one.yaml"), "--secret", "windfirm/more"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    // Runners deliver where the configuration has the portal listen.
    assert!(out.contains("port: 4711") && !out.contains("port: 7700"), "{out}");
    for part in [
        "# To read Secret shared (client of company, database).",
        "resourceNames: [shared]",
        "# To read Secret more.",
        "namespace: vault",
        "resourceNames: [more]",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let without = render(&demo(), &[]).1;
    assert!(!without.contains("resourceNames: [shared]") && !without.contains("namespace: vault"));

    let two = text.replace("in_cluster: true }", "in_cluster: true }, { name: eu, kubeconfig: { file: k } }");
    std::fs::write(at("two.yaml"), two.replacen("cluster: home", "cluster: eu", 1)).unwrap();
    let (code, _, err) = render(&demo(), &["--config", &at("two.yaml")]);
    assert!(code == Some(1) && err.contains("has several clusters") && err.contains("home, eu"), "{err}");
    assert!(render(&demo(), &["--config", &at("two.yaml"), "--cluster", "eu"]).1.contains("# To read Secret shared (database)."));
    let (code, _, err) = render(&demo(), &["--config", &at("two.yaml"), "--cluster", "us"]);
    assert!(code == Some(1) && err.contains("has no cluster “us”"), "{err}");
}

#[test]
fn a_folder_is_written_anew_and_what_is_somebody_elses_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let output = folder.path().to_str().unwrap();
    std::fs::write(at("notes.md"), "mine").unwrap();
    let (code, out, err) = render(&demo(), &["--output", output]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("Nothing was applied"), "{out}");
    assert!(["kustomization.yaml", "cluster.yaml", "namespace-windfirm.yaml", "namespace-search-staging.yaml"].iter().all(|name| at(name).is_file()));
    // Nobody asks for that namespace any more.
    let text = std::fs::read_to_string(demo()).unwrap().replace("as: search-staging/loadtest", "as: shop-staging/loadtest");
    std::fs::write(at("policy"), text).unwrap();
    assert_eq!(render(&at("policy"), &["--output", output]).0, Some(0));
    assert!(!at("namespace-search-staging.yaml").exists() && at("notes.md").is_file() && at("policy").is_file());
    std::fs::write(at("cluster.yaml"), "kind: Mine").unwrap();
    let (code, _, err) = render(&demo(), &["--output", output]);
    assert!(code == Some(1) && err.contains("cluster.yaml was not written by `windfirm policy render`"), "{err}");
    assert_eq!(std::fs::read_to_string(at("cluster.yaml")).unwrap(), "kind: Mine");
}

#[test]
fn what_is_wrong_is_told_in_words() {
    for (arguments, told) in [
        (["--kubernetes", "1.29"], "too old"),
        (["--portal-account", "portal"], "names no service account"),
        (["--portal-ingest", "windfirm"], "no place that runners deliver to"),
        (["--host-address", "shop.example"], "gives no host an address"),
        (["--dedicated", "Shop"], "is no namespace"),
        (["--secret", "oidc"], "names no Secret"),
        (["--config", "/nowhere/windfirm.yaml"], "It cannot be read"),
        (["--dedicated", "shop"], "nothing there can be dedicated to runs"),
        (["--portal-account", "shop-prod/loadtest"], "which is the portal's own account"),
        (["--context", "a"], "--kubeconfig"),
    ] {
        let (code, out, err) = render(&demo(), &arguments);
        assert!(code != Some(0) && out.is_empty() && err.contains(told), "{arguments:?}: {err}");
    }
    assert!(render(&demo(), &["--diff"]).2.contains("--kubeconfig"));
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("policy.yaml");
    std::fs::write(&bad, "kind: Policy\n").unwrap();
    let (code, out, err) = render(&bad, &[]);
    assert!(code == Some(1) && out.is_empty() && err.contains("is not a good policy") && err.contains(":1:1:"), "{err}");
    let (code, _, err) = render(&demo(), &["--diff", "--kubeconfig", "/nowhere/kubeconfig"]);
    assert!(code == Some(1) && err.contains("/nowhere/kubeconfig"), "{err}");
}
