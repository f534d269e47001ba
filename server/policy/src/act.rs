//! The actions of [`windfirm_model::action::Action`] as types, so that a permit for one is not a permit for another.

use windfirm_model::{action::Action, actor::SystemTask};

mod sealed {
    pub trait Sealed {}
}

/// An action that a person's grant can allow.
pub trait Act: sealed::Sealed + 'static {
    const ACTION: Action;
}

/// An action that needs nothing but a grant. (A launch also needs its guardrails judged, so it is not plain.)
pub trait PlainAct: Act {}

/// What only a system task may do.
pub trait SystemAct: sealed::Sealed + 'static {
    const TASK: SystemTask;
}

/// What everybody may do with what is their own: log in, log out, end a session of theirs.
pub trait OwnAct: sealed::Sealed + 'static {}

macro_rules! act {
    ($($name:ident: $($role:ident $(= $value:expr)?),+;)+) => {$(
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        $(act!(@role $name $role $($value)?);)+
    )+};
    (@role $name:ident Act $action:expr) => { impl Act for $name { const ACTION: Action = $action; } };
    (@role $name:ident SystemAct $task:expr) => { impl SystemAct for $name { const TASK: SystemTask = $task; } };
    (@role $name:ident PlainAct) => { impl PlainAct for $name {} };
    (@role $name:ident OwnAct) => { impl OwnAct for $name {} };
}

act! {
    LaunchRun: Act = Action::LaunchRun;
    StopRun: Act = Action::StopRun, PlainAct;
    StopOwnRun: Act = Action::StopOwnRun, PlainAct;
    ViewAudit: Act = Action::ViewAudit, PlainAct;
    ReadLog: Act = Action::ViewRun, PlainAct;
    LookAtSecrets: Act = Action::LaunchRun, PlainAct;
    AskOfAccounts: Act = Action::LaunchRun, PlainAct;
    AskOfClusters: Act = Action::ViewSystem, PlainAct;
    ExplainAccess: Act = Action::ExplainAccess, PlainAct;

    OpenSession: OwnAct;
    EndSession: OwnAct;

    SuperviseRuns: SystemAct = SystemTask::RunSupervisor;
    StoreMeasurements: SystemAct = SystemTask::Ingest;
    ReconcileAudit: SystemAct = SystemTask::AuditReconciler;
    CleanSessions: SystemAct = SystemTask::SessionCleaner;
    Reload: SystemAct = SystemTask::Reloader;
    KeepDeployments: SystemAct = SystemTask::ClusterWatcher;
}
