//! Writes what runners would deliver into files, for measurements that load a whole portal:
//! `cargo bench -p windfirm-measure --bench deliveries -- FOLDER RUNNERS SECONDS START`. START is the first second, since the epoch.
//!
//! Each runner has a file, named by its number from 1: its deliveries in their order, each behind its length in four bytes, the lowest
//! first.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a tool of the measurements: a panic says that it failed")]

use std::path::PathBuf;

use windfirm_measure::wire;

#[path = "wire/second.rs"]
mod second;

fn main() {
    // The bench harness passes flags.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [folder, runners, seconds, start] = words.as_slice() else {
        println!("skipped: no deliveries are written without FOLDER RUNNERS SECONDS START");
        return;
    };
    let folder = PathBuf::from(folder);
    let (runners, seconds, start): (u32, u32, i64) = (runners.parse().unwrap(), seconds.parse().unwrap(), start.parse().unwrap());
    for runner in 1..=runners {
        let mut file = Vec::new();
        for at in 0..seconds {
            let body = wire::encode(&second::second(start + i64::from(at), Some(runner)));
            file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            file.extend(body);
        }
        std::fs::write(folder.join(runner.to_string()), file).unwrap();
    }
    let deliveries = u64::from(runners) * u64::from(seconds);
    println!("deliveries={deliveries} samples={} requests={}", deliveries * second::SAMPLES, deliveries * second::REQUESTS);
}
