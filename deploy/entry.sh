#!/bin/bash
# What a container does. Without words it serves, and follows the folders in DEEPCUTS_WATCH (colons between them) where any are named,
# syncing with what is connected; words are a command of deepcuts. The end of one ends the other, and is the container's.
set -u
if [ $# -gt 0 ]; then exec deepcuts "$@"; fi

serve=(deepcuts serve --host 0.0.0.0 --password-file "${DEEPCUTS_PASSWORD_FILE:-/run/secrets/password}")
if [ -z "${DEEPCUTS_WATCH:-}" ]; then exec "${serve[@]}"; fi

IFS=: read -ra folders <<< "$DEEPCUTS_WATCH"
asked=
stop() {
    local running
    running=$(jobs -p)
    [ -z "$running" ] || kill -TERM $running 2>/dev/null  # bash's own kill: a slim image has no other
}
trap 'asked=yes; stop' TERM INT
"${serve[@]}" & server=$!
deepcuts watch --sync "${folders[@]}" & watcher=$!
wait -n "$server" "$watcher"
code=$?
stop
wait "$server" "$watcher"
if [ -n "$asked" ]; then exit 0; fi
exit "$code"
