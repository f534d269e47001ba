//! The clusters that the portal talks to. The only owner of Kubernetes clients.
//!
//! - [`Clusters`] are named, each found in the configuration only, never guessed from the environment. One that cannot be reached says
//!   since when and why ([`Cluster::reach`]), and never holds up another.
//! - [`Gateway::as_service_account`] is the one way to change anything in a cluster (invariant 2). It wants a permit, acts as the permit's
//!   service account and in its namespace, and no function of this crate gives out a client: what comes back is an [`Acting`] with the few
//!   verbs that runs need.
//! - [`mod@preflight`] asks beforehand what the accounts may do, [`mod@watch`] keeps what a cluster has, as the portal's own account, which only reads.
//! - [`read_secret`] and [`watch_secret`] keep what the portal's own configuration names by `secretRef`, by rights on those names alone.
//! - [`mod@operator`] carries out executions as TestRuns of k6-operator, all through the gateway.
//!
//! What goes over the wire passes `call`: time limits, bounds, the API server's audit id, and errors in words ([`ClusterError`]). Tokens,
//! kubeconfigs and headers never reach a `Debug`, an error or a log.
//!
//! May know: Kubernetes' API, permits. May not know: SQL, pages, what an app means; what a run is, only `operator` knows.

mod account;
mod accounts;
mod acting;
mod call;
mod cluster;
mod clusters;
mod connect;
mod error;
mod gateway;
mod kind;
pub mod operator;
pub mod preflight;
mod read;
mod refusal;
mod secret;
mod secret_facts;
pub mod watch;

pub use account::{Account, BadAccount};
pub use acting::{Acting, Done, LogPart, Proxied, Selector};
pub use cluster::{Cluster, Reach};
pub use clusters::{BadClusters, ClusterName, ClusterSpec, Clusters, Impersonation, Source};
pub use error::ClusterError;
pub use gateway::Gateway;
pub use kind::Kind;
pub use preflight::{Findings, Lack, Preflight, Presence, Question, RUN_RIGHTS, Right, SECRET_RIGHT, preflight};
pub use read::{read_labelled, read_one};
pub use refusal::{Refusal, Side};
pub use secret::{BadSecretRef, SecretData, SecretError, SecretRef, read_secret, secret_in, try_watch_of_secret, watch_secret};
pub use secret_facts::SecretFacts;
pub use watch::{Change, Changes, Object, ObjectName, Snapshot, Trouble, Watch, WatchSettings, Watched, Watcher, watch};
