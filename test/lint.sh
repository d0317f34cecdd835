#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make lint`: what clang-tidy finds (settings: .clang-tidy) and which lines clang-format would write
# otherwise. Advice: only findings of clang-tidy make it end with 1.
#
#   sh test/lint.sh BUILD_DIR [FILE...]      default: all code, without tests

set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
shift
files=${*:-$(git ls-files 'src/*.c' 'examples/*.c' | grep -v -e '_test\.c$' -e '_fuzz\.c$' -e '_scenario\.c$')}
status=0

# shellcheck disable=SC2086 # the names are words
for file in $files; do
	grep -q "\"file\": .*$file\"" "$build/compile_commands.json" || continue
	clang-tidy --quiet -p "$build" --warnings-as-errors='*' "$file" 2>/dev/null || status=1
done
# shellcheck disable=SC2086
clang-format --dry-run $files 2>&1 | grep -c 'warning:' | sed 's/$/ lines differ from clang-format (advice)/'
exit $status
