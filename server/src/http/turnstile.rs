//! Nobody can fill the store from the door: each attempt to log in writes rows that are never removed, so attempts are bounded,
//! for each client address and for all together.
//!
//! A login that comes about gives back what it took: people who share an address (a proxy, an office) do not use it up. Beyond
//! the bound the answer is 429 and nothing is written; how many were left out stands on the record in one row a minute.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
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
    http::door::{self, Door},
    state::Portal,
};

/// A login is two attempts: the way to the provider, and the way back.
const STEPS: i64 = 2;
/// Thirty people of one address at once, then one step in six seconds.
const ONE: Bound = Bound { every_us: 6_000_000, burst: 60 };
/// All together: three hundred at once, then one step a second, so at most 86,400 refusals a day.
const ALL: Bound = Bound { every_us: 1_000_000, burst: 600 };
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
    by_address: HashMap<IpAddr, Timestamp>,
    left_out: u64,
    told: Timestamp,
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
                crowd.left_out = crowd.left_out.saturating_add(1);
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

    /// How many were left out since it was last told; none while that is less than a minute ago.
    fn untold(&self, now: Timestamp) -> Option<u64> {
        let crowd = self.crowd();
        let is_time = !(0..TELL_EVERY_US).contains(&now.micros_since(crowd.told));
        (is_time && crowd.left_out > 0).then_some(crowd.left_out)
    }

    fn told(&self, count: u64, now: Timestamp) {
        let mut crowd = self.crowd();
        crowd.left_out = crowd.left_out.saturating_sub(count);
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
        let address = match address.to_canonical() {
            // Whoever has one address of IPv6 has the 2^64 beside it.
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            address @ IpAddr::V4(_) => address,
        };
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

/// Puts on the record how many were left out, at most once a minute.
pub async fn tell(portal: &Portal) {
    let now = portal.clock.now();
    let Some(count) = portal.turnstile.untold(now) else { return };
    let why = format!("{count} further attempts to log in were answered with “too many” and have no row of their own.");
    match door::record_refusal(portal, why, None).await {
        Ok(()) => portal.turnstile.told(count, now),
        Err(error) => tracing::warn!(%error, count, "door.left_out_not_recorded"),
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
    fn many_addresses_are_bounded_together_and_in_memory() {
        let turnstile = Turnstile::default();
        let all = (0..20_000).filter(|number| turnstile.enter(address(*number), START).is_ok()).count();
        assert_eq!(all, 600);
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
        assert_eq!(turnstile.untold(START), Some(40));
        turnstile.told(40, START);
        entered(&turnstile, 5, HERE, START);
        assert_eq!(turnstile.untold(START.plus_seconds(59)), None);
        assert_eq!(turnstile.untold(START.plus_seconds(60)), Some(5));
    }
}
