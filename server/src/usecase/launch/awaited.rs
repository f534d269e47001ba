//! A launch that starts when a Secret of the tests changes: how somebody who rotates one has it tried at once, as themselves.
//!
//! It is launched and judged now, and waits (`worker/awaiting`) with the time of the Secret's last change; when that moves on, it is queued,
//! and judged again if the policy is another one by then.

use windfirm_model::{run::RunState, view::secret::SecretTold};
use windfirm_policy::{Permit, Place, Resource, act::LookAtSecrets};

use super::{
    Resolved,
    fields::{Fields, short},
};
use crate::{context::Asker, sites::RunsAt, usecase::secrets::look};

/// How long it waits. Long enough for whoever rotates by hand; short enough that the groups of who launched it still are theirs.
const MOST_WAIT_S: i64 = 4 * 60 * 60;

impl Asker {
    /// Why a launch here cannot wait for what its form names; `None`: it can, or waits for nothing.
    pub(super) fn not_awaited(&self, place: &Place, fields: &Fields) -> Option<String> {
        let secret = fields.after.as_ref()?;
        let given = self.policy.policy.secrets_for(place);
        if given.iter().any(|given| given.secret == *secret) {
            return None;
        }
        Some(if given.is_empty() {
            format!("The policy gives the tests of this app no Secret, so that none can be waited for. Start at once instead of after {}.", short(secret))
        } else {
            format!("The tests of this app get no Secret {}. Choose one of the list, or start at once.", short(secret))
        })
    }

    /// Where a launch begins: in the queue, or waiting for a Secret as it is now. The error is for the form.
    pub(super) async fn first_state(&self, resolved: &Resolved) -> Result<RunState, String> {
        let Some(secret) = resolved.fields.after.clone() else { return Ok(RunState::Queued) };
        let RunsAt::In(site) = &resolved.runs_at else { return Err("Only runs in a cluster can wait for a Secret: start at once.".to_owned()) };
        let permit: Permit<LookAtSecrets> =
            self.access.permit(self.operation(), &resolved.place, Resource::default()).map_err(|refused| refused.to_string())?;
        let (changed, version) = match look(site, &permit, &secret).await {
            Ok(facts) => (Some(facts.changed), facts.version),
            // It is waited for until it is there.
            Err(SecretTold::Missing { .. }) => (None, String::new()),
            Err(SecretTold::NotAsked { why } | SecretTold::Refused { why }) => return Err(format!("Secret {secret} cannot be watched. {why}")),
            Err(SecretTold::Known { .. }) => return Err(format!("Secret {secret} cannot be watched. Try again in a moment.")),
        };
        Ok(RunState::Waiting { secret, changed, version, until: self.portal.clock.now().plus_seconds(MOST_WAIT_S) })
    }
}
