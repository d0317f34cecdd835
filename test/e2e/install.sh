#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` installs is whole: programs of other people compile against it, by pkg-config and
# nothing else, as C and as C++, linked shared and static, and their jobs run. TAP.
#
#   sh test/e2e/install.sh BUILD_DIR
#
# Each program of examples/ is compiled; a job is asked for its --help, another program runs. Word count also
# runs a job, whose output has to be that of the shell.

set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-$top/build}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
root=$work/root
tests=0
failed=0

# try TITLE COMMAND...: one test; what the command prints is shown when it fails.
try() {
	title=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $tests - $title"
	else
		echo "not ok $tests - $title"
		sed 's/^/# /' "$work/said" | head -40
		failed=$((failed + 1))
	fi
}

install_all() {
	meson install -C "$build" --no-rebuild --quiet --destdir "$root"
}

find_one() {
	find "$root" -path "*$1" | grep .
}

everything_is_there() {
	for name in /bin/gw /bin/gw-rpc-gen /include/groundwork/base.h /include/groundwork/mapreduce.h \
		/include/groundwork/task.h \
		/libgroundwork.so /libgroundwork.so.0 /libgroundwork.a /pkgconfig/groundwork.pc \
		/man/man1/gw.1 /man/man1/gw-mr.1 /man/man1/gw-rpc.1 /bash-completion/completions/gw; do
		find_one "$name" >/dev/null || { echo "not installed: $name"; return 1; }
	done
}

nothing_internal_is_there() {
	! find "$root" -name '*.h' | grep -v /include/groundwork/
}

only_gw_is_exported() {
	others=$(nm -D --defined-only "$library/libgroundwork.so" | awk '{print $3}' |
		sed 's/@.*//' | grep -v -e '^gw_' -e '^GROUNDWORK_' -e '^libgroundwork')
	[ -z "$others" ] || { echo "exported too: $others"; return 1; }
}

# Each file is in a package: dh_missing would stop the package's build.
every_file_is_packaged() {
	prefix=$(dirname "$(dirname "$(find_one /bin/gw)")")
	left=$(cd "$prefix" && find . ! -type d | sed 's|^\./|usr/|' | while read -r file; do
		cat "$top"/debian/*.install | while read -r pattern; do
			# shellcheck disable=SC2254 # they are patterns, of files or of whole directories
			case $file in $pattern | $pattern/*) echo "$file" ;; esac
		done | grep . >/dev/null || echo "$file"
	done)
	[ -z "$left" ] || { echo "in no package: $left"; return 1; }
}

flags() {
	PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$library/pkgconfig pkg-config "$@" groundwork
}

# compile OUTPUT SOURCE: as a stranger would.
compile() {
	# shellcheck disable=SC2046 # the flags are words
	cc -std=c11 -Wall -Wextra -Werror -O1 -o "$1" "$2" $(flags --cflags --libs)
}

compile_static() {
	# shellcheck disable=SC2046
	cc -std=c11 -Wall -Wextra -Werror -O1 -o "$1" "$2" $(flags --cflags) \
		"$library/libgroundwork.a" $(flags --static --libs | tr ' ' '\n' | grep -v -e '^-lgroundwork$') || return 1
	! ldd "$1" | grep libgroundwork
}

compile_as_cpp() {
	printf '#include <groundwork/mapreduce.h>\n#include <groundwork/task.h>\nint main() { return gw_code_name(0) ? 0 : 1; }\n' >"$work/x.cc"
	# shellcheck disable=SC2046
	c++ -std=c++17 -Wall -Wextra -Werror -o "$work/x" "$work/x.cc" $(flags --cflags --libs) && "$work/x"
}

# A service from its .proto, as docs/rpc.md says.
builds_service() {
	kv=$work/kv
	include=$(dirname "$(dirname "$(find_one /groundwork/rpc_options.proto)")")
	mkdir "$kv" && cp "$top"/examples/kv/* "$kv" || return 1
	protoc-c -I"$kv" -I"$include" --c_out="$kv" "$kv/kv.proto" &&
		protoc -I"$kv" -I"$include" --include_imports --descriptor_set_out="$kv/kv.set" "$kv/kv.proto" &&
		"$(find_one /bin/gw-rpc-gen)" --out "$kv" "$kv/kv.set" || return 1
	for program in server client; do
		# shellcheck disable=SC2046
		cc -std=c11 -Wall -Wextra -Werror -O1 -o "$kv/$program" "$kv/$program.c" "$kv/kv.rpc.c" \
			"$kv/kv.pb-c.c" $(flags --cflags --libs) $(pkg-config --cflags --libs libprotobuf-c) || return 1
	done
}

answers() {
	"$work/kv/server" "$work/socket" >"$work/listening" &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do # a call waits until there is a server
		"$work/kv/client" "$work/socket" put a b && break
	done
	said=$("$work/kv/client" "$work/socket" get a)
	kill "$server"
	test "$said" = b
}

prints_help() {
	"$1" --help | grep -q -e --memory
}

counts_words() {
	rm -rf "$work/out"
	"$1" "$work/text" "$work/out" && test -f "$work/out/_SUCCESS" &&
		cat "$work"/out/part-* | cmp - "$work/expected"
}

# Clients of a service: test/e2e has them talk to one.
wants_operands() {
	! "$1" 2>"$work/said" && grep -q "^usage: .* [A-Z]" "$work/said"
}

if nm "$build/gw" | grep -q __asan_init; then
	echo "1..0 # SKIP a build with sanitizers is not one to install"
	exit 0
fi
try "meson install" install_all
library=$(dirname "$(find_one /libgroundwork.so)")
LD_LIBRARY_PATH=$library
export LD_LIBRARY_PATH

cat "$top"/include/groundwork/*.h >"$work/text"
tr -s '[:space:]' '\n' <"$work/text" | grep . | LC_ALL=C sort | uniq -c |
	awk '{print $2 "\t" $1}' >"$work/expected"

try "all that belongs to an installation is there" everything_is_there
try "every installed file is in a Debian package" every_file_is_packaged
try "no internal header is installed" nothing_internal_is_there
try "the library exports gw_ names only" only_gw_is_exported
try "the installed command runs" "$(find_one /bin/gw)" --version
try "a C++ program compiles, links and runs" compile_as_cpp
for source in "$top"/examples/*.c; do
	name=$(basename "$source" .c)
	try "$name compiles against the installed library" compile "$work/$name" "$source"
	if grep -q groundwork/mapreduce.h "$source"; then
		try "$name prints its help" prints_help "$work/$name"
	elif grep -q -e groundwork/kv.h -e groundwork/gfs.h -e groundwork/vm.h "$source"; then
		try "$name says what it wants" wants_operands "$work/$name"
	else
		try "$name runs" "$work/$name"
	fi
done
try "word count counts as the shell does" counts_words "$work/wordcount"
try "word count links with the static library" compile_static "$work/wordcount-static" "$top/examples/wordcount.c"
try "and counts there as well" counts_words "$work/wordcount-static"
try "a service builds from its .proto" builds_service
try "and its client gets an answer" answers
echo "1..$tests"
exit $((failed > 0))
