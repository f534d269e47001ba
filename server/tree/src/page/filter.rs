//! The filters of the URL. An unknown word is refused, never ignored; an environment that the asker cannot see is unknown.

use std::collections::BTreeMap;

use windfirm_model::{
    environment::Environment,
    fault::Fault,
    view::{
        cluster::{HealthWord, LiveState, Settled, SyncWord},
        tree::TreeQuery,
    },
};

use super::visible::Standing;
use crate::graph::App;

const MAX_SEARCH: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Filter {
    /// In small letters.
    text: Option<String>,
    environment: Option<Environment>,
    standing: Option<Standing>,
    live: LiveFilter,
    pub(super) table: bool,
}

/// What is asked of the live side of an app. An app of which no cluster says anything matches none of it.
#[derive(Debug, Default)]
struct LiveFilter {
    health: Option<HealthWord>,
    sync: Option<SyncWord>,
    settled: Option<bool>,
}

impl Filter {
    /// `has_live`: a cluster says something of an app that the asker sees.
    pub(super) fn read(query: &TreeQuery, environments: &[Environment], has_live: bool) -> Result<Self, Fault> {
        let mut fields = BTreeMap::new();
        let mut filter = Self::default();
        let given = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(text) = given(&query.q) {
            if text.chars().count() > MAX_SEARCH {
                fields.insert("q".to_owned(), format!("The search takes at most {MAX_SEARCH} characters. Make it shorter."));
            }
            filter.text = Some(text.to_lowercase());
        }
        if let Some(name) = given(&query.env) {
            filter.environment = environments.iter().find(|environment| environment.as_str() == name).cloned();
            if filter.environment.is_none() {
                fields.insert("env".to_owned(), format!("None of your apps is in an environment {name}. Choose one of the list."));
            }
        }
        if let Some(word) = given(&query.verdict) {
            filter.standing = match word.as_str() {
                "pass" => Some(Standing::Pass),
                "fail" => Some(Standing::Fail),
                "inconclusive" => Some(Standing::Inconclusive),
                "never" => Some(Standing::Never),
                "live" => Some(Standing::Live),
                _ => None,
            };
            if filter.standing.is_none() {
                fields.insert("verdict".to_owned(), format!("There is no verdict {word}. Use pass, fail, inconclusive, never or live."));
            }
        }
        filter.live = LiveFilter::read([&query.health, &query.sync, &query.settled].map(given), has_live, &mut fields);
        match given(&query.view).as_deref() {
            None | Some("tree") => {}
            Some("table") => filter.table = true,
            Some(word) => {
                fields.insert("view".to_owned(), format!("There is no view {word}. Use table, or leave it out for the tree."));
            }
        }
        if fields.is_empty() { Ok(filter) } else { Err(Fault::Invalid { fields }) }
    }
    /// Whether anything is filtered at all.
    pub(super) const fn narrows(&self) -> bool {
        self.text.is_some() || self.environment.is_some() || self.standing.is_some() || self.live.narrows()
    }
    /// `state` is asked for only where it matters.
    pub(super) fn takes(&self, app: &App, standing: Standing, state: impl FnOnce() -> Option<LiveState>) -> bool {
        self.environment.as_ref().is_none_or(|environment| *environment == app.environment)
            && self.standing.is_none_or(|wanted| wanted == standing)
            // The path holds the name, and Kubernetes and we make both of small letters only.
            && self.text.as_deref().is_none_or(|text| app.path.as_str().contains(text))
            && (!self.live.narrows() || state().is_some_and(|state| self.live.takes(&state)))
    }
}

impl LiveFilter {
    fn read([health, sync, settled]: [Option<String>; 3], has_live: bool, fields: &mut BTreeMap<String, String>) -> Self {
        let mut refuse = |name: &str, sentence: String| {
            let sentence = if has_live { sentence } else { "No cluster says how your apps stand, so they cannot be told apart by it.".to_owned() };
            fields.insert(name.to_owned(), sentence);
        };
        let mut filter = Self::default();
        if let Some(word) = health {
            filter.health = HealthWord::parse(&word).filter(|_| has_live);
            if filter.health.is_none() {
                refuse("health", format!("There is no health {word}. Use healthy, suspended, progressing, missing, degraded or unknown."));
            }
        }
        if let Some(word) = sync {
            filter.sync = SyncWord::parse(&word).filter(|_| has_live);
            if filter.sync.is_none() {
                refuse("sync", format!("No app is ever {word}. Use synced, out-of-sync or unknown."));
            }
        }
        if let Some(word) = settled {
            filter.settled = match word.as_str() {
                "yes" if has_live => Some(true),
                "no" if has_live => Some(false),
                _ => None,
            };
            if filter.settled.is_none() {
                refuse("settled", format!("Whether an app is settled is yes or no, not {word}."));
            }
        }
        filter
    }
    const fn narrows(&self) -> bool {
        self.health.is_some() || self.sync.is_some() || self.settled.is_some()
    }
    fn takes(&self, state: &LiveState) -> bool {
        self.health.is_none_or(|wanted| state.health == Some(wanted))
            && self.sync.is_none_or(|wanted| state.sync == Some(wanted))
            && self.settled.is_none_or(|wanted| state.settled.as_ref().is_some_and(|settled| (*settled == Settled::Yes) == wanted))
    }
}
