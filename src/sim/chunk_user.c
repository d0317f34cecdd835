/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_user.c - the program of chunk_user.h. */
#include "sim/chunk_user.h"

#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { BATCH_MAX = 4, WRITE_BYTES_MAX = 70000, BLOCKS = CHUNK_USER_BYTES / GFS_BLOCK_BYTES };

struct life {
	struct chunk_user *user;
	struct sim_node *node;
	struct io *io;
	struct gw_loop *loop;
	struct chunk_store *store;
	struct gw_group group;
	bool lacks_disk;
	uint8_t content[CHUNK_USER_BYTES], read[CHUNK_USER_BYTES];
	uint8_t bytes[BATCH_MAX][WRITE_BYTES_MAX];
	/* Of the task that reads meanwhile. */
	uint8_t own_content[CHUNK_USER_BYTES], own_read[CHUNK_USER_BYTES + GFS_BLOCK_BYTES];
};

static uint64_t draw(struct life *life, uint64_t n)
{
	uint64_t number;

	io_random(life->io, &number, sizeof(number));
	return number % n;
}

static int rest(struct life *life)
{
	return gw_sleep_until(gw_now_ns() + 1 + draw(life, life->user->wait_ns_max));
}

static int end_life(struct life *life, int code)
{
	if (sim_io_alive(life->io))
		sim_node_kill(life->node);
	return code;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

/* Reads block by block; *bad has a bit for each block that cannot be had. */
static int read_all(struct life *life, struct chunk *chunk, uint32_t *bad)
{
	*bad = 0;
	for (uint32_t i = 0; i < chunk_block_count(chunk->length); i++) {
		struct gw_error error = {0};
		struct gw_bytes out;
		int result = chunk_read(chunk, (uint64_t)i * GFS_BLOCK_BYTES, GFS_BLOCK_BYTES,
					life->read + (size_t)i * GFS_BLOCK_BYTES, &out, NULL,
					&error);

		if (result == GW_E_CORRUPT || result == GW_E_IO)
			*bad |= UINT32_C(1) << i;
		else if (result < 0)
			return result;
	}
	return 0;
}

static bool is_content(const struct life *life, uint32_t length, uint32_t bad)
{
	for (uint32_t i = 0; i < chunk_block_count(length); i++) {
		size_t at = (size_t)i * GFS_BLOCK_BYTES;

		if (!(bad & UINT32_C(1) << i) &&
		    memcmp(life->read + at, life->content + at, chunk_block_bytes(length, i)) != 0)
			return false;
	}
	return true;
}

/* A write beyond the end is two: the zeros before it may be there without it. */
static bool is_zeros_before(const struct chunk_user_known *known, uint32_t count, uint32_t length,
			    uint32_t now)
{
	const struct chunk_user_deed *next = &known->deeds[count];

	return count < known->deed_count && next->what == CHUNK_WRITE && next->offset > length &&
	       next->offset == now;
}

/* The last state from `least` on that the chunk may be in; -1: none. */
static int find_state(struct life *life, const struct chunk *chunk,
		      const struct chunk_user_known *known, uint32_t least, uint32_t bad)
{
	for (uint32_t count = known->deed_count + 1; count-- > least;) {
		uint32_t length = chunk_user_content(known, count, life->content);

		if (length == chunk->length && is_content(life, length, bad))
			return (int)count;
		if (is_zeros_before(known, count, length, (uint32_t)chunk->length) &&
		    is_content(life, (uint32_t)chunk->length, bad))
			return (int)count;
	}
	return -1;
}

static int forget(struct life *life, struct chunk_user_known *known)
{
	struct chunk *chunk = chunk_find(life->store, known->handle);

	known->handle = 0;
	/* What is not gone comes back as a chunk that nobody knows. */
	return chunk && chunk_drop(chunk, NULL) == GW_E_CANCELLED ? GW_E_CANCELLED : 0;
}

/* A chunk that cannot be relied on any more: a master would clone another. */
static int give_up(struct life *life, struct chunk_user_known *known, const char *why)
{
	struct chunk_user *user = life->user;

	user->bads++;
	if (!user->is_harmed(user->context) && sim_io_alive(life->io))
		chunk_user_wrong(user, "chunk %" PRIx64 " is %s, and nobody harmed the disk",
				 known->handle, why);
	return forget(life, known);
}

/* Compares all of it with what it may be, and settles on that. */
static int compare(struct life *life, struct chunk_user_known *known, bool was_suspect)
{
	struct chunk *chunk = chunk_find(life->store, known->handle);
	uint32_t bad;
	int state, result = read_all(life, chunk, &bad);

	if (result == GW_E_CANCELLED || !sim_io_alive(life->io))
		return GW_E_CANCELLED;
	if (result < 0)
		return give_up(life, known, "not to be read");
	state = find_state(life, chunk, known, was_suspect ? 0 : known->acknowledged, bad);
	if (state < 0) {
		chunk_user_wrong(life->user,
				 "chunk %" PRIx64 " of %" PRIu64 " bytes is not what any of %u to "
				 "%u mutations made of it%s", known->handle, chunk->length,
				 was_suspect ? 0 : known->acknowledged, known->deed_count,
				 was_suspect ? " (suspect)" : "");
		return GW_E_CORRUPT;
	}
	if (bad)
		return give_up(life, known, "bad");
	chunk_user_settle(known, (uint32_t)state);
	/* Zeros without the write that they were for are as a pad. */
	if (chunk->length > chunk_user_content(known, (uint32_t)state, life->content)) {
		assert(known->deed_count < CHUNK_USER_DEEDS_MAX);
		known->deeds[known->deed_count++] = (struct chunk_user_deed){
			.what = CHUNK_PAD, .offset = (uint32_t)chunk->length};
		known->acknowledged = known->deed_count;
	}
	return 0;
}

/* ---- What it does ---------------------------------------------------------------------------- */

static int create(struct life *life, struct chunk_user_known *known)
{
	struct chunk *chunk;
	int result;

	*known = (struct chunk_user_known){.handle = ++life->user->last_handle, .version = 1};
	result = chunk_create(life->store, known->handle, CHUNK_USER_LOG2, 1, &chunk, NULL);
	if (result == 0)
		known->is_certain = true;
	else if (result != GW_E_CANCELLED)
		known->handle = 0;
	return result == GW_E_CANCELLED ? result : 0;
}

/* A mutation at a place that is near the end more often than not. */
static struct chunk_user_deed draw_deed(struct life *life, uint32_t *length)
{
	struct chunk_user_deed deed = {.what = CHUNK_WRITE, .salt = (uint8_t)draw(life, 256)};
	uint64_t kind = draw(life, 12);
	uint32_t most = draw(life, 3) ? 500 : WRITE_BYTES_MAX;

	deed.offset = *length;
	if (kind == 0) {
		deed.what = CHUNK_PAD;
		deed.offset = (uint32_t)(*length + draw(life, CHUNK_USER_BYTES - *length + 1));
	} else if (kind == 1) {
		deed.what = CHUNK_CUT;
		deed.offset = (uint32_t)draw(life, *length + 1);
	} else if (kind < 5) {
		deed.offset = (uint32_t)draw(life, CHUNK_USER_BYTES);
	}
	if (deed.what == CHUNK_WRITE) {
		deed.size = 1 + (uint32_t)draw(life, most);
		if (deed.offset == CHUNK_USER_BYTES)
			deed.offset = (uint32_t)draw(life, CHUNK_USER_BYTES);
		if (deed.size > CHUNK_USER_BYTES - deed.offset)
			deed.size = CHUNK_USER_BYTES - deed.offset;
	}
	if (deed.what == CHUNK_CUT ? deed.offset < *length : deed.offset + deed.size > *length)
		*length = deed.offset + deed.size;
	return deed;
}

static int mutate(struct life *life, struct chunk_user_known *known, struct chunk *chunk)
{
	struct chunk_mutation mutations[BATCH_MAX] = {0};
	uint32_t length = (uint32_t)chunk->length;
	size_t count = 1 + (size_t)draw(life, BATCH_MAX);
	int result;

	if (known->deed_count + count > CHUNK_USER_DEEDS_MAX)
		count = CHUNK_USER_DEEDS_MAX - known->deed_count;
	for (size_t i = 0; i < count; i++) {
		struct chunk_user_deed deed = draw_deed(life, &length);

		chunk_user_fill(&deed, life->bytes[i]);
		known->deeds[known->deed_count++] = deed;
		mutations[i] = (struct chunk_mutation){
			.what = deed.what, .offset = deed.offset,
			.data = {life->bytes[i], deed.size}};
	}
	result = chunk_mutate(chunk, 0, mutations, count, NULL);
	if (result == 0) {
		life->user->deeds += count;
		chunk_user_settle(known, known->deed_count);
		return 0;
	}
	if (result == GW_E_CANCELLED || !sim_io_alive(life->io))
		return GW_E_CANCELLED;
	if (chunk->is_bad)
		return give_up(life, known, "bad after a write");
	return compare(life, known, false);
}

static int sync_chunk(struct life *life, struct chunk_user_known *known, struct chunk *chunk)
{
	bool close = draw(life, 3) == 0;
	int result = chunk_sync(chunk, close, NULL);

	if (result == GW_E_CANCELLED || !sim_io_alive(life->io))
		return GW_E_CANCELLED;
	if (result == 0) {
		chunk_user_synced(known);
		known->is_certain = true;
	} else if (chunk->is_bad) {
		return give_up(life, known, "bad after a sync");
	}
	return 0;
}

static int grant(struct life *life, struct chunk_user_known *known, struct chunk *chunk)
{
	uint64_t version = chunk->version + 1;
	int result = chunk_grant(chunk, version, NULL);

	if (result == GW_E_CANCELLED || !sim_io_alive(life->io))
		return GW_E_CANCELLED;
	if (result == 0) {
		known->version = version;
		known->is_certain = true;
	} else if (chunk->is_bad) {
		return give_up(life, known, "bad after a grant");
	}
	return 0;
}

/* What a master does when all replicas lost power: what was not synced is kept, or some of it. */
static int settle(struct life *life, struct chunk_user_known *known, struct chunk *chunk)
{
	uint64_t version = chunk->version + 1, length = chunk->length;
	uint64_t least = known->base_length, synced = chunk->synced_length;
	int result;

	for (uint32_t i = 0; i < known->deed_count; i++) {
		if (known->deeds[i].what == CHUNK_CUT && known->deeds[i].offset < least)
			least = known->deeds[i].offset;
	}
	if (synced < least || synced > length)
		chunk_user_wrong(life->user,
				 "chunk %" PRIx64 " has %" PRIu64 " bytes, of %" PRIu64
				 " synced, and %" PRIu64 " were at least", known->handle, length,
				 synced, least);
	if (draw(life, 2) && known->deed_count < CHUNK_USER_DEEDS_MAX) {
		length = synced + draw(life, length - synced + 1);
		known->deeds[known->deed_count++] = (struct chunk_user_deed){
			.what = CHUNK_CUT, .offset = (uint32_t)length};
	}
	result = chunk_settle(chunk, version, length, NULL);
	if (result == GW_E_CANCELLED || !sim_io_alive(life->io))
		return GW_E_CANCELLED;
	if (chunk->is_bad)
		return give_up(life, known, "bad after it was settled");
	if (result < 0)
		return compare(life, known, true);
	chunk_user_synced(known);
	known->version = version;
	return 0;
}

static int do_something(struct life *life)
{
	struct chunk_user_known *known = &life->user->known[draw(life, CHUNK_USER_CHUNKS)];
	struct chunk *chunk = chunk_find(life->store, known->handle);
	uint64_t what = draw(life, 20);

	if (!chunk)
		return create(life, known);
	if (chunk->is_suspect)
		return settle(life, known, chunk);
	if (known->deed_count == CHUNK_USER_DEEDS_MAX || what < 3)
		return sync_chunk(life, known, chunk);
	if (!chunk->is_open || what < 5)
		return grant(life, known, chunk);
	if (what == 5)
		return compare(life, known, false);
	if (what == 6 && draw(life, 4) == 0)
		return forget(life, known);
	return mutate(life, known, chunk);
}

static int run(void *argument)
{
	struct life *life = argument;
	int result = 0;

	while (result == 0) {
		result = do_something(life);
		if (result == 0)
			result = rest(life);
	}
	return end_life(life, result);
}

/* ---- Reads meanwhile ------------------------------------------------------------------------- */

/* The bytes of one read are of a state from when it began to when it ended. */
static bool is_range(struct life *life, const struct chunk_user_known *known, uint32_t least,
		     uint64_t offset, struct gw_bytes out)
{
	for (uint32_t count = least; count <= known->deed_count; count++) {
		uint32_t length = chunk_user_content(known, count, life->own_content);

		if (count < known->deed_count && known->deeds[count].what == CHUNK_WRITE &&
		    known->deeds[count].offset > length)
			length = known->deeds[count].offset;
		if (offset + out.size <= length &&
		    memcmp(life->own_content + offset, out.data, out.size) == 0)
			return true;
	}
	return false;
}

static int read_one(struct life *life)
{
	struct chunk_user_known *known = &life->user->known[draw(life, CHUNK_USER_CHUNKS)];
	struct chunk *chunk = chunk_find(life->store, known->handle);
	uint64_t handle = known->handle, offset = draw(life, CHUNK_USER_BYTES);
	uint32_t bytes = 1 + (uint32_t)draw(life, GFS_BLOCK_BYTES), least = known->acknowledged;
	uint32_t turns = known->turns;
	struct gw_bytes out;
	int result;

	if (!chunk || chunk->is_suspect)
		return 0;
	result = chunk_read(chunk, offset, bytes, life->own_read, &out, NULL, NULL);
	if (result == GW_E_CANCELLED || !sim_io_alive(life->io))
		return GW_E_CANCELLED;
	/* A sync or a failure in between has changed what is known: then it says nothing. */
	if (result < 0 || known->handle != handle || known->turns != turns || out.size == 0)
		return 0;
	if (!is_range(life, known, least, offset, out))
		chunk_user_wrong(life->user,
				 "a read of %zu bytes at %" PRIu64 " of chunk %" PRIx64
				 " has bytes that were never there", out.size, offset, handle);
	return 0;
}

static int run_reader(void *argument)
{
	struct life *life = argument;
	int result = 0;

	while (result == 0) {
		result = read_one(life);
		if (result == 0)
			result = rest(life);
	}
	return result;
}

/* ---- A life ---------------------------------------------------------------------------------- */

static int check_version(struct life *life, struct chunk_user_known *known,
			 const struct chunk *chunk)
{
	if (chunk->version >= known->version)
		return 0;
	chunk_user_wrong(life->user, "chunk %" PRIx64 " fell from version %" PRIu64 " to %" PRIu64,
			 known->handle, known->version, chunk->version);
	return GW_E_CORRUPT;
}

static int check_one(struct life *life, struct chunk_user_known *known)
{
	struct chunk *chunk = chunk_find(life->store, known->handle);
	bool was_suspect;
	int result;

	if (known->handle == 0)
		return 0;
	if (!chunk && known->is_certain) {
		chunk_user_wrong(life->user, "chunk %" PRIx64 " is gone", known->handle);
		return GW_E_CORRUPT;
	}
	if (!chunk)
		return forget(life, known);
	if (chunk->is_bad)
		return give_up(life, known, "bad after a start");
	was_suspect = chunk->is_suspect;
	life->user->suspects += was_suspect;
	result = check_version(life, known, chunk);
	if (result == 0)
		result = compare(life, known, was_suspect);
	if (result == 0 && was_suspect && known->handle != 0)
		result = settle(life, known, chunk_find(life->store, known->handle));
	return result;
}

static int drop_strangers(struct life *life)
{
	struct chunk *chunk;
	int result = 0;

	for (size_t at = 0; result == 0 && (chunk = chunk_next(life->store, &at));) {
		bool is_known = false;

		for (int i = 0; i < CHUNK_USER_CHUNKS; i++)
			is_known |= life->user->known[i].handle == chunk->handle;
		if (!is_known)
			result = chunk_drop(chunk, NULL) == GW_E_CANCELLED ? GW_E_CANCELLED : 0;
	}
	return result;
}

/* It goes on without that disk, and this user comes again when all are there. */
static void lost_disk(void *context, const struct gw_error *error)
{
	struct life *life = context;

	(void)error;
	life->lacks_disk = true;
}

static int open_store(struct life *life)
{
	static const char *const directories[] = {"a", "b"};
	const struct chunk_store_options options = {
		.directories = directories,
		.count = 2,
		.loaded_max = life->user->loaded_max,
		.log_bytes_max = life->user->log_bytes_max,
		.troubled = lost_disk,
		.context = life,
	};
	int result = chunk_store_open(&life->store, &options, NULL);

	if (result == 0 && life->lacks_disk)
		result = GW_E_IO;
	for (int i = 0; i < CHUNK_USER_CHUNKS && result == 0; i++)
		result = check_one(life, &life->user->known[i]);
	if (result == 0)
		result = drop_strangers(life);
	if (result == 0)
		life->user->recoveries++;
	return result;
}

static int live(void *argument)
{
	struct life *life = argument;
	int result = open_store(life);

	if (result == 0)
		result = gw_spawn(&life->group, run, life, NULL);
	if (result == 0)
		result = gw_spawn(&life->group, run_reader, life, NULL);
	if (result == 0)
		result = gw_group_wait(&life->group, GW_FOREVER);
	(void)gw_group_done(&life->group);
	chunk_store_close(life->store);
	return end_life(life, result);
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	const struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
						  .silent = true};
	struct life *life = calloc(1, sizeof(*life));
	int code;

	assert(life);
	life->user = argument;
	life->node = node;
	life->io = io;
	code = task_loop_new(io, &options, &life->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(life->loop, live, life, NULL);
	assert(code == 0);
	return life;
}

static void stop(void *argument)
{
	struct life *life = argument;

	if (!sim_end_tasks(life->io, life->loop))
		chunk_user_wrong(life->user, "the tasks of a dead machine do not end");
	free(life);
}

const struct sim_program chunk_user_program = {start, stop, NULL};
