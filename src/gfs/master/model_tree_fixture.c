/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_tree_fixture.c - records that change which files there are, each drawn, carried out by the
 * state and by the model.
 */
#include "gfs/master/model_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

void try_create(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected, code;

	model_draw_path(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_CREATE,
					    .mode = model_pick(model, 4096),
					    .goal = model_pick(model, 3),
					    .chunk_log2 = GFS_CHUNK_LOG2_MIN,
					    .options = model_pick(model, 4)};
	trial_draw_set(trial);
	expected = model_check_free(model, trial->path);
	file = model_find(model, trial->path);
	if (file && (trial->record.options & GFS_OR_OPEN))
		expected = file->is_directory ? GW_E_INVALID : 0;
	code = trial_go(trial);
	assert_int_equal(code, expected);
	if (code < 0 || file) {
		assert_true(code < 0 || trial->fixture->done.id == file->id);
		return;
	}
	file = model_new(model, trial->path);
	file->mode = (uint32_t)trial->record.mode;
	file->goal =
		(uint8_t)(trial->record.goal ? trial->record.goal : model_goal(model, trial->path));
	assert_int_equal(trial->fixture->done.id, file->id);
	if (trial->record.options & GFS_WITH_CHUNK)
		file->chunks[0] = model_chunk_new(model, trial->fixture->done.handle, file->goal,
						  trial->record.set.count > 0);
	model_touch(model, trial->path);
}

void try_mkdir(struct trial *trial)
{
	int expected;

	model_draw_path(trial->model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_MKDIR, .mode = 0755};
	expected = model_check_free(trial->model, trial->path);
	assert_int_equal(trial_go(trial), expected);
	if (expected == 0) {
		struct model_file *file = model_new(trial->model, trial->path);

		file->is_directory = true;
		file->mode = 0755;
		model_touch(trial->model, trial->path);
	}
}

static bool empty(struct model *model, const struct model_file *directory)
{
	for (int i = 0; i < MODEL_FILES; i++)
		if (model->files[i].used && !model->files[i].hidden &&
		    &model->files[i] != directory &&
		    model_under(model->files[i].path, directory->path))
			return false;
	return true;
}

void try_delete(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file, *deleted = NULL;
	int expected;

	model_draw_known(model, trial->path);
	file = model_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_DELETE,
					    .options = model_pick(model, 2) * GFS_NOW};
	if (model_pick(model, 3) == 0) {
		deleted = model_find_deleted(model, trial->path, 0);
		trial->record.id = deleted ? deleted->id : 99999;
		file = NULL;
	}
	expected = file ? 0 : deleted ? 0 : GW_E_NOT_FOUND;
	if (file && file->is_directory)
		expected = strcmp(file->path, "/") == 0 ? GW_E_INVALID
			   : empty(model, file)		? 0
							: GW_E_BUSY;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	if (!file) {
		deleted->due_ms = model->now_ms;
		deleted->deleted = model->index;
		return;
	}
	if (file->is_directory)
		file->used = false;
	else
		model_hide(model, file,
			   model->now_ms + (trial->record.options & GFS_NOW
						    ? 0
						    : model_collect_ms(model, trial->path)));
	model_touch(model, trial->path);
}

void try_undelete(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *file;
	int expected;

	model_draw_known(model, trial->path);
	for (int tries = 0; tries < 40 && model_pick(model, 10) > 0; tries++) {
		const struct model_file *hidden = model_draw_used(model);

		if (hidden->hidden)
			model_copy_path(trial->path, hidden->path);
	}
	if (model_pick(model, 2))
		model_draw_path(model, trial->to);
	file = model_find_deleted(model, trial->path, 0);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_UNDELETE};
	expected = file ? model_check_free(model, trial->to[0] ? trial->to : trial->path)
			: GW_E_NOT_FOUND;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	file->hidden = false;
	if (trial->to[0])
		model_copy_path(file->path, trial->to);
	for (int i = 0; i < MODEL_INDEXES; i++)
		if (file->chunks[i] >= 0)
			model->chunks[file->chunks[i]].live++;
	model_touch(model, file->path);
}

static int rename_check(struct model *model, const struct trial *trial, struct model_file *from,
			struct model_file *old)
{
	if (!from)
		return GW_E_NOT_FOUND;
	if (strcmp(trial->path, "/") == 0 || strcmp(trial->to, "/") == 0 ||
	    model_under(trial->to, trial->path))
		return GW_E_INVALID;
	if (old && (trial->record.options & GFS_REPLACE))
		return old->is_directory || from->is_directory ? GW_E_EXISTS : 0;
	return model_check_free(model, trial->to);
}

void try_rename(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *from, *old;
	char moved[160];
	int expected;

	model_draw_known(model, trial->path);
	if (model_pick(model, 2))
		model_draw_path(model, trial->to);
	else
		model_draw_known(model, trial->to);
	from = model_find(model, trial->path);
	old = model_find(model, trial->to);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_RENAME,
					    .options = model_pick(model, 2) * GFS_REPLACE};
	expected = rename_check(model, trial, from, old);
	/* The model's paths are short. */
	for (int i = 0; expected == 0 && i < MODEL_FILES; i++)
		if (model->files[i].used && model_under(model->files[i].path, trial->path) &&
		    strlen(model->files[i].path) + strlen(trial->to) > 60)
			return;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	if (old)
		model_hide(model, old, model->now_ms + model_collect_ms(model, trial->to));
	for (int i = 0; i < MODEL_FILES; i++) {
		struct model_file *file = &model->files[i];

		if (!file->used || file->hidden || !model_under(file->path, trial->path))
			continue;
		snprintf(moved, sizeof(moved), "%s%s", trial->to, file->path + strlen(trial->path));
		model_copy_path(file->path, moved);
	}
	model_touch(model, trial->path);
	model_touch(model, trial->to);
}

static bool has_grant(struct model *model, const struct model_file *file)
{
	for (int i = 0; i < MODEL_INDEXES; i++)
		if (file->chunks[i] >= 0 && model->chunks[file->chunks[i]].granted)
			return true;
	return false;
}

static int by_path(const void *a, const void *b)
{
	/* As keys: a '/' comes before all else. */
	const unsigned char *x = (const unsigned char *)(*(struct model_file *const *)a)->path;
	const unsigned char *y = (const unsigned char *)(*(struct model_file *const *)b)->path;

	for (; *x && *x == *y; x++)
		y++;
	return (*x == '/' ? 1 : *x ? *x + 1 : 0) - (*y == '/' ? 1 : *y ? *y + 1 : 0);
}

static void copy(struct model *model, const struct model_file *from, const char *path)
{
	struct model_file *file = model_new(model, path);
	uint64_t id = file->id;

	*file = *from;
	file->id = id;
	model_copy_path(file->path, path);
	for (int i = 0; i < MODEL_INDEXES; i++) {
		if (file->chunks[i] < 0)
			continue;
		model->chunks[file->chunks[i]].references++;
		model->chunks[file->chunks[i]].live++;
	}
}

void try_snapshot(struct trial *trial)
{
	struct model *model = trial->model;
	struct model_file *tree[MODEL_FILES], *top;
	char path[160];
	int count = 0, used = 0, expected;

	model_draw_known(model, trial->path);
	model_draw_path(model, trial->to);
	top = model_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_SNAPSHOT};
	expected = top ? model_check_free(model, trial->to) : GW_E_NOT_FOUND;
	if (top && model_under(trial->to, trial->path))
		expected = GW_E_INVALID;
	for (int i = 0; top && i < MODEL_FILES; i++) {
		struct model_file *file = &model->files[i];

		used += file->used;
		if (!file->used || file->hidden || !model_under(file->path, trial->path))
			continue;
		tree[count++] = file;
		if (strlen(file->path) + strlen(trial->to) > 60)
			return;
		if (expected == 0 && has_grant(model, file))
			expected = GW_E_BUSY;
	}
	if (used + count > MODEL_FILES / 2)
		return;
	assert_int_equal(trial_go(trial), expected);
	if (expected < 0)
		return;
	qsort(tree, (size_t)count, sizeof(tree[0]), by_path);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s%s", trial->to,
			 tree[i]->path + strlen(trial->path));
		copy(model, tree[i], path);
	}
	model_touch(model, trial->to);
}

void try_collect(struct trial *trial)
{
	struct model *model = trial->model;
	uint64_t count = model_pick(model, 4), left = count;

	trial->record = (struct gfs_record){.kind = GFS_RECORD_COLLECT, .count = count};
	assert_int_equal(trial_go(trial), 0);
	for (;;) {
		struct model_file *first = NULL;

		for (struct model_file *at = model->files; at < model->files + MODEL_FILES; at++)
			if (at->used && at->hidden && at->due_ms <= model->now_ms &&
			    (!first || at->due_ms < first->due_ms ||
			     (at->due_ms == first->due_ms && at->id < first->id)))
				first = at;
		assert_int_equal(trial->fixture->done.more && left == 0, first && left == 0);
		if (!first || left == 0)
			break;
		for (int i = 0; i < MODEL_INDEXES; i++)
			if (first->chunks[i] >= 0)
				model_release(model, first->chunks[i], false);
		first->used = false;
		left--;
	}
	assert_int_equal(trial->fixture->done.number, count - left);
}
