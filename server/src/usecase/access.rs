//! Access, policy and system: what holds for oneself, and for those who may ask, for others.

use async_trait::async_trait;
use windfirm_app::portal::{Answer, Rules};
use windfirm_model::{
    action::{Action, Scope},
    actor::{Actor, Groups, PersonKey},
    audit::EventCode,
    fault::Fault,
    path::AppPath,
    view::{
        access::{AccessPage, AccessQuery, PolicyPage},
        system::SystemPage,
    },
};
use windfirm_policy::{Permit, Place, Refused, Resource, act::ExplainAccess, explain_all};
use windfirm_store::audit::Details;
use windfirm_tree::graph::App;

use crate::{audit::Attempted, context::Asker};

#[async_trait]
impl Rules for Asker {
    async fn access(&self, query: AccessQuery) -> Answer<AccessPage> {
        let given = |value: &Option<String>| value.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (person, groups) = (given(&query.person), given(&query.groups));
        let about_others = person.is_some() || groups.is_some();
        let seen = match given(&query.path) {
            None => None,
            Some(text) => {
                let text = if text.ends_with('/') { text } else { format!("{text}/") };
                let path: AppPath = text.parse().map_err(|error| Fault::field("path", format!("{error}.")))?;
                // The asker must see the app, whoever the question is about.
                Some(self.see_app(&path, EventCode::Denied).await?)
            }
        };
        let place = seen.as_ref().map(App::place);
        let subject = if about_others { self.somebody(person, groups, place.as_ref()).await? } else { self.actor.clone() };
        let policy = &self.policy.policy;
        let whole = policy.access(&subject);
        // About others one learns only what holds where one may ask; about oneself, everything.
        let (access, grants) = match about_others {
            true => (whole.within(&self.access, Action::ExplainAccess), policy.grants_within(&subject, &self.access, Action::ExplainAccess)),
            false => (whole, policy.grants_of(&subject)),
        };
        let mut actions = Vec::new();
        if let Some(place) = &place {
            actions = explain_all(policy, &access, place);
            // What concerns the whole portal may come from any grant, so a part of the grants cannot tell.
            let tree_only = about_others && !self.access.holds_everywhere(Action::ExplainAccess);
            if tree_only {
                actions.retain(|row| Action::parse(&row.action).is_some_and(|action| action.scope() == Scope::Tree));
            }
            if let Some(wanted) = given(&query.action) {
                let action = Action::parse(&wanted).ok_or_else(|| Fault::field("action", format!("“{wanted}” is no action. Choose one of the list.")))?;
                if tree_only && action.scope() == Scope::Portal {
                    return Err(Fault::field("action", format!("{} concerns the whole portal, and you may ask about a part of it only.", action.code())));
                }
                actions.retain(|row| row.action == action.code());
            }
        }
        let (groups, groups_unknown) = match &subject {
            Actor::Person { groups: Groups::Known(names), .. } => (names.clone(), None),
            Actor::Person { groups: Groups::Unknown(why), .. } => (Vec::new(), Some(why.clone())),
            Actor::System { .. } => (Vec::new(), None),
        };
        // What the asker may know of accounts is not what somebody else acts as: about others it is the one account that they would act as there.
        let accounts = match &seen {
            _ if !about_others => self.account_findings().await?,
            Some(app) => self.account_findings_for(&access, app).await?.into_iter().collect(),
            None => Vec::new(),
        };
        Ok(AccessPage {
            person: subject.display_name().to_owned(),
            groups,
            groups_unknown,
            may_explain_others: self.access.can_anywhere(Action::ExplainAccess).is_some(),
            grants,
            app: seen.map(|app| (app.path, app.environment)),
            actions,
            policy: self.policy.version(),
            accounts,
            now: self.portal.clock.now(),
            query,
        })
    }

    async fn policy(&self) -> Answer<PolicyPage> {
        self.need_portal_wide(Action::ViewPolicy).await?;
        let policy = &self.policy.policy;
        Ok(PolicyPage {
            version: self.policy.version(),
            refused: self.policy.refused.clone(),
            file: policy.file().to_owned(),
            text: policy.text().to_owned(),
            grants: policy.grants(),
            roles: policy.roles(),
        })
    }

    async fn system(&self) -> Answer<SystemPage> {
        self.need_portal_wide(Action::ViewSystem).await?;
        self.system_page().await
    }

    async fn ask_clusters(&self) -> Answer<()> {
        self.ask_clusters_now().await
    }
}

impl Asker {
    /// Somebody else, as the question describes them. It is judged where it is asked about; without a place the answer is cut to
    /// where the asker may ask. Asking stands in the record.
    async fn somebody(&self, person: Option<String>, groups: Option<String>, place: Option<&Place>) -> Result<Actor, Fault> {
        let permit: Result<Permit<ExplainAccess>, Refused> = match place {
            Some(place) => self.access.permit(self.operation(), place, Resource::default()),
            None => self.access.permit_anywhere(self.operation(), Resource::default()),
        };
        let permit = match permit {
            Ok(permit) => permit,
            Err(refused) => return Err(self.refuse(EventCode::AccessExplain, Attempted { place: place.cloned(), run: None }, &refused).await),
        };
        let key = match &person {
            Some(text) => {
                let (issuer, subject) =
                    text.split_once('|').ok_or_else(|| Fault::field("person", "A person is written as issuer|subject, such as https://login.example|abc."))?;
                PersonKey { issuer: issuer.to_owned(), subject: subject.to_owned() }
            }
            None => PersonKey { issuer: "nobody".to_owned(), subject: "in particular".to_owned() },
        };
        let names: Vec<String> = groups.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let facts = vec![("person".to_owned(), key.to_string()), ("groups".to_owned(), names.join(", "))];
        let details = Details { facts, ..self.details() };
        self.record_reading(permit, EventCode::AccessExplain, &details).await?;
        let name = person.unwrap_or_else(|| format!("anybody in {}", names.join(", ")));
        Ok(Actor::Person { key, name, groups: Groups::Known(names) })
    }

    /// For pages of the portal itself.
    async fn need_portal_wide(&self, action: Action) -> Result<(), Fault> {
        if self.access.can_anywhere(action).is_some() {
            return Ok(());
        }
        let why = format!("None of your grants gives you {}: {}", action.code(), action.sentence());
        Err(self.record_refusal(EventCode::Denied, Attempted::default(), why.clone(), Fault::Forbidden { why }).await)
    }
}
