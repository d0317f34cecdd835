/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_model_test.c - thousands of drawn records, carried out by the state and by a plain model of
 * it (model_fixture.h). After each the codes are the same; now and then all of it is compared, and
 * what a replay of the log makes, and what a checkpoint and the rest of the log make, are the same
 * bytes.
 */
#include "gfs/master/model_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"

static void compare_file(struct model *model, const struct gfs_state *state,
			 const struct model_file *file)
{
	struct gfs_file found;

	assert_true(gfs_find(state, gw_string(file->path), &found));
	assert_int_equal(found.is_directory, file->is_directory);
	assert_int_equal(found.id, file->id);
	assert_int_equal(found.length, file->length);
	assert_int_equal(found.mode, file->mode);
	assert_int_equal(found.goal, file->goal);
	assert_int_equal(found.modified_ms, file->modified_ms);
	assert_int_equal(found.collect_ms, file->collect_ms);
	for (uint32_t i = 0; i < MODEL_INDEXES && !file->is_directory; i++) {
		uint32_t slot;

		assert_int_equal(gfs_chunk_of(state, file->id, i, &slot), file->chunks[i] >= 0);
		if (file->chunks[i] >= 0)
			assert_int_equal(gfs_chunks_handle(&state->chunks, slot),
					 model->chunks[file->chunks[i]].handle);
	}
}

static void compare_chunk(struct model *model, const struct gfs_state *state,
			  const struct model_chunk *chunk)
{
	const struct gfs_chunk *found = gfs_chunks_find(&state->chunks, chunk->handle);
	struct gfs_grant grant;
	uint32_t slot = gfs_slot_of(chunk->handle);

	assert_int_equal(found != NULL, chunk->references > 0);
	if (!found)
		return;
	assert_int_equal(found->references, chunk->references);
	assert_int_equal(found->live, chunk->live);
	assert_int_equal(found->version, chunk->version);
	assert_int_equal(found->goal, chunk->goal);
	assert_int_equal(gfs_grant_of(state, slot, &grant), chunk->granted);
	assert_int_equal(gfs_source_of(state, slot),
			 chunk->source >= 0 ? model->chunks[chunk->source].handle : 0);
}

struct listed {
	struct model *model;
	const char *path;
	uint64_t count;
	char last[64];
};

static int visit(void *context, struct gw_bytes name, const struct gfs_file *file)
{
	struct listed *listed = context;
	char path[160];
	struct model_file *found;

	snprintf(path, sizeof(path), "%s/%.*s", strcmp(listed->path, "/") == 0 ? "" : listed->path,
		 (int)name.size, (const char *)name.data);
	found = model_find(listed->model, path);
	assert_true(found && found->id == file->id);
	assert_true(listed->count == 0 ||
		    gw_bytes_compare(gw_string(listed->last), name) < 0);
	snprintf(listed->last, sizeof(listed->last), "%.*s", (int)name.size,
		 (const char *)name.data);
	listed->count++;
	return 0;
}

static void compare_list(struct model *model, const struct gfs_state *state, const char *path)
{
	struct listed listed = {.model = model, .path = path};
	uint64_t expected = 0;

	for (int i = 0; i < MODEL_FILES; i++) {
		char parent[64];

		if (!model->files[i].used || model->files[i].hidden ||
		    strcmp(model->files[i].path, "/") == 0)
			continue;
		model_parent(model->files[i].path, parent);
		expected += strcmp(parent, path) == 0;
	}
	assert_int_equal(gfs_list(state, gw_string(path), gw_string(""), visit, &listed, NULL), 0);
	assert_int_equal(listed.count, expected);
}

static void compare(struct model *model, const struct gfs_state *state)
{
	struct gw_error error = {0};
	uint64_t files = 0, hidden = 0;

	for (int i = 0; i < MODEL_FILES; i++) {
		const struct model_file *file = &model->files[i];

		if (!file->used)
			continue;
		hidden += file->hidden;
		files += !file->hidden && !file->is_directory;
		if (file->hidden)
			continue;
		compare_file(model, state, file);
		if (file->is_directory)
			compare_list(model, state, file->path);
	}
	for (int i = 0; i < model->chunk_count; i++)
		compare_chunk(model, state, &model->chunks[i]);
	assert_int_equal(state->files, files);
	assert_int_equal(state->hidden, hidden);
	if (gfs_state_check(state, &error) < 0)
		fail_msg("%s", error.text);
}

static void same_bytes(struct gfs_state *a, struct gfs_state *b)
{
	struct base_buffer x, y;

	state_checkpoint(a, &x);
	state_checkpoint(b, &y);
	assert_int_equal(gw_bytes_compare(base_buffer_bytes(&x), base_buffer_bytes(&y)), 0);
	base_buffer_done(&x);
	base_buffer_done(&y);
}

static void step(struct trial *trial)
{
	static void (*const tries[])(struct trial *) = {
		try_create, try_create, try_create, try_mkdir, try_delete, try_undelete,
		try_rename, try_set, try_truncate, try_length, try_snapshot, try_collect,
		try_chunk_add, try_chunk_add, try_chunk_copy, try_chunk_copied, try_grant,
		try_release, try_release,
	};
	struct model *model = trial->model;

	trial->path[0] = trial->to[0] = 0;
	model->now_ms += model_pick(model, 500);
	trial->fixture->wall_ms = model->now_ms;
	model->index = trial->fixture->state.applied + 1;
	tries[model_pick(model, sizeof(tries) / sizeof(tries[0]))](trial);
}

static void servers_of(struct state_fixture *fixture)
{
	for (int i = 1; i <= 2; i++) {
		const struct gfs_record record = {
			.kind = GFS_RECORD_SERVER,
			.uuid = {i == 1 ? "1234567890123456" : "6543210987654321", 16},
			.address = gw_string("10.0.0.1:7000"),
			.rack = gw_string("a"),
		};

		assert_int_equal(state_do(fixture, &record), 0);
		assert_int_equal(fixture->done.number, i);
	}
}

static void run(uint64_t seed, int steps, uint32_t succeeded[GFS_RECORD_KINDS])
{
	struct model *model = calloc(1, sizeof(*model));
	struct state_fixture fixture;
	struct gfs_state again, later;
	struct base_buffer checkpoint = {0};
	struct trial trial = {.model = model, .fixture = &fixture};
	size_t tail = 0;

	model->random = seed;
	model->next_id = 1;
	model->now_ms = 1000;
	state_fixture_init(&fixture);
	model_new(model, "/")->is_directory = true;
	model->files[0].modified_ms = 0;
	model->files[0].mode = 0755;
	servers_of(&fixture);
	for (int i = 0; i < steps && model->chunk_count < MODEL_CHUNKS - 1; i++) {
		step(&trial);
		if (i % 50 == 0)
			compare(model, &fixture.state);
		if (i == steps / 2) {
			state_checkpoint(&fixture.state, &checkpoint);
			tail = fixture.log.size;
		}
	}
	compare(model, &fixture.state);
	for (int kind = 0; kind < GFS_RECORD_KINDS; kind++)
		succeeded[kind] += trial.succeeded[kind];
	assert_int_equal(gfs_state_init(&again, NULL), 0);
	state_replay(&again, base_buffer_bytes(&fixture.log), 0);
	same_bytes(&again, &fixture.state);
	assert_int_equal(state_restore(&later, base_buffer_bytes(&checkpoint), 777, NULL), 0);
	state_replay(&later, base_buffer_bytes(&fixture.log), tail);
	same_bytes(&later, &fixture.state);
	compare(model, &later);
	gfs_state_done(&again);
	gfs_state_done(&later);
	base_buffer_done(&checkpoint);
	state_fixture_done(&fixture);
	free(model);
}

static void drawn_records_do_what_a_plain_model_does(void **state)
{
	uint32_t succeeded[GFS_RECORD_KINDS] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		run(seed, 3000, succeeded);
	for (int kind = GFS_RECORD_CREATE; kind <= GFS_RECORD_VERSION; kind++)
		if (succeeded[kind] < 40)
			fail_msg("records of kind %d: only %u succeeded", kind, succeeded[kind]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawn_records_do_what_a_plain_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
