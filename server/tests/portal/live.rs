//! Runs while they are live: what is taken in, who may watch, what ends them, and what is left behind.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use gix::objs::tree::EntryKind;
use windfirm::{usecase::inspection, worker::collect};
use windfirm_model::actor::SystemTask;
use windfirm_policy::Access;

use crate::{
    flows::{launch, record, wait_for},
    harness::{As, House},
};

const ENDLESS: &str = "
import { sleep } from 'k6';
const line = 'again and again '.repeat(240);
export default function () {
  for (let i = 0; i < 50; i++) console.log(line);
  sleep(0.01);
}";

pub(crate) fn supervisor() -> Access {
    Access::system(SystemTask::RunSupervisor)
}

/// Waits until `look` finds what it looks for; fails after a minute, saying what did not come.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "this did not come: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One more commit with one more file, in force when this returns.
pub(crate) async fn add_file(house: &House, path: &str, text: &str) {
    let head = commit(&house.portal.settings.repository, path, text);
    windfirm::worker::reload::round(std::sync::Arc::clone(&house.portal)).await;
    until("the new commit", async || (house.portal.tree().revision.commit == head).then_some(())).await;
}

fn commit(repository: &Path, path: &str, text: &str) -> String {
    let repository = gix::open(repository).unwrap();
    let head = repository.head_commit().unwrap();
    let mut editor = repository.edit_tree(head.tree_id().unwrap()).unwrap();
    editor.upsert(path, EntryKind::Blob, repository.write_blob(text).unwrap()).unwrap();
    let tree = editor.write().unwrap();
    let author = head.author().unwrap();
    repository.commit_as(author, author, "refs/heads/main", "Add a file", tree, [head.id]).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_over_its_bound_says_how_much_is_missing() {
    let Some(house) = House::open_live(21_200).await else { return };
    add_file(&house, "services/cart/k6/endless.js", ENDLESS).await;
    let run = launch(&house, As::Ana, "request[path]=/shop/cart/&request[test]=services/cart/k6/endless.js&request[profile]=smoke").await;
    wait_for(&house, run, |state| !state.is_live()).await;
    let log = house.portal.store.log(&supervisor(), run, 0, 1).await.unwrap().unwrap();
    assert!(log.total > 1_000 && log.dropped > 1_000, "{} kept, {} dropped", log.total, log.dropped);
    let page = house.page(As::Ana, &format!("/runs/{run}/log")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("lines were not kept"), "{}", page.body);
    assert!(!record(&house, run).await.state.is_live());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_judged_by_the_thresholds_of_its_launch_or_not_at_all() {
    let Some(house) = House::open().await else { return };
    let run = launch(&house, As::Ana, "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke").await;
    let mut record = record(&house, run).await;
    assert_eq!(record.manifest.thresholds.as_ref().map(Vec::len), Some(3), "{:?}", record.manifest.thresholds);
    // k6's answer of the launch is gone, as after another version of k6 was put in place.
    record.bundle_digest = "gone".to_owned();
    assert_eq!(inspection::thresholds(&house.portal, &record).await.unwrap().unwrap().len(), 3);
    // A run from before thresholds were frozen: nobody may say that there were none.
    record.manifest.thresholds = None;
    assert!(inspection::thresholds(&house.portal, &record).await.unwrap().unwrap_err().contains("not known any more"));
    let entry = collect::read_entry(&house.portal, &record).await.unwrap();
    assert!(entry.thresholds.is_empty() && entry.thresholds_unknown.is_some());
}
