/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_model_test.c - thousands of drawn records, carried out by the state and by a plain model of
 * it: a list of files, each with its chunks, looked through from one end to the other. After each
 * the codes are the same; now and then all of it is compared, and what a replay of the log makes,
 * and what a checkpoint and the rest of the log make, are the same bytes.
 */
#include "gfs/master/state_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"

enum { FILES = 400, CHUNKS = 3000, INDEXES = 4, CHUNK_BYTES = 1 << 16 };

struct m_chunk {
	uint64_t handle;
	uint32_t version, references, live;
	int source; /* -1: none */
	uint8_t goal;
	bool granted;
};

struct m_file {
	char path[64];
	bool used, hidden, is_directory;
	uint64_t id, due_ms, deleted, modified_ms, length;
	uint64_t collect_ms;
	uint32_t mode;
	uint8_t goal;
	int chunks[INDEXES]; /* -1: none */
};

struct model {
	struct m_file files[FILES];
	struct m_chunk chunks[CHUNKS];
	int chunk_count;
	uint64_t next_id;
	uint64_t now_ms, index;
	uint64_t random;
};

static uint64_t pick(struct model *model, uint64_t below)
{
	return test_pick(&model->random, below);
}

static void copy_path(char out[64], const char *path)
{
	size_t size = strlen(path) + 1;

	assert_true(size <= 64);
	memmove(out, path, size);
}

/* ---- The model ------------------------------------------------------------------------------ */

static struct m_file *m_find(struct model *model, const char *path)
{
	for (int i = 0; i < FILES; i++)
		if (model->files[i].used && !model->files[i].hidden &&
		    strcmp(model->files[i].path, path) == 0)
			return &model->files[i];
	return NULL;
}

static void m_parent(const char *path, char out[64])
{
	size_t size = (size_t)(strrchr(path, '/') - path);

	snprintf(out, 64, "%.*s", (int)(size > 0 ? size : 1), path);
}

static int m_file_code(const struct m_file *file)
{
	return !file ? GW_E_NOT_FOUND : file->is_directory ? GW_E_INVALID : 0;
}

static int m_check_free(struct model *model, const char *path)
{
	char parent[64];
	struct m_file *directory;

	if (m_find(model, path))
		return GW_E_EXISTS;
	m_parent(path, parent);
	directory = m_find(model, parent);
	return !directory ? GW_E_NOT_FOUND : directory->is_directory ? 0 : GW_E_INVALID;
}

static void m_touch(struct model *model, const char *path)
{
	char parent[64];

	m_parent(path, parent);
	m_find(model, parent)->modified_ms = model->now_ms;
}

static bool m_under(const char *path, const char *above)
{
	size_t size = strlen(above);

	return strcmp(above, "/") == 0 || (strncmp(path, above, size) == 0 &&
					   (path[size] == 0 || path[size] == '/'));
}

static uint64_t m_collect_ms(struct model *model, const char *path)
{
	char at[64];

	for (copy_path(at, path); strcmp(at, "/") != 0;) {
		char parent[64];

		m_parent(at, parent);
		memcpy(at, parent, sizeof(at));
		if (m_find(model, at) && m_find(model, at)->collect_ms > 0)
			return m_find(model, at)->collect_ms - 1;
	}
	return GFS_COLLECT_MS;
}

static uint8_t m_goal(struct model *model, const char *path)
{
	char at[64];

	for (copy_path(at, path); strcmp(at, "/") != 0;) {
		char parent[64];

		m_parent(at, parent);
		memcpy(at, parent, sizeof(at));
		if (m_find(model, at) && m_find(model, at)->goal > 0)
			return m_find(model, at)->goal;
	}
	return GFS_GOAL;
}

static struct m_file *m_new(struct model *model, const char *path)
{
	struct m_file *file = model->files;

	while (file->used)
		assert_true(++file < model->files + FILES);
	*file = (struct m_file){.used = true, .id = model->next_id++,
				.modified_ms = model->now_ms, .chunks = {-1, -1, -1, -1}};
	copy_path(file->path, path);
	return file;
}

static int m_chunk_new(struct model *model, uint64_t handle, uint8_t goal, bool granted)
{
	assert_true(model->chunk_count < CHUNKS && handle != 0);
	for (int i = 0; i < model->chunk_count; i++)
		assert_true(model->chunks[i].handle != handle); /* never given twice */
	model->chunks[model->chunk_count] = (struct m_chunk){
		.handle = handle, .references = 1, .live = 1, .source = -1, .goal = goal,
		.granted = granted, .version = granted};
	return model->chunk_count++;
}

static void m_release(struct model *model, int chunk, bool was_live)
{
	struct m_chunk *at = &model->chunks[chunk];

	at->references--;
	at->live -= was_live;
	if (at->references == 0 && at->source >= 0)
		m_release(model, at->source, false);
}

static void m_hide(struct model *model, struct m_file *file, uint64_t due_ms)
{
	for (int i = 0; i < INDEXES; i++)
		if (file->chunks[i] >= 0)
			model->chunks[file->chunks[i]].live--;
	file->hidden = true;
	file->due_ms = due_ms;
	file->deleted = model->index;
}

static struct m_file *m_find_deleted(struct model *model, const char *path, uint64_t id)
{
	struct m_file *found = NULL;

	for (struct m_file *at = model->files; at < model->files + FILES; at++)
		if (at->used && at->hidden && strcmp(at->path, path) == 0 &&
		    (id == 0 || at->id == id) && (!found || at->deleted > found->deleted))
			found = at;
	return found;
}

static struct m_chunk *m_handle(struct model *model, uint64_t handle)
{
	for (int i = 0; i < model->chunk_count; i++)
		if (model->chunks[i].handle == handle && model->chunks[i].references > 0)
			return &model->chunks[i];
	return NULL;
}

/* ---- Drawing -------------------------------------------------------------------------------- */

static const struct m_file *draw_used(struct model *model)
{
	for (int tries = 0; tries < 20; tries++) {
		const struct m_file *file = &model->files[pick(model, FILES / 4)];

		if (file->used)
			return file;
	}
	return &model->files[0];
}

/* Mostly in a directory that is there. */
static void draw_path(struct model *model, char path[64])
{
	static const char *const names[] = {"a", "b", "c", "a-b", "\001", "\377x", "..."};
	const struct m_file *above = draw_used(model);
	size_t size = 0;

	for (int tries = 0; tries < 20 && (!above->is_directory || above->hidden); tries++)
		above = draw_used(model);
	if (pick(model, 4) > 0 && strlen(above->path) > 1 && strlen(above->path) < 12)
		size = (size_t)snprintf(path, 64, "%s", above->path);
	for (uint64_t more = pick(model, 6) == 0 ? 2 : 1; more > 0; more--)
		size += (size_t)snprintf(path + size, 64 - size, "/%s", names[pick(model, 7)]);
}

/* Of a path that is there, more often. */
static void draw_known(struct model *model, char path[64])
{
	if (pick(model, 10) > 0)
		copy_path(path, draw_used(model)->path);
	else
		draw_path(model, path);
}

/* A file that shares a chunk, if there is one behind where it begins to look. */
static void draw_shared(struct model *model, char path[64], uint64_t *index)
{
	for (const struct m_file *file = draw_used(model); file < model->files + FILES; file++)
		for (int i = 0; file->used && !file->hidden && i < INDEXES; i++)
			if (file->chunks[i] >= 0 &&
			    model->chunks[file->chunks[i]].references > 1) {
				copy_path(path, file->path);
				*index = (uint64_t)i;
				return;
			}
}

static uint64_t draw_handle(struct model *model)
{
	uint64_t back = pick(model, 40) + 1;

	if ((uint64_t)model->chunk_count < back)
		return 12345;
	return model->chunks[(uint64_t)model->chunk_count - back].handle;
}

/* ---- Records, one function each ------------------------------------------------------------- */

struct trial {
	struct model *model;
	struct state_fixture *fixture;
	struct gfs_record record;
	char path[64], to[64];
	uint32_t succeeded[GFS_RECORD_KINDS];
};

static int go(struct trial *trial)
{
	int code;

	trial->record.path = gw_string(trial->path);
	trial->record.to = gw_string(trial->to);
	code = state_do(trial->fixture, &trial->record);
	trial->succeeded[trial->record.kind] += code == 0;
	return code;
}

static void draw_set(struct trial *trial)
{
	if (pick(trial->model, 2))
		return;
	trial->record.set = (struct gfs_set){.count = 2, .servers = {1, 2}};
	trial->record.incarnation = 77;
}

static void try_create(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected, code;

	draw_path(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_CREATE, .mode = pick(model, 4096),
					    .goal = pick(model, 3),
					    .chunk_log2 = GFS_CHUNK_LOG2_MIN,
					    .options = pick(model, 4)};
	draw_set(trial);
	expected = m_check_free(model, trial->path);
	file = m_find(model, trial->path);
	if (file && (trial->record.options & GFS_OR_OPEN))
		expected = file->is_directory ? GW_E_INVALID : 0;
	code = go(trial);
	assert_int_equal(code, expected);
	if (code < 0 || file) {
		assert_true(code < 0 || trial->fixture->done.id == file->id);
		return;
	}
	file = m_new(model, trial->path);
	file->mode = (uint32_t)trial->record.mode;
	file->goal = (uint8_t)(trial->record.goal ? trial->record.goal
						  : m_goal(model, trial->path));
	assert_int_equal(trial->fixture->done.id, file->id);
	if (trial->record.options & GFS_WITH_CHUNK)
		file->chunks[0] = m_chunk_new(model, trial->fixture->done.handle, file->goal,
					      trial->record.set.count > 0);
	m_touch(model, trial->path);
}

static void try_mkdir(struct trial *trial)
{
	int expected;

	draw_path(trial->model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_MKDIR, .mode = 0755};
	expected = m_check_free(trial->model, trial->path);
	assert_int_equal(go(trial), expected);
	if (expected == 0) {
		struct m_file *file = m_new(trial->model, trial->path);

		file->is_directory = true;
		file->mode = 0755;
		m_touch(trial->model, trial->path);
	}
}

static bool m_empty(struct model *model, const struct m_file *directory)
{
	for (int i = 0; i < FILES; i++)
		if (model->files[i].used && !model->files[i].hidden &&
		    &model->files[i] != directory &&
		    m_under(model->files[i].path, directory->path))
			return false;
	return true;
}

static void try_delete(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file, *deleted = NULL;
	int expected;

	draw_known(model, trial->path);
	file = m_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_DELETE,
					    .options = pick(model, 2) * GFS_NOW};
	if (pick(model, 3) == 0) {
		deleted = m_find_deleted(model, trial->path, 0);
		trial->record.id = deleted ? deleted->id : 99999;
		file = NULL;
	}
	expected = file ? 0 : deleted ? 0 : GW_E_NOT_FOUND;
	if (file && file->is_directory)
		expected = strcmp(file->path, "/") == 0 ? GW_E_INVALID
			   : m_empty(model, file)       ? 0
							: GW_E_BUSY;
	assert_int_equal(go(trial), expected);
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
		m_hide(model, file, model->now_ms + (trial->record.options & GFS_NOW
						     ? 0
						     : m_collect_ms(model, trial->path)));
	m_touch(model, trial->path);
}

static void try_undelete(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected;

	draw_known(model, trial->path);
	for (int tries = 0; tries < 40 && pick(model, 10) > 0; tries++) {
		const struct m_file *hidden = draw_used(model);

		if (hidden->hidden)
			copy_path(trial->path, hidden->path);
	}
	if (pick(model, 2))
		draw_path(model, trial->to);
	file = m_find_deleted(model, trial->path, 0);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_UNDELETE};
	expected = file ? m_check_free(model, trial->to[0] ? trial->to : trial->path)
			: GW_E_NOT_FOUND;
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	file->hidden = false;
	if (trial->to[0])
		copy_path(file->path, trial->to);
	for (int i = 0; i < INDEXES; i++)
		if (file->chunks[i] >= 0)
			model->chunks[file->chunks[i]].live++;
	m_touch(model, file->path);
}

static int m_rename_check(struct model *model, const struct trial *trial, struct m_file *from,
			  struct m_file *old)
{
	if (!from)
		return GW_E_NOT_FOUND;
	if (strcmp(trial->path, "/") == 0 || strcmp(trial->to, "/") == 0 ||
	    m_under(trial->to, trial->path))
		return GW_E_INVALID;
	if (old && (trial->record.options & GFS_REPLACE))
		return old->is_directory || from->is_directory ? GW_E_EXISTS : 0;
	return m_check_free(model, trial->to);
}

static void try_rename(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *from, *old;
	char moved[160];
	int expected;

	draw_known(model, trial->path);
	if (pick(model, 2))
		draw_path(model, trial->to);
	else
		draw_known(model, trial->to);
	from = m_find(model, trial->path);
	old = m_find(model, trial->to);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_RENAME,
					    .options = pick(model, 2) * GFS_REPLACE};
	expected = m_rename_check(model, trial, from, old);
	/* The model's paths are short. */
	for (int i = 0; expected == 0 && i < FILES; i++)
		if (model->files[i].used && m_under(model->files[i].path, trial->path) &&
		    strlen(model->files[i].path) + strlen(trial->to) > 60)
			return;
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	if (old)
		m_hide(model, old, model->now_ms + m_collect_ms(model, trial->to));
	for (int i = 0; i < FILES; i++) {
		struct m_file *file = &model->files[i];

		if (!file->used || file->hidden || !m_under(file->path, trial->path))
			continue;
		snprintf(moved, sizeof(moved), "%s%s", trial->to,
			 file->path + strlen(trial->path));
		copy_path(file->path, moved);
	}
	m_touch(model, trial->path);
	m_touch(model, trial->to);
}

static void try_set(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected;

	draw_known(model, trial->path);
	file = m_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_SET, .goal = pick(model, 10),
					    .mode = pick(model, 5000),
					    .collect_ms = pick(model, 3000),
					    .options = pick(model, 32) * GFS_SET_MODE};
	expected = file ? 0 : GW_E_NOT_FOUND;
	if (file && trial->record.mode > 07777)
		expected = GW_E_INVALID;
	if (file && (trial->record.options & GFS_SET_GOAL) &&
	    (trial->record.goal > GFS_GOAL_MAX ||
	     (trial->record.goal == 0 && !file->is_directory)))
		expected = GW_E_INVALID;
	if (file && (trial->record.options & GFS_SET_COLLECT) && !file->is_directory)
		expected = GW_E_INVALID;
	assert_int_equal(go(trial), expected);
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
	for (int i = 0; i < INDEXES; i++) {
		struct m_chunk *chunk;

		if (file->chunks[i] < 0)
			continue;
		chunk = &model->chunks[file->chunks[i]];
		if (chunk->references == 1 || chunk->goal < file->goal)
			chunk->goal = file->goal;
	}
}

static void try_truncate(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected;

	draw_known(model, trial->path);
	file = m_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_TRUNCATE,
					    .length = pick(model, 5) * CHUNK_BYTES / 2};
	expected = m_file_code(file);
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	for (uint64_t i = (trial->record.length + CHUNK_BYTES - 1) / CHUNK_BYTES; i < INDEXES;
	     i++) {
		if (file->chunks[i] >= 0)
			m_release(model, file->chunks[i], true);
		file->chunks[i] = -1;
	}
	file->length = trial->record.length;
	file->modified_ms = model->now_ms;
}

static void try_length(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected;

	draw_known(model, trial->path);
	file = m_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_LENGTH,
					    .length = pick(model, 3 * CHUNK_BYTES),
					    .id = pick(model, 8) ? 0 : 424242};
	expected = m_file_code(file);
	if (expected == 0 && trial->record.id != 0)
		expected = GW_E_STALE;
	assert_int_equal(go(trial), expected);
	if (expected < 0 || trial->record.length <= file->length)
		return;
	file->length = trial->record.length;
	file->modified_ms = model->now_ms;
}

static bool m_has_grant(struct model *model, const struct m_file *file)
{
	for (int i = 0; i < INDEXES; i++)
		if (file->chunks[i] >= 0 && model->chunks[file->chunks[i]].granted)
			return true;
	return false;
}

static int by_path(const void *a, const void *b)
{
	/* As keys: a '/' comes before all else. */
	const unsigned char *x = (const unsigned char *)(*(struct m_file *const *)a)->path;
	const unsigned char *y = (const unsigned char *)(*(struct m_file *const *)b)->path;

	for (; *x && *x == *y; x++)
		y++;
	return (*x == '/' ? 1 : *x ? *x + 1 : 0) - (*y == '/' ? 1 : *y ? *y + 1 : 0);
}

static void m_copy(struct model *model, const struct m_file *from, const char *path)
{
	struct m_file *file = m_new(model, path);
	uint64_t id = file->id;

	*file = *from;
	file->id = id;
	copy_path(file->path, path);
	for (int i = 0; i < INDEXES; i++) {
		if (file->chunks[i] < 0)
			continue;
		model->chunks[file->chunks[i]].references++;
		model->chunks[file->chunks[i]].live++;
	}
}

static void try_snapshot(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *tree[FILES], *top;
	char path[160];
	int count = 0, used = 0, expected;

	draw_known(model, trial->path);
	draw_path(model, trial->to);
	top = m_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_SNAPSHOT};
	expected = top ? m_check_free(model, trial->to) : GW_E_NOT_FOUND;
	if (top && m_under(trial->to, trial->path))
		expected = GW_E_INVALID;
	for (int i = 0; top && i < FILES; i++) {
		struct m_file *file = &model->files[i];

		used += file->used;
		if (!file->used || file->hidden || !m_under(file->path, trial->path))
			continue;
		tree[count++] = file;
		if (strlen(file->path) + strlen(trial->to) > 60)
			return;
		if (expected == 0 && m_has_grant(model, file))
			expected = GW_E_BUSY;
	}
	if (used + count > FILES / 2)
		return;
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	qsort(tree, (size_t)count, sizeof(tree[0]), by_path);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s%s", trial->to,
			 tree[i]->path + strlen(trial->path));
		m_copy(model, tree[i], path);
	}
	m_touch(model, trial->to);
}

static void try_collect(struct trial *trial)
{
	struct model *model = trial->model;
	uint64_t count = pick(model, 4), left = count;

	trial->record = (struct gfs_record){.kind = GFS_RECORD_COLLECT, .count = count};
	assert_int_equal(go(trial), 0);
	for (;;) {
		struct m_file *first = NULL;

		for (struct m_file *at = model->files; at < model->files + FILES; at++)
			if (at->used && at->hidden && at->due_ms <= model->now_ms &&
			    (!first || at->due_ms < first->due_ms ||
			     (at->due_ms == first->due_ms && at->id < first->id)))
				first = at;
		assert_int_equal(trial->fixture->done.more && left == 0, first && left == 0);
		if (!first || left == 0)
			break;
		for (int i = 0; i < INDEXES; i++)
			if (first->chunks[i] >= 0)
				m_release(model, first->chunks[i], false);
		first->used = false;
		left--;
	}
	assert_int_equal(trial->fixture->done.number, count - left);
}

static void try_chunk_add(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected, *chunk;

	draw_known(model, trial->path);
	file = m_find(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_CHUNK_ADD,
					    .index = pick(model, INDEXES)};
	draw_set(trial);
	expected = m_file_code(file);
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	chunk = &file->chunks[trial->record.index];
	if (*chunk >= 0) {
		assert_int_equal(trial->fixture->done.handle, model->chunks[*chunk].handle);
		return;
	}
	*chunk = m_chunk_new(model, trial->fixture->done.handle, file->goal,
			     trial->record.set.count > 0);
}

static void try_chunk_copy(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_file *file;
	int expected, old;

	draw_known(model, trial->path);
	trial->record = (struct gfs_record){.kind = GFS_RECORD_CHUNK_COPY,
					    .index = pick(model, INDEXES)};
	if (pick(model, 4) > 0)
		draw_shared(model, trial->path, &trial->record.index);
	file = m_find(model, trial->path);
	old = file && !file->is_directory ? file->chunks[trial->record.index] : -1;
	trial->record.handle = old >= 0 ? model->chunks[old].handle : draw_handle(model);
	expected = m_file_code(file);
	if (expected == 0 && !m_handle(model, trial->record.handle))
		expected = GW_E_NOT_FOUND;
	else if (expected == 0 && old < 0)
		expected = GW_E_STALE;
	else if (expected == 0 && model->chunks[old].references < 2)
		expected = GW_E_INVALID;
	else if (expected == 0 && model->chunks[old].source >= 0)
		expected = GW_E_BUSY;
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	file->chunks[trial->record.index] = m_chunk_new(model, trial->fixture->done.handle,
							model->chunks[old].goal, false);
	model->chunks[model->chunk_count - 1].version = model->chunks[old].version;
	model->chunks[model->chunk_count - 1].source = old;
	model->chunks[old].live--;
}

static void try_chunk_copied(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_chunk *chunk;

	trial->record = (struct gfs_record){.kind = GFS_RECORD_CHUNK_COPIED,
					    .handle = draw_handle(model)};
	chunk = m_handle(model, trial->record.handle);
	assert_int_equal(go(trial), chunk ? 0 : GW_E_NOT_FOUND);
	if (!chunk || chunk->source < 0)
		return;
	m_release(model, chunk->source, false);
	chunk->source = -1;
}

static void try_grant(struct trial *trial)
{
	struct model *model = trial->model;
	struct m_chunk *chunk;
	int expected = 0;

	trial->record = (struct gfs_record){.kind = GFS_RECORD_GRANT, .handle = draw_handle(model),
					    .incarnation = 5,
					    .set = {.count = 2, .servers = {2, 1}}};
	chunk = m_handle(model, trial->record.handle);
	trial->record.version = (chunk ? chunk->version : 0) + pick(model, 3);
	if (!chunk)
		expected = GW_E_NOT_FOUND;
	else if (trial->record.version <= chunk->version)
		expected = GW_E_STALE;
	else if (chunk->references > 1 || chunk->source >= 0)
		expected = GW_E_BUSY;
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	chunk->granted = true;
	chunk->version = (uint32_t)trial->record.version;
}

static void try_release(struct trial *trial)
{
	struct model *model = trial->model;
	bool raises = pick(model, 4) == 0;
	struct m_chunk *chunk;
	int expected = 0;

	trial->record = (struct gfs_record){.kind = raises ? GFS_RECORD_VERSION
							   : GFS_RECORD_RELEASE,
					    .handle = draw_handle(model)};
	chunk = m_handle(model, trial->record.handle);
	trial->record.version = (chunk ? chunk->version : 0) + (pick(model, 3) == 0) + raises;
	if (!chunk)
		expected = GW_E_NOT_FOUND;
	else if (!raises && trial->record.version != chunk->version)
		expected = GW_E_STALE;
	assert_int_equal(go(trial), expected);
	if (expected < 0)
		return;
	chunk->granted = false;
	chunk->version = (uint32_t)trial->record.version;
}

static void compare_file(struct model *model, const struct gfs_state *state,
			 const struct m_file *file)
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
	for (uint32_t i = 0; i < INDEXES && !file->is_directory; i++) {
		uint32_t slot;

		assert_int_equal(gfs_chunk_of(state, file->id, i, &slot), file->chunks[i] >= 0);
		if (file->chunks[i] >= 0)
			assert_int_equal(gfs_chunks_handle(&state->chunks, slot),
					 model->chunks[file->chunks[i]].handle);
	}
}

static void compare_chunk(struct model *model, const struct gfs_state *state,
			  const struct m_chunk *chunk)
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
	struct m_file *found;

	snprintf(path, sizeof(path), "%s/%.*s", strcmp(listed->path, "/") == 0 ? "" : listed->path,
		 (int)name.size, (const char *)name.data);
	found = m_find(listed->model, path);
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

	for (int i = 0; i < FILES; i++) {
		char parent[64];

		if (!model->files[i].used || model->files[i].hidden ||
		    strcmp(model->files[i].path, "/") == 0)
			continue;
		m_parent(model->files[i].path, parent);
		expected += strcmp(parent, path) == 0;
	}
	assert_int_equal(gfs_list(state, gw_string(path), gw_string(""), visit, &listed, NULL), 0);
	assert_int_equal(listed.count, expected);
}

static void compare(struct model *model, const struct gfs_state *state)
{
	struct gw_error error = {0};
	uint64_t files = 0, hidden = 0;

	for (int i = 0; i < FILES; i++) {
		const struct m_file *file = &model->files[i];

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
	model->now_ms += pick(model, 500);
	trial->fixture->wall_ms = model->now_ms;
	model->index = trial->fixture->state.applied + 1;
	tries[pick(model, sizeof(tries) / sizeof(tries[0]))](trial);
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
	m_new(model, "/")->is_directory = true;
	model->files[0].modified_ms = 0;
	model->files[0].mode = 0755;
	servers_of(&fixture);
	for (int i = 0; i < steps && model->chunk_count < CHUNKS - 1; i++) {
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
