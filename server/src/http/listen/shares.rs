//! Nobody holds all the connections: one address has a share of them. Whoever comes from this machine or through a proxy of ours
//! stands for many, or for ourselves, and has none.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::http::proxy::counted_as;

/// What every address may have, however few there are in all.
const LEAST: usize = 64;
/// One part in so many belongs to one address.
const PARTS: usize = 8;

/// Who holds how many.
#[derive(Clone, Debug)]
pub struct Shares {
    most: usize,
    exempt: Arc<[IpNet]>,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Shares {
    /// Of `connections` in all; `trusted` are the proxies.
    #[must_use]
    pub fn of(connections: usize, trusted: &[IpNet]) -> Self {
        let loopback = [Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(), Ipv6Net::from(Ipv6Addr::LOCALHOST).into()];
        Self::new(LEAST.max(connections / PARTS), trusted.iter().copied().chain(loopback))
    }

    pub(super) fn new(most: usize, exempt: impl IntoIterator<Item = IpNet>) -> Self {
        Self { most, exempt: exempt.into_iter().collect(), held: Arc::default() }
    }

    /// A place for one more connection from there, if there is one. It is given back when it is dropped.
    pub(super) fn take(&self, address: IpAddr) -> Option<Share> {
        let plain = address.to_canonical();
        if self.exempt.iter().any(|network| network.contains(&plain)) {
            return Some(Share(None));
        }
        let address = counted_as(address);
        let mut held = self.held();
        let count = held.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Share(Some((self.clone(), address))))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Share(Option<(Shares, IpAddr)>);

impl Drop for Share {
    fn drop(&mut self) {
        let Some((shares, address)) = &self.0 else { return };
        let mut held = shares.held();
        match held.get_mut(address) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => {
                held.remove(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_others_have_theirs() {
        let shares = Shares::of(800, &["10.0.0.0/8".parse().unwrap()]);
        let here = address("192.0.2.7");
        let held: Vec<_> = std::iter::from_fn(|| shares.take(here)).collect();
        assert_eq!(held.len(), 100);
        assert!(shares.take(address("::ffff:192.0.2.7")).is_none(), "the same address, written otherwise");
        assert!(shares.take(address("192.0.2.8")).is_some());
        drop(held);
        assert!(shares.take(here).is_some());
        assert!(shares.held().is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn proxies_and_this_machine_have_no_bound() {
        let shares = Shares::of(8, &["10.0.0.0/8".parse().unwrap()]);
        for exempt in ["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "127.0.0.53", "::1"] {
            let held: Vec<_> = (0..1_000).filter_map(|_| shares.take(address(exempt))).collect();
            assert_eq!(held.len(), 1_000, "{exempt}");
        }
        // A small portal leaves everybody enough for a browser; one network of IPv6 is one address.
        let held: Vec<_> = (0..1_000).filter_map(|number| shares.take(address(&format!("2001:db8::{number:x}")))).collect();
        assert_eq!(held.len(), LEAST);
    }
}
