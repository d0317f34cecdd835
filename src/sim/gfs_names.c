/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_names.c - a history of names, taken through a model in the order of the log. */
#include "sim/gfs_names.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/allocate.h"

/* ---- The history ----------------------------------------------------------------------------- */

int gfs_names_asked(struct gfs_names *names, enum gfs_names_kind kind, const char *path,
		    const char *to, struct gw_error *error)
{
	struct gfs_names_call *calls =
		base_grow(names->calls, sizeof(*calls), &names->capacity, names->count + 1);
	struct gfs_names_call *call;

	if (!calls)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a history");
	names->calls = calls;
	call = &calls[names->count];
	*call = (struct gfs_names_call){.kind = (uint8_t)kind, .asked = ++names->clock};
	(void)snprintf(call->path, sizeof(call->path), "%s", path);
	(void)snprintf(call->to, sizeof(call->to), "%s", to ? to : "");
	return (int)names->count++;
}

void gfs_names_answered(struct gfs_names *names, int number, int code, uint64_t index, uint64_t id)
{
	struct gfs_names_call *call = &names->calls[number];

	assert((size_t)number < names->count && call->answered == 0);
	call->answered = ++names->clock;
	call->code = code;
	call->index = index;
	call->id = id;
}

void gfs_names_done(struct gfs_names *names)
{
	free(names->calls);
	*names = (struct gfs_names){0};
}

/* ---- The model ------------------------------------------------------------------------------- */

enum { DEEP_MAX = 4096 }; /* what is moved into what was moved has a long path, of short names */

struct entry {
	char path[DEEP_MAX];
	bool is_directory;
	uint64_t id;
};

struct model {
	struct entry *entries;
	size_t count, capacity;
	const struct gfs_names_call **unknown; /* changes that may have happened */
	size_t unknown_count;
	struct gw_error *error;
};

static struct entry *find(const struct model *model, const char *path)
{
	for (size_t i = 0; i < model->count; i++) {
		if (strcmp(model->entries[i].path, path) == 0)
			return &model->entries[i];
	}
	return NULL;
}

/* Whether path is `above`, or under it. */
static bool is_under(const char *path, const char *above)
{
	size_t size = strlen(above);

	return size > 0 && strncmp(path, above, size) == 0 &&
	       (path[size] == 0 || path[size] == '/');
}

/* Something that nobody knows of may have changed what is at path before the call was answered. */
static bool is_unsure(const struct model *model, const struct gfs_names_call *call,
		      const char *path)
{
	for (size_t i = 0; i < model->unknown_count; i++) {
		const struct gfs_names_call *unknown = model->unknown[i];

		if (unknown->asked < call->answered &&
		    (is_under(path, unknown->path) || is_under(path, unknown->to) ||
		     is_under(unknown->path, path) || is_under(unknown->to, path)))
			return true;
	}
	return false;
}

static bool has_children(const struct model *model, const char *path)
{
	for (size_t i = 0; i < model->count; i++) {
		if (strcmp(model->entries[i].path, path) != 0 &&
		    is_under(model->entries[i].path, path))
			return true;
	}
	return false;
}

static bool has_parent(const struct model *model, const char *path)
{
	char parent[GFS_NAMES_PATH_MAX];
	const struct entry *entry;

	(void)snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = 0;
	entry = find(model, parent);
	return parent[0] == 0 || (entry && entry->is_directory);
}

static void remove_entry(struct model *model, const char *path)
{
	struct entry *entry = find(model, path);

	if (entry)
		*entry = model->entries[--model->count];
}

static int add_entry(struct model *model, const struct gfs_names_call *call)
{
	struct entry *entries =
		base_grow(model->entries, sizeof(*entries), &model->capacity, model->count + 1);

	if (!entries)
		return gw_fail(model->error, GW_E_NO_MEMORY, "no memory for a model");
	model->entries = entries;
	remove_entry(model, call->path); /* there it is unsure what was before */
	entries[model->count] =
		(struct entry){.is_directory = call->kind == GFS_NAMES_MKDIR, .id = call->id};
	memcpy(entries[model->count++].path, call->path, sizeof(call->path));
	return 0;
}

/* All that is at or under one path is at another. */
static void move(struct model *model, const char *from, const char *to)
{
	for (size_t i = 0; i < model->count; i++) {
		char moved[DEEP_MAX + GFS_NAMES_PATH_MAX];

		if (!is_under(model->entries[i].path, from))
			continue;
		(void)snprintf(moved, sizeof(moved), "%s%s", to,
			       model->entries[i].path + strlen(from));
		assert(strlen(moved) < DEEP_MAX);
		memcpy(model->entries[i].path, moved, strlen(moved) + 1);
	}
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static int wrong(const struct model *model, const struct gfs_names_call *call, const char *what)
{
	static const char *const kinds[GFS_NAMES_KINDS] = {"create", "mkdir", "delete", "rename",
							   "stat"};

	return gw_fail(model->error, GW_E_CORRUPT, "entry %" PRIu64 ", %s %s%s%s: %s", call->index,
		       kinds[call->kind], call->path, call->to[0] ? " to " : "", call->to, what);
}

static int step_new(struct model *model, const struct gfs_names_call *call)
{
	if (!is_unsure(model, call, call->path)) {
		if (find(model, call->path))
			return wrong(model, call, "made what was there");
		if (!has_parent(model, call->path))
			return wrong(model, call, "made in no directory");
	}
	return add_entry(model, call);
}

static int step_delete(struct model *model, const struct gfs_names_call *call)
{
	const struct entry *entry = find(model, call->path);

	if (!is_unsure(model, call, call->path)) {
		if (!entry || entry->id != call->id)
			return wrong(model, call, "deleted what was not there");
		if (has_children(model, call->path))
			return wrong(model, call, "deleted a directory with files");
	}
	remove_entry(model, call->path);
	return 0;
}

static int step_rename(struct model *model, const struct gfs_names_call *call)
{
	const struct entry *entry = find(model, call->path);
	bool is_from_unsure = is_unsure(model, call, call->path);

	if (!is_from_unsure && (!entry || entry->id != call->id))
		return wrong(model, call, "moved what was not there");
	if (!is_unsure(model, call, call->to) && find(model, call->to))
		return wrong(model, call, "moved over what was there");
	if (!is_unsure(model, call, call->to) && !has_parent(model, call->to))
		return wrong(model, call, "moved into no directory");
	remove_entry(model, call->to);
	move(model, call->path, call->to);
	if (is_from_unsure) /* what it was is not known, nor what was in it */
		model->unknown[model->unknown_count++] = call;
	return 0;
}

static int step_stat(struct model *model, const struct gfs_names_call *call)
{
	const struct entry *entry = find(model, call->path);

	if (is_unsure(model, call, call->path) || (entry && entry->id == call->id))
		return 0;
	return wrong(model, call, "saw what was not there then");
}

static int step(struct model *model, const struct gfs_names_call *call)
{
	switch (call->kind) {
	case GFS_NAMES_CREATE:
	case GFS_NAMES_MKDIR:
		return step_new(model, call);
	case GFS_NAMES_DELETE:
		return step_delete(model, call);
	case GFS_NAMES_RENAME:
		return step_rename(model, call);
	default:
		return step_stat(model, call);
	}
}

/* ---- The order ------------------------------------------------------------------------------- */

static int by_index(const void *one, const void *other)
{
	const struct gfs_names_call *a = *(const struct gfs_names_call *const *)one;
	const struct gfs_names_call *b = *(const struct gfs_names_call *const *)other;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	/* Of a change and those who read its entry, the change is first. */
	if ((a->kind == GFS_NAMES_STAT) != (b->kind == GFS_NAMES_STAT))
		return a->kind == GFS_NAMES_STAT ? 1 : -1;
	return a->asked < b->asked ? -1 : a->asked > b->asked;
}

/* Behind each call, in the order of indexes, none may have been answered before it was asked. */
static int check_order(const struct model *model, const struct gfs_names_call **ordered,
		       size_t count)
{
	uint64_t soonest = UINT64_MAX; /* answer of those behind it, with a higher index */

	for (size_t i = count; i > 0; i--) {
		const struct gfs_names_call *call = ordered[i - 1];

		if (i < count && ordered[i]->index > call->index) {
			for (size_t j = i; j < count && ordered[j]->index == ordered[i]->index; j++)
				soonest = ordered[j]->answered < soonest ? ordered[j]->answered
									 : soonest;
		}
		if (soonest < call->asked)
			return wrong(model, call, "is older than what was known when it was asked");
		if (i < count && ordered[i]->index == call->index &&
		    ordered[i]->kind != GFS_NAMES_STAT)
			return wrong(model, call, "is not the only change there");
	}
	return 0;
}

static int take_through(struct model *model, const struct gfs_names *names,
			const struct gfs_names_call **ordered)
{
	size_t count = 0;
	int code;

	for (size_t i = 0; i < names->count; i++) {
		const struct gfs_names_call *call = &names->calls[i];

		if (call->answered && call->code == 0)
			ordered[count++] = call;
		else if (!call->answered && call->kind != GFS_NAMES_STAT)
			model->unknown[model->unknown_count++] = call;
	}
	qsort(ordered, count, sizeof(*ordered), by_index);
	code = check_order(model, ordered, count);
	for (size_t i = 0; i < count && code == 0; i++)
		code = step(model, ordered[i]);
	return code;
}

int gfs_names_check(const struct gfs_names *names, struct gw_error *error)
{
	struct model model = {.error = error};
	const struct gfs_names_call **ordered = calloc(names->count + 1, sizeof(*ordered));
	int code;

	model.unknown = calloc(names->count + 1, sizeof(*model.unknown));
	if (ordered && model.unknown)
		code = take_through(&model, names, ordered);
	else
		code = gw_fail(error, GW_E_NO_MEMORY, "no memory to check a history");
	free(ordered);
	free(model.unknown);
	free(model.entries);
	return code;
}
