//! The closed list of actions: all that a policy can allow, a sentence each.

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $scope:ident, $reach:ident, $sentence:literal;)+) => {
        /// One thing that a policy can allow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Action {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)+
        }
        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// The name that policies, audit rows and pages use.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
            /// What it lets somebody do, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
            #[must_use]
            pub const fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope,)+ }
            }
            #[must_use]
            pub const fn reach(self) -> Reach {
                match self { $(Self::$variant => Reach::$reach,)+ }
            }
            #[must_use]
            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.code() == code)
            }
        }
    };
}

/// What an action is judged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A path and an environment of the tree.
    Tree,
    /// The portal itself: a grant on any path gives it.
    Portal,
}

/// Whether an action reaches a cluster, and so needs a service account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    PortalOnly,
    Cluster,
}

actions! {
    ViewApp = "app.view", Tree, PortalOnly, "See an app in the tree, its tests, its sources and what it may cost.";
    ViewRun = "run.view", Tree, PortalOnly, "Read the results, the log and the manifest of a run.";
    LaunchRun = "run.launch", Tree, Cluster, "Launch a load test on an app.";
    StopOwnRun = "run.stop.own", Tree, Cluster, "Stop a run that you launched.";
    StopRun = "run.stop", Tree, Cluster, "Stop anybody's run.";
    ViewAudit = "audit.view", Tree, PortalOnly, "Read the audit events of these paths.";
    ExportAudit = "audit.export", Tree, PortalOnly, "Take audit events of these paths out of the portal.";
    ViewPolicy = "policy.view", Portal, PortalOnly, "Read the policy that is in force.";
    ViewSystem = "system.view", Portal, PortalOnly, "See the state of the portal itself: sources, store, runner, confinement.";
    ExplainAccess = "access.explain", Tree, PortalOnly, "Ask what somebody else may do here, and why.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.code()), Some(*action));
            assert!(action.sentence().ends_with('.'));
        }
    }
}
