//! A real PostgreSQL for the tests: one private cluster per test binary, on a Unix socket in a directory of its own.
//!
//! `WINDFIRM_TEST_POSTGRES_URL` names a server to use instead. Without either the tests say so loudly, and fail when
//! `WINDFIRM_REQUIRE_POSTGRES=1`.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Starts a cluster, tells its directory, and takes everything away when its standard input closes: so it also ends when
/// the tests are killed. Language rules for sorting are on purpose: a column that should be sorted by bytes must say so.
const CLUSTER: &str = r#"
set -eu
PATH="$1:$PATH"
directory=$(mktemp -d)
trap 'pg_ctl -D "$directory/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$directory"' EXIT
cd "$directory"
(initdb -D data -U windfirm -A trust -E UTF8 --no-sync --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US ||
    initdb -D data -U windfirm -A trust -E UTF8 --no-sync) >init.log 2>&1 </dev/null
pg_ctl -D data -w -l server.log -o "-c listen_addresses='' -c unix_socket_directories='$directory' -c fsync=off -c max_connections=300" start >start.log 2>&1 </dev/null
echo "$directory"
read -r _ || true
"#;

/// Held until the process ends; its standard input is what keeps the cluster alive.
struct Cluster {
    _keeper: Child,
    url: String,
}

/// The URL of a server where databases can be made, with `{}` in place of the database.
pub(crate) fn url_pattern() -> Option<&'static str> {
    static CHOSEN: OnceLock<Result<Cluster, String>> = OnceLock::new();
    static GIVEN: OnceLock<Option<String>> = OnceLock::new();
    let given = GIVEN.get_or_init(|| env::var("WINDFIRM_TEST_POSTGRES_URL").ok().map(|url| pattern_of(&url)));
    if let Some(url) = given {
        return Some(url);
    }
    match CHOSEN.get_or_init(start) {
        Ok(cluster) => Some(&cluster.url),
        Err(why) => {
            assert_ne!(env::var("WINDFIRM_REQUIRE_POSTGRES").as_deref(), Ok("1"), "PostgreSQL is required, but {why}");
            // Past the test harness, which keeps to itself what passing tests print.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: the store on PostgreSQL: {why}\n").as_bytes());
            None
        }
    }
}

/// `postgres://host/name?options` with `{}` for the name.
fn pattern_of(url: &str) -> String {
    let (before, options) = url.split_once('?').map_or((url, String::new()), |(before, options)| (before, format!("?{options}")));
    let server = before.rfind('/').filter(|&slash| slash > "postgres://".len()).map_or(before, |slash| &before[..slash]);
    format!("{server}/{{}}{options}")
}

fn start() -> Result<Cluster, String> {
    let binaries = binaries().ok_or("no initdb is in PATH or in /usr/lib/postgresql")?;
    let mut command = as_ordinary_user();
    command.args(["sh", "-c", CLUSTER, "cluster"]).arg(&binaries).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut keeper = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
    let mut directory = String::new();
    BufReader::new(keeper.stdout.take().ok_or("it has no output")?).read_line(&mut directory).map_err(|error| error.to_string())?;
    let directory = directory.trim();
    if directory.is_empty() {
        return Err(format!("a cluster made by {} did not start", binaries.display()));
    }
    Ok(Cluster { url: format!("postgres://windfirm@localhost/{{}}?host={directory}"), _keeper: keeper })
}

fn binaries() -> Option<PathBuf> {
    let has_initdb = |folder: &PathBuf| folder.join("initdb").is_file();
    let in_path = env::split_paths(&env::var_os("PATH")?).find(|folder| has_initdb(folder));
    in_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<_> = versions.flatten().map(|version| version.path().join("bin")).filter(has_initdb).collect();
        folders.sort();
        folders.pop()
    })
}

/// PostgreSQL refuses to run as root, so root hands over to the user `postgres`.
#[expect(clippy::disallowed_methods, reason = "tests start their own database")]
fn as_ordinary_user() -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !root {
        return Command::new("env");
    }
    if Path::new("/usr/sbin/runuser").exists() || Path::new("/sbin/runuser").exists() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]);
        return command;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]);
    command
}

#[test]
fn a_url_becomes_a_pattern() {
    assert_eq!(pattern_of("postgres://a:b@h:5/x?sslmode=disable"), "postgres://a:b@h:5/{}?sslmode=disable");
    assert_eq!(pattern_of("postgres://h"), "postgres://h/{}");
}
