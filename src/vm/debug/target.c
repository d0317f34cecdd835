/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "registers.h"

#include "vm/machine/map.h"

#include <inttypes.h>
#include <stdlib.h>

static struct vm_cpu *cpu_of(struct vm_debug_replay *debug)
{
	return vm_machine_cpu(vm_replay_machine(debug->replay));
}

static bool get(void *context, unsigned number, uint64_t *value)
{
	return vm_register_get(cpu_of(context), number, value);
}

static bool set(void *context, unsigned number, uint64_t value)
{
	return vm_register_set(cpu_of(context), number, value);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Where in RAM an address is, and how much of size is there in a row; NULL: it is not in RAM. */
static uint8_t *find(struct vm_debug_replay *debug, uint64_t address, size_t *size)
{
	size_t row = VM_PAGE_BYTES - address % VM_PAGE_BYTES;
	uint64_t ram_size, physical = address;
	uint8_t *ram = vm_replay_ram(debug->replay, &ram_size);

	if (!debug->physical && !vm_cpu_find(cpu_of(debug), address, &physical))
		return NULL;
	if (*size > row)
		*size = row;
	physical -= VM_MAP_RAM;
	return physical < ram_size ? ram + physical : NULL; /* RAM is of whole pages */
}

static size_t read_memory(void *context, uint64_t address, uint8_t *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = size - done;
		const uint8_t *from = find(context, address + done, &part);

		if (!from)
			break;
		memcpy(to + done, from, part);
		done += part;
	}
	return done;
}

static size_t write_memory(void *context, uint64_t address, const uint8_t *from, size_t size)
{
	struct vm_debug_replay *debug = context;
	uint64_t ram_size;
	const uint8_t *ram = vm_replay_ram(debug->replay, &ram_size);
	size_t done = 0;

	while (done < size) {
		size_t part = size - done;
		uint8_t *to = find(debug, address + done, &part);

		if (!to)
			break;
		memcpy(to, from + done, part);
		vm_cpu_ram_written(cpu_of(debug), VM_MAP_RAM + (uint64_t)(to - ram), part);
		done += part;
	}
	return done;
}

/* ---- It runs --------------------------------------------------------------------------------- */

static int set_stops(void *context, const uint64_t *breaks, size_t break_count,
		     const struct vm_watch *watches, size_t watch_count)
{
	return vm_cpu_set_stops(cpu_of(context), breaks, break_count, watches, watch_count, NULL);
}

static bool interrupted(void *context)
{
	struct vm_debug_replay *debug = context;

	if (!debug->was_interrupted && debug->interrupted)
		debug->was_interrupted = debug->interrupted(debug->context);
	return debug->was_interrupted;
}

static int run_back(struct vm_debug_replay *debug, struct vm_debug_stop *stop)
{
	int code = vm_timeline_back(debug->timeline, &stop->hit, &stop->trouble);

	if (code == VM_REPLAY_GOES_ON && !debug->was_interrupted)
		stop->why = VM_DEBUG_BEGIN;
	return code;
}

static int step_back(struct vm_debug_replay *debug, struct vm_debug_stop *stop)
{
	uint64_t count = vm_replay_count(debug->replay);

	if (count == vm_timeline_begin(debug->timeline)) {
		stop->why = VM_DEBUG_BEGIN;
		return VM_REPLAY_GOES_ON;
	}
	return vm_timeline_go(debug->timeline, count - 1, &stop->trouble);
}

static struct vm_debug_stop go(void *context, enum vm_debug_go how)
{
	struct vm_debug_replay *debug = context;
	struct vm_debug_stop stop = {.why = VM_DEBUG_STEPPED};
	int code = 0;

	debug->was_interrupted = false;
	switch (how) {
	case VM_DEBUG_RUN:
		vm_cpu_pass_stop(cpu_of(debug));
		code = vm_timeline_run(debug->timeline, UINT64_MAX, &stop.trouble);
		break;
	case VM_DEBUG_STEP:
		code = vm_timeline_go(debug->timeline, vm_replay_count(debug->replay) + 1,
				      &stop.trouble);
		break;
	case VM_DEBUG_RUN_BACK:
		code = run_back(debug, &stop);
		break;
	case VM_DEBUG_STEP_BACK:
		code = step_back(debug, &stop);
		break;
	}
	if (code == VM_REPLAY_HIT) {
		stop.why = VM_DEBUG_HIT;
		if (how != VM_DEBUG_RUN_BACK)
			stop.hit = vm_cpu_hit(cpu_of(debug));
	} else if (code == VM_REPLAY_ENDED || code == VM_REPLAY_TORN) {
		stop.why = VM_DEBUG_END;
	}
	return stop;
}

/* ---- Commands of its own --------------------------------------------------------------------- */

static int go_to(struct vm_debug_replay *debug, const char *number, struct base_buffer *out,
		 struct gw_error *error)
{
	struct gw_error trouble = {0};
	char *end;
	uint64_t count = strtoull(number, &end, 0);
	int code;

	if (end == number || *end || count < vm_timeline_begin(debug->timeline))
		return base_buffer_append_format(out, error, "%s: no count\n", number);
	debug->was_interrupted = false;
	code = vm_timeline_go(debug->timeline, count, &trouble);
	if (code < 0)
		return base_buffer_append_format(out, error, "%s\n", trouble.text);
	return base_buffer_append_format(out, error,
					 "at %" PRIu64 "; now: maintenance flush register-cache\n",
					 vm_replay_count(debug->replay));
}

static int monitor(void *context, const char *command, struct base_buffer *out,
		   struct gw_error *error)
{
	struct vm_debug_replay *debug = context;
	bool physical = strcmp(command, "physical") == 0;

	if (strncmp(command, "go ", 3) == 0)
		return go_to(debug, command + 3, out, error);
	if (strcmp(command, "count") == 0)
		return base_buffer_append_format(out, error, "%" PRIu64 "\n",
						 vm_replay_count(debug->replay));
	if (strcmp(command, "hash") == 0)
		return base_buffer_append_format(
			out, error, "%016" PRIx64 "\n",
			vm_machine_hash(vm_replay_machine(debug->replay), true));
	if (physical || strcmp(command, "virtual") == 0) {
		debug->physical = physical;
		return base_buffer_append_format(out, error, "addresses are %s\n", command);
	}
	return base_buffer_append_string(out,
					 "count        instructions so far\n"
					 "go COUNT     go there, forward or back\n"
					 "hash         of the whole machine\n"
					 "physical     addresses of memory are physical\n"
					 "virtual      addresses of memory are the guest's\n",
					 error);
}

/* ---- Made ------------------------------------------------------------------------------------ */

int vm_debug_replay_start(struct vm_debug_replay *debug, uint64_t from, struct gw_error *error)
{
	const struct vm_timeline_options options = {.interrupted = interrupted, .context = debug};
	uint64_t count = vm_replay_count(debug->replay);
	int code = vm_timeline_new(&debug->timeline, debug->replay, &options, error);

	if (code == 0)
		code = vm_cpu_set_stops(cpu_of(debug), NULL, 0, NULL, 0, error);
	if (code == 0)
		code = vm_timeline_go(debug->timeline, from < count ? count : from, error);
	return code < 0 ? code : 0;
}

void vm_debug_replay_done(struct vm_debug_replay *debug)
{
	vm_timeline_free(debug->timeline);
	debug->timeline = NULL;
}

struct vm_debug_target vm_debug_replay_target(struct vm_debug_replay *debug)
{
	return (struct vm_debug_target){debug,     get, set,    read_memory, write_memory,
					set_stops, go,  monitor};
}
