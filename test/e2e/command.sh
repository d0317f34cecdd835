#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command by itself: help, version, wrong usage, and completion as bash sees it. TAP.
#
#   sh test/e2e/command.sh BUILD_DIR

set -u
build=$(cd "${1:-build}" && pwd) || exit 1
gw=$build/gw
tests=0
failed=0

# try TITLE COMMAND...: one test; what the command prints is shown when it fails.
try() {
	title=$1
	shift
	tests=$((tests + 1))
	if said=$("$@" 2>&1); then
		echo "ok $tests - $title"
	else
		echo "not ok $tests - $title"
		echo "$said" | sed 's/^/# /' | head -20
		failed=$((failed + 1))
	fi
}

help_goes_to_stdout() {
	[ "$("$gw" --help 2>/dev/null)" = "$("$gw" -h)" ] && "$gw" help | grep -q '^  completion '
}

version_is_that_of_the_build() {
	[ "$("$gw" --version)" = "gw $(sed -n "s/^  version: '\(.*\)',/\1/p" "$(dirname "$0")/../../meson.build")" ]
}

no_command_is_wrong_usage() {
	"$gw" >/dev/null 2>&1
	[ $? = 2 ] && [ -z "$("$gw" 2>/dev/null)" ]
}

unknown_command_is_named() {
	"$gw" wordcont x 2>/dev/null
	[ $? = 2 ] && "$gw" wordcont 2>&1 | grep -q 'wordcont: no such command'
}

full_stdout_is_no_crash() {
	"$gw" --help >/dev/full 2>/dev/null
	[ $? -lt 128 ]
}

# offered WORD...: what bash offers for the last word.
offered() {
	PATH=$build:$PATH bash -c '
		source <(gw completion bash)
		COMP_WORDS=(gw "$@") COMP_CWORD=$# COMPREPLY=()
		_gw
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

commands_complete() {
	[ "$(offered comp)" = completion ] && [ "$(offered completion '')" = bash ] &&
		offered '' | grep -qx -e --help && [ -z "$(offered nothing-like-this)" ]
}

options_complete() {
	[ "$(offered mr stream -inp | tr '\n' ' ')" = "-input -inputformat -inputreader " ] &&
		[ "$(offered mr stream --inputf)" = --inputformat ] &&
		offered mr sort - | grep -qx -e -j && offered mr sort - | grep -qx -e --jobs
}

values_complete() {
	[ "$(offered mr sort --compress-spill z)" = zstd ] &&
		[ "$(offered mr sort --compress-spill = z)" = zstd ] &&
		[ "$(offered mr sort --compress-spill = | tr '\n' ' ')" = "lz4 zstd none " ] &&
		[ "$(offered mr stream -partitioner H)" = HashPartitioner ] &&
		[ "$(offered mr stream -io '' | tr '\n' ' ')" = "text keyonlytext " ]
}

files_are_left_to_bash() {
	[ -z "$(offered mr sort '')" ] && [ -z "$(offered mr sort --jobs 2 '')" ]
}

try "help goes to standard output" help_goes_to_stdout
try "the version is that of the build" version_is_that_of_the_build
try "no command is wrong usage" no_command_is_wrong_usage
try "an unknown command is named" unknown_command_is_named
try "a full standard output is no crash" full_stdout_is_no_crash
try "bash completes commands and their words" commands_complete
try "bash completes options, with one dash too" options_complete
try "bash completes values of options that have a list of them" values_complete
try "where no option is begun bash offers files" files_are_left_to_bash
echo "1..$tests"
exit $((failed > 0))
