//! The real k6.

use std::path::PathBuf;

/// The k6 that the test command built. Without it, tests that need it say so and fail where it is required.
pub(crate) fn k6() -> Option<PathBuf> {
    let named = std::env::var_os("WINDFIRM_K6").map(PathBuf::from);
    let in_path = std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).map(|folder| folder.join("k6")).collect::<Vec<_>>());
    let found = named.into_iter().chain(in_path).find(|path| path.is_file());
    if found.is_none() {
        // Past the test harness, which keeps to itself what passing tests print.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: what needs k6: there is none (set WINDFIRM_K6, or run make k6)\n");
        assert!(std::env::var_os("WINDFIRM_REQUIRE_K6").is_none(), "k6 is required here");
    }
    found
}
