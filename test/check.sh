#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make check`: installs what is missing, then runs test/check.py, which needs python3 to be there.

set -u
cd "$(dirname "$0")/.." || exit 1
started=$(date +%s)
if ! timeout --foreground 300 sh test/setup.sh check; then
	echo "The set-up failed or was not done after 5 minutes, so nothing was tested."
	echo "0 passed, 1 failed"
	exit 1
fi
exec python3 test/check.py --started "$started" "$@"
