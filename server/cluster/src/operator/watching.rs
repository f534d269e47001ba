//! Watches of the parts of one execution, as its account: what changes is looked at at once, and what does not is asked for less often.
//!
//! They say only that something changed; what stands there is read by whoever looks. So nothing is lost when one is silent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use serde::de::IgnoredAny;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use windfirm_policy::act::SuperviseRuns;

use crate::{
    acting::{Acting, Selector},
    error::ClusterError,
    kind::Kind,
    watch::{Change, Changes},
};

/// While nothing is told to have changed, for what is seen by its age alone, and for a watch that has fallen silent.
const UNCHANGED: Duration = Duration::from_secs(3);
/// Changes come in flocks.
const CHANGED: Duration = Duration::from_millis(600);
/// After a watch has ended, until the next.
const AGAIN: Duration = Duration::from_secs(5);

/// Ends with its owner.
#[derive(Debug, Default)]
pub(super) struct Watching {
    begun: Option<Instant>,
    changed: Arc<AtomicBool>,
    parts: Vec<AbortOnDropHandle<()>>,
}

impl Watching {
    /// Begins again where it has ended. Without it the executor looks as often as it did.
    pub(super) async fn keep(&mut self, acting: &Acting<'_, SuperviseRuns>, name: &str) -> Result<(), ClusterError> {
        if self.is_alive() || self.begun.is_some_and(|begun| begun.elapsed() < AGAIN) {
            return Ok(());
        }
        (self.begun, self.parts) = (Some(Instant::now()), Vec::new());
        let by_field = |fields: String| Selector { labels: String::new(), fields };
        let of_run = Selector::labels(format!("k6_cr={name}"));
        for (kind, selector) in [
            (Kind::TEST_RUN, by_field(format!("metadata.name={name}"))),
            (Kind::JOB, of_run.clone()),
            (Kind::POD, of_run),
            (Kind::EVENT, by_field("type=Warning".to_owned())),
        ] {
            let changes = acting.watch::<IgnoredAny>(kind, &selector).await?;
            #[expect(clippy::disallowed_methods, reason = "it changes nothing and ends with its owner: drain has nothing to wait for")]
            let part = tokio::spawn(tell(changes, Arc::clone(&self.changed)));
            self.parts.push(AbortOnDropHandle::new(part));
        }
        Ok(())
    }
    fn is_alive(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|part| !part.is_finished())
    }
    /// For how long what was seen holds; `unwatched` without a watch.
    pub(super) fn holds(&self, unwatched: Duration) -> Duration {
        match (self.is_alive(), self.changed.load(Ordering::SeqCst)) {
            (true, true) => CHANGED,
            (true, false) => UNCHANGED,
            (false, _) => unwatched,
        }
    }
    /// Whoever looks from here on sees what was told so far.
    pub(super) fn look(&self) {
        self.changed.store(false, Ordering::SeqCst);
    }
}

/// Until something goes wrong with it, and says so too.
async fn tell(mut changes: Changes<IgnoredAny>, changed: Arc<AtomicBool>) {
    while let Some(Ok(change)) = changes.next().await {
        if matches!(change, Change::There(_) | Change::Gone(_)) {
            changed.store(true, Ordering::SeqCst);
        }
    }
    changed.store(true, Ordering::SeqCst);
}
