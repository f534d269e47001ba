//! How many samples a second one merger can take in: decode, mask, pack, merge and encode, as ingest does it.
//!
//! A delivery is one second of 20 request names with all their timings; “elements” are the samples that it stands for.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use windfirm_measure::{
    frame::Frame,
    window::{Limits, Merger},
    wire::{self, Bounds},
};
use windfirm_model::clock::Timestamp;

#[path = "wire/second.rs"]
mod second;

use second::{SAMPLES, second};

const START: i64 = 1_000_000;

fn merge(criterion: &mut Criterion) {
    let bodies: Vec<_> = (0..60).map(|at| wire::encode(&second(START + at, None))).collect();
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(SAMPLES * 60)).sample_size(10);
    group.bench_function("a minute, 20 names", |bencher| {
        bencher.iter(|| {
            let mut merger = Merger::new(Timestamp::from_seconds(START), Limits::default());
            let mut bytes = 0;
            for (key, body) in bodies.iter().enumerate() {
                let received = Timestamp::from_seconds(START + 30);
                let Ok(mut set) = wire::decode(body, &Bounds::default()) else { continue };
                let (frame, _) = Frame::keep(&key.to_string(), received, &mut set);
                let merged = merger.merge(&set, &frame.key, received);
                bytes += merged.changed.iter().map(|second| merger.encode_second(*second).len()).sum::<usize>();
            }
            bytes
        });
    });
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
