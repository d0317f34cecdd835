/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.c - one look outside: what has come becomes events, in one order: time, console, disk,
 * entropy, network.
 */
#include "host_inside.h"

#include "vm/host/system.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

enum {
	AT_SIGNALS,
	AT_CONSOLE,
	AT_DISK,
	AT_CONTROL, /* and one more */
	AT_NET = AT_CONTROL + VM_CONTROL_POLLS, /* and behind it */
	NS_PER_TICK = 1000000000 / VM_TICKS_PER_SECOND,
	TICKS_PER_MS = VM_TICKS_PER_SECOND / 1000,
	NS_PER_MS = 1000000,
	SECOND_NS = 1000000000,
};

struct look {
	struct pollfd polls[AT_NET + VM_NET_POLLS_MAX];
	size_t net_count;
	bool net_is_polled;
};

int vm_host_put(struct vm_host *host, struct vm_event event, struct gw_error *error)
{
	int code;

	event.count = vm_machine_count(host->machine);
	host->events++;
	code = vm_machine_input(host->machine, &event, error);
	if (code == 0 && host->failed) {
		if (error)
			*error = host->error;
		code = host->failed;
	}
	return code;
}

/* ---- Time ------------------------------------------------------------------------------------ */

uint64_t vm_host_ticks(struct vm_host *host)
{
	const uint64_t lag_max = (uint64_t)VM_HOST_LAG_MS_MAX * TICKS_PER_MS;
	uint64_t now = vm_system_now_ns(), time = vm_machine_time(host->machine);
	uint64_t ticks = (now - host->zero_ns) / NS_PER_TICK;

	if (ticks > time && ticks - time > lag_max) {
		host->zero_ns = now - (time + lag_max) * NS_PER_TICK;
		ticks = time + lag_max;
	}
	return ticks;
}

static int put_time(struct vm_host *host, bool waited, struct gw_error *error)
{
	uint64_t time = vm_machine_time(host->machine), ticks = vm_host_ticks(host);
	uint64_t least = waited ? 1 : (uint64_t)VM_HOST_LAG_MS_MIN * TICKS_PER_MS;

	if (ticks < time || ticks - time < least)
		return 0;
	return vm_host_put(
		host,
		(struct vm_event){.kind = VM_EVENT_TIME, .value = (int64_t)(ticks - time)}, error);
}

/* Whether the disk has to be asked for answers, as it says nothing by itself. */
static bool is_asked(const struct vm_host *host)
{
	return host->disk_pending > 0 && host->disk->kind->descriptor(host->disk) < 0;
}

/* How long there is nothing to do; negative: until something comes. */
static int64_t idle_ns(struct vm_host *host)
{
	uint64_t due = vm_machine_due(host->machine), ticks;

	if (is_asked(host))
		return 0;
	if (due == UINT64_MAX)
		return -1;
	/* A lag that is not made up for must not look like one while the host slept. */
	ticks = (vm_system_now_ns() - host->zero_ns) / NS_PER_TICK;
	if (due <= ticks)
		return 0;
	return due - ticks > INT64_MAX / NS_PER_TICK ? INT64_MAX :
						       (int64_t)((due - ticks) * NS_PER_TICK);
}

/* ---- Polling --------------------------------------------------------------------------------- */

static struct pollfd poll_of(int descriptor)
{
	return (struct pollfd){.fd = descriptor, .events = POLLIN};
}

static void poll_all(struct vm_host *host, struct look *look, int64_t wait_ns)
{
	int64_t wait_ms = wait_ns < 0 ? -1 : wait_ns / NS_PER_MS;
	int timeout_ms = wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms, before = timeout_ms;
	struct timespec timeout;

	look->polls[AT_SIGNALS] = poll_of(host->signals);
	look->polls[AT_CONSOLE] = poll_of(vm_console_descriptor(&host->console));
	look->polls[AT_DISK] = poll_of(host->disk ? host->disk->kind->descriptor(host->disk) : -1);
	vm_control_fill(&host->control, look->polls + AT_CONTROL);
	look->net_count = 0;
	/* While a frame waits for room in the guest no others are wanted, and none may wake us. */
	look->net_is_polled = host->net && host->held_size == 0;
	if (look->net_is_polled)
		look->net_count = host->net->kind->fill(host->net, look->polls + AT_NET,
							VM_NET_POLLS_MAX, &timeout_ms);
	if (timeout_ms != before)
		wait_ns = timeout_ms < 0 ? -1 : (int64_t)timeout_ms * NS_PER_MS;
	timeout = (struct timespec){.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
	if (ppoll(look->polls, AT_NET + look->net_count, wait_ns < 0 ? NULL : &timeout, NULL) < 0)
		for (size_t at = 0; at < AT_NET + look->net_count; at++)
			look->polls[at].revents = 0;
}

/* ---- What comes ------------------------------------------------------------------------------ */

static int put_console(struct vm_host *host, struct gw_error *error)
{
	struct gw_bytes bytes =
		vm_console_take(&host->console, vm_machine_console_room(host->machine));

	if (bytes.size == 0)
		return 0;
	return vm_host_put(host, (struct vm_event){.kind = VM_EVENT_CONSOLE, .data = bytes}, error);
}

static int put_answers(struct vm_host *host, struct gw_error *error)
{
	struct vm_block_answer answer;

	while (host->disk && host->disk->kind->take(host->disk, &answer)) {
		struct vm_event event = {
			.kind = VM_EVENT_BLOCK,
			.id = answer.id,
			.value = answer.status,
			.data = answer.data,
		};
		int code;

		assert(host->disk_pending > 0);
		host->disk_pending--;
		code = vm_host_put(host, event, error);
		if (code < 0)
			return code;
	}
	return 0;
}

static int put_entropy(struct vm_host *host, struct gw_error *error)
{
	uint8_t bytes[1024];
	size_t wanted = vm_machine_entropy_wanted(host->machine);
	size_t size = wanted < sizeof(bytes) ? wanted : sizeof(bytes);
	int code;

	if (size == 0)
		return 0;
	code = vm_system_random(bytes, size, error);
	if (code < 0)
		return code;
	return vm_host_put(host,
			   (struct vm_event){.kind = VM_EVENT_ENTROPY, .data = {bytes, size}},
			   error);
}

static bool next_frame(struct vm_host *host)
{
	struct gw_bytes frame;

	if (host->held_size)
		return true;
	if (!host->net->kind->take(host->net, &frame))
		return false;
	assert(frame.size <= sizeof(host->held));
	memcpy(host->held, frame.data, frame.size);
	host->held_size = frame.size;
	return true;
}

/* A few each time: what floods a guest that listens to nothing must not keep it from running. */
static int put_frames(struct vm_host *host, struct gw_error *error)
{
	for (int taken = 0; taken < VM_NET_FRAMES_MAX && next_frame(host); taken++) {
		struct vm_event event = {.kind = VM_EVENT_FRAME,
					 .data = {host->held, host->held_size}};
		int code = 0;

		switch (vm_machine_network_room(host->machine, host->held_size)) {
		case VM_NET_WAIT:
			return 0;
		case VM_NET_ROOM:
			code = vm_host_put(host, event, error);
			break;
		case VM_NET_LOST:
			break;
		}
		host->held_size = 0;
		if (code < 0)
			return code;
	}
	return 0;
}

static int put_network(struct vm_host *host, struct gw_error *error)
{
	int code;

	if (!host->net)
		return 0;
	code = put_frames(host, error);
	if (code == 0 && host->net->gone && !host->unplugged) {
		host->unplugged = true;
		code = vm_host_put(host, (struct vm_event){.kind = VM_EVENT_LINK}, error);
	}
	return code;
}

/* What was polled of signals, console and control. */
static int hear(struct vm_host *host, const struct look *look, struct gw_error *error)
{
	const char *request;

	if (look->polls[AT_SIGNALS].revents)
		host->signalled = true;
	if (look->polls[AT_CONSOLE].revents)
		vm_console_read(&host->console);
	request = vm_control_polled(&host->control, look->polls + AT_CONTROL);
	return request ? vm_host_obey(host, request, error) : 0;
}

/* Until somebody says that it may go on. The guest's time does not see it. */
static int stand_still(struct vm_host *host, struct gw_error *error)
{
	uint64_t since_ns = vm_system_now_ns();
	int code = 0;

	while (code == 0 && host->paused && !host->signalled && !host->console.escaped) {
		struct look look = {0};

		look.polls[AT_SIGNALS] = poll_of(host->signals);
		look.polls[AT_CONSOLE] = poll_of(vm_console_descriptor(&host->console));
		look.polls[AT_DISK] = poll_of(-1);
		vm_control_fill(&host->control, look.polls + AT_CONTROL);
		if (ppoll(look.polls, AT_NET, NULL, NULL) > 0)
			code = hear(host, &look, error);
	}
	host->zero_ns += vm_system_now_ns() - since_ns;
	return code;
}

int vm_host_look(struct vm_host *host, bool wait, struct gw_error *error)
{
	struct look look;
	int code;

	poll_all(host, &look, wait ? idle_ns(host) : 0);
	if (look.net_is_polled)
		host->net->kind->polled(host->net, look.polls + AT_NET, look.net_count);
	code = hear(host, &look, error);
	if (code == 0 && host->paused)
		code = stand_still(host, error);
	if (code < 0 || host->off)
		return code;
	code = put_time(host, wait, error);
	if (code == 0)
		code = put_console(host, error);
	if (code == 0)
		code = put_answers(host, error);
	if (code == 0)
		code = put_entropy(host, error);
	if (code == 0)
		code = put_network(host, error);
	return code;
}
