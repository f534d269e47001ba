//! Takes deliveries in and keeps their sum, by second and over the whole run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};
use windfirm_model::clock::Timestamp;

use super::{Bound, Limits};
use crate::{
    cell::{Cell, Gauge, Value},
    frame::Frame,
    glance::Glance,
    histogram::Histogram,
    num,
    series::{Family, Kind, OTHER, Offer, Smallest, Tags},
    wire::{self, Bounds, MetricSet, Samples, Time, TimeSeries},
};

/// All that one execution measured, so far.
#[derive(Clone, Debug)]
pub struct Merger {
    origin: Timestamp,
    limits: Limits,
    /// Indexed by [`SeriesId`]; `None` where a series went to `other`.
    series: Vec<Option<Series>>,
    families: BTreeMap<Family, FamilyIndex>,
    places: Smallest<((bool, u64), Family)>,
    pub(super) seconds: BTreeMap<i64, Second>,
    /// Keys of the deliveries that were merged.
    keys: BTreeSet<u128>,
    version: u64,
}

type SeriesId = usize;

/// One series over the whole run.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) family: Family,
    pub(super) tags: Tags,
    whole: Option<Cell>,
    /// Seconds in which it has a cell.
    cells: usize,
}

#[derive(Clone, Debug)]
struct FamilyIndex {
    ids: HashMap<Tags, SeriesId>,
    places: Smallest<(u64, Tags)>,
    /// Of all series but `other`, together, and how many there may be.
    cells: usize,
    cells_limit: usize,
}

/// Where a series is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    id: SeriesId,
    /// The hash of its tags, when it went to `other` of its metric.
    folded: Option<u64>,
}

/// One second of the run.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    pub(super) cells: BTreeMap<SeriesId, Cell>,
    /// Deliveries received in this second.
    pub(super) keys: BTreeSet<u128>,
    /// What was turned away of deliveries received in this second.
    pub(super) notes: BTreeMap<Bound, u64>,
    /// By `other` of a metric: the least hash of the series that are in it here. After a restart it tells which series to refuse.
    pub(super) folded: BTreeMap<SeriesId, u64>,
    version: u64,
    glance: Glance,
}

/// What a delivery did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The same key was merged before; nothing was done.
    pub duplicate: bool,
    /// Seconds since the epoch whose blob is another one now, ascending.
    pub changed: Vec<i64>,
}

impl Merger {
    /// An empty one. `origin` is when the execution began: values long before or after it are turned away.
    #[must_use]
    pub const fn new(origin: Timestamp, limits: Limits) -> Self {
        Self {
            origin,
            limits,
            series: Vec::new(),
            families: BTreeMap::new(),
            places: Smallest::new(limits.metrics),
            seconds: BTreeMap::new(),
            keys: BTreeSet::new(),
            version: 0,
        }
    }

    /// Everything again from the frames, which need no order. Frames that cannot be read are counted, not skipped in silence.
    #[must_use]
    pub fn from_frames<'a>(origin: Timestamp, limits: Limits, frames: impl IntoIterator<Item = &'a Frame>) -> Self {
        let mut merger = Self::new(origin, limits);
        for frame in frames {
            merger.merge_frame(frame);
        }
        merger
    }

    /// Merges one frame. The bounds of the wire hold here too.
    pub fn merge_frame(&mut self, frame: &Frame) -> Merged {
        let (duplicates, changed) = self.merge_frames([frame]);
        Merged { duplicate: duplicates.contains(&true), changed }
    }

    /// Merges frames in one go, which costs less than one by one and makes the same windows. For each frame whether its key was merged
    /// before, and the seconds that all of them changed.
    pub fn merge_frames<'a>(&mut self, frames: impl IntoIterator<Item = &'a Frame>) -> (Vec<bool>, Vec<i64>) {
        let mut changes = Changes::default();
        let mut merge = |frame: &Frame| {
            if !self.take_key(&frame.key, frame.received(), &mut changes) {
                return true;
            }
            match wire::decode(&frame.payload, &Bounds::default()) {
                Ok(set) => self.add_all(&set, frame.received(), &mut changes),
                Err(_) => self.note(frame.received(), Bound::Unreadable, 1, &mut changes),
            }
            false
        };
        let duplicates = frames.into_iter().map(&mut merge).collect();
        (duplicates, self.settle(changes))
    }

    /// Merges one delivery, once per key. `received` is when it first reached us; lateness is judged by it.
    pub fn merge(&mut self, set: &MetricSet, key: &str, received: Timestamp) -> Merged {
        let mut changes = Changes::default();
        if !self.take_key(key, received, &mut changes) {
            return Merged { duplicate: true, changed: Vec::new() };
        }
        self.add_all(set, received, &mut changes);
        Merged { duplicate: false, changed: self.settle(changes) }
    }

    fn add_all(&mut self, set: &MetricSet, received: Timestamp, changes: &mut Changes) {
        for metric in &set.metrics {
            let family = Kind::from_wire(metric.kind).map(|kind| Family { name: crate::series::tidy(&metric.name).0, kind });
            for series in &metric.time_series {
                self.merge_series(family.as_ref(), series, received, changes);
            }
        }
    }

    fn merge_series(&mut self, family: Option<&Family>, series: &TimeSeries, received: Timestamp, changes: &mut Changes) {
        let Some(family) = family else {
            return self.note(received, Bound::UnknownKind, 1, changes);
        };
        let (tags, cut, left_out) = Tags::from_labels(&series.labels);
        self.note(received, Bound::TagsCut, cut, changes);
        self.note(received, Bound::TagsLeftOut, left_out, changes);
        let mut kept = None;
        for (time, value) in values(series.samples.as_ref()) {
            let second = time.map(|time| time.seconds);
            let bound = match (&value, second) {
                (_, None) | (None, _) => Some(Bound::Malformed),
                (Some(value), _) if value.kind() != family.kind => Some(Bound::UnknownKind),
                (_, Some(second)) => self.turned_away(second, received),
            };
            match (bound, second, value) {
                (None, Some(second), Some(value)) => {
                    // It may have gone to `other` since its value before.
                    let place = match kept.filter(|kept: &Kept| self.series(kept.id).is_some()) {
                        Some(place) => place,
                        None => self.series_id(family, &tags, changes),
                    };
                    kept = Some(place);
                    self.add(place, second, &Cell::one(value), changes);
                }
                (bound, ..) => self.note(received, bound.unwrap_or(Bound::Malformed), 1, changes),
            }
        }
    }

    /// Judged by what stands in the delivery and the run alone, never by what came before it.
    fn turned_away(&self, second: i64, received: Timestamp) -> Option<Bound> {
        let age_s = received.seconds().saturating_sub(second);
        let since_start_s = second.saturating_sub(self.origin.seconds());
        if age_s > self.limits.lateness_s {
            Some(Bound::Late)
        } else if age_s < -self.limits.lateness_s {
            Some(Bound::Ahead)
        } else if since_start_s < -self.limits.lateness_s || since_start_s > self.limits.span_s {
            Some(Bound::OutsideSpan)
        } else {
            None
        }
    }

    pub(super) fn take_key(&mut self, key: &str, received: Timestamp, changes: &mut Changes) -> bool {
        let hash = Sha256::digest(key.as_bytes());
        let key = hash.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        self.take_key_hash(key, received.seconds(), changes)
    }

    pub(super) fn take_key_hash(&mut self, key: u128, second: i64, changes: &mut Changes) -> bool {
        if !self.keys.insert(key) {
            return false;
        }
        self.seconds.entry(second).or_default().keys.insert(key);
        changes.0.insert(second);
        true
    }

    fn note(&mut self, received: Timestamp, bound: Bound, count: u64, changes: &mut Changes) {
        self.note_at(received.seconds(), bound, count, changes);
    }

    pub(super) fn note_at(&mut self, second: i64, bound: Bound, count: u64, changes: &mut Changes) {
        if count > 0 {
            let noted = self.seconds.entry(second).or_default().notes.entry(bound).or_default();
            *noted = noted.saturating_add(count);
            changes.0.insert(second);
        }
    }

    /// Adds to a series in a second, and to its sum over the run. Then the metric may have too many cells.
    pub(super) fn add(&mut self, kept: Kept, second: i64, cell: &Cell, changes: &mut Changes) {
        let Some(Some(series)) = self.series.get_mut(kept.id) else { return };
        put(&mut series.whole, cell);
        let at = self.seconds.entry(second).or_default();
        if let Some(hash) = kept.folded {
            let least = at.folded.entry(kept.id).or_insert(hash);
            *least = hash.min(*least);
        }
        changes.0.insert(second);
        match at.cells.entry(kept.id) {
            std::collections::btree_map::Entry::Occupied(mut there) => return there.get_mut().merge(cell),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(cell.clone());
            }
        }
        if series.is_other() {
            return;
        }
        series.cells += 1;
        let Some(index) = self.families.get_mut(&series.family) else { return };
        index.cells += 1;
        if index.cells > index.cells_limit {
            let family = series.family.clone();
            self.shrink(&family, changes);
        }
    }

    /// Gives up the series with the greatest hashes until the others have no more cells than they may: those that are kept are the
    /// longest beginning, in the order of hashes, that fits, so it does not matter who came first.
    ///
    /// Of all the seconds of a series that goes, only the newest is named as changed: the blobs of the others are as good as before,
    /// since a restart reads from that one that the series has to go. Else each second would bring all seconds before it anew.
    fn shrink(&mut self, family: &Family, changes: &mut Changes) {
        while let Some(index) = self.families.get_mut(family).filter(|index| index.cells > index.cells_limit) {
            let Some((hash, tags)) = index.places.shrink() else { return };
            let mut moved = Changes::default();
            self.give_up(family, &tags, hash, &mut moved);
            changes.0.extend(moved.0.last());
        }
    }

    /// What a restart read: series of this hash and above have gone.
    pub(super) fn refuse_from(&mut self, family: &Family, hash: u64, second: i64, changes: &mut Changes) {
        let Some(index) = self.families.get_mut(family) else { return };
        let gone = index.places.lower((hash, Tags::default()));
        let other = self.place(family, &Tags::other());
        let least = self.seconds.entry(second).or_default().folded.entry(other).or_insert(hash);
        *least = hash.min(*least);
        for (hash, tags) in gone {
            self.give_up(family, &tags, hash, changes);
        }
    }

    fn give_up(&mut self, family: &Family, tags: &Tags, hash: u64, changes: &mut Changes) {
        let to = Kept { id: self.place(family, &Tags::other()), folded: Some(hash) };
        if let Some(from) = self.families.get_mut(family).and_then(|index| index.ids.remove(tags)) {
            self.fold(from, to, changes);
        }
    }

    /// Where a series is kept: its own place, or `other`.
    pub(super) fn series_id(&mut self, family: &Family, tags: &Tags, changes: &mut Changes) -> Kept {
        let family = self.family(family, changes);
        if let Some(id) = self.families.get(&family).and_then(|index| index.ids.get(tags)) {
            return Kept { id: *id, folded: None };
        }
        let other = Tags::other();
        let hash = tags.hash();
        let offer = if family.name == OTHER || *tags == other { Offer::Kept } else { self.index(&family).places.offer(&(hash, tags.clone())) };
        let tags = if family.name == OTHER { &other } else { tags };
        match offer {
            Offer::Kept => Kept { id: self.place(&family, tags), folded: None },
            Offer::Refused => Kept { id: self.place(&family, &other), folded: Some(hash) },
            Offer::Pushed((hash, pushed)) => {
                self.give_up(&family, &pushed, hash, changes);
                Kept { id: self.place(&family, tags), folded: None }
            }
        }
    }

    /// The metric itself, or `other` of its kind.
    pub(super) fn family(&mut self, family: &Family, changes: &mut Changes) -> Family {
        if family.name == OTHER || self.families.contains_key(family) {
            return family.clone();
        }
        let other = Family::other(family.kind);
        match self.places.offer(&(family.place(), family.clone())) {
            Offer::Kept => family.clone(),
            Offer::Refused => other,
            Offer::Pushed((_, pushed)) => {
                let to = Kept { id: self.place(&Family::other(pushed.kind), &Tags::other()), folded: None };
                let mut ids: Vec<_> = self.families.remove(&pushed).map(|index| index.ids.into_values().collect()).unwrap_or_default();
                ids.sort_unstable();
                for from in ids {
                    self.fold(from, to, changes);
                }
                family.clone()
            }
        }
    }

    fn index(&mut self, family: &Family) -> &mut FamilyIndex {
        let limits = &self.limits;
        self.families.entry(family.clone()).or_insert_with(|| FamilyIndex::new(family, limits))
    }

    fn place(&mut self, family: &Family, tags: &Tags) -> SeriesId {
        let next = self.series.len();
        let id = *self.index(family).ids.entry(tags.clone()).or_insert(next);
        if id == next {
            self.series.push(Some(Series { family: family.clone(), tags: tags.clone(), whole: None, cells: 0 }));
        }
        id
    }

    /// Moves all of one series into another.
    fn fold(&mut self, from: SeriesId, to: Kept, changes: &mut Changes) {
        if let Some(gone) = self.series.get_mut(from).and_then(Option::take)
            && let Some(index) = self.families.get_mut(&gone.family)
        {
            index.cells = index.cells.saturating_sub(gone.cells);
        }
        let take = |(second, at): (&i64, &mut Second)| {
            at.folded.remove(&from);
            Some((*second, at.cells.remove(&from)?))
        };
        let moved: Vec<_> = self.seconds.iter_mut().filter_map(take).collect();
        for (second, cell) in moved {
            self.add(to, second, &cell, changes);
        }
    }

    /// Brings what is read of the changed seconds up to date.
    ///
    /// Nothing changed: nothing grows.
    pub(super) fn settle(&mut self, changes: Changes) -> Vec<i64> {
        if changes.0.is_empty() {
            return Vec::new();
        }
        self.version += 1;
        for second in &changes.0 {
            if let Some(at) = self.seconds.get_mut(second) {
                at.version = self.version;
                let series = &self.series;
                at.glance = Glance::of(at.cells.iter().filter_map(|(id, cell)| Some((&series.get(*id)?.as_ref()?.family, cell))));
            }
        }
        changes.0.into_iter().collect()
    }

    /// Grows with each merge; see [`crate::results::Part::Since`].
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }
    /// Seconds in which something was measured or turned away, ascending.
    pub fn seconds(&self) -> impl Iterator<Item = i64> {
        self.seconds.keys().copied()
    }
    /// Everything that was turned away, cut or put together, by bound.
    #[must_use]
    pub fn noted(&self) -> BTreeMap<Bound, u64> {
        let mut noted = BTreeMap::new();
        for (bound, count) in self.seconds.values().flat_map(|second| &second.notes) {
            *noted.entry(*bound).or_default() += count;
        }
        let others = self.series.iter().flatten().filter(|series| series.is_other());
        let together = others.filter_map(|series| Some(series.whole.as_ref()?.parts)).fold(0_u64, u64::saturating_add);
        if together > 0 {
            noted.insert(Bound::SeriesTogether, together);
        }
        noted
    }
    /// Whether some series of this metric are under `other`, so that no filter by tags can be answered.
    pub(crate) fn has_other(&self, metric: &str) -> bool {
        let other = Tags::other();
        let mut own = self.families.iter().filter(|(family, _)| family.name == metric).peekable();
        if own.peek().is_none() {
            // A metric that has no place of its own may be among the metrics that went to `other`.
            return self.families.keys().any(|family| family.name == OTHER);
        }
        own.any(|(_, index)| index.ids.contains_key(&other))
    }
    /// All series of a metric in the seconds of a range, one cell at a time.
    pub(crate) fn between(&self, metric: &str, seconds: std::ops::Range<i64>) -> impl Iterator<Item = (&Tags, &Cell)> {
        let range = if seconds.start < seconds.end { seconds } else { 0..0 };
        self.seconds.range(range).flat_map(|(_, at)| &at.cells).filter_map(move |(id, cell)| {
            let series = self.series(*id)?;
            (series.family.name == metric).then_some((&series.tags, cell))
        })
    }
    /// All series of a metric with their sum over the run.
    pub(crate) fn whole(&self, metric: &str) -> impl Iterator<Item = (&Tags, &Cell)> {
        self.series.iter().flatten().filter(move |series| series.family.name == metric).filter_map(|series| Some((&series.tags, series.whole.as_ref()?)))
    }
    /// Seconds with the version of their last change and what is read of them, ascending; only those in which something was measured.
    pub(crate) fn glances(&self) -> impl DoubleEndedIterator<Item = (i64, u64, &Glance)> {
        self.seconds.iter().filter(|(_, at)| at.glance.measured).map(|(second, at)| (*second, at.version, &at.glance))
    }
    /// The metrics of a second of which series went to `other`, each with the least hash of those.
    pub(super) fn folded(&self, at: &Second) -> BTreeMap<&Family, u64> {
        at.folded.iter().filter_map(|(id, hash)| Some((&self.series(*id)?.family, *hash))).collect()
    }
    pub(super) fn series(&self, id: SeriesId) -> Option<&Series> {
        self.series.get(id)?.as_ref()
    }
}

impl Series {
    fn is_other(&self) -> bool {
        self.tags == Tags::other()
    }
}

impl FamilyIndex {
    fn new(family: &Family, limits: &Limits) -> Self {
        let cells_limit = if family.is_custom() { limits.cells_per_custom_metric } else { limits.cells_per_metric };
        Self { ids: HashMap::new(), places: Smallest::new(limits.series_per_metric), cells: 0, cells_limit }
    }
}

/// Seconds whose blob is no longer what it was.
#[derive(Debug, Default)]
pub(super) struct Changes(pub(super) BTreeSet<i64>);

fn put(place: &mut Option<Cell>, cell: &Cell) {
    match place {
        Some(there) => there.merge(cell),
        None => *place = Some(cell.clone()),
    }
}

/// The values of a series with their windows; `None` where one does not hold together.
fn values(samples: Option<&Samples>) -> Vec<(Option<Time>, Option<Value>)> {
    match samples {
        None => Vec::new(),
        Some(Samples::Counter(samples)) => {
            samples.values.iter().map(|at| (at.time, at.value.is_finite().then(|| Value::Counter { sum: num::fixed(at.value) }))).collect()
        }
        Some(Samples::Gauge(samples)) => samples
            .values
            .iter()
            .map(|at| (at.time, at.time.and_then(|time| Gauge::new(time.seconds, at.count, at.last, at.min, at.max, at.avg)).map(Value::Gauge)))
            .collect(),
        Some(Samples::Rate(samples)) => samples
            .values
            .iter()
            .map(|at| {
                let value = Value::Rate { nonzero: u64::from(at.nonzero_count), total: u64::from(at.total_count) };
                (at.time, (at.nonzero_count <= at.total_count).then_some(value))
            })
            .collect(),
        Some(Samples::Trend(samples)) => samples.values.iter().map(|at| (at.time, Histogram::from_wire(at).map(Value::Trend))).collect(),
    }
}
