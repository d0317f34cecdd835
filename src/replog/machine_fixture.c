/* SPDX-License-Identifier: Apache-2.0 */
/* machine_fixture.c - see machine_fixture.h. */
#include "replog/machine_fixture.h"

#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

enum { RECORD_BYTES = 12, STATE_BYTES = 24 };

static void must(struct machine_state *state, bool right, const char *what)
{
	if (!right && !state->wrong)
		state->wrong = what;
}

static int run_begin(void *context, struct gw_error *error)
{
	struct machine_state *state = context;

	(void)error;
	must(state, !state->in_run && !state->is_restoring, "a run begins in another");
	state->in_run = true;
	state->runs++;
	return 0;
}

static int run_end(void *context, uint64_t applied, struct gw_error *error)
{
	struct machine_state *state = context;

	(void)error;
	must(state, state->in_run && applied >= state->applied, "a run ends that did not begin");
	state->in_run = false;
	return 0;
}

static int append(struct machine_state *state, uint64_t wall_ms, struct gw_bytes bytes)
{
	uint8_t header[RECORD_BYTES];

	base_store32(header, (uint32_t)bytes.size);
	base_store64(header + 4, wall_ms);
	if (base_buffer_append(&state->bytes, header, sizeof header, NULL) < 0)
		return GW_E_NO_MEMORY;
	return base_buffer_append(&state->bytes, bytes.data, bytes.size, NULL);
}

static int apply(void *context, const struct replog_entry *entry, struct base_buffer *reply,
		 struct gw_error *error)
{
	struct machine_state *state = context;
	uint8_t count[8];

	must(state, state->in_run, "an entry outside of a run");
	must(state, entry->index > state->applied, "an entry is applied twice");
	must(state, entry->wall_ms >= state->wall_ms, "time goes back");
	must(state, reply->size == 0, "a reply that is not empty");
	if (state->fail_at && state->count + 1 == (uint64_t)state->fail_at)
		return gw_fail(error, GW_E_IO, "the machine is broken");
	if (append(state, entry->wall_ms, entry->bytes) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory");
	state->count++;
	state->applied = entry->index;
	state->wall_ms = entry->wall_ms;
	if (state->applied_one)
		state->applied_one(state->context, entry);
	base_store64(count, state->count);
	return base_buffer_append(reply, count, sizeof count, error);
}

/* ---- Snapshots: count, applied, wall_ms, the bytes ------------------------------------------- */

struct frozen {
	struct base_buffer bytes;
	size_t read;
};

static int freeze(void *context, void **snapshot, struct gw_error *error)
{
	struct machine_state *state = context;
	struct frozen *frozen = calloc(1, sizeof *frozen);
	uint8_t header[STATE_BYTES];

	must(state, !state->in_run && !state->is_restoring, "frozen in a run");
	assert(frozen);
	base_store64(header, state->count);
	base_store64(header + 8, state->applied);
	base_store64(header + 16, state->wall_ms);
	if (base_buffer_append(&frozen->bytes, header, sizeof header, error) < 0 ||
	    base_buffer_append(&frozen->bytes, state->bytes.data, state->bytes.size, error) < 0) {
		free(frozen);
		return GW_E_NO_MEMORY;
	}
	state->freezes++;
	*snapshot = frozen;
	return 0;
}

static int read_piece(void *snapshot, void *buffer, size_t size)
{
	struct frozen *frozen = snapshot;
	size_t left = frozen->bytes.size - frozen->read;
	size_t piece = left < size ? left : size;

	memcpy(buffer, frozen->bytes.data + frozen->read, piece);
	frozen->read += piece;
	return (int)piece;
}

static void thaw(void *context, void *snapshot)
{
	struct frozen *frozen = snapshot;

	(void)context;
	base_buffer_done(&frozen->bytes);
	free(frozen);
}

static int restore_begin(void *context, uint64_t index, struct gw_error *error)
{
	struct machine_state *state = context;

	(void)index;
	(void)error;
	must(state, !state->in_run && !state->is_restoring, "restored in a run");
	state->is_restoring = true;
	base_buffer_done(&state->bytes);
	state->count = state->applied = state->wall_ms = 0;
	return 0;
}

static int restore_piece(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	struct machine_state *state = context;

	return base_buffer_append(&state->bytes, bytes.data, bytes.size, error);
}

static int restore_end(void *context, uint64_t index, bool complete, struct gw_error *error)
{
	struct machine_state *state = context;

	state->is_restoring = false;
	state->restores++;
	if (complete && state->bytes.size < STATE_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "a snapshot of %zu bytes", state->bytes.size);
	if (!complete) {
		base_buffer_done(&state->bytes);
		return 0;
	}
	state->count = base_load64(state->bytes.data);
	state->applied = base_load64(state->bytes.data + 8);
	state->wall_ms = base_load64(state->bytes.data + 16);
	must(state, state->applied <= index, "a snapshot of more than it says");
	state->bytes.size -= STATE_BYTES;
	memmove(state->bytes.data, state->bytes.data + STATE_BYTES, state->bytes.size);
	return 0;
}

static void role_changed(void *context)
{
	((struct machine_state *)context)->roles++;
}

const struct replog_machine machine_fixture = {
	.run_begin = run_begin,
	.apply = apply,
	.run_end = run_end,
	.freeze = freeze,
	.read_piece = read_piece,
	.thaw = thaw,
	.restore_begin = restore_begin,
	.restore_piece = restore_piece,
	.restore_end = restore_end,
	.role_changed = role_changed,
};

void machine_state_done(struct machine_state *state)
{
	base_buffer_done(&state->bytes);
	*state = (struct machine_state){0};
}

struct gw_bytes machine_entry(const struct machine_state *state, uint64_t n)
{
	size_t at = 0;

	while (n < state->count && at < state->bytes.size) {
		uint32_t size = base_load32(state->bytes.data + at);

		if (n-- == 0)
			return (struct gw_bytes){state->bytes.data + at + RECORD_BYTES, size};
		at += RECORD_BYTES + size;
	}
	return (struct gw_bytes){NULL, 0};
}
