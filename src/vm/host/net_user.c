/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_user.c - a network that ends in this process: libslirp speaks TCP and UDP with the guest and
 * makes sockets of them. It is polled with everything else and has no thread. Its frames for the
 * guest wait in a ring; when that is full, they are lost, and TCP sends them again.
 */
#include "net.h"

#include "vm/device/virtio_net.h"
#include "vm/host/system.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <slirp/libslirp.h>
#include <stdlib.h>

#define LIBRARY "libslirp.so.0"

enum { MS_NS = 1000000 };

struct library {
	__typeof__(slirp_new) *new;
	__typeof__(slirp_cleanup) *cleanup;
	__typeof__(slirp_pollfds_fill) *fill;
	__typeof__(slirp_pollfds_poll) *poll;
	__typeof__(slirp_input) *input;
};

struct timer {
	SlirpTimerCb call;
	void *context;
	int64_t due_ms; /* negative: it is not set */
	struct timer *next;
};

struct frame {
	uint32_t size;
	uint8_t bytes[VM_NET_FRAME_BYTES_MAX];
};

struct user {
	struct vm_net net; /* first */
	struct library library;
	Slirp *slirp;
	struct timer *timers;
	struct frame *frames; /* a ring of VM_NET_FRAMES_MAX */
	uint64_t put, taken;
	/* During fill and polled. */
	struct pollfd *polls;
	const struct pollfd *answers;
	size_t count, room;
};

static struct user *of(struct vm_net *net)
{
	return (struct user *)net;
}

/* ---- What libslirp asks for ------------------------------------------------------------------ */

static ssize_t put_frame(const void *bytes, size_t size, void *context)
{
	struct user *user = context;
	struct frame *frame = &user->frames[user->put % VM_NET_FRAMES_MAX];

	if (user->put - user->taken == VM_NET_FRAMES_MAX || size > sizeof(frame->bytes))
		return (ssize_t)size;
	memcpy(frame->bytes, bytes, size);
	frame->size = (uint32_t)size;
	user->put++;
	return (ssize_t)size;
}

static void guest_error(const char *message, void *context)
{
	(void)message, (void)context;
}

static int64_t now_ns(void *context)
{
	(void)context;
	return (int64_t)vm_system_now_ns();
}

static void *timer_new(SlirpTimerCb call, void *call_context, void *context)
{
	struct user *user = context;
	struct timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	*timer = (struct timer){call, call_context, -1, user->timers};
	user->timers = timer;
	return timer;
}

static void timer_free(void *timer, void *context)
{
	struct user *user = context;

	for (struct timer **at = &user->timers; *at; at = &(*at)->next) {
		if (*at == timer) {
			*at = (*at)->next;
			free(timer);
			return;
		}
	}
}

static void timer_set(void *timer, int64_t due_ms, void *context)
{
	(void)context;
	if (timer)
		((struct timer *)timer)->due_ms = due_ms;
}

static void poll_added(int descriptor, void *context)
{
	(void)descriptor, (void)context;
}

static void notified(void *context)
{
	(void)context;
}

static const SlirpCb calls = {
	.send_packet = put_frame,
	.guest_error = guest_error,
	.clock_get_ns = now_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_set,
	.register_poll_fd = poll_added,
	.unregister_poll_fd = poll_added,
	.notify = notified,
};

/* ---- Polling --------------------------------------------------------------------------------- */

static const struct {
	int slirp;
	short poll;
} bits[] = {
	{SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
	{SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

enum { BITS = sizeof(bits) / sizeof(bits[0]) };

static int add_poll(int descriptor, int events, void *context)
{
	struct user *user = context;
	short wanted = 0;

	if (user->count == user->room)
		return -1;
	for (size_t at = 0; at < BITS; at++)
		if (events & bits[at].slirp)
			wanted |= bits[at].poll;
	user->polls[user->count] = (struct pollfd){.fd = descriptor, .events = wanted};
	return (int)user->count++;
}

static int poll_events(int index, void *context)
{
	const struct user *user = context;
	int events = 0;

	if (index < 0 || (size_t)index >= user->count)
		return 0;
	for (size_t at = 0; at < BITS; at++)
		if (user->answers[index].revents & bits[at].poll)
			events |= bits[at].slirp;
	return events;
}

static size_t fill(struct vm_net *net, struct pollfd *polls, size_t room, int *timeout_ms)
{
	struct user *user = of(net);
	uint32_t timeout = *timeout_ms < 0 ? UINT32_MAX : (uint32_t)*timeout_ms;
	int64_t now_ms = now_ns(user) / MS_NS;

	user->polls = polls;
	user->count = 0;
	user->room = room;
	user->library.fill(user->slirp, &timeout, add_poll, user);
	for (const struct timer *timer = user->timers; timer; timer = timer->next) {
		int64_t left = timer->due_ms > now_ms ? timer->due_ms - now_ms : 0;

		if (timer->due_ms >= 0 && left < timeout)
			timeout = (uint32_t)left;
	}
	*timeout_ms = timeout > INT32_MAX ? -1 : (int)timeout;
	return user->count;
}

static void polled(struct vm_net *net, const struct pollfd *polls, size_t count)
{
	struct user *user = of(net);
	int64_t now_ms = now_ns(user) / MS_NS;

	user->answers = polls;
	user->count = count;
	user->library.poll(user->slirp, 0, poll_events, user);
	for (struct timer *timer = user->timers; timer; timer = timer->next) {
		if (timer->due_ms >= 0 && timer->due_ms <= now_ms) {
			timer->due_ms = -1;
			timer->call(timer->context);
			break; /* it may have freed one; the others are due at the next poll */
		}
	}
}

static void send_frame(struct vm_net *net, struct gw_bytes frame)
{
	of(net)->library.input(of(net)->slirp, frame.data, (int)frame.size);
}

static bool take(struct vm_net *net, struct gw_bytes *frame)
{
	struct user *user = of(net);
	const struct frame *from = &user->frames[user->taken % VM_NET_FRAMES_MAX];

	if (user->taken == user->put)
		return false;
	*frame = (struct gw_bytes){from->bytes, from->size};
	user->taken++;
	return true;
}

/* ---- Made and ended -------------------------------------------------------------------------- */

static void end(struct vm_net *net)
{
	struct user *user = of(net);

	if (user->slirp)
		user->library.cleanup(user->slirp);
	while (user->timers)
		timer_free(user->timers, user);
	free(user->frames);
	free(user);
}

static const struct vm_net_kind user_kind = {send_frame, fill, polled, take, end};

/* The bytes of a pointer to data and to a function are the same, POSIX promises. */
static bool find(void *handle, const char *name, void *function)
{
	void *symbol = dlsym(handle, name);

	memcpy(function, &symbol, sizeof(symbol));
	return symbol != NULL;
}

static int load(struct library *library, struct gw_error *error)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle || !find(handle, "slirp_new", &library->new) ||
	    !find(handle, "slirp_cleanup", &library->cleanup) ||
	    !find(handle, "slirp_pollfds_fill", &library->fill) ||
	    !find(handle, "slirp_pollfds_poll", &library->poll) ||
	    !find(handle, "slirp_input", &library->input))
		return gw_fail(error, GW_E_UNSUPPORTED, "network user: %s", dlerror());
	return 0;
}

static struct in_addr address(uint32_t number)
{
	return (struct in_addr){.s_addr = htonl(number)};
}

int vm_net_open_user(struct vm_net **net, struct gw_error *error)
{
	const SlirpConfig config = {
		.version = 1,
		.in_enabled = true,
		.vnetwork = address(0x0a000200),
		.vnetmask = address(0xffffff00),
		.vhost = address(0x0a000202),
		.vdhcp_start = address(0x0a00020f),
		.vnameserver = address(0x0a000203),
	};
	struct user *user = calloc(1, sizeof(*user));
	int code;

	if (!user)
		return gw_fail(error, GW_E_NO_MEMORY, "network user: out of memory");
	user->net.kind = &user_kind;
	code = load(&user->library, error);
	if (code == 0) {
		user->frames = malloc(VM_NET_FRAMES_MAX * sizeof(*user->frames));
		if (user->frames)
			user->slirp = user->library.new(&config, &calls, user);
		if (!user->slirp)
			code = gw_fail(error, GW_E_NO_MEMORY, "network user: out of memory");
	}
	if (code < 0) {
		end(&user->net);
		return code;
	}
	*net = &user->net;
	return 0;
}
