//! How a portal comes up when something that it needs is not as it should be: what goes on, and what people are told.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use windfirm_model::{
    actor::SystemTask,
    audit::{EventCode, EventOutcome},
    view::system::SystemPage,
};
use windfirm_policy::Access;
use windfirm_store::audit::AuditFilter;

use crate::harness::{As, House};

async fn round(house: &House) {
    windfirm::worker::reload::round(Arc::clone(&house.portal)).await;
}

async fn system(house: &House) -> SystemPage {
    let answer = house.call(As::Chris, Method::GET, "system", "").await;
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.body))
}

async fn policy_loads(house: &House) -> Vec<(EventOutcome, String)> {
    let access = Access::system(SystemTask::Ingest);
    let rows = house.portal.store.audit(&access, &AuditFilter::default(), 100).await.unwrap().rows;
    rows.into_iter().filter(|row| row.code == EventCode::PolicyLoad.code()).map(|row| (row.outcome, row.why.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_bad_policy_goes_on_with_the_last_good_one() {
    let Some(house) = House::open().await else { return };
    let file = house.config.policy.clone();
    let good = std::fs::read_to_string(&file).unwrap();
    let other = good.replace("max_vus: 50", "max_vus: 40");
    // Two good versions, so that there is one too many to choose from.
    std::fs::write(&file, &other).unwrap();
    round(&house).await;
    let digest = house.portal.policy().policy.digest().to_owned();

    std::fs::write(&file, good.replace("role: lead", "role: leader")).unwrap();
    let again = house.start_again(|_| {}).await;
    let in_force = again.portal.policy();
    assert_eq!((in_force.policy.digest(), in_force.policy.text()), (digest.as_str(), other.as_str()));
    assert!(in_force.refused.iter().any(|problem| problem.contains("leader")), "{:?}", in_force.refused);
    assert_eq!(again.page(As::Ben, "/audit").await.status, StatusCode::OK);
    assert!(again.page(As::Chris, "/system").await.body.contains("A newer policy has"));
    let loads = policy_loads(&again).await;
    assert!(loads.iter().any(|(outcome, why)| *outcome == EventOutcome::Failed && why.contains("leader")), "{loads:?}");

    // The next round has nothing new to tell, and a mended file is taken.
    round(&again).await;
    assert_eq!(policy_loads(&again).await.len(), loads.len());
    std::fs::write(&file, &good).unwrap();
    round(&again).await;
    assert!(again.portal.policy().refused.is_empty() && again.portal.policy().policy.text() == good);
    assert!(system(&again).await.parts.iter().all(|part| part.name != "policy" || !part.sentence.contains("refused")));
}

/// Where the repository lies on the disk, in the test's own folder: nobody but those who look after the portal may read it.
fn is_told(house: &House, body: &str) -> bool {
    body.contains(house.folder.path().to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_a_repository_says_that_nothing_was_read() {
    let mut good = std::path::PathBuf::new();
    let opened = House::open_with(|folder, config| {
        good.clone_from(&config.tree.repository);
        config.tree.repository = folder.join("later.git");
    });
    let Some(house) = opened.await else { return };
    for who in As::PEOPLE {
        let (home, tree) = (house.page(who, "/").await, house.page(who, "/tree").await);
        assert_eq!((home.status, tree.status), (StatusCode::OK, StatusCode::OK), "{who:?}");
        assert!(tree.body.contains("The tree could not be read"), "{who:?}: {}", tree.body);
        assert!(home.body.contains("The apps cannot be shown"), "{who:?}: {}", home.body);
        for lie in ["older commit", "older tree", "no Application was found", "has no app yet", "Read from"] {
            assert!(!home.body.contains(lie) && !tree.body.contains(lie), "{who:?}: {lie}");
        }
        let looks_after = who == As::Chris;
        assert_eq!(tree.body.contains("See the state of the portal"), looks_after, "{who:?}: the way to /system is for those who may go it");
        assert_eq!(is_told(&house, &tree.body), looks_after, "{who:?}: {}", tree.body);
        assert!(looks_after || !is_told(&house, &home.body), "{who:?}: {}", home.body);
    }
    let page = house.page(As::Chris, "/system").await.body;
    assert!(page.contains("No tree") && !page.contains("Older tree") && is_told(&house, &page), "{page}");
    assert_eq!(house.page(As::Nobody, "/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);

    // As soon as there is one, it is read.
    std::fs::rename(&good, &house.config.tree.repository).unwrap();
    round(&house).await;
    assert!(house.page(As::Ana, "/tree").await.body.contains("catalogue"));
    assert_eq!(house.page(As::Nobody, "/health/ready").await.status, StatusCode::OK);
}

/// A branch whose file never answers whoever reads it, until this is dropped.
struct Mute(std::path::PathBuf);

impl Mute {
    fn new(repository: &std::path::Path) -> Self {
        let file = repository.join("refs/heads/main");
        std::fs::remove_file(&file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        Self(file)
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        // Whoever has it open reads its end; whoever comes later finds nothing.
        let writer = std::fs::OpenOptions::new().read(true).write(true).open(&self.0);
        std::fs::remove_file(&self.0).unwrap();
        drop(writer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_does_not_answer_keeps_no_policy_from_taking_hold() {
    let Some(house) = House::open().await else { return };
    let _mute = Mute::new(&house.config.tree.repository);
    let before = house.portal.policy().policy.digest().to_owned();
    windfirm::worker::start(&house.portal);
    // By now the first rounds are under way, and the tree's stays so.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let good = std::fs::read_to_string(&house.config.policy).unwrap();
    std::fs::write(&house.config.policy, good.replace("can: [run.stop, audit.view]", "can: [run.stop]")).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while house.portal.policy().policy.digest() == before {
        assert!(std::time::Instant::now() < deadline, "the older policy stays in force");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(house.page(As::Ben, "/audit").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_for_a_repository_that_does_not_answer() {
    let mut mute = None;
    let began = std::time::Instant::now();
    let opened = House::open_with(|_, config| mute = Some(Mute::new(&config.tree.repository)));
    let Some(house) = opened.await else { return };
    // Given up before the folder is.
    let _mute = mute;
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(house.page(As::Ana, "/runs").await.status, StatusCode::OK);
    let told = house.page(As::Chris, "/tree").await.body;
    assert!(told.contains("could not be read within 5 s"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_things_lie_on_the_disk_is_for_those_who_look_after_the_portal() {
    let Some(house) = House::open().await else { return };
    let apps = house.portal.tree().tree.apps().len();
    let ready = house.page(As::Nobody, "/health/ready").await;
    assert_eq!(ready.status, StatusCode::OK);
    let commit = house.portal.tree().revision.commit.clone();
    for told in [house.folder.path().to_str().unwrap(), &format!("{apps} apps"), &commit[..8], "/k6", "127.0.0.1"] {
        assert!(!ready.body.contains(told), "{told} in {}", ready.body);
    }

    let repository = house.config.tree.repository.clone();
    std::fs::rename(&repository, repository.with_extension("away")).unwrap();
    round(&house).await;
    for who in As::PEOPLE {
        for address in ["/", "/tree", "/apps/shop/cart/", "/apps/shop/cart/?tab=sources"] {
            let answer = house.page(who, address).await;
            assert!(who == As::Chris || !is_told(&house, &answer.body), "{who:?} at {address}: {}", answer.body);
        }
        for (name, fields) in [("tree", ""), ("home", ""), ("app", "path=/shop/cart/")] {
            let answer = house.call(who, Method::GET, name, fields).await;
            assert!(who == As::Chris || !is_told(&house, &answer.body), "{who:?} asks {name}: {}", answer.body);
        }
    }
    assert!(house.page(As::Ana, "/tree").await.body.contains("older tree"));
    assert!(is_told(&house, &house.page(As::Chris, "/tree").await.body));
    let ready = house.page(As::Nobody, "/health/ready").await;
    assert!(ready.status == StatusCode::OK && !is_told(&house, &ready.body), "{}", ready.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_again_copies_neither_tree_nor_files() {
    let Some(house) = House::open().await else { return };
    let before = house.portal.tree();
    round(&house).await;
    let after = house.portal.tree();
    assert!(!Arc::ptr_eq(&before, &after) && after.revision.read > before.revision.read, "that it was looked at is noted");
    assert!(Arc::ptr_eq(&before.tree, &after.tree), "the tree was copied");
    assert!(Arc::ptr_eq(before.snapshot.as_ref().unwrap(), after.snapshot.as_ref().unwrap()), "the files were copied");
}
