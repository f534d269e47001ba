//! The bundle as a k6 archive: what `k6 archive` would write, made without running the script.
//!
//! A plain tar (ustar): `metadata.json` first, `data` with the script, then every file below `file/`. k6 takes options and environment of an
//! archive from its metadata and does not ask the script for options again, so neither can be changed by what the script says when it is
//! run (`lib/archive.go` and `internal/js/bundle.go` of k6 2.2.0). And `open()` finds the archive's files only, not those of the pod.
//!
//! The same input makes the same bytes.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde_json::{Value, json};
use windfirm_executor::{InCluster, Orders, k6, reach};

/// The largest archive that fits into a ConfigMap (1 MiB with its names).
pub const MOST_CONFIG_MAP_BYTES: usize = (1 << 20) - (16 << 10);
/// The largest one that is fetched from the portal.
pub const MOST_FETCHED_BYTES: usize = 20 << 20;
/// Where the bundle lies, as far as the script can tell.
pub(crate) const ROOT_URL: &str = "file:///bundle/";
const BLOCK: usize = 512;
/// Bundles are small; whatever has more files than this is none.
const MOST_FILES: usize = 2_000;

/// Why a bundle does not become an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(
        "the test with all its files has {} KiB as an archive, and no test may have more than {} MiB. \
         Generate large test data in the script, or leave it out of the folder of the test", bytes.div_ceil(1024), MOST_FETCHED_BYTES >> 20
    )]
    TooLarge { bytes: usize },
    #[error(
        "the test with all its files has {} KiB as an archive, and a ConfigMap takes {} KiB. Larger ones, of up to {} MiB, are fetched by the \
         runner image, and this cluster has none: those who look after the portal can name one (runs.runner_image). Or generate large test \
         data in the script, or leave it out of the folder of the test", bytes.div_ceil(1024), MOST_CONFIG_MAP_BYTES / 1024, MOST_FETCHED_BYTES >> 20
    )]
    TooLargeForConfigMap { bytes: usize },
    #[error("the test has more than {MOST_FILES} files")]
    TooManyFiles,
    #[error("the path {0} is too long for an archive; shorten names of folders")]
    LongPath(String),
    #[error("the bundle has no file {0}")]
    NoEntry(String),
    #[error("the bundle cannot be read: {0}")]
    File(#[from] io::Error),
    #[error("the options of k6 that were frozen with the run are no object")]
    Options,
}

/// Reads the folder of the bundle and makes the archive.
///
/// # Errors
/// When it cannot be read, or does not fit.
pub(crate) fn of_orders(orders: &Orders, cluster: &InCluster) -> Result<Vec<u8>, ArchiveError> {
    let mut files = BTreeMap::new();
    read(&orders.bundle, "", &mut files)?;
    make(&files, orders, cluster)
}

fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), ArchiveError> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| ArchiveError::LongPath(name.to_string_lossy().into_owned()))?;
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Links are not followed: a bundle has none.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            let length = usize::try_from(entry.metadata()?.len()).unwrap_or(usize::MAX);
            if length > MOST_FETCHED_BYTES {
                return Err(ArchiveError::TooLarge { bytes: length });
            }
            files.insert(path, fs::read(entry.path())?);
        }
        if files.len() > MOST_FILES {
            return Err(ArchiveError::TooManyFiles);
        }
    }
    Ok(())
}

/// Whether a ConfigMap takes it.
pub(crate) const fn is_small(archive: &[u8]) -> bool {
    archive.len() <= MOST_CONFIG_MAP_BYTES
}

/// From files by their paths below the bundle.
fn make(files: &BTreeMap<String, Vec<u8>>, orders: &Orders, cluster: &InCluster) -> Result<Vec<u8>, ArchiveError> {
    let entry = files.get(&orders.entry).ok_or_else(|| ArchiveError::NoEntry(orders.entry.clone()))?;
    let metadata = metadata(orders, cluster)?.to_string();
    let mut tar = Vec::new();
    append(&mut tar, "metadata.json", metadata.as_bytes())?;
    append(&mut tar, "data", entry)?;
    for (path, content) in files.iter().filter(|(path, _)| **path != orders.entry) {
        append(&mut tar, &format!("file/bundle/{path}"), content)?;
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    if tar.len() > MOST_FETCHED_BYTES { Err(ArchiveError::TooLarge { bytes: tar.len() }) } else { Ok(tar) }
}

fn metadata(orders: &Orders, cluster: &InCluster) -> Result<Value, ArchiveError> {
    let environment: BTreeMap<&str, &str> =
        std::iter::once(("TARGET", orders.target.as_str())).chain(orders.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect();
    // Escaped as a URL: k6 reads it as one.
    let filename = url::Url::parse(ROOT_URL).and_then(|root| root.join(&escaped(&orders.entry))).map_or_else(|_| String::new(), |url| url.to_string());
    let folder = filename.rsplit_once('/').map_or(ROOT_URL, |(folder, _)| folder);
    Ok(json!({
        "type": "js",
        "options": options(orders, cluster)?,
        "filename": filename,
        "pwd": format!("{folder}/"),
        "env": environment,
        "compatibilityMode": "base",
        "k6version": k6::CONTRACT_VERSION,
        "goos": "linux",
    }))
}

fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// The script's options as they were frozen, and what a run may reach.
fn options(orders: &Orders, cluster: &InCluster) -> Result<Value, ArchiveError> {
    let Value::Object(mut options) = cluster.options.clone() else { return Err(ArchiveError::Options) };
    // What `--execution-requirements` adds is no option; what is Grafana's is not ours.
    for name in ["totalDuration", "maxVUs", "ext", "cloud", "paused"] {
        options.remove(name);
    }
    // It derives scenarios from the short forms and prints both; together k6 does not take them.
    if options.get("scenarios").is_some_and(Value::is_object) {
        for name in ["vus", "duration", "iterations", "stages"] {
            options.remove(name);
        }
    }
    let addresses = reach::addresses(&orders.allowed);
    // Without addresses nothing is known of where the target is: a name of the cluster has none outside. Then its network policies
    // are what keeps a run in its place.
    if !addresses.is_empty() {
        options.insert("blacklistIPs".to_owned(), json!(reach::blocked_ranges(&addresses)));
        options.insert("hosts".to_owned(), json!(reach::pinned_hosts(&orders.allowed)));
    }
    Ok(Value::Object(options))
}

/// One file. Names up to 255 bytes, of which the last 100 from a slash on are the name proper (POSIX.1-1988).
fn append(tar: &mut Vec<u8>, path: &str, content: &[u8]) -> Result<(), ArchiveError> {
    let (prefix, name) = split(path).ok_or_else(|| ArchiveError::LongPath(path.to_owned()))?;
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = header.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(place) = header.get_mut(148..156) {
        place.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar.extend_from_slice(&header);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    Ok(())
}

fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let slashes = path.match_indices('/').map(|(at, _)| at);
    slashes.filter_map(|at| Some((path.get(..at)?, path.get(at + 1..)?))).find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::objects::tests::{in_cluster, orders};

    fn files(more: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        let own = [("k6/a.js", "export default () => {}")];
        own.iter().chain(more).map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    /// Name, length of the content, from every header.
    fn listed(tar: &[u8]) -> Vec<(String, usize)> {
        let mut at = 0;
        let mut found = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.iter().copied().take_while(|byte| *byte != 0).collect()).unwrap();
        while tar[at] != 0 {
            let header = &tar[at..at + BLOCK];
            let length = usize::from_str_radix(text(&header[124..136]).trim(), 8).unwrap();
            let mut name = text(&header[..100]);
            let prefix = text(&header[345..500]);
            if !prefix.is_empty() {
                name = format!("{prefix}/{name}");
            }
            found.push((name, length));
            at += BLOCK + length.next_multiple_of(BLOCK);
        }
        assert!(tar[at..].len() == 2 * BLOCK && tar[at..].iter().all(|byte| *byte == 0));
        found
    }

    #[test]
    fn an_archive_has_metadata_script_and_files_and_is_always_the_same() {
        let long = format!("k6/{}/{}.json", "d".repeat(90), "n".repeat(60));
        let files = files(&[("k6/lib/b.js", "1"), (&long, "{}")]);
        let tar = make(&files, &orders(), &in_cluster()).unwrap();
        let names: Vec<String> = listed(&tar).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["metadata.json".to_owned(), "data".to_owned(), format!("file/bundle/{long}"), "file/bundle/k6/lib/b.js".to_owned()]);
        assert_eq!(tar, make(&files, &orders(), &in_cluster()).unwrap());
    }

    #[test]
    fn options_and_environment_are_those_that_were_frozen() {
        let metadata = metadata(&orders(), &in_cluster()).unwrap();
        assert_eq!(metadata["filename"], "file:///bundle/k6/a.js");
        assert_eq!(metadata["pwd"], "file:///bundle/k6/");
        assert_eq!(metadata["env"], json!({ "TARGET": "http://cart.shop-dev.svc.cluster.local", "COLOUR": "a \"b\" $(c)" }));
        assert_eq!(metadata["options"]["scenarios"]["s"]["vus"], 4);
        for dropped in ["maxVUs", "vus", "duration"] {
            assert_eq!(metadata["options"].get(dropped), None, "{dropped}");
        }
        assert_eq!(metadata["options"].get("blacklistIPs"), None);
    }

    #[test]
    fn with_known_addresses_k6_may_reach_no_others() {
        let allowed = windfirm_executor::AllowedTarget { host: "cart".into(), addresses: vec!["10.0.0.9".parse().unwrap()], port: Some(80) };
        let metadata = metadata(&Orders { allowed: vec![allowed], ..orders() }, &in_cluster()).unwrap();
        assert_eq!(metadata["options"]["blacklistIPs"].as_array().unwrap().len(), 33);
        assert_eq!(metadata["options"]["hosts"]["cart"], "10.0.0.9");
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_size() {
        let big = "x".repeat(MOST_FETCHED_BYTES);
        let why = make(&files(&[("k6/data.csv", &big)]), &orders(), &in_cluster()).unwrap_err().to_string();
        assert!(why.contains("20484 KiB as an archive") && why.contains("more than 20 MiB"), "{why}");
        let archive = make(&files(&[("k6/data.csv", &"x".repeat(MOST_CONFIG_MAP_BYTES))]), &orders(), &in_cluster()).unwrap();
        assert!(!is_small(&archive));
        let why = ArchiveError::TooLargeForConfigMap { bytes: archive.len() }.to_string();
        assert!(why.contains("1012 KiB as an archive") && why.contains("takes 1008 KiB") && why.contains("runs.runner_image"), "{why}");
    }

    #[test]
    fn a_script_that_is_not_there_is_said() {
        assert!(matches!(make(&files(&[]), &Orders { entry: "k6/b.js".into(), ..orders() }, &in_cluster()), Err(ArchiveError::NoEntry(_))));
    }
}
