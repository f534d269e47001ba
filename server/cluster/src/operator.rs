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
//! An archive that does not fit into a ConfigMap lies on the portal's [`Shelf`], and an init container of each pod fetches it from the
//! portal ([`RunnerImage`]); the ConfigMap then only says which one it is.
//!
//! How an execution stands is read anew each time, from the TestRun, its pods, Jobs and events ([`standing`]): the operator's stage says
//! only `finished`, also of what failed, and nothing at all of what hangs. The pods' exit codes decide, and their logs.
//!
//! Pure: `archive`, `objects`, `standing`, `stuck`, `log`, `summary`, `report`. Only `executor` talks to a cluster, and `shelf` to a disk.

mod archive;
mod executor;
mod log;
mod objects;
mod report;
pub(crate) mod seen;
mod settings;
mod shelf;
mod standing;
mod stuck;
mod summary;
mod watching;

pub use archive::{ArchiveError, MOST_CONFIG_MAP_BYTES, MOST_FETCHED_BYTES};
pub use executor::KubernetesExecutor;
/// What the cluster itself may end a runner by, where somebody has it do so: whole seconds, for `activeDeadlineSeconds`.
pub use objects::mark::ACTIVE_DEADLINE;
pub use settings::{OperatorSettings, PullPolicy, Resources, RunnerImage};
pub use shelf::Shelf;
/// How an init container of the runner image is started, and nothing else may be.
pub use windfirm_executor::runner::pod::{FETCH, FRONT};
