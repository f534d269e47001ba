#!/bin/sh
# Keeps a mirror of one repository up to date, for the portal beside it. Credentials never stand in an address, where Git would repeat them.
set -eu
mirror=/tree/repository.git
[ ! -e /credentials/password ] || export GIT_ASKPASS=/mirror/ask.sh
[ ! -e /credentials/ssh-privatekey ] ||
  export GIT_SSH_COMMAND="ssh -i /credentials/ssh-privatekey -o IdentitiesOnly=yes -o UserKnownHostsFile=/credentials/known_hosts -o StrictHostKeyChecking=yes"
[ ! -e /trust/ca.pem ] || export GIT_SSL_CAINFO=/trust/ca.pem
export GIT_TERMINAL_PROMPT=0 GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=30
# Process 1 hears only what it listens to, and only while it waits.
trap 'exit 0' TERM INT
pause() { sleep "$INTERVAL_S" & wait $!; }

# What was cloned half is not there: the portal finds a whole repository or none.
while [ ! -e "$mirror" ]; do
  rm -rf "$mirror.new"
  if git clone --quiet --mirror "$REPOSITORY" "$mirror.new"; then mv "$mirror.new" "$mirror"; echo "cloned"; else pause; fi
done
while pause; do
  git --git-dir="$mirror" fetch --quiet --prune origin || echo "The repository could not be fetched; the older commits stay." >&2
done
