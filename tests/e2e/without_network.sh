#!/usr/bin/env bash
# Runs a command where there is no network: in a namespace of its own whose only interface is loopback, through which
# the tests of VS Code reach their browser.
set -euo pipefail
as_root=(--user --map-root-user)
[ "$(id -u)" != 0 ] || as_root=()
exec unshare --net ${as_root[@]+"${as_root[@]}"} sh -c 'ip link set lo up && exec "$@"' sh "$@"
