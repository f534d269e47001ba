//! Reading the audit log. Reading it stands in it, too.

use async_trait::async_trait;
use time::{Date, macros::format_description};
use windfirm_app::portal::{Answer, Audit};
use windfirm_model::{
    action::Action,
    audit::{EventCode, EventOutcome},
    clock::Timestamp,
    fault::Fault,
    path::AppPath,
    view::audit::{AuditPage, AuditQuery},
};
use windfirm_policy::{Permit, Resource, act::ViewAudit};
use windfirm_store::audit::{AuditFilter, EventFilter};

use crate::{audit::Attempted, context::Asker};

/// Rows of one page.
const PAGE_ROWS: u32 = 50;

#[async_trait]
impl Audit for Asker {
    async fn audit(&self, query: AuditQuery) -> Answer<AuditPage> {
        let permit: Permit<ViewAudit> = match self.access.permit_anywhere(self.operation(), Resource::default()) {
            Ok(permit) => permit,
            Err(refused) => return Err(self.refuse(EventCode::AuditRead, Attempted::default(), &refused).await),
        };
        let filter = filter_of(&query)?;
        let store = &self.portal.store;
        self.record_reading(permit, EventCode::AuditRead, &self.details()).await?;
        let slice = store.audit(&self.access, &filter, PAGE_ROWS).await.map_err(|error| self.store_fault(&error))?;
        let detail = match query.entry.as_deref().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                let seq = text.parse().map_err(|_| Fault::field("entry", "This is no number of an entry."))?;
                Some(store.audit_entry(&self.access, seq).await.map_err(|error| self.store_fault(&error))?.ok_or(Fault::NotFound)?)
            }
        };
        let mut scope: Vec<String> = self
            .policy
            .policy
            .grants_of(&self.actor)
            .into_iter()
            .filter(|grant| grant.can.iter().any(|action| action == Action::ViewAudit.code()))
            .flat_map(|grant| grant.on.into_iter().map(|path| path.to_string()))
            .collect();
        scope.sort();
        scope.dedup();
        Ok(AuditPage {
            rows: slice.rows,
            older: slice.older.map(|seq| seq.to_string()),
            detail,
            scope,
            codes: EventCode::ALL.iter().map(|code| (code.code().to_owned(), code.sentence().to_owned())).collect(),
            now: self.portal.clock.now(),
            query,
        })
    }
}

fn filter_of(query: &AuditQuery) -> Result<AuditFilter, Fault> {
    let given = |value: &Option<String>| value.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let below = given(&query.path).map(|text| {
        let text = if text.ends_with('/') { text } else { format!("{text}/") };
        text.parse::<AppPath>().map_err(|error| Fault::field("path", format!("{error}.")))
    });
    let event = given(&query.event).map(|text| match text.strip_suffix(".*") {
        Some(family) if EventCode::ALL.iter().any(|code| code.code().starts_with(&format!("{family}."))) => Ok(EventFilter::Family(family.to_owned())),
        _ => EventCode::parse(&text).map(EventFilter::Is).ok_or_else(|| Fault::field("event", format!("“{text}” is no event. Choose one of the list."))),
    });
    let outcome = given(&query.outcome)
        .map(|word| EventOutcome::parse(&word).ok_or_else(|| Fault::field("outcome", format!("“{word}” is no outcome. Choose one of the list."))));
    let day = |field: &'static str, value: &Option<String>, plus_days: i64| {
        given(value).map(|text| start_of_day(&text).map(|at| at.plus_seconds(plus_days * 86_400)).map_err(|sentence| Fault::field(field, sentence)))
    };
    let before = given(&query.before)
        .map(|text| text.parse().map_err(|_| Fault::field("before", "This link to older entries is damaged. Begin with the newest again.")));
    Ok(AuditFilter {
        below: below.transpose()?,
        actor: given(&query.actor),
        event: event.transpose()?,
        outcome: outcome.transpose()?,
        from: day("from", &query.from, 0).transpose()?,
        // Both ends are in: up to the start of the day after.
        until: day("to", &query.to, 1).transpose()?,
        before: before.transpose()?,
        run: None,
    })
}

fn start_of_day(text: &str) -> Result<Timestamp, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map(|date| Timestamp::from_seconds(date.midnight().assume_utc().unix_timestamp()))
        .map_err(|_| format!("“{text}” is no day. Write it like 2026-11-23."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_refused_by_field() {
        let query = |change: fn(&mut AuditQuery)| {
            let mut query = AuditQuery::default();
            change(&mut query);
            filter_of(&query).unwrap_err()
        };
        type Change = fn(&mut AuditQuery);
        let wrong: [(&str, Change); 6] = [
            ("path", |q| q.path = Some("shop".into())),
            ("event", |q| q.event = Some("run.explode".into())),
            ("outcome", |q| q.outcome = Some("maybe".into())),
            ("from", |q| q.from = Some("yesterday".into())),
            ("to", |q| q.to = Some("2026-13-01".into())),
            ("before", |q| q.before = Some("x".into())),
        ];
        for (field, change) in wrong {
            let Fault::Invalid { fields } = query(change) else { panic!("{field}") };
            assert_eq!(fields.keys().map(String::as_str).collect::<Vec<_>>(), [field]);
        }
    }

    #[test]
    fn both_days_are_in() {
        let query = AuditQuery { from: Some("2026-11-23".into()), to: Some("2026-11-23".into()), ..AuditQuery::default() };
        let filter = filter_of(&query).unwrap();
        assert_eq!(filter.until.unwrap().micros_since(filter.from.unwrap()), 86_400_000_000);
    }
}
