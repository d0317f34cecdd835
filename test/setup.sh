#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing. What is needed is written in debian/control only.
#
#   sh test/setup.sh build | check | bench | lint      install (as root or with sudo)
#   sh test/setup.sh --advise build                    only say what to do; fails if something is missing
#
# When nothing is missing it is quick and needs neither the network nor root.

set -u
cd "$(dirname "$0")/.." || exit 1

advise=no
if [ "${1-}" = --advise ]; then
	advise=yes
	shift
fi
case "${1-}" in
build) profile=nocheck ;;
check) profile=pkg.groundwork.check ;; # names nothing; `check` is what is needed without a profile
bench) profile=pkg.groundwork.bench ;;
lint) profile=pkg.groundwork.lint ;;
*)
	echo "usage: test/setup.sh [--advise] build|check|bench|lint" >&2
	exit 2
	;;
esac

# dpkg-checkbuilddeps is itself in one of the packages (build-essential).
missing() {
	if ! command -v dpkg-checkbuilddeps >/dev/null 2>&1; then
		echo "build-essential and more"
		return
	fi
	dpkg-checkbuilddeps -P "$profile" debian/control 2>&1 |
		sed -n 's/^.*nmet build dependencies: //p'
}

lacking=$(missing)
[ -n "$lacking" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "Missing: $lacking" >&2
	echo "This is set up for Debian 12; here, install the like of these by hand." >&2
	exit 1
fi

install="apt-get build-dep -y --no-install-recommends -o DPkg::Lock::Timeout=120 -P $profile ./"
by_hand="Missing: $lacking
Run this, as root, in $(pwd):
    apt-get update && $install"

if [ $advise = yes ]; then
	echo "$by_hand" >&2
	exit 1
fi

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }; }; then
	as_root=sudo
else
	echo "$by_hand" >&2
	exit 1
fi

echo "Installing: $lacking"
# A broken third-party source must not stop us: what counts is whether the packages can be installed.
$as_root apt-get update -q || echo "apt-get update had errors; going on" >&2
# shellcheck disable=SC2086
if ! $as_root env DEBIAN_FRONTEND=noninteractive $install; then
	echo "$by_hand" >&2
	exit 1
fi
lacking=$(missing)
if [ -n "$lacking" ]; then
	echo "Still missing: $lacking" >&2
	exit 1
fi
