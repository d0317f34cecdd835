/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_deed_fixture.c - what clients of the world of gfs_fixture.h do. */
#include "sim/gfs_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE_MS = 120000 };

/* ---- Files that are open --------------------------------------------------------------------- */

/* Keeps the file under its path, where there is room: later deeds believe what it knows. */
static struct gw_gfs_file **slot_of(struct gfs_caller *caller, const char *path)
{
	for (int i = 0; i < GFS_WORLD_FILES; i++) {
		if (caller->files[i].file && strcmp(caller->files[i].path, path) == 0)
			return &caller->files[i].file;
	}
	for (int i = 0; i < GFS_WORLD_FILES; i++) {
		if (caller->files[i].file)
			continue;
		(void)snprintf(caller->files[i].path, sizeof(caller->files[i].path), "%s", path);
		return &caller->files[i].file;
	}
	fail_msg("a caller has %d files open", GFS_WORLD_FILES);
	return NULL;
}

int gfs_file_of(struct gfs_deed *deed, struct gfs_caller *caller, bool create,
		struct gw_gfs_file **file)
{
	const struct gw_gfs_open open = {
		.create = create,
		.exclusive = deed->exclusive,
		.goal = deed->goal,
		.chunk_log2 = deed->chunk_log2 ? deed->chunk_log2 : GFS_WORLD_CHUNK_LOG2};
	struct gw_gfs_file **slot = slot_of(caller, deed->path), *opened;
	int code;

	if (deed->fresh && *slot) {
		(void)gw_gfs_close(*slot, NULL);
		*slot = NULL;
	}
	if (!*slot) {
		code = gw_gfs_open(&opened, caller->client, gw_string(deed->path), &open,
				   &deed->error);
		if (code < 0)
			return code;
		slot = slot_of(caller, deed->path);
		if (*slot) /* another deed was faster */
			(void)gw_gfs_close(opened, NULL);
		else
			*slot = opened;
	}
	*file = *slot;
	return 0;
}

void gfs_caller_leave(struct gfs_caller *caller)
{
	if (--caller->users > 0)
		return;
	for (int i = 0; i < GFS_WORLD_FILES; i++) {
		(void)gw_gfs_close(caller->files[i].file, NULL);
		caller->files[i].file = NULL;
	}
	gw_gfs_writer_free(caller->writer);
	caller->writer = NULL;
	gw_gfs_client_free(caller->client);
	caller->client = NULL;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static uint8_t *bytes_of(const struct gfs_deed *deed)
{
	uint8_t *bytes = malloc(deed->size + 1);

	assert_non_null(bytes);
	if (deed->data)
		memcpy(bytes, deed->data, deed->size);
	else
		memset(bytes, deed->fill, deed->size);
	return bytes;
}

int gfs_ask_open(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, true, &file);

	if (code == 0)
		deed->at = gw_gfs_file_created(file);
	return code;
}

int gfs_ask_write(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, true, &file);
	uint8_t *bytes;

	if (code < 0)
		return code;
	bytes = bytes_of(deed);
	code = gw_gfs_write(file, deed->offset, (struct gw_bytes){bytes, deed->size},
			    &deed->error);
	free(bytes);
	return code;
}

int gfs_ask_append(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, true, &file);
	uint8_t *bytes;

	if (code < 0)
		return code;
	bytes = bytes_of(deed);
	code = gw_gfs_append(file, (struct gw_bytes){bytes, deed->size}, &deed->at, &deed->error);
	free(bytes);
	return code;
}

int gfs_ask_append_once(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, true, &file);
	uint8_t *bytes;

	if (code == 0 && !caller->writer)
		code = gw_gfs_writer_new(&caller->writer, caller->client, &deed->error);
	if (code < 0)
		return code;
	bytes = bytes_of(deed);
	code = gw_gfs_append_once(caller->writer, file, deed->sequence,
				  (struct gw_bytes){bytes, deed->size}, &deed->at, &deed->error);
	free(bytes);
	return code;
}

int gfs_ask_read(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, false, &file);

	if (code < 0)
		return code;
	return gw_gfs_read(file, deed->offset, deed->into, deed->size, &deed->got, &deed->error);
}

int gfs_ask_sync(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, false, &file);

	return code < 0 ? code : gw_gfs_sync(file, &deed->error);
}

int gfs_ask_stat(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_stat stat;
	int code = gw_gfs_stat(caller->client, gw_string(deed->path), !deed->weak, deed->weak,
			       &stat, &deed->error);

	if (code == 0) {
		deed->at = stat.entry.length;
		deed->got = (size_t)stat.index;
		deed->wall_ms = stat.wall_ms;
	}
	return code;
}

static int take(struct gfs_deed *deed, int code, const struct gw_gfs_change *change)
{
	if (code == 0)
		deed->at = change->index;
	return code;
}

int gfs_ask_mkdir(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_mkdir(caller->client, gw_string(deed->path), 0755, &change,
				 &deed->error),
		    &change);
}

int gfs_ask_delete(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_delete(caller->client, gw_string(deed->path), deed->now, &change,
				  &deed->error),
		    &change);
}

int gfs_ask_undelete(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_undelete(caller->client, gw_string(deed->path), 0,
				    (struct gw_bytes){0}, &change, &deed->error),
		    &change);
}

int gfs_ask_rename(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_rename(caller->client, gw_string(deed->path), gw_string(deed->to), true,
				  &change, &deed->error),
		    &change);
}

int gfs_ask_snapshot(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_snapshot(caller->client, gw_string(deed->path), gw_string(deed->to),
				    &change, &deed->error),
		    &change);
}

int gfs_ask_set(struct gfs_deed *deed, struct gfs_caller *caller)
{
	const struct gw_gfs_attributes attributes = {.set_goal = deed->goal != 0,
						     .goal = deed->goal,
						     .set_collect = deed->collect_ms != 0,
						     .collect_ms = deed->collect_ms};
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_set(caller->client, gw_string(deed->path), &attributes, &change,
			       &deed->error),
		    &change);
}

int gfs_ask_drain(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_change change = {0};

	return take(deed,
		    gw_gfs_drain(caller->client, (uint32_t)deed->sequence, deed->now, &change,
				 &deed->error),
		    &change);
}

static int do_status(struct gfs_deed *deed, struct gfs_caller *caller)
{
	return gw_gfs_status(caller->client, deed->into, &deed->error);
}

/* ---- Running --------------------------------------------------------------------------------- */

static int run_deed(void *argument)
{
	struct gfs_deed *deed = argument;
	struct gfs_caller *caller = &deed->world->callers[deed->caller];

	(void)gw_deadline_set(gw_after_ms(deed->timeout_ms ? deed->timeout_ms : PATIENCE_MS));
	deed->result = deed->run(deed, caller);
	(void)gw_deadline_set(GW_FOREVER);
	deed->is_over = true;
	gfs_caller_leave(caller);
	return 0;
}

void gfs_deed_start(struct gfs_world *world, struct gfs_deed *deed, gfs_run *run)
{
	struct gfs_caller *caller = &world->callers[deed->caller];

	deed->world = world;
	deed->run = run;
	deed->is_over = false;
	assert_true(caller->users > 0);
	caller->users++;
	assert_int_equal(task_loop_spawn(caller->loop, run_deed, deed, NULL), 0);
}

static bool deed_is_over(void *context)
{
	return ((struct gfs_deed *)context)->is_over;
}

int gfs_deed_wait(struct gfs_world *world, struct gfs_deed *deed)
{
	gfs_wait_until(world, deed_is_over, deed);
	return deed->result;
}

int gfs_deed_do(struct gfs_world *world, struct gfs_deed *deed, gfs_run *run)
{
	gfs_deed_start(world, deed, run);
	return gfs_deed_wait(world, deed);
}

void gfs_must(struct gfs_world *world, struct gfs_deed *deed, gfs_run *run)
{
	if (gfs_deed_do(world, deed, run) < 0)
		fail_msg("%s: %s", gw_code_name(deed->result), deed->error.text);
}

/* ---- In one line ----------------------------------------------------------------------------- */

void gfs_write(struct gfs_world *world, const char *path, uint64_t offset, char fill, size_t size)
{
	struct gfs_deed deed = {.path = path, .offset = offset, .fill = fill, .size = size};

	gfs_must(world, &deed, gfs_ask_write);
}

uint64_t gfs_append(struct gfs_world *world, const char *path, char fill, size_t size)
{
	struct gfs_deed deed = {.path = path, .fill = fill, .size = size};

	gfs_must(world, &deed, gfs_ask_append);
	return deed.at;
}

void gfs_sync(struct gfs_world *world, const char *path)
{
	struct gfs_deed deed = {.path = path};

	gfs_must(world, &deed, gfs_ask_sync);
}

void gfs_expect(struct gfs_world *world, int caller, const char *path, uint64_t offset, char fill,
		size_t size)
{
	struct gfs_deed deed = {.caller = caller, .path = path, .offset = offset, .size = size,
				.fresh = true, .into = malloc(size)};
	const char *at = deed.into;

	assert_non_null(deed.into);
	gfs_must(world, &deed, gfs_ask_read);
	assert_int_equal(deed.got, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(at[i], fill);
	free(deed.into);
}

struct gw_gfs_status gfs_status(struct gfs_world *world)
{
	struct gw_gfs_status status = {0};
	struct gfs_deed deed = {.into = &status};

	gfs_must(world, &deed, do_status);
	return status;
}
