//! What a run needs, right by right.

/// A verb on a resource, in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Right {
    pub verb: &'static str,
    /// Empty for the core group.
    pub group: &'static str,
    pub resource: &'static str,
    /// Empty for the resource itself.
    pub part: &'static str,
    /// Ends the sentence “It is needed …”.
    pub needed_for: &'static str,
}

impl Right {
    #[must_use]
    pub const fn new(verb: &'static str, group: &'static str, resource: &'static str, part: &'static str, needed_for: &'static str) -> Self {
        Self { verb, group, resource, part, needed_for }
    }
    /// `pods/log`.
    #[must_use]
    pub fn resource_with_part(&self) -> String {
        if self.part.is_empty() { self.resource.to_owned() } else { format!("{}/{}", self.resource, self.part) }
    }
}

/// What a run needs, of its account, in the account's namespace. Of the portal it needs, there, to act as the account for each of these.
pub const RUN_RIGHTS: &[Right] = &[
    Right::new("create", "k6.io", "testruns", "", "to start a run"),
    Right::new("get", "k6.io", "testruns", "", "to find a run again after a restart"),
    Right::new("list", "k6.io", "testruns", "", "to find runs that nobody knows of any more"),
    Right::new("watch", "k6.io", "testruns", "", "to see how far a run is"),
    Right::new("delete", "k6.io", "testruns", "", "to stop a run for good and to clean up after it"),
    Right::new("create", "", "configmaps", "", "to hand the script to the runners"),
    Right::new("delete", "", "configmaps", "", "to clean up scripts of runs that were never started"),
    Right::new("create", "", "secrets", "", "to hand the runners the token that they deliver with"),
    Right::new("delete", "", "secrets", "", "to take back the token of a run that was never started"),
    Right::new("list", "", "pods", "", "to tell how each runner ended"),
    Right::new("watch", "", "pods", "", "to notice at once when a runner dies or does not start"),
    Right::new("get", "", "pods", "log", "to show the runners' log, and why a script was refused"),
    Right::new("get", "", "services", "proxy", "to ask the runners how they are"),
    Right::new("patch", "", "services", "proxy", "to stop a run so that its teardown runs and nothing measured is lost"),
    Right::new("list", "batch", "jobs", "", "to tell which part of a run did not start"),
    Right::new("watch", "batch", "jobs", "", "to notice when a part of a run does not start"),
    Right::new("list", "", "events", "", "to tell why a runner does not start"),
    Right::new("watch", "", "events", "", "to tell at once why a runner does not start"),
];

/// What the app page needs of each Secret that tests get, by name, to show how old it is. Runs themselves need no right on it: a node gives
/// it to the pod.
pub const SECRET_RIGHT: Right = Right::new("get", "", "secrets", "", "to show when a Secret of the tests was last changed, and by whom");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_right_stands_twice_and_each_says_what_for() {
        let mut seen = std::collections::BTreeSet::new();
        for right in RUN_RIGHTS {
            assert!(seen.insert((right.verb, right.group, right.resource, right.part)), "{right:?}");
            assert!(right.needed_for.starts_with("to ") && !right.needed_for.ends_with('.'), "{right:?}");
        }
    }
}
