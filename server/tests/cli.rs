//! The command line, as whoever sets Windfirm up meets it: the real program, its messages and its exit codes.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, in its helpers too; it starts what it tests, and says what it skips"
)]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use windfirm::clock::SystemClock;
use windfirm_identity::{Secret, demo as demo_idp};

#[path = "portal/k6.rs"]
mod k6;

use k6::k6;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the program said before it ended, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// It failed as programs do, and said all of this.
    fn failed_with(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:#?}");
        for part in parts {
            assert!(self.err.contains(part), "“{part}” is missing: {self:#?}");
        }
    }
}

fn windfirm(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_windfirm"));
    command.args(arguments).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
    change(&mut command);
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let said = Said { code: status.and_then(|status| status.code()), out: text("out"), err: text("err") };
    assert!(status.is_some(), "it did not end: {said:#?}");
    said
}

/// A folder with everything that a configuration names.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        windfirm_demo::repository::create(&folder.path().join("repository.git"), &windfirm_demo::shop::places(7_710)).unwrap();
        std::fs::write(folder.path().join("policy.yaml"), windfirm_demo::repository::policy()).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A good configuration, but for what the test changes. Without `k6` the program has to look for one.
    fn text(k6: Option<&Path>) -> String {
        let runner = k6.map_or_else(String::new, |k6| format!("runner: {{ k6: '{}' }}\n", k6.display()));
        format!(
            "listen: 127.0.0.1:0\npublic_url: http://127.0.0.1:7700/\nstate: state\npolicy: policy.yaml\n\
             tree: {{ repository: repository.git, revision: main, roots: roots }}\n\
             identity:\n  - {{ name: company, issuer: 'http://127.0.0.1:9', client_id: windfirm }}\n{runner}"
        )
    }

    fn run(&self, command: &str, text: &str) -> Said {
        self.run_with(command, text, |_| {})
    }

    /// Started in another folder than the configuration's, so that nothing is found by chance.
    fn run_with(&self, command: &str, text: &str, change: impl FnOnce(&mut Command)) -> Said {
        let file = self.at("windfirm.yaml");
        std::fs::write(&file, text).unwrap();
        windfirm(&[command, "--config", file.to_str().unwrap()], |process| {
            process.current_dir("/");
            change(process);
        })
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_the_port_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let desk = Desk::new();
    let text = Desk::text(None).replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    desk.run("serve", &text).failed_with(&["windfirm: ", &format!("127.0.0.1:{port} cannot be listened on"), "name another address"]);

    let Some(k6) = k6() else { return };
    let (k6, state) = (k6.display().to_string(), desk.at("demo").display().to_string());
    windfirm(&["demo", "--port", &port, "--state", &state, "--k6", &k6], |_| {}).failed_with(&[&format!("127.0.0.1:{port}"), "(Here: --port.)"]);
    let said = windfirm(&["demo", "--port", "0", "--idp-port", &port, "--state", &state, "--k6", &k6], |_| {});
    said.failed_with(&[&format!("127.0.0.1:{port}"), "(Here: --idp-port.)"]);
}

#[test]
fn a_k6_that_is_not_there_is_told_with_where_it_was_looked_for() {
    let desk = Desk::new();
    let nowhere = desk.at("nowhere/k6");
    desk.run("serve", &Desk::text(Some(&nowhere))).failed_with(&["nowhere/k6 is not a k6 that can be run", "make k6"]);
    let state = desk.at("demo").display().to_string();
    let said = windfirm(&["demo", "--state", &state, "--k6", nowhere.to_str().unwrap()], |_| {});
    said.failed_with(&["nowhere/k6 is not a k6 that can be run", "(Here: --k6.)"]);
    assert!(!desk.at("demo/alive").exists(), "the shop must not be opened for nothing");

    // None at all, neither named nor in PATH.
    let empty = |process: &mut Command| {
        process.env("PATH", "/nonexistent");
    };
    desk.run_with("serve", &Desk::text(None), empty).failed_with(&["No k6 was found (looked at: PATH)", "make k6"]);
    // A relative path counts from the file.
    desk.run("serve", &Desk::text(Some(Path::new("bin/k6")))).failed_with(&[desk.at("bin/k6").to_str().unwrap()]);
    // Something that is no k6.
    let said = desk.run("serve", &Desk::text(Some(Path::new("/bin/true"))));
    said.failed_with(&["is not a k6 that can be run", "did not tell its version"]);
}

#[test]
fn a_state_folder_that_cannot_be_written_to_is_told() {
    let desk = Desk::new();
    std::fs::write(desk.at("file"), "").unwrap();
    let with = |state: &str| Desk::text(None).replace("state: state", &format!("state: {state}"));
    desk.run("serve", &with("file")).failed_with(&["state: ", "file cannot be made", "Name a folder"]);
    desk.run("serve", &with("file/below")).failed_with(&["state: ", "file/below cannot be made", "Name a folder"]);
    // Nobody can make files there, not even root.
    desk.run("serve", &with("/proc")).failed_with(&["state: /proc cannot be written to", "Name a folder"]);
    let said = windfirm(&["demo", "--state", desk.at("file").to_str().unwrap()], |_| {});
    said.failed_with(&["file cannot be made", "--state"]);
}

#[test]
fn a_configuration_that_is_not_there_or_not_good_is_told_with_line_and_column() {
    let desk = Desk::new();
    windfirm(&["serve", "--config", "/nowhere/windfirm.yaml"], |_| {}).failed_with(&["/nowhere/windfirm.yaml", "cannot be read", "--config"]);
    let good = Desk::text(None);
    let cases = [
        (good.replace("tree: {", "tree: ["), vec!["line 6, column 1: This is not YAML"]),
        (good.replace("policy:", "polizy:"), vec!["line 4, column 1: There is no field polizy", "The field policy is missing"]),
        (good.replace("state: state", "state: [a, b]"), vec!["line 3, column 8: state must be text"]),
        (
            good.replace("policy:", "polizy:").replace("state: state", "state: [a]").replace("127.0.0.1:0", "here"),
            vec!["line 1, column 9: listen", "line 3, column 8: state", "line 4, column 1: There is no field polizy"],
        ),
        (
            good.replace("http://127.0.0.1:7700/", "http://windfirm.example/").replace("client_id: windfirm", "client_id: ''"),
            vec!["public_url: ", "identity[0].client_id: "],
        ),
    ];
    for (text, parts) in cases {
        for command in ["serve", "check"] {
            let said = desk.run(command, &text);
            said.failed_with(&["windfirm.yaml is not a good configuration"]);
            said.failed_with(&parts);
        }
    }
    assert!(!desk.at("state").exists(), "a bad configuration changes nothing");
    assert_eq!(windfirm(&["serve"], |_| {}).code, Some(2), "how the program is used is clap's business");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_every_part_and_counts_those_that_are_not_good() {
    let Some(k6) = k6() else { return };
    let desk = Desk::new();
    let text = Desk::text(Some(&k6));
    let said = desk.run("check", &text);
    assert_eq!(said.code, Some(0), "{said:#?}");
    for part in [
        "configuration  good",
        "policy         good: version ",
        "tree           good: ",
        "k6             good: v",
        "state          good",
        "store          good",
    ] {
        assert!(said.out.contains(part), "{part}: {said:#?}");
    }
    // A provider may be back in a minute, and keeps nothing from starting: told, and not counted.
    assert!(said.out.contains("identity       not known: company at http://127.0.0.1:9 cannot be reached"), "{said:#?}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let config = demo_idp::DemoConfig {
        issuer: issuer.clone(),
        client_id: "windfirm".to_owned(),
        client_secret: Secret::new("secret"),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
    };
    let router = demo_idp::router(config, Arc::new(SystemClock)).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let said = desk.run("check", &text.replace("http://127.0.0.1:9", &issuer));
    assert!(said.code == Some(0) && said.out.contains(&format!("identity       good: company answers as {issuer}")), "{said:#?}");
    assert!(said.out.contains("http://127.0.0.1:7700/login/company/callback"), "{said:#?}");
    // It calls itself otherwise: no login will ever work.
    let said = desk.run("check", &text.replace("http://127.0.0.1:9", &format!("{issuer}/")));
    assert!(said.out.contains("identity       not good: company: ") && said.out.contains("byte for byte"), "{said:#?}");
    said.failed_with(&["One of the parts"]);

    std::fs::write(desk.at("policy.yaml"), "apiVersion: windfirm.dev/v1\nkind: Polizy\n").unwrap();
    let bad =
        text.replace("client_id: windfirm", "client_id: windfirm, client_secret: { env: WINDFIRM_NOT_SET }").replace(&k6.display().to_string(), "/nowhere/k6")
            + "database: { value: 'mysql://me:hunter2@host' }\n";
    let said = desk.run("check", &bad);
    said.failed_with(&["4 of the parts"]);
    for part in [
        "policy         not good",
        "k6             not good",
        "secret         not good: client of company: The environment variable WINDFIRM_NOT_SET",
        "store          not good",
    ] {
        assert!(said.out.contains(part), "{part}: {said:#?}");
    }
    assert!(!format!("{said:?}").contains("hunter2"), "{said:#?}");
}

#[test]
fn check_tells_that_there_is_no_repository_or_no_address_for_it() {
    let Some(k6) = k6() else { return };
    let desk = Desk::new();
    let text = Desk::text(Some(&k6));
    let said = desk.run("check", &text.replace("repository.git", "nowhere.git"));
    said.failed_with(&["One of the parts"]);
    assert!(said.out.contains("tree           not good: There is no Git repository at") && said.out.contains("nowhere.git"), "{said:#?}");
    let said = desk.run("check", &text.replace("revision: main", "revision: mian"));
    assert!(said.code == Some(1) && said.out.contains("has no branch, tag or commit mian"), "{said:#?}");

    let config = desk.at("repository.git/config");
    let without = std::fs::read_to_string(&config).unwrap().replace("[remote \"origin\"]", "[unused]");
    std::fs::write(&config, without).unwrap();
    let said = desk.run("check", &text);
    assert!(said.code == Some(1) && said.out.contains("tree           not good: Nothing says by which address"), "{said:#?}");
    let said = desk.run("check", &text.replace("roots: roots", "roots: roots, repositories: ['git@git.demo.windfirm.dev:shop/deploy']"));
    assert_eq!(said.code, Some(0), "{said:#?}");
}

#[test]
fn check_says_which_secret_of_which_cluster_cannot_be_read() {
    let Some(k6) = k6() else { return };
    let desk = Desk::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{ name: a, context: {{ cluster: a, user: a }} }}]\n\
         clusters: [{{ name: a, cluster: {{ server: 'https://127.0.0.1:{port}' }} }}]\nusers: [{{ name: a, user: {{ token: hunter2 }} }}]\n"
    );
    std::fs::write(desk.at("kubeconfig"), kubeconfig).unwrap();
    let text = Desk::text(Some(&k6))
        + "clusters: [ { name: home, kubeconfig: { file: kubeconfig } } ]\n\
           database: { secretRef: { cluster: home, namespace: vault, name: database, key: url } }\n";
    let said = desk.run("check", &text);
    assert_eq!(said.code, Some(1), "{said:#?}");
    for part in ["secret         not good: database: Cluster home cannot be reached", "does not start without it", "store          not known"] {
        assert!(said.out.contains(part), "{part}: {said:#?}");
    }
    assert!(!format!("{said:?}").contains("hunter2"), "{said:#?}");
    desk.run("check", &text.replace("cluster: home,", "cluster: hmoe,")).failed_with(&["database.secretRef.cluster: “hmoe” is no cluster", "there are home"]);
    desk.run("check", &text.replace("key: url", "kye: url")).failed_with(&["line ", "There is no field database.secretRef.kye"]);
}

#[test]
fn policy_check_tells_every_problem_with_line_and_column() {
    let desk = Desk::new();
    let file = desk.at("policy.yaml");
    let check = || windfirm(&["policy", "check", file.to_str().unwrap()], |_| {});
    let said = check();
    assert!(said.code == Some(0) && said.out.contains("policy.yaml is good: version ") && said.out.contains("7 grants"), "{said:#?}");

    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("role: lead", "role: leader").replace("run.stop.own", "run.halt")).unwrap();
    check().failed_with(&["is not a good policy", "problems", "policy.yaml:", "leader", "run.halt"]);
    std::fs::write(&file, good.replace("max_vus: 50,", "max_vus: 50, lost_runners: ignore,")).unwrap();
    check().failed_with(&["].lost_runners: “ignore” is none of the choices here. Write inconclusive or tolerate"]);
    std::fs::write(&file, "a: [\n").unwrap();
    check().failed_with(&["is not a good policy; ", "policy.yaml:"]);
    windfirm(&["policy", "check", "/nowhere/policy.yaml"], |_| {}).failed_with(&["/nowhere/policy.yaml cannot be read", "deploy/demo/policy.yaml"]);
}

#[test]
fn a_first_start_with_a_bad_policy_ends_and_says_why() {
    let Some(k6) = k6() else { return };
    let desk = Desk::new();
    let text = Desk::text(Some(&k6));
    let good = std::fs::read_to_string(desk.at("policy.yaml")).unwrap();
    std::fs::write(desk.at("policy.yaml"), good.replace("role: lead", "role: leader")).unwrap();
    desk.run("serve", &text).failed_with(&["policy.yaml is not good", "no policy was in force before", "windfirm policy check", "leader"]);
    std::fs::remove_file(desk.at("policy.yaml")).unwrap();
    desk.run("serve", &text).failed_with(&["policy.yaml cannot be read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_s_provider_alone_serves_the_portal_that_it_is_told_of() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_windfirm"));
    command.args(["demo-idp", "--port", &port.to_string(), "--portal", "http://127.0.0.1:4711/"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let asked = async |portal: &str| {
        let challenge = "c".repeat(43);
        let query = format!("client_id=windfirm&response_type=code&scope=openid&code_challenge_method=S256&code_challenge={challenge}");
        let address = format!("http://127.0.0.1:{port}/authorize?{query}&redirect_uri={portal}login/demo/callback");
        loop {
            match client.get(&address).send().await {
                Ok(answer) => return answer.text().await.unwrap(),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(asked("http://127.0.0.1:4711/").await.contains("Ana Ruiz"));
    assert!(asked("http://127.0.0.1:4712/").await.contains("not its own"));
    child.kill().await.unwrap();
}
