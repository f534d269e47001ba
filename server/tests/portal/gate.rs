//! A gate in front of k6: a command of the runner that notes what it is asked to run, and waits until the test lets it through.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use windfirm::clock::SystemClock;
use windfirm_model::clock::Clock;

use crate::harness::{House, Plan};

pub(crate) struct Gate {
    folder: tempfile::TempDir,
}

impl Gate {
    /// A house whose k6 is behind a closed gate.
    pub(crate) async fn closed() -> Option<(Arc<House>, Self)> {
        Self::closed_at(Arc::new(SystemClock)).await
    }

    pub(crate) async fn closed_at(clock: Arc<dyn Clock>) -> Option<(Arc<House>, Self)> {
        let gate = Self { folder: tempfile::tempdir().unwrap() };
        let (script, folder) = (gate.folder.path().join("gate.sh"), gate.folder.path().display());
        let runner = env!("CARGO_BIN_EXE_windfirm");
        // The order is copied aside first, so that what counts as asked is there whole. No PATH: the runner has no environment.
        let text = format!(
            "/bin/cp \"$2\" '{folder}/half.'$$ && /bin/mv '{folder}/half.'$$ '{folder}/asked.'$$\n\
             while [ ! -e '{folder}/open' ]; do /bin/sleep 0.02; done\nexec '{runner}' runner \"$@\"\n"
        );
        std::fs::write(&script, text).unwrap();
        let house = House::build(Plan { runner: vec![OsString::from("/bin/sh"), script.into_os_string()], clock, ..Plan::default() }).await?;
        Some((Arc::new(house), gate))
    }

    pub(crate) fn open(&self) {
        std::fs::write(self.folder.path().join("open"), "").unwrap();
    }

    /// What k6 was to be started with so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let is_order = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("asked."));
        let files: Vec<PathBuf> = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| is_order(path)).collect();
        files.iter().map(|file| arguments(&serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).join(" ")).collect()
    }

    /// Waits until something was asked that holds `text`; fails before k6's own time is over.
    pub(crate) async fn until_asked(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(9);
        while !self.asked().iter().any(|order| order.contains(text)) {
            assert!(Instant::now() < deadline, "nobody asked for {text}: {:?}", self.asked());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The arguments in an order: they are written as bytes, as the system keeps them.
fn arguments(order: &Value) -> Vec<String> {
    let text = |bytes: &Vec<Value>| String::from_utf8(bytes.iter().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect()).unwrap();
    match order {
        Value::Object(fields) => match fields.get("Unix") {
            Some(Value::Array(bytes)) => vec![text(bytes)],
            _ => fields.values().flat_map(arguments).collect(),
        },
        Value::Array(items) => items.iter().flat_map(arguments).collect(),
        _ => Vec::new(),
    }
}
