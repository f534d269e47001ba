//! Merging under every order, split and bound.

use proptest::prelude::*;
use windfirm_model::clock::Timestamp;

use super::*;
use crate::{
    frame::Frame,
    results, sample,
    wire::{Metric, MetricSet},
};

const START: i64 = 1_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

fn blobs(merger: &Merger) -> Vec<(i64, Vec<u8>)> {
    merger.seconds().map(|second| (second, merger.encode_second(second))).collect()
}

/// A delivery as the tests make it: its content and the second in which it came.
type Delivery = (MetricSet, i64);

fn metric() -> impl Strategy<Value = Metric> {
    let name = prop_oneof![Just("http_req_duration"), Just("http_reqs"), Just("mine"), Just("yours"), Just("other")];
    let second = (START - 3..START + 6).prop_union(START - 400..START + 400);
    (name, 0..5_u8, second, 0..4_u8, proptest::collection::vec(prop_oneof![0.0..500.0_f64, any::<f64>()], 1..5)).prop_map(
        |(name, tag, second, kind, values)| {
            let tag = ["a", "b", "c", "other", "http://h/?k=v"][usize::from(tag)];
            let tags = [("name", tag)];
            match kind {
                0 => sample::counter(name, &tags, second, values[0]),
                1 => sample::rate(name, &tags, second, 1, 3),
                2 => sample::gauge(name, second, values[0]),
                _ => sample::trend(name, &tags, second, &values),
            }
        },
    )
}

fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    proptest::collection::vec((proptest::collection::vec(metric(), 0..8).prop_map(sample::set), START..START + 9), 0..12)
}

fn tight() -> Limits {
    Limits { series_per_metric: 2, metrics: 2, ..Limits::default() }
}

/// Series have to go for their cells, some for their number.
fn crowded() -> Limits {
    Limits { series_per_metric: 4, cells_per_metric: 5, cells_per_custom_metric: 2, ..Limits::default() }
}

fn merge(limits: Limits, deliveries: &[(usize, Delivery)]) -> Merger {
    let mut merger = Merger::new(at(START), limits);
    for (key, (set, received)) in deliveries {
        merger.merge(set, &key.to_string(), at(*received));
    }
    merger
}

/// Deliveries with their keys.
type Numbered = Vec<(usize, Delivery)>;

fn shuffled() -> impl Strategy<Value = (Numbered, Numbered)> {
    deliveries().prop_flat_map(|list| {
        let numbered: Vec<_> = list.into_iter().enumerate().collect();
        (Just(numbered.clone()), Just(numbered).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn any_order_gives_the_same_bytes((one, another) in shuffled()) {
        for limits in [Limits::default(), tight(), crowded()] {
            let (a, b) = (merge(limits, &one), merge(limits, &another));
            prop_assert_eq!(blobs(&a), blobs(&b));
            prop_assert_eq!(a.noted(), b.noted());
            prop_assert_eq!(results::measured(&a, at(START), &[]), results::measured(&b, at(START), &[]));
        }
    }

    #[test]
    fn any_split_gives_the_same_numbers((list, _) in shuffled()) {
        for limits in [Limits::default(), tight(), crowded()] {
            let whole = merge(limits, &list);
            let mut split = Merger::new(at(START), limits);
            for (key, (set, received)) in &list {
                for (part, metric) in set.metrics.iter().enumerate() {
                    split.merge(&sample::set(vec![metric.clone()]), &format!("{key}-{part}"), at(*received));
                }
            }
            prop_assert_eq!(whole.noted(), split.noted());
            prop_assert_eq!(results::measured(&whole, at(START), &[]), results::measured(&split, at(START), &[]));
        }
    }

    #[test]
    fn blobs_and_frames_both_bring_it_back((list, another) in shuffled()) {
        for limits in [Limits::default(), tight(), crowded()] {
            let merger = merge(limits, &list);
            let stored = blobs(&merger);
            let mut restored = Merger::restore(at(START), limits, stored.iter().rev().map(|(_, blob)| blob)).unwrap();
            prop_assert_eq!(&blobs(&restored), &stored);
            prop_assert_eq!(results::measured(&merger, at(START), &[]), results::measured(&restored, at(START), &[]));
            // What was merged before is known after a restart.
            for (key, (set, received)) in &list {
                prop_assert!(restored.merge(set, &key.to_string(), at(*received)).duplicate);
            }
            let frames: Vec<_> = another.iter().map(|(key, (set, received))| Frame::keep(&key.to_string(), at(*received), &mut set.clone()).0).collect();
            prop_assert_eq!(blobs(&Merger::from_frames(at(START), limits, &frames)), stored);
        }
    }

    #[test]
    fn what_is_merged_together_is_as_if_it_came_one_by_one((list, another) in shuffled(), cut in 0_usize..12) {
        for limits in [Limits::default(), tight(), crowded()] {
            let frames: Vec<_> = another.iter().map(|(key, (set, received))| Frame::keep(&key.to_string(), at(*received), &mut set.clone()).0).collect();
            let (before, after) = frames.split_at(cut.min(frames.len()));
            let mut merger = Merger::from_frames(at(START), limits, before);
            let mut stored: std::collections::BTreeMap<_, _> = blobs(&merger).into_iter().collect();
            // What was merged before comes once more, among the rest.
            let (known, changed) = merger.merge_frames(after.iter().chain(before));
            prop_assert_eq!(known, frames.iter().enumerate().map(|(at, _)| at >= after.len()).collect::<Vec<_>>());
            stored.extend(changed.into_iter().map(|second| (second, merger.encode_second(second))));
            let alone = merge(limits, &list);
            prop_assert_eq!(blobs(&merger), blobs(&alone));
            prop_assert_eq!(results::measured(&merger, at(START), &[]), results::measured(&alone, at(START), &[]));
            let restored = Merger::restore(at(START), limits, stored.values()).unwrap();
            prop_assert_eq!(blobs(&restored), blobs(&alone));
        }
    }

    #[test]
    fn half_a_run_restored_goes_on_as_if_nothing_had_happened((list, _) in shuffled(), cut in 0_usize..12) {
        for limits in [Limits::default(), tight(), crowded()] {
            let cut = cut.min(list.len());
            let half = merge(limits, &list[..cut]);
            let mut resumed = Merger::restore(at(START), limits, blobs(&half).iter().map(|(_, blob)| blob)).unwrap();
            for (key, (set, received)) in &list[cut..] {
                resumed.merge(set, &key.to_string(), at(*received));
            }
            prop_assert_eq!(blobs(&resumed), blobs(&merge(limits, &list)));
        }
    }

    #[test]
    fn changed_seconds_are_named((list, _) in shuffled()) {
        let mut merger = Merger::new(at(START), tight());
        let mut stored = std::collections::BTreeMap::new();
        for (key, (set, received)) in &list {
            for second in merger.merge(set, &key.to_string(), at(*received)).changed {
                stored.insert(second, merger.encode_second(second));
            }
        }
        prop_assert_eq!(stored.into_iter().collect::<Vec<_>>(), blobs(&merger));
    }

    #[test]
    fn the_seconds_that_are_named_are_enough_to_bring_it_back((list, _) in shuffled()) {
        let mut merger = Merger::new(at(START), crowded());
        let mut stored = std::collections::BTreeMap::new();
        for (key, (set, received)) in &list {
            for second in merger.merge(set, &key.to_string(), at(*received)).changed {
                stored.insert(second, merger.encode_second(second));
            }
        }
        for backwards in [false, true] {
            let mut order: Vec<_> = stored.values().collect();
            if backwards {
                order.reverse();
            }
            let restored = Merger::restore(at(START), crowded(), order).unwrap();
            prop_assert_eq!(blobs(&restored), blobs(&merger));
            prop_assert_eq!(restored.noted(), merger.noted());
            prop_assert_eq!(results::measured(&restored, at(START), &[]), results::measured(&merger, at(START), &[]));
        }
    }

    #[test]
    fn damaged_blobs_are_refused_or_read_never_a_panic((list, _) in shuffled(), hit in any::<prop::sample::Index>(), to in any::<u8>()) {
        let merger = merge(Limits::default(), &list);
        for (_, mut blob) in blobs(&merger) {
            let hit = hit.index(blob.len());
            blob[hit] = to;
            let _ = Merger::restore(at(START), Limits::default(), [blob]);
        }
    }
}

#[test]
fn the_same_key_counts_once() {
    let mut merger = Merger::new(at(START), Limits::default());
    let set = sample::set(vec![sample::counter("http_reqs", &[], START, 5.0)]);
    assert!(!merger.merge(&set, "k", at(START + 1)).duplicate);
    let again = merger.merge(&set, "k", at(START + 2));
    assert!(again.duplicate && again.changed.is_empty());
    assert_eq!(results::totals(&merger).requests, 5);
}

#[test]
fn every_bound_counts_under_its_name() {
    let limits = Limits { span_s: 600, ..Limits::default() };
    let mut merger = Merger::new(at(START), limits);
    let long = "x".repeat(400);
    let many: Vec<_> = (0..50).map(|tag| (format!("t{tag}"), "v".to_owned())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut unknown = sample::counter("http_reqs", &[], START, 1.0);
    unknown.kind = 9;
    let mut mixed = sample::counter("http_reqs", &[], START, 1.0);
    mixed.kind = 4;
    let mut torn = sample::trend("http_req_duration", &[], START, &[1.0, 2.0]);
    if let Some(crate::wire::Samples::Trend(samples)) = &mut torn.time_series[0].samples {
        samples.values[0].count = 3;
    }
    let set = sample::set(vec![
        sample::counter("http_reqs", &[], START - 121, 1.0),
        sample::counter("http_reqs", &[], START + 121, 1.0),
        sample::counter("http_reqs", &[("name", &long)], START, 1.0),
        sample::counter("http_reqs", &many, START, 1.0),
        sample::counter("http_reqs", &[], START, f64::NAN),
        unknown,
        mixed,
        torn,
    ]);
    merger.merge(&set, "a", at(START));
    merger.merge(&sample::set(vec![sample::counter("http_reqs", &[], START + 700, 1.0)]), "b", at(START + 700));
    merger.merge_frame(&Frame { key: "c".to_owned(), received_us: START * 1_000_000, payload: vec![1, 2, 3] });
    let noted: Vec<_> = merger.noted().into_iter().collect();
    assert_eq!(
        noted,
        [
            (Bound::Late, 1),
            (Bound::Ahead, 1),
            (Bound::OutsideSpan, 1),
            (Bound::Malformed, 2),
            (Bound::UnknownKind, 2),
            (Bound::Unreadable, 1),
            (Bound::TagsCut, 1),
            (Bound::TagsLeftOut, 10),
        ]
    );
    assert_eq!(results::totals(&merger).requests, 2);
}

#[test]
fn too_many_series_keep_the_sums_and_say_so() {
    let mut merger = Merger::new(at(START), Limits::default());
    for second in 0..3 {
        let series: Vec<_> = (0..1_500)
            .map(|number| sample::counter("http_reqs", &[("name", format!("/item/{}", second * 1_000 + number).as_str())], START + second, 1.0))
            .collect();
        merger.merge(&sample::set(series), &second.to_string(), at(START + second));
    }
    assert_eq!(results::totals(&merger).requests, 4_500);
    assert_eq!(merger.whole("http_reqs").count(), 2_001);
    assert!(merger.noted()[&Bound::SeriesTogether] >= 1_500, "{:?}", merger.noted());
    // Metrics of k6 itself keep their names however many a script adds.
    let own: Vec<_> = (0..900).map(|number| sample::counter(&format!("own_{number}"), &[], START, 1.0)).collect();
    merger.merge(&sample::set(own), "own", at(START));
    merger.merge(&sample::set(vec![sample::counter("iterations", &[], START, 7.0)]), "late", at(START));
    assert_eq!(results::totals(&merger).iterations, 7);
    assert_eq!(results::totals(&merger).requests, 4_500);
}

#[test]
fn a_long_run_with_many_addresses_stays_within_its_cells() {
    let limits = Limits { cells_per_metric: 1_000, ..Limits::default() };
    let mut merger = Merger::new(at(START), limits);
    let mut named = 0;
    for second in 0..100 {
        let series: Vec<_> = (0..50).map(|number| sample::counter("http_reqs", &[("name", format!("/item/{number}").as_str())], START + second, 1.0)).collect();
        named += merger.merge(&sample::set(series), &second.to_string(), at(START + second)).changed.len();
        let own = merger.between("http_reqs", i64::MIN..i64::MAX).filter(|(tags, _)| **tags != crate::series::Tags::other()).count();
        assert!(own <= 1_000, "{own} cells after {second} s");
    }
    assert_eq!(results::totals(&merger).requests, 5_000);
    // Ten addresses in each of 100 seconds; nothing of the others is lost, and it is said.
    assert_eq!(merger.whole("http_reqs").count(), 11);
    assert_eq!(merger.noted()[&Bound::SeriesTogether], 4_000);
    assert!(named < 300, "{named} seconds were to be stored anew");
}

#[test]
fn a_blob_of_another_version_is_refused_in_words() {
    let merger = merge(Limits::default(), &[(0, (sample::set(vec![sample::counter("x", &[], START, 1.0)]), START))]);
    let mut blob = merger.encode_second(START);
    blob[3] = 2;
    assert_eq!(Merger::restore(at(START), Limits::default(), [&blob]).unwrap_err(), BlobError::Version);
    assert!(Merger::restore(at(START), Limits::default(), [&[][..]]).is_err());
}

#[test]
fn a_tick_brings_only_what_changed() {
    let mut merger = Merger::new(at(START), Limits::default());
    let point = |second| sample::set(vec![sample::counter("http_reqs", &[], second, 1.0)]);
    merger.merge(&point(START + 1), "a", at(START + 2));
    merger.merge(&point(START + 2), "b", at(START + 3));
    let seen = merger.version();
    merger.merge(&point(START + 2), "c", at(START + 4));
    merger.merge(&point(START + 5), "d", at(START + 6));
    let changed: Vec<_> = results::measured_since(&merger, at(START), &[], seen).windows.iter().map(|point| (point.at_s, point.requests)).collect();
    assert_eq!(changed, [(2, 2), (5, 1)]);
}
