#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# init.sh - the first process of a minimal image. It loads the drivers of the machine's devices and does the job that the
# kernel's command line names: a shell (job=shell, or none), the machine switched off at once (job=off), the system
# on the first disk (job=root), or the end of its installation (job=install).

/bin/busybox mkdir -p /proc /sys /dev /run /tmp /root /mnt
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
exec </dev/console >/dev/console 2>&1
export PATH=/bin HOME=/root

while read -r module; do
	insmod "/modules/$module" || echo "init: $module: not loaded"
done </modules/order

job=shell
for word in $(cat /proc/cmdline); do
	case $word in
	job=*) job=${word#job=} ;;
	esac
done

mount_disk() {
	mount -t ext4 /dev/vda /mnt && return
	echo "init: no system on the first disk"
	poweroff -f
}

case $job in
off)
	;;
root)
	mount_disk
	umount /proc /sys
	mount -o move /dev /mnt/dev
	exec switch_root /mnt /sbin/init
	;;
install)
	mount_disk
	mount -t proc proc /mnt/proc
	if chroot /mnt /debootstrap/debootstrap --second-stage && chroot /mnt sh /debootstrap/finish; then
		rm -rf /mnt/debootstrap
		umount /mnt/proc
		umount /mnt && echo "init: installed"
	fi
	;;
*)
	ip link set lo up
	if [ -e /sys/class/net/eth0 ]; then
		ip link set eth0 up
	fi
	echo "init: ready"
	setsid cttyhack sh
	;;
esac
sync
poweroff -f
