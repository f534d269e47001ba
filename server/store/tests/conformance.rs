//! Every function of the store on SQLite and on a real PostgreSQL, by the same tests.

#[cfg(test)]
#[path = "conformance/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "conformance/database.rs"]
mod database;
#[cfg(test)]
#[path = "conformance/deployments.rs"]
mod deployments;
#[cfg(test)]
#[path = "conformance/ingest.rs"]
mod ingest;
#[cfg(test)]
#[path = "conformance/launching.rs"]
mod launching;
#[cfg(test)]
#[path = "conformance/lists.rs"]
mod lists;
#[cfg(test)]
#[path = "conformance/passwords.rs"]
mod passwords;
#[cfg(test)]
#[path = "conformance/people.rs"]
mod people;
#[cfg(test)]
#[path = "conformance/portals.rs"]
mod portals;
#[cfg(test)]
#[path = "conformance/postgres.rs"]
mod postgres;
#[cfg(test)]
#[path = "conformance/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "conformance/sessions.rs"]
mod sessions;
#[cfg(test)]
#[path = "conformance/short_ids.rs"]
mod short_ids;
#[cfg(test)]
#[path = "conformance/small_tables.rs"]
mod small_tables;
#[cfg(test)]
#[path = "conformance/supervising.rs"]
mod supervising;
#[cfg(test)]
#[path = "conformance/world.rs"]
mod world;
