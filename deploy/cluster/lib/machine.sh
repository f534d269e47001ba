# The machine that the cluster lives in: private network, mount and process namespaces, held by one process of ours.
# Nothing in it reaches the network of this machine, but its own link; when its holder is killed, everything in it is gone.
# Sourced after settings.sh, never run.

# The process that holds the namespaces, found by a word in its command line: true after a reboot or a lost state folder, too.
holder() {
  local file
  for file in $(grep -lzxF -f <(echo "WINDFIRM_CLUSTER=$STATE") /proc/[0-9]*/cmdline 2>/dev/null); do
    file=${file%/cmdline}
    [ "$(cat "$file/comm" 2>/dev/null)" = unshare ] && { echo "${file#/proc/}"; return; }
  done
  return 1
}

# Sets INIT to process 1 of the machine, as this machine sees it.
find_machine() {
  local holder
  holder=$(holder) || return 1
  INIT=$(awk '{ print $1 }' "/proc/$holder/task/$holder/children")
  [ -n "$INIT" ]
}

make_machine() {
  rm -f "$STATE/machine-is-made"
  setsid unshare -m -n -p -f --kill-child=SIGKILL --mount-proc --propagation private \
    env "WINDFIRM_CLUSTER=$STATE" "WINDFIRM_NUMBER=$NUMBER" bash "$CLUSTER/init.sh" "$STATE" >"$STATE/log/init.log" 2>&1 </dev/null 9>&- &
  wait_for 10 "the namespaces" init test -e "$STATE/machine-is-made"
  find_machine || fail "The namespaces are gone again." "$(tail -n 3 "$STATE/log/init.log")"
  ip link add "$LINK" type veth peer name eth0 netns "$INIT"
  ip address add "$HOST_IP/30" dev "$LINK"
  # Where this machine forwards packets, it does not forward those of pods.
  sysctl -qw "net.ipv4.conf.$LINK.forwarding=0" || fail "The kernel does not let the link $LINK be closed to the outside." "Is /proc/sys writable for root here?"
  ip link set "$LINK" up
  inside ip address add "$NODE_IP/30" dev eth0
  inside ip link set eth0 up
  # A way out that leads nowhere (this machine does not forward), because the kubelet asks for one.
  inside ip route add default via "$HOST_IP"
  ip route add "$PODS" via "$NODE_IP"
}

# Runs a command inside. Not `ip netns exec`: that would hide the cgroups.
inside() { nsenter -t "$INIT" -m -n -p -- "$@"; }

# Is the process NAME, started from $BIN, still there? Its number in pid/NAME is the one that it has inside: never kill that here.
running() { # name
  local pid
  pid=$(cat "$STATE/pid/$1" 2>/dev/null) && [[ $(inside readlink "/proc/$pid/exe" 2>/dev/null) == "$BIN/$1"* ]]
}

# Stops what `start` started.
stop() { # name
  ! running "$1" || inside kill "$(cat "$STATE/pid/$1")"
  wait_for 30 "the end of $1" "$1" not running "$1"
}
not() { ! "$@"; }

# Starts a program of $BIN inside, in the background, unless it runs. What it says is added to log/NAME.log.
start() { # name argument…
  local name=$1; shift
  running "$name" && return
  rm -f "$STATE/pid/$name"
  setsid nsenter -t "$INIT" -m -n -p -- env "PATH=$BIN:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin" \
    sh -c 'echo $$ >"$0"; exec "$@"' "$STATE/pid/$name" "$BIN/$name" "$@" >>"$STATE/log/$name.log" 2>&1 </dev/null 9>&- &
}

wait_for() { # seconds what log command…
  local until=$((SECONDS + $1)) what=$2 log=$STATE/log/$3.log; shift 3
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $until ]; then
      [ -s "$log" ] && tail -n 8 "$log" >&2
      fail "Waited in vain for $what." "More is in $log; \`deploy/cluster/down.sh\`, then \`deploy/cluster/up.sh\` begins anew."
    fi
    sleep 0.1
  done
}

# Where containers are counted. Version 1 has a tree for each controller, version 2 has one for all.
cgroup_version() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && echo 2 || echo 1; }
cgroup_folders() {
  if [ "$(cgroup_version)" = 2 ]; then echo "/sys/fs/cgroup/$CGROUP"; return; fi
  local tree
  # Among them a tree of version 2 without controllers, in which containers get a folder, too.
  for tree in /sys/fs/cgroup/*/; do
    if [ -f "$tree/cgroup.procs" ] && [ ! -L "${tree%/}" ]; then echo "$tree$CGROUP"; fi
  done
}

make_cgroups() {
  local folder file controller
  if [ "$(cgroup_version)" = 2 ]; then
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    for controller in cpu cpuset memory pids io hugetlb; do
      for folder in /sys/fs/cgroup "/sys/fs/cgroup/$CGROUP"; do echo "+$controller" 2>/dev/null >"$folder/cgroup.subtree_control" || true; done
    done
    return
  fi
  for folder in $(cgroup_folders); do
    mkdir -p "$folder"
    # A new cpuset is empty, and nothing may run in it.
    for file in cpuset.cpus cpuset.mems; do [ ! -f "$folder/$file" ] || cat "$folder/../$file" >"$folder/$file"; done
  done
}

remove_cgroups() {
  local folder again
  for folder in $(cgroup_folders); do
    for again in $(seq 20); do
      [ -d "$folder" ] || break
      find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    [ ! -d "$folder" ] || note "left behind, because something still runs in it: $folder"
  done
}
