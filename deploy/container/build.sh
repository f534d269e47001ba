#!/usr/bin/env bash
# The portal's image as a tar in OCI layout, without an image tool: the program, its pages for browsers, stock k6, and what they are
# linked with. No shell. Prints its name, its digest and where the tar is.
#
# WINDFIRM_BINARY and WINDFIRM_SITE name what is built already; WINDFIRM_IMAGE the image. To bring it to a registry:
# `skopeo copy oci-archive:windfirm.tar docker://registry.example/windfirm:0.1.0`, or `podman load -i windfirm.tar`.
. "$(dirname "$0")/../make/common.sh"

[ "$(uname -s)" = Linux ] || fail "The image is made of this machine's own programs, and this is no Linux." "Use deploy/container/Containerfile."
VERSION=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
NAME=${WINDFIRM_IMAGE:-windfirm.local/windfirm:$VERSION}
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt
[ -e "$AUTHORITIES" ] || debian_install "the portal checks certificates by them" ca-certificates || fail "$AUTHORITIES is missing." "Install the package ca-certificates."
OUT=$TARGET/container
mkdir -p "$OUT"

K6=$(deploy/make/k6.sh)
TOOL=$(deploy/cluster/build.sh image)
BINARY=${WINDFIRM_BINARY:-$(deploy/make/server.sh --release)}
if [ -z "${WINDFIRM_SITE:-}" ]; then deploy/make/front.sh; WINDFIRM_SITE=$SITE; fi
[ -f "$WINDFIRM_SITE/pkg/windfirm.css" ] || fail "$WINDFIRM_SITE has no pages for browsers." "Run \`make front\`, and leave WINDFIRM_SITE unset."

say "Making the image $NAME"
# Symbols are for debuggers; without them the image has a third of the size.
if have strip; then strip -o "$OUT/windfirm" "$BINARY"; else cp "$BINARY" "$OUT/windfirm"; fi
rm -f "$OUT"/*.tar
TAR=$OUT/windfirm.tar
# The program finds `site` beside the folder that it stands in, and k6 in PATH.
TOLD=$("$TOOL" -name "$NAME" -out "$TAR" -entry /opt/windfirm/bin/windfirm -file "$OUT/windfirm=/opt/windfirm/bin/windfirm" \
  -tree "$WINDFIRM_SITE=/opt/windfirm/site" -file "$K6=/usr/local/bin/k6" -file "$AUTHORITIES=$AUTHORITIES")
note "$(($(stat -c %s "$TAR") >> 20)) MB in $TAR"
echo "$TOLD $TAR"
