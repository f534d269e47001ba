//! Deliveries that wait for their execution, so that whoever has it takes all of them with their own.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot::{self, Receiver, Sender, error::TryRecvError};
use windfirm_measure::frame::Frame;
use windfirm_model::id::ExecutionId;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    New,
    Known,
    /// It is stored, for the portal in whose hands the run is.
    Left,
    /// As many wait for that portal as may.
    Full,
    /// The run has ended in the meantime.
    Ended,
}

/// A frame that waits, for whoever takes it.
#[derive(Debug)]
pub struct Waiting {
    pub frame: Arc<Frame>,
    teller: Sender<Taken>,
}

impl Waiting {
    pub fn tell(self, taken: Taken) {
        // Nobody listens when the delivery was given up.
        let _ = self.teller.send(taken);
    }
}

/// The place of a frame in the line, for whoever brought it.
#[derive(Debug)]
pub struct Place(Receiver<Taken>);

/// What became of a frame in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Waits,
    Taken(Taken),
    /// Whoever had it could not store it.
    Failed,
}

impl Place {
    pub fn answer(&mut self) -> Answer {
        match self.0.try_recv() {
            Ok(taken) => Answer::Taken(taken),
            Err(TryRecvError::Empty) => Answer::Waits,
            Err(TryRecvError::Closed) => Answer::Failed,
        }
    }
}

/// The lines of all executions. Of one in which nothing waits there is nothing here.
#[derive(Debug, Default)]
pub struct Lines(Mutex<HashMap<ExecutionId, VecDeque<Waiting>>>);

impl Lines {
    pub fn line_up(&self, execution: ExecutionId, frame: &Arc<Frame>) -> Place {
        let (teller, told) = oneshot::channel();
        self.lock().entry(execution).or_default().push_back(Waiting { frame: Arc::clone(frame), teller });
        Place(told)
    }
    /// Takes those who wait longest out of the line; nobody for whom nobody listens any more.
    pub fn first(&self, execution: ExecutionId, most: usize) -> Vec<Waiting> {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(&execution) else { return Vec::new() };
        line.retain(|waiting| !waiting.teller.is_closed());
        let first = line.drain(..line.len().min(most)).collect();
        if line.is_empty() {
            lines.remove(&execution);
        }
        first
    }
    /// Takes a frame out whose bringer goes away.
    pub fn leave(&self, execution: ExecutionId, place: Place) {
        drop(place);
        self.first(execution, 0);
    }
    /// Nothing in here can be left half-done.
    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, VecDeque<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: &str) -> Arc<Frame> {
        Arc::new(Frame { key: key.to_owned(), received_us: 0, payload: Vec::new() })
    }

    fn keys(waiting: &[Waiting]) -> Vec<&str> {
        waiting.iter().map(|waiting| waiting.frame.key.as_str()).collect()
    }

    #[test]
    fn the_first_in_the_line_are_taken_and_told() {
        let (lines, execution) = (Lines::default(), ExecutionId(uuid::Uuid::from_u128(1)));
        let mut places: Vec<Place> = ["a", "b", "c"].map(|key| lines.line_up(execution, &frame(key))).into();
        assert!(lines.first(ExecutionId(uuid::Uuid::from_u128(2)), 9).is_empty(), "another execution has a line of its own");

        let mut first = lines.first(execution, 2);
        assert_eq!(keys(&first), ["a", "b"]);
        first.remove(0).tell(Taken::New);
        drop(first);
        let answers: Vec<Answer> = places.iter_mut().map(Place::answer).collect();
        assert_eq!(answers, [Answer::Taken(Taken::New), Answer::Failed, Answer::Waits]);
        assert_eq!(keys(&lines.first(execution, 2)), ["c"]);
        assert!(lines.lock().is_empty());
    }

    #[test]
    fn who_goes_away_leaves_nothing_in_the_line() {
        let (lines, execution) = (Lines::default(), ExecutionId(uuid::Uuid::from_u128(1)));
        let (gone, _stays) = (lines.line_up(execution, &frame("a")), lines.line_up(execution, &frame("b")));
        lines.leave(execution, gone);
        drop(lines.line_up(execution, &frame("c")));
        assert_eq!(keys(&lines.first(execution, 9)), ["b"]);
        assert!(lines.lock().is_empty());
        let last = lines.line_up(execution, &frame("d"));
        lines.leave(execution, last);
        assert!(lines.lock().is_empty());
    }
}
