//! Kinds of objects, as plain data: whoever uses this crate needs no Kubernetes types.

use std::{borrow::Cow, fmt};

/// A kind that lives in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// Empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    /// As in paths and rules: `testruns`.
    pub plural: &'static str,
    /// As in objects: `TestRun`.
    pub kind: &'static str,
}

impl Kind {
    pub const TEST_RUN: Self = Self::new("k6.io", "v1alpha1", "testruns", "TestRun");
    pub const CONFIG_MAP: Self = Self::new("", "v1", "configmaps", "ConfigMap");
    pub const SECRET: Self = Self::new("", "v1", "secrets", "Secret");
    pub const POD: Self = Self::new("", "v1", "pods", "Pod");
    pub const SERVICE: Self = Self::new("", "v1", "services", "Service");
    pub const EVENT: Self = Self::new("", "v1", "events", "Event");
    pub const JOB: Self = Self::new("batch", "v1", "jobs", "Job");
    pub const SERVICE_ACCOUNT: Self = Self::new("", "v1", "serviceaccounts", "ServiceAccount");
    pub const APPLICATION: Self = Self::new("argoproj.io", "v1alpha1", "applications", "Application");
    pub const APPLICATION_SET: Self = Self::new("argoproj.io", "v1alpha1", "applicationsets", "ApplicationSet");
    pub const APP_PROJECT: Self = Self::new("argoproj.io", "v1alpha1", "appprojects", "AppProject");

    #[must_use]
    pub const fn new(group: &'static str, version: &'static str, plural: &'static str, kind: &'static str) -> Self {
        Self { group, version, plural, kind }
    }
    pub(crate) fn api_version(self) -> Cow<'static, str> {
        if self.group.is_empty() { Cow::Borrowed(self.version) } else { Cow::Owned(format!("{}/{}", self.group, self.version)) }
    }
    /// Where its objects are; without a namespace, those of all namespaces.
    pub(crate) fn path(self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let within = namespace.map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
        format!("/{root}/{}/{within}{}", self.api_version(), self.plural)
    }
}

impl fmt::Display for Kind {
    /// As in rules and in the API server's own sentences: `testruns.k6.io`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(self.plural) } else { write!(f, "{}.{}", self.plural, self.group) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api_server() {
        assert_eq!(Kind::TEST_RUN.path(Some("shop")), "/apis/k6.io/v1alpha1/namespaces/shop/testruns");
        assert_eq!(Kind::POD.path(Some("shop")), "/api/v1/namespaces/shop/pods");
        assert_eq!(Kind::APPLICATION.path(None), "/apis/argoproj.io/v1alpha1/applications");
        assert_eq!(Kind::TEST_RUN.to_string(), "testruns.k6.io");
        assert_eq!(Kind::POD.to_string(), "pods");
    }
}
