/* SPDX-License-Identifier: Apache-2.0 */
/* state_fixture.c - a state machine with a table of its own. */
#include "kv/server/state_fixture.h"

#include <assert.h>
#include <stdlib.h>

#include "replog/answer.h"

static struct gw_bytes text(const char *string)
{
	return string ? gw_string(string) : (struct gw_bytes){NULL, 0};
}

void state_fixture_init(struct state_fixture *fixture, const char *path)
{
	struct gw_error error = {0};
	int code;

	*fixture = (struct state_fixture){.wall_ms = 1000000};
	code = path ? kv_table_lmdb_open(&fixture->table, path, 1 << 28, &error)
		    : kv_table_memory_new(&fixture->table, 11, &error);
	assert(code == 0);
	code = kv_state_init(&fixture->state, NULL, fixture->table, NULL, &error);
	assert(code == 0);
}

void state_fixture_done(struct state_fixture *fixture)
{
	kv_state_done(&fixture->state);
	kv_table_free(fixture->table);
	base_buffer_done(&fixture->reply);
}

void state_apply(struct state_fixture *fixture, const struct kv_entry *entry,
		 const struct kv_operation *operations)
{
	struct base_buffer bytes = {0};
	struct replog_entry told = {.index = ++fixture->index, .term = 1,
				    .wall_ms = fixture->wall_ms};
	int code = kv_entry_encode(entry, operations, &bytes, NULL);

	assert(code == 0);
	told.bytes = base_buffer_bytes(&bytes);
	fixture->reply.size = 0;
	code = kv_machine.run_begin(&fixture->state, NULL);
	assert(code == 0);
	code = kv_machine.apply(&fixture->state, &told, &fixture->reply, NULL);
	assert(code == 0);
	code = kv_machine.run_end(&fixture->state, fixture->index, NULL);
	assert(code == 0);
	code = replog_answer_read(base_buffer_bytes(&fixture->reply), &fixture->code,
			      &fixture->payload, NULL);
	assert(code == 0);
	base_buffer_done(&bytes);
}

int state_change(struct state_fixture *fixture, const struct kv_operation *operation)
{
	const struct kv_entry entry = {.kind = KV_ENTRY_CHANGE, .count = 1};

	state_apply(fixture, &entry, operation);
	return fixture->code;
}

int state_put(struct state_fixture *fixture, const char *key, const char *value, uint64_t ttl_ms)
{
	const struct kv_operation put = {.kind = KV_PUT, .number = ttl_ms, .key = text(key),
					 .value = text(value)};

	return state_change(fixture, &put);
}

int state_append(struct state_fixture *fixture, const char *key, const char *value)
{
	const struct kv_operation append = {.kind = KV_APPEND, .key = text(key),
					    .value = text(value)};

	return state_change(fixture, &append);
}

int state_delete(struct state_fixture *fixture, const char *key)
{
	const struct kv_operation remove = {.kind = KV_DELETE, .key = text(key)};

	return state_change(fixture, &remove);
}

void state_tick(struct state_fixture *fixture, uint64_t wall_ms)
{
	const struct kv_entry entry = {.kind = KV_ENTRY_TICK};

	fixture->wall_ms = wall_ms;
	state_apply(fixture, &entry, NULL);
}

int state_open(struct state_fixture *fixture, uint64_t client)
{
	const struct kv_entry entry = {.kind = KV_ENTRY_OPEN, .client = {{client, client}}};

	state_apply(fixture, &entry, NULL);
	return fixture->code;
}

int state_append_once(struct state_fixture *fixture, uint64_t client, uint64_t sequence,
		      const char *key, const char *value)
{
	const struct kv_operation append = {.kind = KV_APPEND, .key = text(key),
					    .value = text(value)};
	const struct kv_entry entry = {.kind = KV_ENTRY_CHANGE,
				       .has_call = true,
				       .call = {.client = {{client, client}},
						.sequence = sequence,
						.first_incomplete = 1,
						.fingerprint = sequence * 77},
				       .count = 1};

	state_apply(fixture, &entry, &append);
	return fixture->code;
}

const char *state_value(struct state_fixture *fixture, const char *key)
{
	const struct kv_table_operations *operations = fixture->table->operations;
	struct kv_item item;
	const char *value = NULL;
	int code = operations->read_begin(fixture->table, NULL);

	assert(code == 0);
	code = operations->get(fixture->table, text(key), &item, NULL);
	assert(code >= 0);
	if (code == 1 && kv_state_has(&fixture->state, &item)) {
		fixture->reply.size = 0;
		code = base_buffer_append(&fixture->reply, item.value.data, item.value.size, NULL);
		assert(code == 0);
		code = base_buffer_append(&fixture->reply, "", 1, NULL);
		assert(code == 0);
		value = (const char *)fixture->reply.data;
	}
	operations->read_end(fixture->table);
	return value;
}

void state_snapshot(struct state_fixture *fixture, struct base_buffer *out)
{
	void *snapshot;
	char piece[777];
	int code = kv_machine.freeze(&fixture->state, &snapshot, NULL);

	assert(code == 0);
	*out = (struct base_buffer){0};
	while ((code = kv_machine.read_piece(snapshot, piece, sizeof(piece))) > 0) {
		code = base_buffer_append(out, piece, (size_t)code, NULL);
		assert(code == 0);
	}
	assert(code == 0);
	kv_machine.thaw(&fixture->state, snapshot);
}

int state_restore(struct state_fixture *fixture, struct gw_bytes snapshot, size_t piece,
		  uint64_t index, struct gw_error *error)
{
	const uint8_t *at = snapshot.data;
	int code = kv_machine.restore_begin(&fixture->state, index, error), end;

	assert(code == 0);
	for (size_t done = 0; done < snapshot.size && code == 0; done += piece) {
		size_t left = snapshot.size - done;

		code = kv_machine.restore_piece(
			&fixture->state, (struct gw_bytes){at + done, left < piece ? left : piece},
			error);
	}
	end = kv_machine.restore_end(&fixture->state, index, code == 0, code == 0 ? error : NULL);
	if (code == 0 && end == 0)
		fixture->index = index;
	return code < 0 ? code : end;
}
