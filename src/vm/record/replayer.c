/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replayer.c - from record to record: the machine runs to its count, then what it says is done.
 */
#include "replayer_inside.h"

#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Opened ---------------------------------------------------------------------------------- */

int vm_replay_open(struct vm_replay **out, const char *log, const struct vm_replay_options *options,
		   struct gw_error *error)
{
	struct vm_replay *replay = calloc(1, sizeof(*replay));
	int code;

	if (!replay)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", log);
	replay->path = log;
	replay->options = *options;
	replay->state = VM_REPLAY_GOES_ON;
	code = vm_log_open(&replay->log, log, error);
	if (code == 0)
		code = vm_replay_start(replay, error);
	if (code < 0) {
		vm_replay_close(replay);
		return code;
	}
	*out = replay;
	return 0;
}

void vm_replay_close(struct vm_replay *replay)
{
	if (!replay)
		return;
	vm_replay_release(replay);
	vm_log_reader_free(replay->log);
	free(replay);
}

/* ---- What may be wrong ----------------------------------------------------------------------- */

static int fail(struct vm_replay *replay, struct gw_error *error)
{
	assert(replay->failure.code < 0);
	if (error)
		*error = replay->failure;
	return replay->failure.code;
}

int vm_replay_diverged(struct vm_replay *replay, const char *how, struct gw_error *error)
{
	gw_fail(&replay->failure, GW_E_CORRUPT,
		"%s: another run than the one recorded, at count %llu: %s", replay->path,
		(unsigned long long)vm_machine_count(replay->machine), how);
	return fail(replay, error);
}

/* ---- Records --------------------------------------------------------------------------------- */

int vm_replay_input(struct vm_replay *replay, const struct vm_event *event, struct gw_error *error)
{
	struct gw_error why = {0};

	if (vm_machine_input(replay->machine, event, &why) < 0)
		return vm_replay_diverged(replay, why.text, error);
	replay->events++;
	return 0;
}

static int check_hash(struct vm_replay *replay, struct gw_error *error)
{
	const uint8_t *then = replay->record.data.data;

	if (base_load64(then) != vm_machine_hash(replay->machine, false))
		return vm_replay_diverged(replay, "registers or devices differ", error);
	if (base_load64(then + 8) != vm_ram_hash_now(&replay->ram))
		return vm_replay_diverged(replay, "RAM differs", error);
	replay->hashes++;
	return 0;
}

/* Whether the machine wants what a record says, without another instruction. */
static bool wants(struct vm_replay *replay, enum vm_pause why)
{
	return vm_machine_run(replay->machine, replay->record.count) == why;
}

static int restart(struct vm_replay *replay, struct gw_error *error)
{
	if (!wants(replay, VM_PAUSE_RESET))
		return vm_replay_diverged(replay, "it does not start again", error);
	return vm_machine_restart(replay->machine, error);
}

static int end(struct vm_replay *replay, struct gw_error *error)
{
	enum vm_pause why = (enum vm_pause)replay->record.value;

	if ((why == VM_PAUSE_OFF || why == VM_PAUSE_FAILED || why == VM_PAUSE_RESET) &&
	    !wants(replay, why))
		return vm_replay_diverged(replay, "it does not end", error);
	replay->state = VM_REPLAY_ENDED;
	replay->end = why;
	return 0;
}

static int carry_out(struct vm_replay *replay, struct gw_error *error)
{
	const struct vm_log_record *record = &replay->record;

	switch (record->kind) {
	case VM_LOG_HASH:
		return check_hash(replay, error);
	case VM_LOG_RESTART:
		return restart(replay, error);
	case VM_LOG_END:
		return end(replay, error);
	case VM_LOG_ON_DISK:
	case VM_EVENT_BLOCK:
		return vm_replay_answer(replay, record, error);
	}
	return vm_replay_input(replay,
			       &(struct vm_event){.kind = (enum vm_event_kind)record->kind,
						  .count = record->count,
						  .id = record->id,
						  .value = record->value,
						  .data = record->data},
			       error);
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Lets the machine run to a count, before which nothing comes in. VM_REPLAY_HIT, or 0. */
static int run_to(struct vm_replay *replay, uint64_t until, struct gw_error *error)
{
	while (vm_machine_count(replay->machine) < until) {
		enum vm_pause why = vm_machine_run(replay->machine, until);

		if (replay->failure.code)
			return fail(replay, error);
		if (why == VM_PAUSE_HIT)
			return VM_REPLAY_HIT;
		if (why == VM_PAUSE_COUNT || why == VM_PAUSE_ASKED)
			continue;
		if (vm_machine_count(replay->machine) < until)
			return vm_replay_diverged(replay,
						  why == VM_PAUSE_WAIT ? "it waits"
								       : "it is off",
						  error);
	}
	return 0;
}

static int peek(struct vm_replay *replay, struct gw_error *error)
{
	int code;

	if (replay->has_record)
		return 0;
	replay->place = vm_log_place(replay->log);
	code = vm_log_next(replay->log, &replay->record, error);
	replay->has_record = code > 0;
	if (code == 0)
		replay->state = VM_REPLAY_TORN;
	return code < 0 ? code : 0;
}

int vm_replay_run(struct vm_replay *replay, uint64_t until, struct gw_error *error)
{
	int code = 0;

	if (replay->failure.code)
		return fail(replay, error);
	while (code == 0 && replay->state == VM_REPLAY_GOES_ON) {
		code = peek(replay, error);
		if (code < 0 || replay->state != VM_REPLAY_GOES_ON)
			break;
		if (replay->record.count > until) {
			code = run_to(replay, until, error);
			break;
		}
		code = run_to(replay, replay->record.count, error);
		if (code)
			break;
		code = carry_out(replay, error);
		replay->has_record = false;
	}
	return code ? code : (int)replay->state;
}

/* ---- Asked ----------------------------------------------------------------------------------- */

uint64_t vm_replay_count(const struct vm_replay *replay)
{
	return vm_machine_count(replay->machine);
}

uint64_t vm_replay_events(const struct vm_replay *replay)
{
	return replay->events;
}

uint64_t vm_replay_hashes(const struct vm_replay *replay)
{
	return replay->hashes;
}

enum vm_pause vm_replay_end(const struct vm_replay *replay)
{
	return replay->end;
}

const struct vm_log_header *vm_replay_header(const struct vm_replay *replay)
{
	return vm_log_header(replay->log);
}

struct vm_machine *vm_replay_machine(struct vm_replay *replay)
{
	return replay->machine;
}

uint8_t *vm_replay_ram(struct vm_replay *replay, uint64_t *size)
{
	*size = replay->setup.ram_size;
	return replay->setup.ram;
}
