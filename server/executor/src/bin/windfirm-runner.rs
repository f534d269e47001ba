//! The runner alone: `windfirm-runner --orders FILE`. The portal's `windfirm runner` does the same. Under the name `k6`, which it has in the
//! runner image, it stands in front of k6 in a pod.

use std::{
    io::Read as _,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;
use windfirm_model::clock::{Clock, Timestamp};

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
    fn new_uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now().0 / 1000).unwrap_or_default();
        let [a, b, c, d, e, f, g, h, i, j, ..] = self.secret();
        uuid::Builder::from_unix_timestamp_millis(millis, &[a, b, c, d, e, f, g, h, i, j]).into_uuid()
    }
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0_u8; 32];
        if std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).is_err() {
            std::process::abort();
        }
        bytes
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let is_k6 = arguments.next().is_some_and(|name| Path::new(&name).file_name().is_some_and(|name| name == "k6"));
    let arguments: Vec<_> = arguments.collect();
    match arguments.as_slice() {
        arguments if is_k6 => windfirm_executor::runner::pod::main(arguments, Arc::new(SystemClock)),
        [flag, orders] if flag == "--orders" => windfirm_executor::runner::main(Path::new(orders), Arc::new(SystemClock)),
        _ => ExitCode::from(2),
    }
}
