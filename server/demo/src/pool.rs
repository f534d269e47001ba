//! The places of a service: so many requests are worked on at once, the others wait in the order in which they came.
//!
//! A pool can be made smaller while all its places are taken: the places that are too many go when they come free.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

#[derive(Debug)]
pub struct Pool {
    free: Semaphore,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    places: u32,
    /// Places that are taken and go when they come free.
    owed: u32,
}

impl Pool {
    #[must_use]
    pub fn new(places: u32) -> Self {
        Self { free: Semaphore::new(wide(places)), size: Mutex::new(Size { places, owed: 0 }) }
    }
    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Places in it, as soon as those that are too many have come free.
    #[must_use]
    pub fn places(&self) -> u32 {
        self.size().places
    }
    /// Makes it larger or smaller.
    pub fn resize(&self, places: u32) {
        let mut size = self.size();
        let (more, fewer) = (places.saturating_sub(size.places), size.places.saturating_sub(places));
        // Whoever was to go may stay.
        let kept = more.min(size.owed);
        size.owed -= kept;
        self.free.add_permits(wide(more - kept));
        let gone = u32::try_from(self.free.forget_permits(wide(fewer))).unwrap_or(fewer);
        size.owed += fewer - gone;
        size.places = places;
    }
    /// Waits for a place; dropping it gives it back.
    pub async fn take(&self) -> Place<'_> {
        // It fails only when it is closed, which nobody does.
        Place { pool: self, permit: self.free.acquire().await.ok() }
    }
}

/// A place that is taken.
#[derive(Debug)]
pub struct Place<'a> {
    pool: &'a Pool,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Under the lock until it is given back, so that a resize sees it either taken or free.
        let mut size = self.pool.size();
        let permit = self.permit.take();
        if size.owed > 0 {
            size.owed -= 1;
            permit.into_iter().for_each(SemaphorePermit::forget);
        }
    }
}

fn wide(places: u32) -> usize {
    usize::try_from(places).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(pool: &Pool, places: u32) -> Vec<Place<'_>> {
        let mut all = Vec::new();
        for _ in 0..places {
            all.push(pool.take().await);
        }
        all
    }

    #[test]
    fn idle_places_go_at_once_and_come_back() {
        let pool = Pool::new(8);
        pool.resize(2);
        assert_eq!(pool.free.available_permits(), 2);
        pool.resize(8);
        assert_eq!((pool.free.available_permits(), pool.places()), (8, 8));
        pool.resize(12);
        assert_eq!(pool.free.available_permits(), 12);
    }

    #[tokio::test]
    async fn taken_places_go_when_they_come_free() {
        let pool = Pool::new(8);
        let mut all = taken(&pool, 8).await;
        pool.resize(2);
        all.truncate(2);
        assert_eq!(pool.free.available_permits(), 0, "six came free, and six were too many");
        all.clear();
        assert_eq!(pool.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn who_was_to_go_may_stay_when_it_grows_again() {
        let pool = Pool::new(8);
        let all = taken(&pool, 6).await;
        pool.resize(1);
        pool.resize(5);
        drop(all);
        assert_eq!(pool.free.available_permits(), 5);
        pool.resize(8);
        assert_eq!(pool.free.available_permits(), 8);
    }
}
