//! Everything that speaks HTTP: routes, headers, who asks, live streams, ingest, health.

pub mod door;
pub mod events;
pub mod functions;
pub mod headers;
pub mod health;
pub mod home_address;
pub mod ingest;
pub mod listen;
pub mod proxy;
pub mod refusal_in_address;
pub mod request_log;
pub mod routes;
pub mod same_site;
pub mod shape;
pub mod table;
pub mod turnstile;
pub mod who;
