//! What the parts of one runner share: the spool, the counts, and the first wish to stop.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use std::sync::Arc;

use tokio::sync::Notify;
use windfirm_measure::{frame::Frame, wire};
use windfirm_model::clock::{Clock, Timestamp};

use crate::{
    executor::Ending,
    folder::Folder,
    orders::Orders,
    spool::{Appended, Spool},
};

use super::vus;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) folder: Folder,
    pub(super) orders: Orders,
    pub(super) clock: Arc<dyn Clock>,
    /// What k6 must show to be heard.
    pub(super) receiver_token: String,
    /// Where k6 leaves its own counters. `handleSummary` of the script writes into the same folder, whatever it likes, under any name that it
    /// can think of; it cannot think of this one. (k6 writes its counters with the `JSON` of the script's own runtime, so a script that bends that
    /// still bends them: what it gains is a run of its own that looks complete.)
    pub(super) summary: PathBuf,
    keeps: Keeps,
    /// Told for each frame that is new in the spool.
    pub(super) arrived: Notify,
    /// Told when the first wish to stop is there.
    pub(super) stop_wanted: Notify,
    inner: Mutex<Inner>,
}

/// What the spool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Every frame: the portal reads the spool when the run has ended.
    Everything,
    /// Frames until the portal has them: nobody else will read it, and a long run must not fill it.
    Undelivered,
}

/// A spool of what is not delivered yet begins anew when all of it is delivered and it has this size, bytes.
const WORTH_EMPTYING: u64 = 8 << 20;

#[derive(Debug)]
struct Inner {
    spool: Spool,
    counts: Counts,
    stop: Option<Ending>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) frames: u64,
    pub(super) first_frame: Option<Timestamp>,
    pub(super) masked: u64,
    /// By name of the reason.
    pub(super) dropped: BTreeMap<&'static str, u64>,
}

/// Deliveries that are no frames: the name under which they are counted.
pub(super) const UNREADABLE: &str = "frames that could not be read";

/// Why a delivery of k6 was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}")]
    Undecodable(#[from] wire::WireError),
    #[error("the spool is full")]
    Full,
    #[error("the spool cannot be written: {0}")]
    Disk(#[from] std::io::Error),
}

impl Desk {
    pub(super) fn new(folder: Folder, orders: Orders, clock: Arc<dyn Clock>, spool: Spool, keeps: Keeps) -> Self {
        let secret = || clock.secret().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (receiver_token, summary) = (secret(), folder.scratch().join(format!("summary-{}.json", secret())));
        let inner = Mutex::new(Inner { spool, counts: Counts::default(), stop: None });
        Self { folder, orders, clock, receiver_token, summary, keeps, arrived: Notify::new(), stop_wanted: Notify::new(), inner }
    }
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Masks a delivery and spools it. When this returns well, the disk has it.
    pub(super) fn take(&self, key: &str, body: &[u8]) -> Result<(), Refused> {
        if self.inner().spool.has(key) {
            return Ok(());
        }
        let mut set = wire::decode(body, &wire::Bounds::default()).inspect_err(|_| self.count_dropped(UNREADABLE))?;
        let (reached, limit) = (vus::most(&set), self.orders.max_vus);
        if reached > u64::from(limit) {
            // The frame is kept all the same: it shows what happened.
            self.want_stop(Ending::TooManyVus { limit, reached });
        }
        let (frame, masked) = Frame::keep(key, self.clock.now(), &mut set);
        let mut inner = self.inner();
        if inner.spool.bytes() >= self.orders.limits.spool_bytes {
            drop(inner);
            self.count_dropped("frames beyond the size of the spool");
            let bound = format!("{} MiB of measurements", self.orders.limits.spool_bytes >> 20);
            self.want_stop(Ending::Bound { bound, reached: "all of it".to_owned() });
            return Err(Refused::Full);
        }
        match inner.spool.append(&frame) {
            Ok(Appended::Stored) => {
                inner.counts.masked += masked;
                inner.counts.first_frame.get_or_insert(frame.received());
                drop(inner);
                self.arrived.notify_one();
                Ok(())
            }
            Ok(Appended::Repeated) => Ok(()),
            Err(error) => {
                drop(inner);
                self.count_dropped("deliveries that the disk did not take");
                Err(error.into())
            }
        }
    }
    /// Whether the spool was emptied, because everything up to here is delivered, which is all of it.
    pub(super) fn forget_delivered(&self, delivered_bytes: u64) -> bool {
        let mut inner = self.inner();
        let is_due = self.keeps == Keeps::Undelivered && delivered_bytes >= WORTH_EMPTYING && inner.spool.bytes() == delivered_bytes;
        is_due && inner.spool.empty().is_ok()
    }
    pub(super) fn count_dropped(&self, reason: &'static str) {
        *self.inner().counts.dropped.entry(reason).or_default() += 1;
    }
    pub(super) fn counts(&self) -> Counts {
        let inner = self.inner();
        Counts { frames: inner.spool.frames(), ..inner.counts.clone() }
    }
    /// The first wish decides what the end is called; later ones change nothing.
    pub(super) fn want_stop(&self, why: Ending) {
        self.inner().stop.get_or_insert(why);
        self.stop_wanted.notify_one();
    }
    pub(super) fn stop(&self) -> Option<Ending> {
        self.inner().stop.clone()
    }
}
