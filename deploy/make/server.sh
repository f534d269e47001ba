#!/usr/bin/env bash
# The server half. Prints the path of the binary on standard output.
. "$(dirname "$0")/common.sh"
need_rust
# Without -p: with the features of the whole workspace, which are nearer to those of the tests, so that fewer dependencies are compiled twice.
say "Building the server"
LEPTOS_OUTPUT_NAME=windfirm cargo build --bin windfirm --target-dir "$TARGET" "$@" >&2
case " $* " in *" --release "*) echo "$TARGET/release/windfirm" ;; *) echo "$TARGET/debug/windfirm" ;; esac
