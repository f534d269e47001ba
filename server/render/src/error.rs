//! Why there are no manifests.

use windfirm_cluster::{Account, BadAccount};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("{0}")]
    Account(BadAccount),
    #[error(
        "Grant “{grant}” names {account}, which is the portal's own account: whoever launches by it would act as the portal, with all its rights. Name another account in the policy, or say with --portal-account as whom the portal runs."
    )]
    PortalIsAccount { account: Account, grant: String },
    #[error("No grant names an account in namespace {name}, so nothing there can be dedicated to runs. Namespaces of the policy: {known}.")]
    NoSuchNamespace { name: String, known: String },
}
