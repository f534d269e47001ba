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
  fi
  rm -rf "$STATE"
  rmdir "$(dirname "$STATE")" 2>/dev/null || true
}
