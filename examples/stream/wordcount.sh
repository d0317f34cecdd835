#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Word count by two awk programs: sh examples/stream/wordcount.sh INPUT... OUTPUT_DIR
#
# Any commands will do that read lines and write lines. A mapper's line is a key, a TAB and a value; the
# reducer reads the same lines, sorted by key. Try the two without a job first:
#
#     awk -f split.awk < FILE | sort | awk -f add.awk
set -eu

here=$(dirname "$0")
inputs=
while [ $# -gt 1 ]; do
	inputs="$inputs${inputs:+,}$1"
	shift
done
[ -n "$inputs" ] || { echo "usage: $0 INPUT... OUTPUT_DIR" >&2; exit 1; }

# The files go with the job (-files): each task finds them in its directory. The reducer is a combiner,
# too: sums of sums are sums.
exec "${GW:-gw}" mr stream -input "$inputs" -output "$1" \
	-files "$here/split.awk,$here/add.awk" \
	-mapper 'awk -f split.awk' -combiner 'awk -f add.awk' -reducer 'awk -f add.awk' \
	-numReduceTasks "${REDUCERS:-2}"
