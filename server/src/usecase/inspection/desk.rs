//! The desk where questions to k6 wait: each person has one under way at a time, and nothing is asked twice at once.
//!
//! A script that loops while it loads costs whoever reads it their own turn, and nobody else theirs.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use windfirm_model::clock::Timestamp;
use windfirm_store::inspection::InspectionKey;

use super::Answer;

/// How long a complaint is believed that may be the machine's as well as the script's: too slow, too little memory.
pub(super) const BELIEVED_S: i64 = 60;

/// New questions of one person in a minute. Each costs k6 a start; nobody types faster than this.
pub(super) const MOST_NEW: u32 = 60;
const MINUTE_US: i64 = 60_000_000;

/// Who waits for what, and the answers that are kept for a short time only.
#[derive(Debug, Default)]
pub struct Desk {
    people: Locks<String>,
    questions: Locks<InspectionKey>,
    passing: Mutex<HashMap<InspectionKey, (Timestamp, Answer)>>,
    /// Since when, and how many.
    asked: Mutex<HashMap<String, (Timestamp, u32)>>,
}

/// The right to ask k6 one question; given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _person: tokio::sync::OwnedMutexGuard<()>,
    _question: tokio::sync::OwnedMutexGuard<()>,
}

impl Desk {
    /// Waits until `person` has no other question under way and nobody is asking this very one. The person comes first: whoever
    /// waits behind their own questions must not hold up somebody else who wants to know the same.
    pub async fn turn(&self, person: &str, question: &InspectionKey) -> Turn {
        let person = self.people.lock(person.to_owned()).await;
        Turn { _person: person, _question: self.questions.lock(question.clone()).await }
    }

    /// Whether this person may ask one more new question in this minute.
    pub(super) fn may_ask(&self, person: &str, now: Timestamp) -> bool {
        let is_over = |since: Timestamp| !(0..MINUTE_US).contains(&now.micros_since(since));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, (since, _)| !is_over(*since));
        let (_, count) = asked.entry(person.to_owned()).or_insert((now, 0));
        let may = *count < MOST_NEW;
        *count = count.saturating_add(u32::from(may));
        may
    }

    /// Keeps an answer for a minute.
    pub fn believe(&self, question: InspectionKey, answer: Answer, now: Timestamp) {
        let mut passing = self.passing();
        passing.retain(|_, (since, _)| is_believed(*since, now));
        passing.insert(question, (now, answer));
    }

    /// An answer of the last minute.
    #[must_use]
    pub fn believed(&self, question: &InspectionKey, now: Timestamp) -> Option<Answer> {
        self.passing().get(question).filter(|(since, _)| is_believed(*since, now)).map(|(_, answer)| answer.clone())
    }

    fn passing(&self) -> MutexGuard<'_, HashMap<InspectionKey, (Timestamp, Answer)>> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_believed(since: Timestamp, now: Timestamp) -> bool {
    now.micros_since(since) < BELIEVED_S * 1_000_000
}

/// One lock per name, first come, first served; a lock that nobody holds or waits for is forgotten.
#[derive(Debug)]
struct Locks<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Locks<K> {
    async fn lock(&self, name: K) -> tokio::sync::OwnedMutexGuard<()> {
        self.of(name).lock_owned().await
    }

    fn of(&self, name: K) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        let known = locks.get(&name).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            locks.insert(name, Arc::downgrade(&lock));
            lock
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn question(name: &str) -> InspectionKey {
        InspectionKey { bundle_digest: name.into(), entry: "k6/a.js".into(), k6_version: "v2".into() }
    }

    #[test]
    fn one_person_waits_for_themselves_and_nobody_else_does() {
        let desk = Desk::default();
        let first = desk.turn("ana", &question("a")).now_or_never().expect("the desk is free");
        assert!(desk.turn("ana", &question("b")).now_or_never().is_none(), "one question of a person at a time");
        assert!(desk.turn("eli", &question("c")).now_or_never().is_some(), "somebody else is not held up");
        drop(first);
        assert!(desk.turn("ana", &question("b")).now_or_never().is_some());
    }

    #[test]
    fn the_same_question_is_under_way_once() {
        let desk = Desk::default();
        let first = desk.turn("ana", &question("a")).now_or_never();
        assert!(first.is_some() && desk.turn("eli", &question("a")).now_or_never().is_none());
        drop(first);
        assert!(desk.turn("eli", &question("a")).now_or_never().is_some());
    }

    #[test]
    fn who_waits_behind_their_own_questions_holds_up_nobody() {
        let desk = Desk::default();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _first = desk.turn("ana", &question("a")).now_or_never();
        let second = question("b");
        let mut waiting = Box::pin(desk.turn("ana", &second));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(desk.turn("eli", &second).now_or_never().is_some());
    }

    #[test]
    fn nothing_is_kept_of_turns_that_are_over() {
        let desk = Desk::default();
        for number in 0..100 {
            drop(desk.turn(&format!("person {number}"), &question(&number.to_string())).now_or_never());
        }
        let left = |count: usize| assert!(count <= 1, "{count} are left");
        left(desk.people.0.lock().unwrap().len());
        left(desk.questions.0.lock().unwrap().len());
    }

    #[test]
    fn new_questions_of_one_person_are_bounded() {
        let (desk, begin) = (Desk::default(), Timestamp::from_seconds(1_000));
        let asked = |now| (0..200).filter(|_| desk.may_ask("ana", now)).count();
        assert_eq!((asked(begin), asked(begin.plus_seconds(59)), asked(begin.plus_seconds(60))), (60, 0, 60));
        assert!(desk.may_ask("eli", begin.plus_seconds(60)));
        assert!(desk.may_ask("eli", begin.plus_seconds(-86_400)), "a clock that was set back keeps nobody out");
        assert_eq!(desk.asked.lock().unwrap().len(), 1, "who is quiet is forgotten");
    }

    #[test]
    fn a_complaint_that_may_be_the_machines_is_believed_for_a_minute() {
        let desk = Desk::default();
        let (begin, answer) = (Timestamp::from_seconds(1_000), Answer::Broken { message: "It did not load within 10 s.".into() });
        desk.believe(question("slow"), answer.clone(), begin);
        assert_eq!(desk.believed(&question("slow"), begin.plus_seconds(59)), Some(answer.clone()));
        assert_eq!(desk.believed(&question("slow"), begin.plus_seconds(60)), None);
        assert_eq!(desk.believed(&question("other"), begin), None);
        desk.believe(question("other"), answer, begin.plus_seconds(60));
        assert_eq!(desk.passing().len(), 1, "what is not believed any more is forgotten");
    }
}
