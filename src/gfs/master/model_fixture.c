/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_fixture.c - see model_fixture.h.
 */
#include "gfs/master/model_fixture.h"

#include "support/unit.h"

#include <stdio.h>

uint64_t model_pick(struct model *model, uint64_t below)
{
	return test_pick(&model->random, below);
}

void model_copy_path(char out[64], const char *path)
{
	size_t size = strlen(path) + 1;

	assert_true(size <= 64);
	memmove(out, path, size);
}

struct model_file *model_find(struct model *model, const char *path)
{
	for (int i = 0; i < MODEL_FILES; i++)
		if (model->files[i].used && !model->files[i].hidden &&
		    strcmp(model->files[i].path, path) == 0)
			return &model->files[i];
	return NULL;
}

void model_parent(const char *path, char out[64])
{
	size_t size = (size_t)(strrchr(path, '/') - path);

	snprintf(out, 64, "%.*s", (int)(size > 0 ? size : 1), path);
}

int model_file_code(const struct model_file *file)
{
	return !file ? GW_E_NOT_FOUND : file->is_directory ? GW_E_INVALID : 0;
}

int model_check_free(struct model *model, const char *path)
{
	char parent[64];
	struct model_file *directory;

	if (model_find(model, path))
		return GW_E_EXISTS;
	model_parent(path, parent);
	directory = model_find(model, parent);
	return !directory ? GW_E_NOT_FOUND : directory->is_directory ? 0 : GW_E_INVALID;
}

void model_touch(struct model *model, const char *path)
{
	char parent[64];

	model_parent(path, parent);
	model_find(model, parent)->modified_ms = model->now_ms;
}

bool model_under(const char *path, const char *above)
{
	size_t size = strlen(above);

	return strcmp(above, "/") == 0 ||
	       (strncmp(path, above, size) == 0 && (path[size] == 0 || path[size] == '/'));
}

uint64_t model_collect_ms(struct model *model, const char *path)
{
	char at[64];

	for (model_copy_path(at, path); strcmp(at, "/") != 0;) {
		char parent[64];

		model_parent(at, parent);
		memcpy(at, parent, sizeof(at));
		if (model_find(model, at) && model_find(model, at)->collect_ms > 0)
			return model_find(model, at)->collect_ms - 1;
	}
	return GFS_COLLECT_MS;
}

uint8_t model_goal(struct model *model, const char *path)
{
	char at[64];

	for (model_copy_path(at, path); strcmp(at, "/") != 0;) {
		char parent[64];

		model_parent(at, parent);
		memcpy(at, parent, sizeof(at));
		if (model_find(model, at) && model_find(model, at)->goal > 0)
			return model_find(model, at)->goal;
	}
	return GFS_GOAL;
}

struct model_file *model_new(struct model *model, const char *path)
{
	struct model_file *file = model->files;

	while (file->used)
		assert_true(++file < model->files + MODEL_FILES);
	*file = (struct model_file){.used = true,
				    .id = model->next_id++,
				    .modified_ms = model->now_ms,
				    .chunks = {-1, -1, -1, -1}};
	model_copy_path(file->path, path);
	return file;
}

int model_chunk_new(struct model *model, uint64_t handle, uint8_t goal, bool granted)
{
	assert_true(model->chunk_count < MODEL_CHUNKS && handle != 0);
	for (int i = 0; i < model->chunk_count; i++)
		assert_true(model->chunks[i].handle != handle); /* never given twice */
	model->chunks[model->chunk_count] = (struct model_chunk){.handle = handle,
								 .references = 1,
								 .live = 1,
								 .source = -1,
								 .goal = goal,
								 .granted = granted,
								 .version = granted};
	return model->chunk_count++;
}

void model_release(struct model *model, int chunk, bool was_live)
{
	struct model_chunk *at = &model->chunks[chunk];

	at->references--;
	at->live -= was_live;
	if (at->references == 0 && at->source >= 0)
		model_release(model, at->source, false);
}

void model_hide(struct model *model, struct model_file *file, uint64_t due_ms)
{
	for (int i = 0; i < MODEL_INDEXES; i++)
		if (file->chunks[i] >= 0)
			model->chunks[file->chunks[i]].live--;
	file->hidden = true;
	file->due_ms = due_ms;
	file->deleted = model->index;
}

struct model_file *model_find_deleted(struct model *model, const char *path, uint64_t id)
{
	struct model_file *found = NULL;

	for (struct model_file *at = model->files; at < model->files + MODEL_FILES; at++)
		if (at->used && at->hidden && strcmp(at->path, path) == 0 &&
		    (id == 0 || at->id == id) && (!found || at->deleted > found->deleted))
			found = at;
	return found;
}

struct model_chunk *model_handle(struct model *model, uint64_t handle)
{
	for (int i = 0; i < model->chunk_count; i++)
		if (model->chunks[i].handle == handle && model->chunks[i].references > 0)
			return &model->chunks[i];
	return NULL;
}

/* ---- Drawing -------------------------------------------------------------------------------- */

const struct model_file *model_draw_used(struct model *model)
{
	for (int tries = 0; tries < 20; tries++) {
		const struct model_file *file = &model->files[model_pick(model, MODEL_FILES / 4)];

		if (file->used)
			return file;
	}
	return &model->files[0];
}

void model_draw_path(struct model *model, char path[64])
{
	static const char *const names[] = {"a", "b", "c", "a-b", "\001", "\377x", "..."};
	const struct model_file *above = model_draw_used(model);
	size_t size = 0;

	for (int tries = 0; tries < 20 && (!above->is_directory || above->hidden); tries++)
		above = model_draw_used(model);
	if (model_pick(model, 4) > 0 && strlen(above->path) > 1 && strlen(above->path) < 12)
		size = (size_t)snprintf(path, 64, "%s", above->path);
	for (uint64_t more = model_pick(model, 6) == 0 ? 2 : 1; more > 0; more--)
		size += (size_t)snprintf(path + size, 64 - size, "/%s",
					 names[model_pick(model, 7)]);
}

void model_draw_known(struct model *model, char path[64])
{
	if (model_pick(model, 10) > 0)
		model_copy_path(path, model_draw_used(model)->path);
	else
		model_draw_path(model, path);
}

void model_draw_shared(struct model *model, char path[64], uint64_t *index)
{
	for (const struct model_file *file = model_draw_used(model);
	     file < model->files + MODEL_FILES; file++)
		for (int i = 0; file->used && !file->hidden && i < MODEL_INDEXES; i++)
			if (file->chunks[i] >= 0 && model->chunks[file->chunks[i]].references > 1) {
				model_copy_path(path, file->path);
				*index = (uint64_t)i;
				return;
			}
}

uint64_t model_draw_handle(struct model *model)
{
	uint64_t back = model_pick(model, 40) + 1;

	if ((uint64_t)model->chunk_count < back)
		return 12345;
	return model->chunks[(uint64_t)model->chunk_count - back].handle;
}

/* ---- Carrying out --------------------------------------------------------------------------- */

int trial_go(struct trial *trial)
{
	int code;

	trial->record.path = gw_string(trial->path);
	trial->record.to = gw_string(trial->to);
	code = state_do(trial->fixture, &trial->record);
	trial->succeeded[trial->record.kind] += code == 0;
	return code;
}

void trial_draw_set(struct trial *trial)
{
	if (model_pick(trial->model, 2))
		return;
	trial->record.set = (struct gfs_set){.count = 2, .servers = {1, 2}};
	trial->record.incarnation = 77;
}
