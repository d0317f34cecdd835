/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - see status.h. */
#include "vm/host/status.h"

#include "vm/host/control.h"
#include "vm/host/system.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* In the order in which they are written, behind the state. */
static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{"instructions", offsetof(struct vm_status, instructions)},
	{"ticks", offsetof(struct vm_status, ticks)},
	{"exits", offsetof(struct vm_status, exits)},
	{"events", offsetof(struct vm_status, events)},
	{"memory", offsetof(struct vm_status, memory)},
	{"log", offsetof(struct vm_status, log)},
	{"lost", offsetof(struct vm_status, lost)},
};

enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

void vm_status_write(const struct vm_status *status, char text[VM_STATUS_TEXT_BYTES])
{
	int size = snprintf(text, VM_STATUS_TEXT_BYTES, "state %s\n",
			    status->paused ? "paused" : "running");

	for (size_t i = 0; i < NUMBERS; i++) {
		uint64_t number;

		memcpy(&number, (const char *)status + numbers[i].offset, sizeof(number));
		size += snprintf(text + size, VM_STATUS_TEXT_BYTES - (size_t)size,
				 "%s %" PRIu64 "\n", numbers[i].name, number);
		assert(size < VM_STATUS_TEXT_BYTES);
	}
}

/* ---- Read ------------------------------------------------------------------------------------ */

static bool is(struct gw_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static bool to_number(struct gw_bytes digits, uint64_t *number)
{
	const char *at = digits.data;

	*number = 0;
	for (size_t i = 0; i < digits.size; i++) {
		if (at[i] < '0' || at[i] > '9' ||
		    __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(at[i] - '0'), number))
			return false;
	}
	return digits.size > 0;
}

static bool take(struct vm_status *status, struct gw_bytes name, struct gw_bytes value)
{
	uint64_t number;

	if (is(name, "state")) {
		status->paused = is(value, "paused");
		return status->paused || is(value, "running");
	}
	for (size_t i = 0; i < NUMBERS; i++) {
		if (!is(name, numbers[i].name))
			continue;
		if (!to_number(value, &number))
			return false;
		memcpy((char *)status + numbers[i].offset, &number, sizeof(number));
	}
	return true;
}

int vm_status_read(struct gw_bytes text, struct vm_status *status, struct gw_error *error)
{
	const char *at = text.data;
	const char *end = text.size ? at + text.size : at;

	*status = (struct vm_status){0};
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *space = stop ? memchr(at, ' ', (size_t)(stop - at)) : NULL;

		if (!space || !take(status, (struct gw_bytes){at, (size_t)(space - at)},
				    (struct gw_bytes){space + 1, (size_t)(stop - space - 1)}))
			return gw_fail(error, GW_E_CORRUPT,
				       "what the machine says of itself: a line that makes no "
				       "sense");
		at = stop + 1;
	}
	return 0;
}

/* ---- How fast -------------------------------------------------------------------------------- */

static double rate(uint64_t before, uint64_t after, uint64_t ns)
{
	return after > before ? (double)(after - before) * 1e9 / (double)ns : 0;
}

void vm_status_line(const struct vm_status *before, const struct vm_status *after, uint64_t ns,
		    char line[VM_STATUS_LINE_BYTES])
{
	int size;

	assert(ns > 0);
	size = snprintf(line, VM_STATUS_LINE_BYTES,
			"%s, %.1f s of its time, %" PRIu64 " M instructions, %.1f MIPS, "
			"%.0f exits/s, %.0f events/s",
			after->paused ? "paused" : "running", (double)after->ticks / 1e7,
			after->instructions / 1000000,
			rate(before->instructions, after->instructions, ns) / 1e6,
			rate(before->exits, after->exits, ns),
			rate(before->events, after->events, ns));
	assert(size > 0 && size < VM_STATUS_LINE_BYTES);
	if (after->log > 0)
		(void)snprintf(line + size, VM_STATUS_LINE_BYTES - (size_t)size,
			       ", log %.3f Mbit/s", rate(before->log, after->log, ns) * 8 / 1e6);
}

static int ask(const char *directory, struct vm_status *status, uint64_t *ns,
	       struct gw_error *error)
{
	struct base_buffer answer = {0};
	int code = vm_control_ask(directory, "status", &answer, error);

	*ns = vm_system_now_ns();
	if (code == 0)
		code = vm_status_read(base_buffer_bytes(&answer), status, error);
	base_buffer_done(&answer);
	return code;
}

/* A machine that ends while it is asked does not answer; then there is none to ask again. */
static bool is_gone(const char *directory, int code)
{
	struct vm_status status;
	uint64_t ns;

	if (code != GW_E_NOT_FOUND) {
		vm_system_sleep_ms(VM_STATUS_INTERVAL_MS);
		code = ask(directory, &status, &ns, NULL);
	}
	return code == GW_E_NOT_FOUND;
}

int vm_status_watch(const char *directory, int (*line)(void *context, const char *line),
		    void *context, struct gw_error *error)
{
	struct vm_status before, after;
	uint64_t before_ns, after_ns;
	char text[VM_STATUS_LINE_BYTES];
	int code = ask(directory, &before, &before_ns, error);

	while (code == 0) {
		vm_system_sleep_ms(VM_STATUS_INTERVAL_MS);
		code = ask(directory, &after, &after_ns, error);
		if (code < 0)
			return is_gone(directory, code) ? 0 : code;
		vm_status_line(&before, &after, after_ns > before_ns ? after_ns - before_ns : 1,
			       text);
		code = line(context, text);
		before = after;
		before_ns = after_ns;
	}
	return code;
}
