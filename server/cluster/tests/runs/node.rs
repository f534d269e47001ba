//! Processes of the node, which are this machine's where the cluster is the one that `make cluster` makes.

/// The number of the process of this program that has all of these among its arguments.
pub(crate) fn process(program: &str, arguments: &[&str]) -> Option<String> {
    let is_it = |pid: &String| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line: Vec<_> = line.split(|byte| *byte == 0).collect();
        line.first().is_some_and(|first| first.ends_with(program.as_bytes())) && arguments.iter().all(|argument| line.contains(&argument.as_bytes()))
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).find(is_it)
}

/// Whether it could be sent.
#[expect(clippy::disallowed_methods, reason = "this is somebody else's hand on the node")]
pub(crate) fn signal(signal: &str, pid: &str) -> bool {
    std::process::Command::new("kill").args([signal, pid]).status().is_ok_and(|status| status.success())
}
