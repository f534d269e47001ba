//! Nobody can fill the store from the door, and nobody can close it for others. Attempts to log in are bounded for each client
//! address, and rows about refused ones for all together: what somebody from many addresses uses up is the rows, never the way in.
//!
//! A login that comes about gives back what it took: people who share an address (a proxy, an office) do not use it up. Beyond an
//! address's bound the answer is 429 and nothing is written; beyond that of the rows a refusal is answered as ever, without a row. How
//! many of both there were stands on the record in one row a minute.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use windfirm_identity::routes::CALLBACK;
use windfirm_model::clock::Timestamp;

use crate::{
    http::{
        door::{self, Door},
        proxy::counted_as,
    },
    state::Portal,
};

/// A login is two attempts: the way to the provider, and the way back.
const STEPS: i64 = 2;
/// Thirty people of one address at once, then one step in six seconds.
const ONE: Bound = Bound { every_us: 6_000_000, burst: 60 };
/// All together: so that logins under way, each a row for some minutes, are bounded too. Far more than any company logs in at once.
const ALL: Bound = Bound { every_us: 50_000, burst: 6_000 };
/// Rows about refusals: six hundred at once, then one a second, so at most 86,400 a day.
const ROWS: Bound = Bound { every_us: 1_000_000, burst: 600 };
/// Between two rows about those who were left out.
const TELL_EVERY_US: i64 = 60_000_000;
/// More addresses than this share one bound.
const MAX_ADDRESSES: usize = 10_000;

/// A bucket of `burst` tokens that gains one every `every_us`, kept as the one moment when it is full again.
#[derive(Clone, Copy, Debug)]
struct Bound {
    every_us: i64,
    burst: i64,
}

impl Bound {
    /// The moment after one more token, or how long to wait for it in microseconds.
    fn take(self, full_at: Timestamp, now: Timestamp) -> Result<Timestamp, i64> {
        let room_us = self.every_us.saturating_mul(self.burst);
        let used_us = full_at.micros_since(now).max(0);
        // More than can be used up: the clock was set back.
        let used_us = if used_us > room_us { 0 } else { used_us };
        let after_us = used_us.saturating_add(self.every_us);
        if after_us > room_us { Err(after_us.saturating_sub(room_us)) } else { Ok(Timestamp(now.0.saturating_add(after_us))) }
    }
}

#[derive(Debug, Default)]
struct Crowd {
    all: Timestamp,
    rows: Timestamp,
    by_address: HashMap<IpAddr, Timestamp>,
    untold: Untold,
    told: Timestamp,
}

/// What has no row of its own: attempts that were answered with “too many”, and refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Untold {
    left_out: u64,
    refused: u64,
}

impl Untold {
    fn words(self) -> String {
        let left_out = format!("{} further attempts to log in were answered with “too many” and have no row of their own.", self.left_out);
        let refused = format!("{} further attempts to log in were refused, each with its reason, and have no row of their own.", self.refused);
        [(self.left_out, left_out), (self.refused, refused)].into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect::<Vec<_>>().join(" ")
    }
}

/// Counts those who try to come in.
#[derive(Debug, Default)]
pub struct Turnstile(Mutex<Crowd>);

impl Turnstile {
    /// Takes a token, or says after how many whole seconds there is one.
    fn enter(&self, address: IpAddr, now: Timestamp) -> Result<(), i64> {
        let mut crowd = self.crowd();
        let address = crowd.known(address, now);
        let one = ONE.take(crowd.by_address.get(&address).copied().unwrap_or_default(), now);
        match (one, ALL.take(crowd.all, now)) {
            (Ok(one), Ok(all)) => {
                crowd.by_address.insert(address, one);
                crowd.all = all;
                Ok(())
            }
            (one, all) => {
                crowd.untold.left_out = crowd.untold.left_out.saturating_add(1);
                let wait_us = one.err().unwrap_or_default().max(all.err().unwrap_or_default());
                Err(wait_us.saturating_add(999_999) / 1_000_000)
            }
        }
    }

    /// Gives back what a whole login took.
    fn give_back(&self, address: IpAddr, now: Timestamp) {
        let mut crowd = self.crowd();
        let address = crowd.known(address, now);
        let back = |at: Timestamp, bound: Bound| Timestamp(at.0.saturating_sub(bound.every_us.saturating_mul(STEPS)));
        crowd.all = back(crowd.all, ALL);
        if let Some(at) = crowd.by_address.get_mut(&address) {
            *at = back(*at, ONE);
        }
    }

    /// Whether a refusal has a row of its own; one that has none is counted.
    pub(crate) fn has_row(&self, now: Timestamp) -> bool {
        let mut crowd = self.crowd();
        match ROWS.take(crowd.rows, now) {
            Ok(rows) => {
                crowd.rows = rows;
                true
            }
            Err(_) => {
                crowd.untold.refused = crowd.untold.refused.saturating_add(1);
                false
            }
        }
    }

    /// What has no row since it was last told; none while that is less than a minute ago.
    fn untold(&self, now: Timestamp) -> Option<Untold> {
        let crowd = self.crowd();
        let is_time = !(0..TELL_EVERY_US).contains(&now.micros_since(crowd.told));
        (is_time && crowd.untold != Untold::default()).then_some(crowd.untold)
    }

    fn told(&self, what: Untold, now: Timestamp) {
        let mut crowd = self.crowd();
        crowd.untold.left_out = crowd.untold.left_out.saturating_sub(what.left_out);
        crowd.untold.refused = crowd.untold.refused.saturating_sub(what.refused);
        crowd.told = now;
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        // Nothing in there can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd {
    /// The address under which somebody is counted.
    fn known(&mut self, address: IpAddr, now: Timestamp) -> IpAddr {
        let address = counted_as(address);
        if self.by_address.contains_key(&address) || self.by_address.len() < MAX_ADDRESSES {
            return address;
        }
        self.by_address.retain(|_, full_at| *full_at > now);
        if self.by_address.len() < MAX_ADDRESSES { address } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
    }
}

/// The layer around the ways in and out.
pub async fn pass(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let is_back = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == CALLBACK);
    let is_begin = request.method() == Method::POST && request.uri().path() == "/login";
    if !is_back && !is_begin {
        return next.run(request).await;
    }
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    if let Err(seconds) = portal.turnstile.enter(address, portal.clock.now()) {
        metrics::counter!("windfirm_logins_left_out_total").increment(1);
        let mut response = Door(Arc::clone(&portal)).too_many(seconds, request.extensions());
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return response;
    }
    let response = next.run(request).await;
    // Only a login that came about leads on from there.
    if is_back && response.status() == StatusCode::SEE_OTHER {
        portal.turnstile.give_back(address, portal.clock.now());
    }
    response
}

/// Puts on the record how many have no row of their own, at most once a minute.
pub async fn tell(portal: &Portal) {
    let now = portal.clock.now();
    let Some(what) = portal.turnstile.untold(now) else { return };
    match door::record_refusal(portal, what.words(), None).await {
        Ok(()) => portal.turnstile.told(what, now),
        Err(error) => tracing::warn!(%error, ?what, "door.left_out_not_recorded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    fn entered(turnstile: &Turnstile, tries: usize, address: IpAddr, now: Timestamp) -> usize {
        (0..tries).filter(|_| turnstile.enter(address, now).is_ok()).count()
    }

    #[test]
    fn one_address_is_bounded_and_comes_back_with_time() {
        let turnstile = Turnstile::default();
        assert_eq!(entered(&turnstile, 1_000, HERE, START), 60);
        assert_eq!(turnstile.enter(HERE, START), Err(6));
        assert_eq!(turnstile.enter(HERE, START.plus_seconds(2)), Err(4));
        assert_eq!(entered(&turnstile, 10, HERE, START.plus_seconds(6)), 1);
        assert_eq!(entered(&turnstile, 1_000, HERE, START.plus_seconds(3_600)), 60, "never more than the burst");
        assert_eq!(entered(&turnstile, 1, address(1), START), 1, "others are not held up");
    }

    #[test]
    fn very_many_addresses_are_bounded_together_and_in_memory() {
        let turnstile = Turnstile::default();
        let all = (0..20_000).filter(|number| turnstile.enter(address(*number), START).is_ok()).count();
        assert_eq!(all, 6_000);
        for number in 0..20_000_u32 {
            let _ = turnstile.enter(address(number), START.plus_seconds(i64::from(number)));
        }
        assert!(turnstile.crowd().by_address.len() <= MAX_ADDRESSES);
        let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
        let turnstile = Turnstile::default();
        assert_eq!(entered(&turnstile, 60, v6("2001:db8::1"), START), 60);
        assert_eq!(entered(&turnstile, 1, v6("2001:db8::2"), START), 0, "the same network");
        assert_eq!(entered(&turnstile, 1, v6("2001:db8:0:1::2"), START), 1);
    }

    #[test]
    fn a_login_that_came_about_costs_nothing() {
        let turnstile = Turnstile::default();
        for _ in 0..1_000 {
            assert_eq!(entered(&turnstile, 2, HERE, START), 2);
            turnstile.give_back(HERE, START);
        }
        // And earns nothing.
        assert_eq!(entered(&turnstile, 1_000, HERE, START), 60);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out() {
        let turnstile = Turnstile::default();
        entered(&turnstile, 60, HERE, START);
        assert_eq!(entered(&turnstile, 1, HERE, START.plus_seconds(-86_400)), 1);
    }

    #[test]
    fn those_left_out_are_told_once_a_minute() {
        let turnstile = Turnstile::default();
        entered(&turnstile, 100, HERE, START);
        let left_out = |count| Untold { left_out: count, refused: 0 };
        assert_eq!(turnstile.untold(START), Some(left_out(40)));
        turnstile.told(left_out(40), START);
        entered(&turnstile, 5, HERE, START);
        assert_eq!(turnstile.untold(START.plus_seconds(59)), None);
        assert_eq!(turnstile.untold(START.plus_seconds(60)), Some(left_out(5)));
    }

    #[test]
    fn what_is_used_up_by_many_addresses_is_rows_and_not_the_way_in() {
        let turnstile = Turnstile::default();
        let rows = (0..2_000).filter(|number| turnstile.enter(address(*number), START).is_ok() && turnstile.has_row(START)).count();
        assert_eq!(rows, 600);
        assert_eq!(entered(&turnstile, 2, HERE, START), 2, "somebody else comes in");
        let untold = turnstile.untold(START).unwrap();
        assert_eq!(untold, Untold { left_out: 0, refused: 1_400 });
        assert_eq!(untold.words(), "1400 further attempts to log in were refused, each with its reason, and have no row of their own.");
        assert!(turnstile.has_row(START.plus_seconds(1)), "rows come back with time");
    }
}
