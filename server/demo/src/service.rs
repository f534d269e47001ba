//! One service: a bounded pool of workers, a bounded queue before it, some work, and calls to the services behind it.
//!
//! A request that finds the queue full is answered with 503 at once. While it waits for another service it keeps its place in
//! the pool: that is how slowness travels upwards through the shop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Value, json};

use crate::{fault::Faults, pool::Pool};

/// What a service is like.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub name: &'static str,
    /// Requests worked on at the same time.
    pub pool: u32,
    /// Requests that may wait for a place.
    pub queue: u32,
    /// Work of one request in microseconds; each takes between half and one and a half of it.
    pub work_us: u32,
    /// Services that it calls, one after the other, for every request.
    pub calls: &'static [&'static str],
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    spec: Spec,
    /// Addresses of the services it calls.
    behind: Vec<String>,
    client: reqwest::Client,
    pool: Pool,
    waiting: AtomicU32,
    served: AtomicU64,
    faults: std::sync::Mutex<Faults>,
}

impl Service {
    /// `behind` are the addresses of `spec.calls`, in the same order.
    #[must_use]
    pub fn new(spec: Spec, behind: Vec<String>, client: reqwest::Client) -> Arc<Self> {
        Arc::new(Self {
            spec,
            behind,
            client,
            pool: Pool::new(spec.pool),
            waiting: AtomicU32::new(0),
            served: AtomicU64::new(0),
            faults: std::sync::Mutex::default(),
        })
    }

    /// All its routes. Every path but those with an underscore is work.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/_health", get(health))
            .route("/_faults", post(set_faults).get(read_faults))
            .route("/", any(work))
            .route("/{*path}", any(work))
            .with_state(self)
    }

    fn faults(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change(&self, faults: Faults) {
        let faults = faults.bounded();
        *self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = faults;
        self.pool.resize(if faults.pool == 0 { self.spec.pool } else { faults.pool });
    }

    /// A number that looks random and is the same in every run: request `n` of this service.
    fn jitter(&self, n: u64) -> u32 {
        let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(self.spec.work_us);
        x ^= x >> 31;
        x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        u32::try_from((x >> 33) % 1_000).unwrap_or_default()
    }

    async fn serve(&self, method: &Method, path: &str) -> Result<Value, (StatusCode, String)> {
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= self.spec.queue.saturating_add(self.pool.places()) {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err((StatusCode::SERVICE_UNAVAILABLE, format!("{}: the queue is full", self.spec.name)));
        }
        let place = self.pool.take().await;
        let n = self.served.fetch_add(1, Ordering::SeqCst);
        let answer = self.work(n, method, path).await;
        drop(place);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    async fn work(&self, n: u64, method: &Method, path: &str) -> Result<Value, (StatusCode, String)> {
        let faults = self.faults();
        let jitter = self.jitter(n);
        let work_us = u64::from(self.spec.work_us) * u64::from(500 + jitter) / 1_000;
        // One request in a hundred is a slow one, as everywhere.
        let tail_us = if jitter > 990 { u64::from(self.spec.work_us) * 6 } else { 0 };
        tokio::time::sleep(Duration::from_micros(work_us + tail_us) + Duration::from_millis(u64::from(faults.slow_ms))).await;
        if jitter % 100 < faults.error_percent {
            return Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{}: a fault is switched on", self.spec.name)));
        }
        for address in &self.behind {
            let answer = self.client.get(address).send().await;
            match answer {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => return Err((StatusCode::BAD_GATEWAY, format!("{}: {address} answered {}", self.spec.name, answer.status()))),
                Err(error) => return Err((StatusCode::GATEWAY_TIMEOUT, format!("{}: {address}: {error}", self.spec.name))),
            }
        }
        let id = path.rsplit('/').next().unwrap_or_default();
        Ok(json!({ "service": self.spec.name, "id": id, "method": method.as_str(), "served": n }))
    }
}

async fn work(State(service): State<Arc<Service>>, request: Request) -> Response {
    let method = request.method().clone();
    match service.serve(&method, request.uri().path()).await {
        Ok(body) if method == Method::POST && !request.uri().path().starts_with("/slices/") => (StatusCode::CREATED, Json(body)).into_response(),
        Ok(body) => Json(body).into_response(),
        Err((status, why)) => (status, Json(json!({ "error": why }))).into_response(),
    }
}

async fn health(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(json!({ "service": service.spec.name, "waiting": service.waiting.load(Ordering::SeqCst), "served": service.served.load(Ordering::SeqCst) }))
}

async fn read_faults(State(service): State<Arc<Service>>) -> Json<Faults> {
    Json(service.faults())
}

async fn set_faults(State(service): State<Arc<Service>>, Json(faults): Json<Faults>) -> Json<Faults> {
    service.change(faults);
    Json(service.faults())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_PLACE: Spec = Spec { name: "till", pool: 1, queue: 1, work_us: 1_000, calls: &[] };

    #[tokio::test]
    async fn a_full_queue_answers_at_once() {
        let till = Service::new(ONE_PLACE, Vec::new(), reqwest::Client::new());
        till.change(Faults { slow_ms: 300, ..Faults::default() });
        let (first, second, third) = tokio::join!(till.serve(&Method::GET, "/a"), till.serve(&Method::GET, "/b"), till.serve(&Method::GET, "/c"));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(third.unwrap_err().0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn errors_can_be_switched_on_and_off() {
        let till = Service::new(ONE_PLACE, Vec::new(), reqwest::Client::new());
        till.change(Faults { error_percent: 100, ..Faults::default() });
        assert_eq!(till.serve(&Method::GET, "/a").await.unwrap_err().0, StatusCode::INTERNAL_SERVER_ERROR);
        till.change(Faults::default());
        assert!(till.serve(&Method::GET, "/a").await.is_ok());
    }

    #[tokio::test]
    async fn a_small_pool_under_load_really_is_small() {
        let spec = Spec { pool: 8, queue: 8, ..ONE_PLACE };
        let till = Service::new(spec, Vec::new(), reqwest::Client::new());
        // All places are taken when the fault comes: that is when somebody switches it on.
        let mut taken = Vec::new();
        for _ in 0..8 {
            taken.push(till.pool.take().await);
        }
        till.change(Faults { pool: 1, ..Faults::default() });
        drop(taken);
        let only = till.pool.take().await;
        tokio::select! {
            biased;
            _ = till.pool.take() => panic!("a second place in a pool of one"),
            () = std::future::ready(()) => {}
        }
        drop(only);
        till.change(Faults::default());
        for _ in 0..8 {
            std::mem::forget(till.pool.take().await);
        }
    }
}
