/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tap.c - a tap device: a frame is a read or a write. One that vanishes is an unplugged cable.
 */
#include "net.h"

#include "vm/device/virtio_net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* After what they need of it. */
#include <linux/if.h>
#include <linux/if_tun.h>

struct tap {
	struct vm_net net; /* first */
	int descriptor;
	bool readable;
	uint8_t frame[VM_NET_FRAME_BYTES_MAX];
};

static struct tap *of(struct vm_net *net)
{
	return (struct tap *)net;
}

static bool passes(int number)
{
	return number == EAGAIN || number == EINTR || number == ENOBUFS;
}

static void send_frame(struct vm_net *net, struct gw_bytes frame)
{
	/* A queue that is full loses frames, as a cable does; so does an interface that is down. */
	if (!net->gone && write(of(net)->descriptor, frame.data, frame.size) < 0 &&
	    errno == EBADFD)
		net->gone = true;
}

static size_t fill(struct vm_net *net, struct pollfd *polls, size_t room, int *timeout_ms)
{
	(void)timeout_ms;
	if (net->gone || room == 0)
		return 0;
	polls[0] = (struct pollfd){.fd = of(net)->descriptor, .events = POLLIN};
	return 1;
}

static void polled(struct vm_net *net, const struct pollfd *polls, size_t count)
{
	of(net)->readable = count > 0 && polls[0].revents;
}

static bool take(struct vm_net *net, struct gw_bytes *frame)
{
	struct tap *tap = of(net);
	ssize_t got;

	if (net->gone || !tap->readable)
		return false;
	got = read(tap->descriptor, tap->frame, sizeof(tap->frame));
	if (got < 0) {
		net->gone = !passes(errno);
		tap->readable = false;
		return false;
	}
	*frame = (struct gw_bytes){tap->frame, (size_t)got};
	return true;
}

static void end(struct vm_net *net)
{
	close(of(net)->descriptor);
	free(net);
}

static const struct vm_net_kind tap_kind = {send_frame, fill, polled, take, end};

int vm_net_open_tap(struct vm_net **net, const char *name, struct gw_error *error)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	struct tap *tap;
	int descriptor;

	if (strlen(name) >= sizeof(request.ifr_name))
		return gw_fail(error, GW_E_INVALID, "tap device %s: its name is too long", name);
	memcpy(request.ifr_name, name, strlen(name));
	descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (descriptor < 0)
		return gw_fail_errno(error, errno, "/dev/net/tun");
	if (ioctl(descriptor, TUNSETIFF, &request) < 0) {
		int number = errno;

		close(descriptor);
		return gw_fail_errno(error, number, "tap device %s", name);
	}
	tap = calloc(1, sizeof(*tap));
	if (!tap) {
		close(descriptor);
		return gw_fail(error, GW_E_NO_MEMORY, "tap device %s: out of memory", name);
	}
	tap->net.kind = &tap_kind;
	tap->descriptor = descriptor;
	*net = &tap->net;
	return 0;
}
