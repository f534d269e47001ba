//! The filters of the URL. An unknown word is refused, never ignored; an environment that the asker cannot see is unknown.

use std::collections::BTreeMap;

use windfirm_model::{environment::Environment, fault::Fault, view::tree::TreeQuery};

use super::visible::Standing;
use crate::graph::App;

const MAX_SEARCH: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Filter {
    /// In small letters.
    text: Option<String>,
    environment: Option<Environment>,
    standing: Option<Standing>,
    pub(super) table: bool,
}

impl Filter {
    pub(super) fn read(query: &TreeQuery, environments: &[Environment]) -> Result<Self, Fault> {
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
        self.text.is_some() || self.environment.is_some() || self.standing.is_some()
    }
    pub(super) fn takes(&self, app: &App, standing: Standing) -> bool {
        self.environment.as_ref().is_none_or(|environment| *environment == app.environment)
            && self.standing.is_none_or(|wanted| wanted == standing)
            // The path holds the name, and Kubernetes and we make both of small letters only.
            && self.text.as_deref().is_none_or(|text| app.path.as_str().contains(text))
    }
}
