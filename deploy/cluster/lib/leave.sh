# Takes the cluster away: every process, mount, address, link, cgroup and file of it; the cache stays. Sourced after machine.sh, never run.

take_down() {
  local holder number=
  [ ! -f "$STATE/number" ] || number=$(cat "$STATE/number")
  # Killing the holder kills process 1 of the machine, and the kernel everything else in it, with its mounts and its network.
  if holder=$(holder); then
    find_machine || INIT=
    number=$(tr '\0' '\n' <"/proc/$holder/cmdline" | sed -n 's/^WINDFIRM_NUMBER=//p')
    kill -KILL "$holder"
    for _ in $(seq 100); do [ -n "$INIT" ] && [ -d "/proc/$INIT" ] || break; sleep 0.1; done
  fi
  if [ -n "$number" ]; then
    set_number "$number"
    ip link delete "$LINK" 2>/dev/null || true
    remove_cgroups
    leave_kubelet_folder
  fi
  rm -rf "$STATE"
  rmdir "$(dirname "$STATE")" 2>/dev/null || true
}

# A mount point that was made for clusters, and is empty outside of them. The last one takes it away: doing so earlier would unmount it
# in the others.
leave_kubelet_folder() {
  [ -e "$KUBELET_FOLDER_IS_OURS" ] && ! ip -o link show | grep -q ': windfirm[0-9]' || return 0
  rmdir /var/lib/kubelet 2>/dev/null || true
  rm -f "$KUBELET_FOLDER_IS_OURS"
}
