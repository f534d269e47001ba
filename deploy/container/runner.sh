#!/usr/bin/env bash
# The runner image as a tar in OCI layout, without an image tool: stock k6, and in front of it, by its name, the runner that keeps what the
# portal does not take yet and fetches large tests. No shell. Prints its name, its digest and where the tar is. What is given goes to Cargo:
# `deploy/container/runner.sh` builds for production, `deploy/container/runner.sh --profile dev` for tests.
#
# WINDFIRM_RUNNER_BINARY names what is built already; WINDFIRM_RUNNER_IMAGE the image.
. "$(dirname "$0")/../make/common.sh"

[ "$(uname -s)" = Linux ] || fail "The image is made of this machine's own programs, and this is no Linux." "Use deploy/container/Containerfile (--target runner)."
VERSION=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
NAME=${WINDFIRM_RUNNER_IMAGE:-windfirm.local/runner:$VERSION}
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt
[ -e "$AUTHORITIES" ] || debian_install "the runner checks certificates by them" ca-certificates || fail "$AUTHORITIES is missing." "Install the package ca-certificates."
[ $# -gt 0 ] || set -- --profile release
OUT=$TARGET/container
mkdir -p "$OUT"

K6=$(deploy/make/k6.sh)
TOOL=$(deploy/cluster/build.sh image)
build() {
  need_rust
  say "Building the runner"
  # As the server is built, so that nothing is compiled twice.
  LEPTOS_OUTPUT_NAME=windfirm cargo build --bin windfirm-runner --target-dir "$TARGET" --message-format=json-render-diagnostics "$@" \
    | sed -n 's/.*"executable":"\([^"]*windfirm-runner\)".*/\1/p'
}
BINARY=${WINDFIRM_RUNNER_BINARY:-$(build "$@")}
[ -x "$BINARY" ] || fail "The runner was not built." "Try: cargo build --bin windfirm-runner"

say "Making the image $NAME"
if have strip; then strip -o "$OUT/windfirm-runner" "$BINARY"; else cp "$BINARY" "$OUT/windfirm-runner"; fi
TAR=$OUT/runner.tar
TOLD=$("$TOOL" -name "$NAME" -out "$TAR" -entry /usr/bin/k6 -file "$OUT/windfirm-runner=/usr/bin/k6" -file "$K6=/usr/libexec/windfirm/k6" -file "$AUTHORITIES=$AUTHORITIES")
note "$(($(stat -c %s "$TAR") >> 20)) MB in $TAR"
echo "$TOLD $TAR"
