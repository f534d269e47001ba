//! Asking the clusters now what the service accounts may do there, at somebody's wish.
//!
//! It changes nothing in a cluster; who may see the answers may ask. But every question is work for an API server, so it is bounded for all
//! together ([`Sites::take_turn`](crate::sites::Sites::take_turn)), and it is on the record who asked.

use std::time::Duration;

use windfirm_model::{
    action::Action,
    audit::{EventCode, EventOutcome},
    fault::Fault,
};
use windfirm_policy::{
    Permit, Resource,
    act::{AskOfAccounts, AskOfClusters, ExplainAccess},
};
use windfirm_store::audit::Details;

use crate::{audit::Attempted, context::Asker, sites::ASK_PAUSE_S};

/// A page does not wait longer for answers. Those that come later stand there at the next look.
const PATIENCE: Duration = Duration::from_secs(5);

impl Asker {
    pub(super) async fn ask_clusters_now(&self) -> Result<(), Fault> {
        let resource = Resource::default;
        // Who sees the state of the portal, who is told of all accounts, and who acts as one.
        if let Ok(permit) = self.access.permit_anywhere::<AskOfClusters>(self.operation(), resource()) {
            return self.ask_with(permit).await;
        }
        if self.access.holds_everywhere(Action::ExplainAccess)
            && let Ok(permit) = self.access.permit_anywhere::<ExplainAccess>(self.operation(), resource())
        {
            return self.ask_with(permit).await;
        }
        match self.access.permit_anywhere::<AskOfAccounts>(self.operation(), resource()) {
            Ok(permit) => self.ask_with(permit).await,
            Err(refused) => Err(self.refuse(EventCode::PreflightAsk, Attempted::default(), &refused).await),
        }
    }

    async fn ask_with<A>(&self, permit: Permit<A>) -> Result<(), Fault> {
        let (store, sites) = (&self.portal.store, &self.portal.sites);
        let asked: Vec<_> = sites.iter().filter(|site| site.runs.is_some()).collect();
        let now = self.portal.clock.now();
        let not_now = if asked.is_empty() {
            Some("No cluster of the portal's configuration carries out runs, so there is none to ask.".to_owned())
        } else {
            sites.take_turn(now).err().map(|wait_s| {
                format!("The clusters were asked within the last {ASK_PAUSE_S} s, by you or somebody else. Look at the answers again, or ask in {wait_s} s.")
            })
        };
        if let Some(what) = not_now {
            return Err(self.record_refusal(EventCode::PreflightAsk, Attempted::default(), what.clone(), Fault::Conflict { what }).await);
        }
        let facts = vec![("clusters".to_owned(), asked.iter().map(|site| site.name()).collect::<Vec<_>>().join(", "))];
        let details = Details { facts, ..self.details() };
        store.intent(&permit, EventCode::PreflightAsk, &details).await.map_err(|error| self.store_fault(&error))?;
        asked.iter().for_each(|site| site.ask_now.notify_one());
        let answers = futures::future::join_all(asked.iter().map(|site| site.answered(now)));
        let why = match tokio::time::timeout(PATIENCE, answers).await {
            Ok(_) => None,
            Err(_) => Some(format!("Not every cluster had answered after {} s.", PATIENCE.as_secs())),
        };
        store.outcome(&permit, EventOutcome::Done, why.as_deref(), &[]).await.map_err(|error| self.store_fault(&error))?;
        Ok(())
    }
}
