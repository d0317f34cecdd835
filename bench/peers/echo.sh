#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One echo between two processes of a peer: `echo.sh PROGRAM SIZE CONNECTIONS OUTSTANDING COUNT SERVER_CORE
# CLIENT_CORE`. `PROGRAM serve` prints its port; `PROGRAM call PORT SIZE CONNECTIONS OUTSTANDING COUNT` calls it.
set -eu
place=$(mktemp -d)
mkfifo "$place/port"
taskset -c "$6" "$1" serve > "$place/port" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$place"' EXIT
read -r port < "$place/port"
taskset -c "$7" "$1" call "$port" "$2" "$3" "$4" "$5"
