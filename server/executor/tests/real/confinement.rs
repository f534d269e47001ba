//! Whatever a script tries, it reads only its bundle and reaches only its target.

use windfirm_executor::{AllowedTarget, confine};

use crate::stage::{Stage, Target, skipped};

/// Tells per path whether the script could read it.
const READER: &str = r"
import * as fs from 'k6/experimental/fs';
export const options = { iterations: 1 };
const paths = JSON.parse(__ENV.PATHS);
const seen = {};
for (const path of paths) {
  try { open(path); seen[path] = 'open'; } catch (e) { seen[path] = 'refused'; }
  try { await fs.open(path); seen[path] += ' fs'; } catch (e) { seen[path] += ' refused'; }
}
export default function () {
  for (const path of paths) console.log(`FILE ${path} ${seen[path]}`);
  console.log('ENV ' + Object.keys(__ENV).sort().join(' '));
}
export function handleSummary() { return { [__ENV.WRITE]: 'written' }; }
";

#[tokio::test]
async fn a_script_reads_its_bundle_and_nothing_else_of_the_machine() {
    let Some(stage) = Stage::new().await else { return };
    if !confine::offered().full {
        skipped(&format!("this kernel cannot confine files and ports: {:?}", confine::offered().measures));
        return;
    }
    // Another run that has ended and left its folder, and the portal's database.
    let other = stage.orders("export const options = { iterations: 1 }; export default function () {}");
    stage.run(&other).await;
    let others = stage.executor.folder(other.execution);
    let others_summary =
        std::fs::read_dir(others.scratch()).unwrap().flatten().map(|entry| entry.path()).find(|path| path.display().to_string().contains("summary-")).unwrap();
    let database = stage.folder.path().join("state/windfirm.sqlite");
    std::fs::write(&database, "secret rows").unwrap();
    let mut orders = stage.orders(READER);
    let own = stage.executor.folder(orders.execution);
    let forbidden = [
        "/etc/passwd".into(),
        "/etc/hostname".into(),
        "/proc/self/environ".into(),
        "/proc/self/cmdline".into(),
        database.display().to_string(),
        others.orders().display().to_string(),
        others_summary.display().to_string(),
        other.bundle.join("k6/test.js").display().to_string(),
        own.orders().display().to_string(),
        own.spool().display().to_string(),
        env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml",
    ];
    let mine = orders.bundle.join("k6/data.json").display().to_string();
    let outside = stage.folder.path().join("outside.txt");
    let paths: Vec<&String> = forbidden.iter().chain([&mine]).collect();
    orders.parameters = vec![("PATHS".into(), serde_json::to_string(&paths).unwrap()), ("WRITE".into(), outside.display().to_string())];
    let report = stage.run(&orders).await;
    let log = stage.log_text(orders.execution).await;
    // The log names paths of the bundle relative to it.
    assert!(log.contains("FILE k6/data.json open fs"), "what is allowed works, so the rest is not refused for another reason:\n{log}");
    assert_eq!(log.matches(" refused refused").count(), forbidden.len(), "{log}");
    assert!(!log.contains(" open refused") && !log.contains(" refused fs"), "{log}");
    assert!(!outside.exists(), "nothing is written outside the scratch folder");

    // The environment of this very test has more than that.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some() && std::env::var_os("PATH").is_some());
    assert!(log.contains("info ENV PATHS TARGET WRITE\n"), "{log}");
    assert!(report.confinement.full && report.confinement.measures[0].contains("Landlock ABI"), "{:?}", report.confinement);
}

/// Asks every URL and tells what came back.
const ASKER: &str = r"
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { iterations: 1, hosts: { 'evil.test': '127.0.0.2' }, blacklistIPs: [] };
export default function () {
  for (const url of JSON.parse(__ENV.URLS)) {
    const r = http.get(url, { timeout: '3s' });
    console.log(`GOT ${url} status=${r.status} code=${r.error_code} ${r.error}`);
  }
}
";

#[tokio::test]
async fn a_script_reaches_its_target_and_nobody_else() {
    let Some(stage) = Stage::new().await else { return };
    let port = stage.target.address.port();
    // The same port on other addresses of this machine, and another port on the allowed address.
    let mut others = Vec::new();
    for address in [format!("127.0.0.2:{port}"), format!("[::1]:{port}"), "127.0.0.1:0".to_owned()] {
        if let Some(other) = Target::listen(&stage.tasks, &address).await {
            others.push(other);
        }
    }
    let elsewhere = others.last().unwrap().url();
    let by_address = [
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://evil.test:{port}/"),
        format!("{}/redirect?to=http://127.0.0.2:{port}/", stage.target.url()),
    ];
    let by_port = [elsewhere.clone(), format!("{}/redirect?to={elsewhere}/", stage.target.url()), format!("http://{}/", stage.portal.address)];
    let far = ["http://192.0.2.1/".to_owned(), "http://example.test/".to_owned()];
    let urls: Vec<&String> = by_address.iter().chain(&by_port).chain(&far).collect();
    let allowed = [format!("{}/", stage.target.url()), format!("http://shop.test:{port}/")];
    let all: Vec<&String> = urls.iter().copied().chain(&allowed).collect();
    let mut orders = stage.orders(&ASKER.replace("'evil.test': '127.0.0.2'", "'evil.test': '127.0.0.2', 'shop.test': '127.0.0.1'"));
    orders.allowed.push(AllowedTarget { host: "shop.test".into(), addresses: vec![stage.target.address.ip()], port: Some(port) });
    orders.parameters = vec![("URLS".into(), serde_json::to_string(&all).unwrap())];
    stage.run(&orders).await;
    let log = stage.log_text(orders.execution).await;

    for url in &allowed {
        assert!(log.contains(&format!("GOT {url} status=200")), "{url}\n{log}");
    }
    for url in urls {
        assert!(!log.contains(&format!("GOT {url} status=200")), "{url}\n{log}");
    }
    // Loopback is refused as an address; everything else already on its way to a proxy that is none, in words of ours.
    let refused = log.matches("code=1110 ip is blacklisted").count() + log.matches("code=1200 this host is not one that the run may reach").count();
    assert_eq!(refused, by_address.len() + far.len(), "refused for their address, whatever the ports:\n{log}");
    let full = confine::offered().full;
    for other in &others {
        if full || other.address.port() == port {
            assert_eq!(other.hits(), 0, "{}\n{log}", other.address);
        }
    }
    if !full {
        skipped(&format!("this kernel cannot confine ports: {:?}", confine::offered().measures));
    }
}

#[tokio::test]
async fn a_name_is_pinned_to_what_it_meant_at_the_launch() {
    let Some(stage) = Stage::new().await else { return };
    let port = stage.target.address.port();
    let mut orders = stage.orders(
        "import http from 'k6/http'; export const options = { iterations: 1 };
         export default function () { console.log('GOT ' + http.get(__ENV.TARGET).status); }",
    );
    // No resolver knows this name: it works only because the orders say what it means.
    orders.target = format!("http://shop.internal:{port}/");
    orders.allowed = vec![AllowedTarget { host: "shop.internal".into(), addresses: vec![stage.target.address.ip()], port: Some(port) }];
    stage.run(&orders).await;
    let log = stage.log_text(orders.execution).await;
    assert!(log.contains("GOT 200"), "{log}");
}

#[tokio::test]
async fn a_script_cannot_import_from_the_network() {
    let Some(stage) = Stage::new().await else { return };
    let port = stage.target.address.port();
    for url in [format!("http://127.0.0.2:{port}/x.js"), format!("{}/x.js", stage.target.url()), "https://192.0.2.1/x.js".to_owned()] {
        let mut orders = stage.orders(&format!("import '{url}'; export default function () {{}}"));
        orders.allowed.push(AllowedTarget { host: "shop.test".into(), addresses: vec![stage.target.address.ip()], port: Some(443) });
        let report = stage.run(&orders).await;
        assert!(report.cause.is_some() && report.frames == 0, "{url}: {report:?}");
    }
    assert_eq!(stage.target.hits(), 0);
}

#[tokio::test]
async fn a_script_that_wants_all_memory_is_ended_and_the_machine_is_not() {
    let Some(stage) = Stage::new().await else { return };
    let mut orders = stage.orders(
        "export const options = { vus: 1, duration: '5m' };
         export default function () { const all = []; for (;;) all.push('x'.repeat(1e6) + all.length); }",
    );
    orders.limits.memory_bytes = 400 << 20;
    let report = stage.run(&orders).await;
    let words = report.cause.as_ref().map(windfirm_model::run::Cause::words).unwrap_or_default();
    assert!(words.contains("400 MiB of memory"), "{report:?}\n{}", stage.log_text(orders.execution).await);
}
