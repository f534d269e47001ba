//! The shop: which services there are, on which ports, and how the process that serves them lives.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use tokio::net::TcpListener;

use crate::service::{Service, Spec};

/// Three times the shop, and search of another team. The order decides the ports.
const STAGES: [&str; 3] = ["staging", "dev", "prod"];

const SHOP: [Spec; 7] = [
    Spec { name: "storefront", pool: 24, queue: 60, work_us: 2_000, calls: &["catalogue", "payments"] },
    Spec { name: "catalogue", pool: 16, queue: 60, work_us: 6_000, calls: &[] },
    Spec { name: "cart", pool: 10, queue: 40, work_us: 4_000, calls: &["catalogue"] },
    Spec { name: "payments", pool: 10, queue: 40, work_us: 3_000, calls: &["gateway", "ledger"] },
    Spec { name: "shipping", pool: 8, queue: 20, work_us: 5_000, calls: &[] },
    Spec { name: "ledger", pool: 4, queue: 40, work_us: 9_000, calls: &[] },
    Spec { name: "gateway", pool: 8, queue: 30, work_us: 12_000, calls: &[] },
];

const SEARCH: [Spec; 2] =
    [Spec { name: "query", pool: 12, queue: 40, work_us: 3_000, calls: &["index"] }, Spec { name: "index", pool: 6, queue: 30, work_us: 7_000, calls: &[] }];

/// One service with its stage and port.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub stage: &'static str,
    pub spec: Spec,
    pub port: u16,
}

impl Place {
    /// `staging_ledger`: what stands in the manifests as `@PORT_staging_ledger@`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}_{}", self.stage, self.spec.name)
    }
}

/// Every service, on consecutive ports from `base`.
#[must_use]
pub fn places(base: u16) -> Vec<Place> {
    let shops = STAGES.into_iter().flat_map(|stage| SHOP.into_iter().map(move |spec| (stage, spec)));
    let search = SEARCH.into_iter().map(|spec| ("search", spec));
    shops.chain(search).zip(base..).map(|((stage, spec), port)| Place { stage, spec, port }).collect()
}

/// Why the shop cannot open.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    #[error("port {port} on 127.0.0.1 is taken ({source}). End what listens there, or give other ports with --shop-port.")]
    PortTaken { port: u16, source: std::io::Error },
    #[error("no HTTP client could be made: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the shop stopped: {0}")]
    Stopped(#[from] std::io::Error),
}

/// Serves the whole shop until `alive` has not been touched for `patience`. The portal touches that file while it runs, so the
/// shop survives a portal that is killed and started again, but not one that never comes back.
pub async fn serve(base: u16, alive: &Path, patience: Duration) -> Result<(), ShopError> {
    let places = places(base);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build()?;
    let mut listeners = Vec::new();
    for place in &places {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        listeners.push(TcpListener::bind(address).await.map_err(|source| ShopError::PortTaken { port: place.port, source })?);
    }
    let mut serving = tokio::task::JoinSet::new();
    for (place, listener) in places.iter().zip(listeners) {
        let behind = place.spec.calls.iter().filter_map(|name| address_of(&places, place.stage, name)).collect();
        let router = Service::new(place.spec, behind, client.clone()).router();
        serving.spawn(async move { axum::serve(listener, router).await });
    }
    while touched_within(alive, patience) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    serving.shutdown().await;
    Ok(())
}

fn address_of(places: &[Place], stage: &str, name: &str) -> Option<String> {
    places.iter().find(|place| place.stage == stage && place.spec.name == name).map(|place| format!("http://127.0.0.1:{}/internal", place.port))
}

/// Whether the file's modification lies within `patience`, by the file system's own clock.
fn touched_within(alive: &Path, patience: Duration) -> bool {
    std::fs::metadata(alive).and_then(|facts| facts.modified()).is_ok_and(|at| at.elapsed().map_or(true, |age| age < patience))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Instant};

    use super::*;

    /// The shop of one stage on ports that are free: addresses by name, and what serves them for as long as it is kept.
    async fn open() -> (BTreeMap<&'static str, String>, tokio::task::JoinSet<std::io::Result<()>>) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut listeners = Vec::new();
        for spec in SHOP {
            listeners.push((spec, TcpListener::bind("127.0.0.1:0").await.unwrap()));
        }
        let addresses: BTreeMap<_, _> = listeners.iter().map(|(spec, at)| (spec.name, format!("http://{}", at.local_addr().unwrap()))).collect();
        let mut serving = tokio::task::JoinSet::new();
        for (spec, listener) in listeners {
            let behind = spec.calls.iter().map(|name| format!("{}/internal", addresses[name])).collect();
            let router = Service::new(spec, behind, client.clone()).router();
            serving.spawn(async move { axum::serve(listener, router).await });
        }
        (addresses, serving)
    }

    #[tokio::test]
    async fn a_slow_ledger_slows_the_storefront() {
        const SLOW: Duration = Duration::from_millis(100);
        let (shop, _serving) = open().await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let slow = serde_json::json!({ "slow_ms": SLOW.as_millis() });
        assert!(client.post(format!("{}/_faults", shop["ledger"])).json(&slow).send().await.unwrap().status().is_success());
        let began = Instant::now();
        let mut checkouts = tokio::task::JoinSet::new();
        for number in 0..24 {
            checkouts.spawn(client.get(format!("{}/checkout/{number}", shop["storefront"])).send());
        }
        while let Some(answer) = checkouts.join_next().await {
            assert_eq!(answer.unwrap().unwrap().status(), 200);
        }
        // The ledger has four places, so 24 checkouts go through it in six rounds; a sleep is never shorter than it says, however fast or
        // slow the machine is. The storefront has a place for each of them: alone it would be done in one round of a few milliseconds.
        assert!(began.elapsed() >= SLOW * 6, "{:?}", began.elapsed());
    }

    #[test]
    fn every_call_leads_to_a_service_of_the_same_stage() {
        let all = places(7_710);
        for place in &all {
            for name in place.spec.calls {
                assert!(address_of(&all, place.stage, name).is_some(), "{} calls {name}", place.key());
            }
        }
        assert_eq!(all.len(), 23);
    }
}
