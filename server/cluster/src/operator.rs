//! Executions as TestRuns of k6-operator: [`KubernetesExecutor`].
//!
//! One execution is one TestRun, named after it. It owns all else: a ConfigMap with the bundle as a k6 archive, a Secret with the ingest
//! token, and what the operator makes (Jobs, pods, Services). So deleting the TestRun leaves nothing, whenever it happens.
//!
//! The order of making is what leaves no orphan: first the TestRun, then Secret and ConfigMap, which name it as their owner. The other way
//! round a crash in between would leave a ConfigMap that nobody owns (an owner can be named only when it exists, and the account may not
//! change what it has made). The initializer's pod waits for its volume, and the ConfigMap is there before the pod has been given a node. If we die in
//! between, the pod goes on waiting, [`executor`] calls that “absent”, and the supervisor orders once more: what is there already is taken
//! as done.
//!
//! How an execution stands is read anew each time, from the TestRun, its pods, Jobs and events ([`standing`]): the operator's stage says
//! only `finished`, also of what failed, and nothing at all of what hangs. The pods' exit codes decide, and their logs.
//!
//! Pure: `archive`, `objects`, `standing`, `stuck`, `log`, `summary`, `report`. Only `executor` talks to a cluster.

mod archive;
mod executor;
mod log;
mod objects;
mod report;
pub(crate) mod seen;
mod settings;
mod standing;
mod stuck;
mod summary;

pub use archive::{ArchiveError, MOST_ARCHIVE_BYTES};
pub use executor::KubernetesExecutor;
pub use settings::{OperatorSettings, PullPolicy, Resources};
