//! How many streams one person watches at once. A stream lives as long as its page; a person has so many pages open, a script that
//! opens them by the thousand has not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Of one person, at once.
pub(super) const MOST: usize = 20;

/// Who watches how many.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<HashMap<String, usize>>>);

impl Places {
    /// One more for this person, if there is one. It is given back when it is dropped.
    pub(super) fn take(&self, person: String) -> Option<Place> {
        let mut taken = self.taken();
        let count = taken.entry(person.clone()).or_default();
        if *count >= MOST {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place { of: self.clone(), person })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Place {
    of: Places,
    person: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        match taken.get_mut(&self.person) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => {
                taken.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_and_then_forgotten() {
        let places = Places::default();
        let held: Vec<_> = std::iter::from_fn(|| places.take("ana".into())).collect();
        assert_eq!(held.len(), MOST);
        assert!(places.take("eli".into()).is_some());
        drop(held);
        assert!(places.taken().is_empty());
    }
}
