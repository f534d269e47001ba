#!/usr/bin/env bash
# Process 1 of the machine that the cluster lives in: prepares its namespaces, then only reaps. Started by lib/machine.sh.
set -euo pipefail
STATE=$1

# Mounts made in here are seen by containers in here, and by nobody outside. Until /run is private, mount keeps no notes there (-n).
mount -n --make-rprivate /
mount -n --make-rshared /
mount -n -t tmpfs -o mode=755,size=64m tmpfs /run
mount -t tmpfs -o mode=755,size=256m tmpfs /var/log
# All of /var/lib, because the kubelet and the network plugins write to fixed places in it that this machine need not have.
mount -t tmpfs -o mode=755,size=1g tmpfs /var/lib
mkdir -p /run/lock /run/xtables /run/values /var/log/pods /var/log/containers /var/lib/kubelet

# The kubelet would set these for the whole machine. It finds the values that it wants, and this machine keeps its own.
for pair in vm/overcommit_memory:1 vm/panic_on_oom:0 kernel/panic:10 kernel/panic_on_oops:1 \
  kernel/keys/root_maxkeys:1000000 kernel/keys/root_maxbytes:25000000; do
  file=/proc/sys/${pair%%:*} copy=/run/values/$(basename "${pair%%:*}")
  [ -e "$file" ] || continue
  echo "${pair##*:}" >"$copy"
  mount --bind "$copy" "$file"
done

# These belong to the network namespace alone.
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true

touch "$STATE/machine-is-made"
exec tini -s -- sleep infinity
