//! Keeps k6 in its place: the process that is about to become k6 gives up every right that k6 does not need, then becomes it.
//!
//! The runner starts *itself* again with a [`Plan`]; that short-lived process sets its resource limits, asks the kernel to end it together
//! with its parent, applies Landlock to itself and replaces itself by k6. So the limits hold from k6's first instruction, the runner keeps
//! its own rights, and no unsafe code runs between fork and exec. A k6 whose runner is killed dies at once: it never loads a target unmeasured.
//!
//! What the kernel lacks is reported, never passed over: the report says in sentences what is in force.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, NetPort, RestrictionStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};
use windfirm_model::view::run::Confinement;

use crate::{folder, orders::Limits};

/// Where a system keeps what TLS needs: certificates only, public everywhere.
const CERTIFICATES: [&str; 4] = ["/etc/ssl", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/usr/share/ca-certificates"];
/// Devices without content of their own.
const DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];
/// Needed only by a k6 that is linked against the system's C library.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// Since this version Landlock knows TCP ports (Linux 6.7).
const PORTS_ABI: u8 = 4;
/// Since this version it keeps signals and abstract sockets within (Linux 6.12).
const SCOPE_ABI: u8 = 6;

/// What a confined process is and may. Written for it by its parent, removed by it once read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
    /// May be read, with all beneath.
    pub read: Vec<PathBuf>,
    /// May be written, with all beneath.
    pub write: Vec<PathBuf>,
    /// TCP ports that may be connected to; `None`: any. Listening is never allowed.
    pub connect: Option<Vec<u16>>,
    pub memory_bytes: u64,
    pub open_files: u64,
    pub file_bytes: u64,
    /// Pid of the parent that must live for this process to live.
    pub parent: u32,
    /// Where the report goes, for the parent to read.
    pub report: PathBuf,
}

/// Why a confined process could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
    #[error("Landlock refused the rules: {0}")]
    Landlock(#[from] RulesetError),
    #[error("the confinement cannot be written down: {0}")]
    Report(String),
    #[error("the process that asked for this one is gone")]
    ParentGone,
}

/// Applies the plan to the calling process and becomes its program. Returns only when that fails.
#[must_use]
pub fn become_confined(plan: &Plan) -> ConfineError {
    match confine(plan) {
        Err(error) => error,
        Ok(()) => {
            #[expect(clippy::disallowed_methods, reason = "this is the executor")]
            let mut command = Command::new(&plan.program);
            let source = command.args(&plan.arguments).env_clear().envs(&plan.environment).current_dir(&plan.directory).exec();
            ConfineError::System { what: "k6 cannot be executed", source }
        }
    }
}

fn confine(plan: &Plan) -> Result<(), ConfineError> {
    let system = |what| move |errno: rustix::io::Errno| ConfineError::System { what, source: errno.into() };
    // First of all: from here on we end with our parent. It may have gone already, which the signal would then never tell.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(system("the process cannot be tied to its parent"))?;
    let parent = getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    if parent != Some(plan.parent) {
        return Err(ConfineError::ParentGone);
    }
    let limit = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    limit(Resource::Core, 0).map_err(system("core dumps cannot be switched off"))?;
    limit(Resource::Fsize, plan.file_bytes).map_err(system("the file size cannot be limited"))?;
    limit(Resource::Nofile, open_files(plan.open_files)).map_err(system("the open files cannot be limited"))?;
    limit(Resource::Data, plan.memory_bytes).map_err(system("the memory cannot be limited"))?;

    // Open before the border closes: an open file stays open.
    let (restriction, landlock) = restrict(plan)?;
    landlock_report(plan, &restriction).and_then(|report| write_through(landlock, &report))
}

/// As many open files as are wished for, or as this machine lets any process have.
fn open_files(wish: u64) -> u64 {
    may_open(wish, getrlimit(Resource::Nofile).maximum)
}

fn may_open(wish: u64, hard: Option<u64>) -> u64 {
    hard.map_or(wish, |hard| hard.min(wish))
}

/// What is wrong when runs get fewer open files than [`crate::Limits`] gives them: told at start, since it shows only under load.
#[must_use]
pub fn too_few_files() -> Option<String> {
    let wish = Limits::default().open_files;
    let may = open_files(wish);
    (may < wish).then(|| {
        format!("A test may have {may} open files and connections, not {wish}: the system lets no process have more. Raise the hard limit of open files (ulimit -Hn, LimitNOFILE=) of whoever starts Windfirm.")
    })
}

/// The opened report file, made before Landlock forbids it.
type Report = io::Result<fs::File>;

fn restrict(plan: &Plan) -> Result<(RestrictionStatus, Report), RulesetError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let abi = ABI::V10;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let program: [&Path; 1] = [&plan.program];
    let certificates = CERTIFICATES.iter().chain(&DEVICES).map(Path::new);
    let libraries: &[&str] = if is_dynamic(&plan.program) { &LIBRARIES } else { &[] };
    let mut network = AccessNet::BindTcp | AccessNet::BindUdp | AccessNet::ConnectSendUdp;
    if plan.connect.is_some() {
        network |= AccessNet::ConnectTcp;
    }
    let report = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&plan.report);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(network)?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(program, AccessFs::ReadFile | AccessFs::Execute))?
        .add_rules(path_beneath_rules(libraries, read | AccessFs::Execute))?
        .add_rules(path_beneath_rules(certificates, read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&plan.read, read))?
        .add_rules(path_beneath_rules(&plan.write, writable()))?
        .add_rules(plan.connect.iter().flatten().map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp))))?
        .restrict_self()?;
    Ok((status, report))
}

/// Reading and writing of plain files and folders: no devices, no sockets, no links to elsewhere, no execution.
fn writable() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
}

/// Whether a program needs the system's dynamic linker: then the first pages of its file name it.
fn is_dynamic(program: &Path) -> bool {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read = fs::File::open(program).and_then(|file| file.take(8192).read_to_end(&mut head));
    read.is_ok() && [b"/ld-linux".as_slice(), b"/ld-musl".as_slice()].iter().any(|name| head.windows(name.len()).any(|window| window == *name))
}

fn landlock_report(plan: &Plan, status: &RestrictionStatus) -> Result<Confinement, ConfineError> {
    let abi = match status.landlock {
        LandlockStatus::NotEnabled => Err("the kernel has Landlock, but it is not switched on (boot option lsm=…,landlock)"),
        LandlockStatus::NotImplemented => Err("the kernel has no Landlock (Linux 5.13 or newer is needed)"),
        LandlockStatus::Available { effective_abi, .. } => Ok(abi_number(effective_abi)),
    };
    let mut measures = Vec::new();
    let mut full = status.no_new_privs;
    match abi {
        Ok(abi) if status.ruleset != RulesetStatus::NotEnforced => {
            measures.push(format!("Files: reads its bundle and the certificates of the system, writes only its scratch folder (Landlock ABI {abi})."));
            if abi >= PORTS_ABI {
                measures.push(match &plan.connect {
                    Some(ports) => format!("Network: connects only to TCP ports {}; cannot listen.", list(ports)),
                    None => "Network: connects to every port of the allowed addresses; cannot listen.".to_owned(),
                });
            } else {
                full = false;
                measures.push("Network: ports are not confined, Linux 6.7 or newer is needed; addresses are.".to_owned());
            }
            if abi >= SCOPE_ABI {
                measures.push("Other processes: can neither be signalled nor be reached by abstract sockets.".to_owned());
            }
        }
        Ok(_) => {
            full = false;
            measures.push("Files and ports are not confined: the kernel enforced nothing of what was asked.".to_owned());
        }
        Err(why) => {
            full = false;
            measures.push(format!("Files and ports are not confined: {why}."));
        }
    }
    measures.push(format!(
        "Limits: {} MiB of memory, {} open files, files up to {} MiB, no core dumps.",
        plan.memory_bytes >> 20,
        open_files(plan.open_files),
        plan.file_bytes >> 20
    ));
    measures.push("Environment: nothing of the machine's; ends together with its runner; gains no privileges.".to_owned());
    Ok(Confinement { full, measures })
}

fn write_through(file: Report, report: &Confinement) -> Result<(), ConfineError> {
    use std::io::Write as _;
    let bytes = serde_json::to_vec(report).map_err(|error| ConfineError::Report(error.to_string()))?;
    file.and_then(|mut file| file.write_all(&bytes)).map_err(|error| ConfineError::Report(error.to_string()))
}

/// What this kernel offers to every run, without confining anybody: for the health page.
#[must_use]
pub fn offered() -> Confinement {
    let measures = match kernel_abi() {
        0 => vec!["Files and ports are not confined: the kernel has no Landlock, or it is not switched on.".to_owned()],
        abi @ 1..=3 => {
            vec![
                format!("Files: confined (the kernel offers Landlock ABI {abi})."),
                "Network: ports are not confined, Linux 6.7 or newer is needed; addresses are.".to_owned(),
            ]
        }
        abi => vec![format!("Files: confined (the kernel offers Landlock ABI {abi})."), "Network: ports and addresses are confined.".to_owned()],
    };
    Confinement { full: kernel_abi() >= PORTS_ABI, measures }
}

/// The newest Landlock that both the kernel and we know; 0 without Landlock. Asks by making a ruleset that nobody enters.
fn kernel_abi() -> u8 {
    let known = [ABI::V10, ABI::V9, ABI::V8, ABI::V7, ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1];
    let offers = |abi: ABI| {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi));
        let ruleset = if abi_number(abi) >= PORTS_ABI { ruleset.and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi))) } else { ruleset };
        let ruleset = if abi_number(abi) >= SCOPE_ABI { ruleset.and_then(|ruleset| ruleset.scope(Scope::from_all(abi))) } else { ruleset };
        ruleset.and_then(Ruleset::create).is_ok()
    };
    known.into_iter().find(|abi| offers(*abi)).map_or(0, abi_number)
}

/// Reads the report of a confined process; `None` while it is not there or not whole yet.
#[must_use]
pub fn read_report(path: &Path) -> Option<Confinement> {
    folder::read_json(path).ok().flatten()
}

fn list(ports: &[u16]) -> String {
    if ports.is_empty() { "(none)".to_owned() } else { ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ") }
}

/// The number that kernels and manuals use.
const fn abi_number(abi: ABI) -> u8 {
    match abi {
        ABI::Unsupported => 0,
        ABI::V1 => 1,
        ABI::V2 => 2,
        ABI::V3 => 3,
        ABI::V4 => 4,
        ABI::V5 => 5,
        ABI::V6 => 6,
        ABI::V7 => 7,
        ABI::V8 => 8,
        ABI::V9 => 9,
        // The enum may grow; what it grows by is newer than what we ask for.
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_for_more_open_files_than_there_may_be() {
        assert_eq!(may_open(8_192, Some(4_096)), 4_096);
        assert_eq!(may_open(8_192, Some(1 << 20)), 8_192);
        assert_eq!(may_open(8_192, None), 8_192);
    }
}
