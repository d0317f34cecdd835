#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# image.sh - makes an image, a directory that `gw vm run --image DIR` starts, from Debian's own packages for riscv64:
#
#     kernel   the kernel as it is in its package
#     initrd   busybox, the drivers of the machine's devices, and init.sh
#     append   the kernel's command line
#
#     sh -c IMAGE.SH gw-vm-image INIT KEY CACHE DIR     INIT: what init.sh says; KEY: a name for both scripts
#
# Packages come from the mirror that this machine's apt is set up with; apt checks their signatures. It is asked with a
# configuration, lists and a cache of our own, so the machine's are left as they are, and no rights are needed. What was
# made once is kept in CACHE, under KEY, and copied from there.
set -eu

suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
modules="virtio_mmio virtio-rng virtio_blk virtio_net crc32c_generic ext4"

init=$1
key=$2
cache=$3
directory=$4

fail() {
	echo "gw vm image: $*" >&2
	exit 1
}

for program in apt-get apt-cache dpkg-deb depmod cpio xz zstd; do
	PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null ||
		fail "$program: not found (packages apt, dpkg, kmod, cpio, xz-utils, zstd)"
done
[ -e $keyring ] || fail "$keyring: not found (package debian-archive-keyring)"

# Debian's address, as in the machine's sources.
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
		sed -n 's#^\(.*/debian/*\) main$#\1#p' | head -n 1
}

# Sets apt up for packages of riscv64, in $work/apt.
prepare_apt() {
	address=$(mirror)
	[ -n "$address" ] || fail "no source of Debian's packages is in the sources of apt"
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
	: >"$work/apt/status"
	echo "deb [signed-by=$keyring] $address $suite main" >"$work/apt/sources"
	cat >"$work/apt/apt.conf" <<-END
		Dir::State "$work/apt";
		Dir::State::status "$work/apt/status";
		Dir::Cache "$work/apt/cache";
		Dir::Etc::sourcelist "$work/apt/sources";
		Dir::Etc::sourceparts "/dev/null";
		APT::Architecture "riscv64";
		APT::Architectures { "riscv64"; };
		APT::Sandbox::User "$(id -un)";
	END
	export APT_CONFIG="$work/apt/apt.conf"
	apt-get -qq update
}

# Unpacks the kernel's package and busybox into $work/system.
fetch() {
	kernel=$(apt-cache depends linux-image-riscv64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
	[ -n "$kernel" ] || fail "$suite: linux-image-riscv64 names no kernel"
	mkdir -p "$work/packages" "$work/system"
	(cd "$work/packages" && apt-get -qq download "$kernel" busybox-static)
	for package in "$work"/packages/*.deb; do
		dpkg-deb -x "$package" "$work/system"
	done
}

# Prints the modules that are wanted and all they need, in the order of loading, by their place under lib/modules/VERSION.
module_order() {
	for module in $modules; do
		# A line "a: b c" says that c and then b come before a.
		line=$(grep "/$module\.ko[^:]*:" "$1/modules.dep") || continue # built in
		echo "$line" | tr -d : | tr ' ' '\n' | tac
	done | awk '!seen[$0]++'
}

make_initrd() {
	tree=$work/initrd
	version=$(basename "$work"/system/usr/lib/modules/*)
	found=$work/system/usr/lib/modules/$version
	mkdir -p "$tree/bin" "$tree/modules"
	mkdir -p "$work/system/lib"
	ln -s ../usr/lib/modules "$work/system/lib/modules"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$work/system" "$version"
	cp "$(find "$work/system" -path '*/bin/busybox' | head -n 1)" "$tree/bin/busybox"
	printf '%s' "$init" >"$tree/init"
	chmod 755 "$tree/init" "$tree/bin/busybox"
	module_order "$found" | while read -r path; do
		file=$(basename "$path")
		case $file in
		*.xz) xz -dc "$found/$path" >"$tree/modules/${file%.xz}" ;;
		*) cp "$found/$path" "$tree/modules/$file" ;;
		esac
		echo "${file%.xz}" >>"$tree/modules/order"
	done
	find "$tree" -exec touch -h -d @0 {} +
	(cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) |
		zstd -q -19 -T1 >"$made/initrd"
}

# A kernel is an Image, or one compressed.
make_kernel() {
	found=$(find "$work/system/boot" -name 'vmlinu*' | head -n 1)
	case $(od -An -tx1 -N2 "$found" | tr -d ' ') in
	1f8b) gzip -dc <"$found" >"$made/kernel" ;;
	*) cp "$found" "$made/kernel" ;;
	esac
}

make_minimal() {
	work=$(mktemp -d "$cache/making.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	made=$work/image
	mkdir "$made"
	prepare_apt
	fetch
	make_kernel
	make_initrd
	echo "console=ttyS0 quiet" >"$made/append"
	mv -T "$made" "$kept"
}

mkdir -p "$cache"
kept=$cache/minimal-$key
[ -e "$kept/append" ] || make_minimal

mkdir -p "$directory"
for file in kernel initrd append; do
	cp --reflink=auto "$kept/$file" "$directory/$file.new"
	mv "$directory/$file.new" "$directory/$file"
done
