//! What the end of a k6 process means, in the words of the domain.
//!
//! Exit codes from k6's `errext/exitcodes`: 97 and 98 cloud, 99 thresholds (switched off), 100 setup timeout, 101 teardown timeout,
//! 102 timeout, 103 stopped by REST, 104 invalid configuration, 105 signal, 106 REST server, 107 script exception, 108 `test.abort()`,
//! 109 panic, 110 `exec.test.fail()`. Seen besides: 107 for a script that does not parse or misses an import, 255 for one that exports
//! nothing to run, 2 for a Go runtime that died.

use windfirm_model::run::Cause;

/// Why k6 ended as it did; `None` for an ordinary end.
///
/// `last_error` is k6's last error line, or empty. `memory_bytes` is the limit that it ran under.
#[must_use]
pub fn cause(exit_code: Option<i32>, signal: Option<i32>, last_error: &str, memory_bytes: u64) -> Option<Cause> {
    let message = sentence(last_error);
    if let Some(signal) = signal {
        return Some(Cause::Killed { signal });
    }
    match exit_code.unwrap_or(-1) {
        // 99 cannot come, as thresholds are judged by us; if it does, it is still an ordinary end.
        0 | 99 => None,
        104 => Some(Cause::ScriptInvalid { message }),
        107 | 255 if before_start(last_error) => Some(Cause::ScriptInvalid { message }),
        exit_code @ (100 | 101 | 102 | 107) => Some(Cause::ScriptException { exit_code, message }),
        exit_code @ (108 | 110) => Some(Cause::ScriptAborted { exit_code, message }),
        // 105: somebody else than us sent SIGINT or SIGTERM. k6 does not say which; the polite one is the likely one.
        105 => Some(Cause::Killed { signal: 15 }),
        106 => Some(Cause::StartFailed { message }),
        _ if out_of_memory(last_error) => {
            Some(Cause::BoundExceeded { bound: format!("{} MiB of memory", memory_bytes >> 20), reached: "all of it".to_owned() })
        }
        exit_code => Some(Cause::Crashed { exit_code, message }),
    }
}

/// k6 words everything that it finds before the first line of the script ran this way.
fn before_start(last_error: &str) -> bool {
    last_error.contains("could not initialize") || last_error.contains("could not load JS test")
}

pub(crate) fn out_of_memory(last_error: &str) -> bool {
    ["out of memory", "cannot allocate memory"].iter().any(|words| last_error.contains(words))
}

/// One line, without k6's own preface, with a full stop.
pub(crate) fn sentence(error: &str) -> String {
    const PREFACES: [&str; 2] = ["could not initialize '", "could not load JS test '"];
    let mut text = error.trim();
    for preface in PREFACES {
        if let Some((_, rest)) = text.strip_prefix(preface).and_then(|rest| rest.split_once("': ")) {
            text = rest;
        }
    }
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    const MOST: usize = 600;
    if line.chars().count() > MOST {
        line = line.chars().take(MOST).chain(['…']).collect();
    }
    if line.is_empty() {
        return "k6 gave no reason.".to_owned();
    }
    if !line.ends_with(['.', '!', '?', '…']) {
        line.push('.');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_has_its_cause() {
        let of = |code| cause(Some(code), None, "why", 1 << 30);
        assert_eq!(of(0), None);
        assert_eq!(of(99), None);
        assert!(matches!(of(104), Some(Cause::ScriptInvalid { .. })));
        for code in [100, 101, 102, 107] {
            assert!(matches!(of(code), Some(Cause::ScriptException { exit_code, .. }) if exit_code == code));
        }
        for code in [108, 110] {
            assert!(matches!(of(code), Some(Cause::ScriptAborted { exit_code, .. }) if exit_code == code));
        }
        assert!(matches!(of(106), Some(Cause::StartFailed { .. })));
        for code in [97, 98, 103, 109, 2, 255] {
            assert!(matches!(of(code), Some(Cause::Crashed { exit_code, .. }) if exit_code == code), "{code}");
        }
        assert_eq!(cause(None, Some(9), "", 1), Some(Cause::Killed { signal: 9 }));
        assert!(matches!(cause(Some(2), None, "fatal error: runtime: out of memory", 1 << 30), Some(Cause::BoundExceeded { .. })));
    }

    #[test]
    fn what_k6_finds_before_the_start_is_an_invalid_script_in_its_own_words() {
        let error = "could not initialize 'a.js': could not load JS test 'file:///a.js': a.js: Line 1:27 Unexpected end of input (and 4 more errors)";
        assert_eq!(
            cause(Some(107), None, error, 1),
            Some(Cause::ScriptInvalid { message: "a.js: Line 1:27 Unexpected end of input (and 4 more errors).".into() })
        );
    }
}
