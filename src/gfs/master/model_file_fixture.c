/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_file_fixture.c - records that change one file or chunk, each drawn, carried out by the
 * state and by the model.
 */
#include "gfs/master/model_fixture.h"

#include "support/unit.h"

void try_set(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected;

	model_draw_known(model, trial->path);
	file = model_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_SET,
					    .goal = model_pick(model, 10),
					    .mode = model_pick(model, 5000),
					    .collect_ms = model_pick(model, 3000),
					    .options = model_pick(model, 32) * GFS_SET_MODE};
	expected = file ? 0 : GW_E_NOT_FOUND;
	if (file && trial->record.mode > 07777)
		expected = GW_E_INVALID;
	if (file && (trial->record.options & GFS_SET_GOAL) &&
	    (trial->record.goal > GFS_GOAL_MAX || (trial->record.goal == 0 && !file->is_directory)))
		expected = GW_E_INVALID;
	if (file && (trial->record.options & GFS_SET_COLLECT) && !file->is_directory)
		expected = GW_E_INVALID;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	if (trial->record.options & GFS_SET_MODE)
		file->mode = (uint32_t)trial->record.mode;
	if (trial->record.options & GFS_SET_MODIFIED)
		file->modified_ms = 0;
	if (trial->record.options & GFS_SET_COLLECT)
		file->collect_ms = trial->record.collect_ms;
	if (!(trial->record.options & GFS_SET_GOAL))
		return;
	file->goal = (uint8_t)trial->record.goal;
	for (int i = 0; i < MODEL_INDEXES; i++) {
		struct model_chunk *chunk;

		if (file->chunks[i] < 0)
			continue;
		chunk = &model->chunks[file->chunks[i]];
		if (chunk->references == 1 || chunk->goal < file->goal)
			chunk->goal = file->goal;
	}
}

void try_truncate(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected;

	model_draw_known(model, trial->path);
	file = model_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_TRUNCATE,
					    .length = model_pick(model, 5) * MODEL_CHUNK_BYTES / 2};
	expected = model_file_code(file);
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	for (uint64_t i = (trial->record.length + MODEL_CHUNK_BYTES - 1) / MODEL_CHUNK_BYTES;
	     i < MODEL_INDEXES; i++) {
		if (file->chunks[i] >= 0)
			model_release(model, file->chunks[i], true);
		file->chunks[i] = -1;
	}
	file->length = trial->record.length;
	file->modified_ms = model->now_ms;
}

void try_length(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected;

	model_draw_known(model, trial->path);
	file = model_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_LENGTH,
					    .length = model_pick(model, 3 * MODEL_CHUNK_BYTES),
					    .id = model_pick(model, 8) ? 0 : 424242};
	expected = model_file_code(file);
	if (expected == 0 && trial->record.id != 0)
		expected = GW_E_STALE;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0 || trial->record.length <= file->length)
		return;
	file->length = trial->record.length;
	file->modified_ms = model->now_ms;
}

void try_chunk_add(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected, *chunk;

	model_draw_known(model, trial->path);
	file = model_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_CHUNK_ADD,
					    .index = model_pick(model, MODEL_INDEXES)};
	trial_draw_set(trial);
	expected = model_file_code(file);
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	chunk = &file->chunks[trial->record.index];
	if (*chunk >= 0) {
		assert_int_equal(trial->fixture->done.handle, model->chunks[*chunk].handle);
		return;
	}
	*chunk = model_chunk_new(model, trial->fixture->done.handle, file->goal,
				 trial->record.set.count > 0);
}

void try_chunk_copy(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected, old;

	model_draw_known(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_CHUNK_COPY,
					    .index = model_pick(model, MODEL_INDEXES)};
	if (model_pick(model, 4) > 0)
		model_draw_shared(model, trial->path, &trial->record.index);
	file = model_find(model, trial->path);
	old = file && !file->is_directory ? file->chunks[trial->record.index] : -1;
	trial->record.handle = old >= 0 ? model->chunks[old].handle : model_draw_handle(model);
	expected = model_file_code(file);
	if (expected == 0 && !model_handle(model, trial->record.handle))
		expected = GW_E_NOT_FOUND;
	else if (expected == 0 && old < 0)
		expected = GW_E_STALE;
	else if (expected == 0 && model->chunks[old].references < 2)
		expected = GW_E_INVALID;
	else if (expected == 0 && model->chunks[old].source >= 0)
		expected = GW_E_BUSY;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	file->chunks[trial->record.index] =
		model_chunk_new(model, trial->fixture->done.handle, model->chunks[old].goal, false);
	model->chunks[model->chunk_count - 1].version = model->chunks[old].version;
	model->chunks[model->chunk_count - 1].source = old;
	model->chunks[old].live--;
}

void try_chunk_copied(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_chunk *chunk;

	trial->record = (struct gfs_record){.kind = GFS_RECORD_CHUNK_COPIED,
					    .handle = model_draw_handle(model)};
	chunk = model_handle(model, trial->record.handle);
	assert_int_equal(trial_go(trial), chunk ? 0 : GW_E_NOT_FOUND);
	if (!chunk || chunk->source < 0)
		return;
	model_release(model, chunk->source, false);
	chunk->source = -1;
}

void try_grant(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_chunk *chunk;
	int expected = 0;

	trial->record = (struct gfs_record){.kind = GFS_RECORD_GRANT,
					    .handle = model_draw_handle(model),
					    .incarnation = 5,
					    .set = {.count = 2, .servers = {2, 1}}};
	chunk = model_handle(model, trial->record.handle);
	trial->record.version = (chunk ? chunk->version : 0) + model_pick(model, 3);
	if (!chunk)
		expected = GW_E_NOT_FOUND;
	else if (trial->record.version <= chunk->version)
		expected = GW_E_STALE;
	else if (chunk->references > 1 || chunk->source >= 0)
		expected = GW_E_BUSY;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	chunk->granted = true;
	chunk->version = (uint32_t)trial->record.version;
}

void try_release(struct trial *trial)
{
	struct model *model = trial->model;
	bool raises = model_pick(model, 4) == 0;
	struct model_chunk *chunk;
	int expected = 0;

	trial->record =
		(struct gfs_record){.kind = raises ? GFS_RECORD_VERSION : GFS_RECORD_RELEASE,
				    .handle = model_draw_handle(model)};
	chunk = model_handle(model, trial->record.handle);
	trial->record.version = (chunk ? chunk->version : 0) + (model_pick(model, 3) == 0) + raises;
	if (!chunk)
		expected = GW_E_NOT_FOUND;
	else if (!raises && trial->record.version != chunk->version)
		expected = GW_E_STALE;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	chunk->granted = false;
	chunk->version = (uint32_t)trial->record.version;
}
