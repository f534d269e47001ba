//! Where to enter a graph that has no root: at the first app of each loop that nothing else leads to, never at what hangs below it.

use std::collections::{BTreeMap, BTreeSet};

use super::{AppKey, Candidate, MadeFrom};

/// All candidates, ordered so that whoever takes the next one that is not yet reached enters at a loop and not below it.
///
/// This is the first half of Kosaraju's algorithm: what a depth-first walk finishes last, nothing unfinished leads to. The walk
/// starts in the order of the candidates, so of the apps of one loop the first is finished last.
pub(super) fn ways_in<'a>(candidates: &'a [(AppKey, Candidate)], made_from: &MadeFrom) -> Vec<&'a (AppKey, Candidate)> {
    let index_of: BTreeMap<&AppKey, usize> = candidates.iter().enumerate().map(|(index, (key, _))| (key, index)).collect();
    let mut makes: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); candidates.len()];
    for (index, (_, candidate)) in candidates.iter().enumerate() {
        let makers = candidate.files.iter().filter_map(|file| made_from.get(file)).flatten();
        for maker in makers.filter_map(|key| index_of.get(key)) {
            if let Some(made) = makes.get_mut(*maker) {
                made.insert(index);
            }
        }
    }
    let mut seen = vec![false; candidates.len()];
    let mut finished = Vec::with_capacity(candidates.len());
    for start in 0..candidates.len() {
        let mut open = vec![(start, false)];
        while let Some((index, done)) = open.pop() {
            if done {
                finished.push(index);
            } else if let Some(seen) = seen.get_mut(index).filter(|seen| !**seen) {
                *seen = true;
                open.push((index, true));
                open.extend(makes.get(index).into_iter().flatten().rev().map(|made| (*made, false)));
            }
        }
    }
    finished.iter().rev().filter_map(|index| candidates.get(*index)).collect()
}
