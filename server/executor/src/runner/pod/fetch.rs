//! `k6 fetch-archive URL SHA-256 BYTES TOKEN-FILE FILE`: the init container of a pod whose test is too large for a ConfigMap.
//!
//! It asks the portal for the archive with the token of this execution, and puts it into the file only when it is the one that was promised:
//! k6 never sees half of one, or another one. A portal that is away or busy is asked again; one that refuses is not.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use reqwest::{Client, StatusCode, header};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

/// What the kubelet shows of a container that ended, and the portal reads.
const LAST_WORDS: &str = "/dev/termination-log";
/// How long a portal may be away. The portal ends a start that takes too long by itself.
const PATIENCE: Duration = Duration::from_secs(240);
const ONE_TRY: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    ForNow(String),
    #[error("{0}")]
    ForGood(String),
}

pub(super) fn main(arguments: &[OsString]) -> ExitCode {
    let texts: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    let done = match texts.as_slice() {
        [url, sha256, bytes, token, file] => match bytes.parse() {
            Ok(bytes) => run(&Wanted { url, sha256, bytes }, Path::new(token), Path::new(file)),
            Err(_) => Err(format!("“{bytes}” is no number of bytes.")),
        },
        _ => Err("It needs an address, a digest, a number of bytes, a file with a token and a file to write.".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = fs::write(LAST_WORDS, &why);
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::FAILURE
        }
    }
}

/// The archive that was promised.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    url: &'a str,
    /// Hex.
    sha256: &'a str,
    bytes: u64,
}

fn run(wanted: &Wanted<'_>, token: &Path, file: &Path) -> Result<(), String> {
    let token = fs::read_to_string(token).map_err(|error| format!("The token of the run cannot be read: {error}."))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| format!("The fetching cannot start: {error}."))?;
    runtime.block_on(fetch(wanted, token.trim(), file, PATIENCE))
}

async fn fetch(wanted: &Wanted<'_>, token: &str, file: &Path, patience: Duration) -> Result<(), String> {
    // Each try is a connection of its own: where several portals serve one address, one of them has the files.
    let client =
        Client::builder().no_proxy().timeout(ONE_TRY).pool_max_idle_per_host(0).build().map_err(|error| format!("The portal cannot be asked: {error}."))?;
    let (until, mut pause) = (Instant::now() + patience, FIRST_PAUSE);
    loop {
        match fetch_once(&client, wanted, token, file).await {
            Ok(()) => return Ok(()),
            Err(Failed::ForGood(why)) => return Err(why),
            Err(Failed::ForNow(why)) if Instant::now() + pause >= until => return Err(why),
            Err(Failed::ForNow(_)) => {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn fetch_once(client: &Client, wanted: &Wanted<'_>, token: &str, file: &Path) -> Result<(), Failed> {
    // The address is told by whoever shows the message; the error of the library would repeat it.
    let away = |error: reqwest::Error| Failed::ForNow(format!("The portal cannot be reached: {}.", error.without_url()));
    let request = client.get(wanted.url).header(header::AUTHORIZATION, format!("Token {token}"));
    let mut answer = request.send().await.map_err(away)?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            let why =
                format!("The portal does not give the files of this test ({}). The run may have ended, or was begun anew; run it again.", answer.status());
            return Err(Failed::ForGood(why));
        }
        status => return Err(Failed::ForNow(format!("The portal does not give the files of this test now ({status})."))),
    }
    let cannot = |error: std::io::Error| Failed::ForGood(format!("The files of the test cannot be written: {error}."));
    let part = file.with_extension("part");
    let mut writing = create(&part).map_err(cannot)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    while let Some(piece) = answer.chunk().await.map_err(away)? {
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > wanted.bytes {
            break;
        }
        hash.update(&piece);
        writing.write_all(&piece).map_err(cannot)?;
    }
    let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if bytes != wanted.bytes || sha256 != wanted.sha256 {
        return Err(Failed::ForGood("What the portal gave are not the files that this run was launched with. Run it again.".to_owned()));
    }
    writing.sync_all().map_err(cannot)?;
    fs::rename(&part, file).map_err(cannot)
}

/// For k6 to read, whoever it runs as, and for nobody to change.
fn create(path: &Path) -> std::io::Result<File> {
    // What an earlier try left cannot be written to.
    if path.exists() {
        fs::remove_file(path)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, http::HeaderMap, response::IntoResponse as _, routing::get};
    use tokio::net::TcpListener;
    use tokio_util::task::TaskTracker;

    use super::*;

    const ARCHIVE: &[u8] = b"an archive of a test";

    /// A portal that is busy for the first questions, and how often it was asked.
    async fn portal(busy: usize) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/archive", listener.local_addr().unwrap());
        let asked = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&asked);
        let answer = async move |headers: HeaderMap| {
            if headers.get("authorization").is_none_or(|token| token != "Token t0ken") {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            if counted.fetch_add(1, Ordering::SeqCst) < busy { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { ARCHIVE.into_response() }
        };
        let router = Router::new().route("/archive", get(answer));
        let _serving = TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        (url, asked)
    }
    fn digest() -> String {
        Sha256::digest(ARCHIVE).iter().map(|byte| format!("{byte:02x}")).collect()
    }
    fn length() -> u64 {
        u64::try_from(ARCHIVE.len()).unwrap()
    }

    #[tokio::test]
    async fn a_busy_portal_is_asked_again_and_what_it_gives_is_read_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (url, asked) = portal(2).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("archive.tar");
        fetch(&Wanted { url: &url, sha256: &digest(), bytes: length() }, "t0ken", &file, PATIENCE).await.unwrap();
        assert_eq!((fs::read(&file).unwrap(), asked.load(Ordering::SeqCst)), (ARCHIVE.to_vec(), 3));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o222, 0);
    }

    #[tokio::test]
    async fn what_is_not_what_was_promised_never_gets_its_name() {
        let (url, _) = portal(0).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("archive.tar");
        let (other, own) = ("0".repeat(64), digest());
        for (sha256, bytes) in [(&other, length()), (&own, length() - 1), (&own, length() + 1)] {
            let why = fetch(&Wanted { url: &url, sha256, bytes }, "t0ken", &file, PATIENCE).await.unwrap_err();
            assert!(why.contains("not the files that this run was launched with"), "{why}");
            assert!(!file.exists());
        }
    }

    #[tokio::test]
    async fn a_refusal_is_final_and_tells_no_token() {
        let (url, asked) = portal(0).await;
        let folder = tempfile::tempdir().unwrap();
        let why = fetch(&Wanted { url: &url, sha256: &digest(), bytes: length() }, "another", &folder.path().join("a"), PATIENCE).await.unwrap_err();
        assert!(why.contains("401") && !why.contains("another"), "{why}");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        let why = fetch(&Wanted { url: "http://127.0.0.1:9/a", sha256: "", bytes: 1 }, "t", &folder.path().join("a"), Duration::ZERO).await.unwrap_err();
        assert!(why.starts_with("The portal cannot be reached"), "{why}");
    }
}
