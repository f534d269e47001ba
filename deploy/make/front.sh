#!/usr/bin/env bash
# The browser half: wasm, its glue, the style sheet, each with a brotli sibling, into $TARGET/site.
# Does nothing when nothing changed.
. "$(dirname "$0")/common.sh"
need_rust

NAME=windfirm
PKG=$SITE/pkg
FRONT=$TARGET/front
mkdir -p "$PKG"

stamp() { { cat Cargo.lock Cargo.toml; find app style deploy/front deploy/make/front.sh -type f -not -path '*/tests/*' -print0 | sort -z | xargs -0 cat; } | sha256sum | cut -d' ' -f1; }
NOW=$(stamp)
if [ -f "$PKG/.stamp" ] && [ "$(cat "$PKG/.stamp")" = "$NOW" ] && [ -f "$PKG/$NAME.wasm" ] && [ -f "$PKG/$NAME.css" ]; then exit 0; fi

# 1. wasm: rustup's target where it can be had, else Debian's Rust with the standard library built from source.
say "Building the browser half"
WASM=$FRONT/wasm32-unknown-unknown/wasm-release/${NAME}_hydrate.wasm
has_target() { have rustup && rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; }
if ! has_target && have rustup && [ ! -f "$CACHE/no-rustup-target" ]; then
  note "asking rustup for the target wasm32-unknown-unknown"
  timeout 120 rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || touch "$CACHE/no-rustup-target"
fi
if has_target; then
  cargo build -p windfirm-hydrate --target wasm32-unknown-unknown --profile wasm-release --target-dir "$FRONT"
elif debian_install "rustup cannot download the wasm target here, so Debian's Rust builds the browser half" rustc-web cargo-web rust-web-src lld-22 \
  || { [ -x /usr/bin/cargo ] && have wasm-ld-22; }; then
  PATH=/usr/bin:$PATH CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22 RUSTC_BOOTSTRAP=1 RUSTUP_TOOLCHAIN= \
    /usr/bin/cargo build -p windfirm-hydrate -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown --profile wasm-release --target-dir "$FRONT"
else
  rm -f "$CACHE/no-rustup-target"
  fail "The wasm32-unknown-unknown target is missing." "Run: rustup target add wasm32-unknown-unknown" \
    "(or, on Debian as root: apt-get install rustc-web cargo-web rust-web-src lld-22)"
fi

# 2. taken apart by page, and its JavaScript, by a small tool of this workspace that has the versions of Cargo.lock.
# In a folder of its own: `make run` builds the server in $TARGET at the same time, and cargo lets one in at once.
cargo build -p windfirm-front --target-dir "$TARGET/front-tool"
rm -rf "$FRONT/apart"; mkdir -p "$FRONT/apart"
"$TARGET/front-tool/debug/windfirm-front" "$WASM" "$FRONT/apart" "$NAME"

# 3. smaller, where npm is there to bring the tools for it.
while read -r file; do case $file in ''|'#'*) ;; *) cat "style/$file" ;; esac; done <style/order.txt >"$FRONT/apart/$NAME.css"
FEATURES=(--enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals --enable-reference-types --enable-multivalue)
if have npm; then
  BINARYEN=132.0.0 ESBUILD=0.28.2
  TOOLS=$CACHE/front-$BINARYEN-$ESBUILD
  if [ ! -x "$TOOLS/node_modules/.bin/esbuild" ]; then
    say "Fetching binaryen $BINARYEN and esbuild $ESBUILD from npm, once: they make what browsers load four times smaller"
    npm install --silent --no-audit --no-fund --prefix "$TOOLS" "binaryen@$BINARYEN" "esbuild@$ESBUILD" >/dev/null 2>&1 || true
  fi
  if [ -x "$TOOLS/node_modules/.bin/esbuild" ]; then
    PATH=$TOOLS/node_modules/.bin:$PATH
    say "Making what browsers load four times smaller with wasm-opt: about two minutes without a word, once for each change of the browser half"
    for part in "$FRONT"/apart/*.wasm; do wasm-opt -Oz "${FEATURES[@]}" "$part" -o "$part.small" 2>"$FRONT/wasm-opt.log" && mv "$part.small" "$part"; done
    for part in "$FRONT"/apart/*.js "$FRONT"/apart/*.css; do esbuild --minify --log-level=error --allow-overwrite "$part" --outfile="$part"; done
  else note "the tools could not be fetched: what browsers load stays larger, everything else is the same"; fi
else note "npm is missing: what browsers load stays larger, everything else is the same"; fi

# 4. names that the server asks for, and compressed siblings.
rm -rf "$PKG"; cp -r "$FRONT/apart" "$PKG"
mv "$PKG/${NAME}_bg.wasm" "$PKG/$NAME.wasm"
sed -i "s/${NAME}_bg\.wasm/${NAME}.wasm/g" "$PKG/$NAME.js"
if [ -d style/static ]; then cp -r style/static/. "$SITE/"; fi
find "$SITE" -name '*.br' -delete
if have node; then
  node -e '
    const fs = require("fs"), path = require("path"), zlib = require("zlib");
    const walk = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((e) => e.isDirectory() ? walk(path.join(folder, e.name)) : [path.join(folder, e.name)]);
    for (const file of walk(process.argv[1])) if (/\.(wasm|js|css|svg)$/.test(file))
      fs.writeFileSync(file + ".br", zlib.brotliCompressSync(fs.readFileSync(file), { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }));
  ' "$SITE"
fi
echo "$NOW" >"$PKG/.stamp"
note "$(ls "$PKG"/*.wasm | wc -l) wasm modules; the entry has $(stat -c %s "$PKG/$NAME.wasm") bytes$([ -f "$PKG/$NAME.wasm.br" ] && echo ", $(stat -c %s "$PKG/$NAME.wasm.br") by brotli")"
