#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make long [PART=x]`: the full counts, which take too long for every day. Each part is a script,
# test/long/x.sh or x.py, called with the build directory; it prints what it found as Markdown and ends
# with 0 when all is well. That becomes docs/evidence/x.md, with the commit and the machine above it.
#
#   sh test/long.sh [PART...]      default: every part

set -u
cd "$(dirname "$0")/.." || exit 1
sh test/setup.sh check || exit 1
python3 test/check.py builds || exit 1

parts=${*:-$(for file in test/long/*.sh test/long/*.py; do [ -f "$file" ] && basename "${file%.*}"; done)}
[ -n "$parts" ] || { echo "No part yet: test/long/ is empty." >&2; exit 1; }

said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
trap 'exit 1' INT TERM
status=0

run_part() {
	if [ -f "test/long/$1.py" ]; then
		python3 "test/long/$1.py" build
	elif [ -f "test/long/$1.sh" ]; then
		sh "test/long/$1.sh" build
	else
		echo "There is no test/long/$1.sh or .py." >&2
		return 1
	fi
}

evidence() {
	echo "# $1"
	echo
	echo "Written by \`make long PART=$1\`; do not edit."
	echo
	echo "- commit: $(git rev-parse HEAD)$([ -z "$(git status --porcelain -- src include test)" ] || echo ", changed")"
	echo "- when: $(date -u +%Y-%m-%dT%H:%MZ), $(($2 / 60)) minutes"
	echo "- machine: $(nproc) cores, $(awk '/MemTotal/ {printf "%.1f GiB", $2 / 1048576}' /proc/meminfo)," \
		"$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), Linux $(uname -r)"
	echo
	cat "$said"
}

for part in $parts; do
	echo "== $part"
	started=$(date +%s)
	if ! run_part "$part" >"$said"; then
		cat "$said"
		echo "FAILED $part; docs/evidence/$part.md stays as it was"
		status=1
		continue
	fi
	mkdir -p docs/evidence
	evidence "$part" $(($(date +%s) - started)) >"docs/evidence/$part.md"
	cat "docs/evidence/$part.md"
done
exit $status
