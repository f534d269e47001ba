//! For how long this portal may act for its runs, and which other portals live. Pure: `worker/lease` asks the store, this judges.
//!
//! Another portal buries this one after [`QUIET`] without a beat, measured from when it first saw the last one, so never earlier than
//! `QUIET` after it was sent. This one acts for [`HELD`] after it sent its last, by its own clock, which no change of the time of day moves.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use windfirm_model::id::PortalId;
use windfirm_store::portals::Beat;

/// Between two beats.
pub const BEAT: Duration = Duration::from_secs(2);
/// A portal whose beats stand still for so long is taken for dead.
pub const QUIET: Duration = Duration::from_secs(10);
/// For so long after a beat a portal begins something for its runs. The rest of [`QUIET`] is for what it has begun.
pub const HELD: Duration = Duration::from_secs(6);
/// Whoever has not looked for longer than this, because the database was away or the process stood still, counts from the start.
const LOOK_GAP: Duration = Duration::from_secs(5);
/// Deliveries that another portal took in are looked for, for so long after one was there.
const COMPANY: Duration = Duration::from_mins(1);

/// What was seen of the beats.
#[derive(Debug, Default)]
pub struct Lease(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Nobody else can be there.
    alone: bool,
    /// When the last beat that was taken was sent.
    renewed: Option<Instant>,
    /// The other portals, with their beats and since when they stand there.
    others: HashMap<PortalId, (i64, Instant)>,
    is_eldest: bool,
    company: Option<Instant>,
}

impl Lease {
    /// Of the one portal of a database that has one: it needs no beats.
    #[must_use]
    pub fn alone() -> Self {
        Self(Mutex::new(Seen { alone: true, ..Seen::default() }))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A beat of `own`, sent at `sent`, was taken; these are all rows at `now`, the oldest portal first. The answer is who is to be buried.
    pub fn renewed(&self, own: PortalId, rows: &[Beat], sent: Instant, now: Instant) -> Vec<Beat> {
        let mut seen = self.seen();
        let looked_on = seen.renewed.is_some_and(|last| now.saturating_duration_since(last) <= LOOK_GAP);
        let others: HashMap<_, _> = rows
            .iter()
            .filter(|row| row.portal != own)
            .map(|row| match seen.others.get(&row.portal) {
                Some((beats, since)) if looked_on && *beats == row.beats => (row.portal, (row.beats, *since)),
                _ => (row.portal, (row.beats, now)),
            })
            .collect();
        let quiet = |since: &Instant| now.saturating_duration_since(*since) >= QUIET;
        let dead = others.iter().filter(|(_, (_, since))| quiet(since)).map(|(portal, (beats, _))| Beat { portal: *portal, beats: *beats }).collect();
        seen.is_eldest = rows.first().is_none_or(|first| first.portal == own);
        if !others.is_empty() {
            seen.company = Some(now);
        }
        seen.renewed = Some(sent);
        seen.others = others;
        dead
    }

    /// A run was taken over: what came for it until now was left in the store, as it would be for another portal.
    pub fn took_over(&self, now: Instant) {
        self.seen().company = Some(now);
    }

    /// This portal was buried, and is nobody until its next beat.
    pub fn lost(&self) {
        let mut seen = self.seen();
        (seen.renewed, seen.is_eldest) = (None, false);
    }

    /// Whether something may be begun for runs of this portal.
    #[must_use]
    pub fn is_held(&self, now: Instant) -> bool {
        let seen = self.seen();
        seen.alone || seen.renewed.is_some_and(|sent| now.saturating_duration_since(sent) < HELD)
    }

    /// Whether that portal was there at the last look.
    #[must_use]
    pub fn knows(&self, portal: PortalId) -> bool {
        self.seen().others.contains_key(&portal)
    }

    /// Whether other portals may have taken deliveries in lately.
    #[must_use]
    pub fn has_company(&self, now: Instant) -> bool {
        self.seen().company.is_some_and(|last| now.saturating_duration_since(last) < COMPANY)
    }

    /// Whether what is for one portal alone is for this one.
    #[must_use]
    pub fn is_eldest(&self) -> bool {
        let seen = self.seen();
        seen.alone || seen.is_eldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal(number: u128) -> PortalId {
        PortalId(uuid::Uuid::from_u128(number))
    }
    fn beat(number: u128, beats: i64) -> Beat {
        Beat { portal: portal(number), beats }
    }

    /// Looks every two seconds from `from` until `until`; the other portal has `beats` then.
    fn look(lease: &Lease, start: Instant, from: u64, until: u64, beats: impl Fn(u64) -> i64) -> Option<(u64, Beat)> {
        (from..=until).step_by(2).find_map(|second| {
            let now = start + Duration::from_secs(second);
            let dead = lease.renewed(portal(2), &[beat(1, beats(second)), beat(2, 0)], now, now);
            dead.first().map(|beat| (second, *beat))
        })
    }

    #[test]
    fn a_portal_is_buried_when_its_beats_stand_still_while_one_looks_on() {
        let (lease, start) = (Lease::default(), Instant::now());
        let beats = |second: u64| i64::try_from(second.min(6)).unwrap();
        assert_eq!(look(&lease, start, 0, 100, beats), Some((16, beat(1, 6))));
    }

    #[test]
    fn a_portal_that_beats_lives_for_ever() {
        let (lease, start) = (Lease::default(), Instant::now());
        assert_eq!(look(&lease, start, 0, 1_000, |second| i64::try_from(second / 4).unwrap()), None);
    }

    #[test]
    fn whoever_did_not_look_counts_from_the_start() {
        let (lease, start) = (Lease::default(), Instant::now());
        assert_eq!(look(&lease, start, 0, 8, |_| 5), None);
        // The database was away for a minute, for both.
        assert_eq!(look(&lease, start, 68, 76, |_| 5), None);
        assert_eq!(look(&lease, start, 78, 78, |_| 5), Some((78, beat(1, 5))));
    }

    #[test]
    fn nothing_is_begun_long_after_the_last_beat() {
        let (lease, start) = (Lease::default(), Instant::now());
        assert!(!lease.is_held(start), "before the first");
        // The answer came late: what counts is when the beat was sent.
        lease.renewed(portal(1), &[beat(1, 1)], start, start + Duration::from_secs(3));
        assert!(lease.is_held(start + HELD - Duration::from_millis(1)));
        assert!(!lease.is_held(start + HELD));
        lease.renewed(portal(1), &[beat(1, 2)], start + HELD, start + HELD);
        assert!(lease.is_held(start + HELD) && lease.is_eldest());
        lease.lost();
        assert!(!lease.is_held(start + HELD) && !lease.is_eldest());
    }

    #[test]
    fn what_is_for_one_is_for_the_eldest() {
        let (lease, now) = (Lease::default(), Instant::now());
        lease.renewed(portal(2), &[beat(1, 1), beat(2, 1)], now, now);
        assert!(!lease.is_eldest() && lease.knows(portal(1)) && !lease.knows(portal(3)) && lease.has_company(now));
        let later = now + COMPANY;
        lease.renewed(portal(2), &[beat(2, 2)], later, later);
        assert!(lease.is_eldest() && !lease.knows(portal(1)) && !lease.has_company(later));
        lease.took_over(later);
        assert!(lease.has_company(later), "what was left for the one before is looked for");
    }
}
