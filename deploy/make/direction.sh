#!/usr/bin/env bash
# Which crate may know which. The compiler keeps what Cargo.toml says; this keeps Cargo.toml to the picture in ARCHITECTURE.md.
. "$(dirname "$0")/common.sh"
have python3 || debian_install "the direction of dependencies is read with it" python3 || fail "Python 3 is missing." "Install python3, then run this again."
cargo metadata --format-version 1 --no-deps --offline 2>/dev/null | python3 -c '
import json, sys
allowed = {
  "windfirm-model": set(),
  "windfirm-policy": {"windfirm-model"},
  "windfirm-measure": {"windfirm-model"},
  "windfirm-store": {"windfirm-model", "windfirm-policy"},
  "windfirm-tree": {"windfirm-model", "windfirm-policy"},
  "windfirm-executor": {"windfirm-model", "windfirm-policy", "windfirm-measure"},
  "windfirm-cluster": {"windfirm-model", "windfirm-policy", "windfirm-tree", "windfirm-executor", "windfirm-measure"},
  "windfirm-render": {"windfirm-model", "windfirm-policy", "windfirm-cluster"},
  "windfirm-identity": {"windfirm-model"},
  "windfirm-demo": set(),
  "windfirm-app": {"windfirm-model"},
  "windfirm-hydrate": {"windfirm-app"},
  "windfirm-front": set(),
  "windfirm-oracle": set(),
}
# Pure crates: nothing that does input or output, nothing asynchronous.
pure = {"windfirm-model", "windfirm-policy", "windfirm-measure", "windfirm-render"}
impure = {"tokio", "sqlx", "reqwest", "axum", "kube", "gix", "leptos", "rustix", "hyper"}
wrong = []
for package in json.load(sys.stdin)["packages"]:
    name = package["name"]
    normal = {d["name"] for d in package["dependencies"] if d["kind"] is None}
    ours = {d for d in normal if d.startswith("windfirm")}
    if name in allowed and ours - allowed[name]:
        wrong.append(f"{name} may not know {sorted(ours - allowed[name])}")
    if name in pure and normal & impure:
        wrong.append(f"{name} is pure and may not use {sorted(normal & impure)}")
    if name not in allowed and name != "windfirm":
        wrong.append(f"{name} has no place in the picture")
    for layer, owner in {"sqlx": {"windfirm-store"}, "gix": {"windfirm-tree", "windfirm-demo"}, "landlock": {"windfirm-executor"}, "openidconnect": {"windfirm-identity"}, "kube": {"windfirm-cluster"}}.items():
        if layer in normal and name not in owner:
            wrong.append(f"{layer} belongs to {sorted(owner)}, not to {name}")
print("\n".join(wrong))
sys.exit(bool(wrong))
'
