/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_verify.c - `gw fs verify`: all bytes of all replicas against their checksums and each other.
 *
 * A chunk that is written to, cloned or moved meanwhile looks wrong without being so: what may come
 * of that counts when it is still so after places were asked for anew. Damage counts at once: who
 * finds it mends it.
 */
#include "cli/fs.h"

#include "base/crc32c.h"
#include "cli/kv.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TRIES = 3 };

struct verify {
	struct cli_fs *fs;
	const char *path; /* of the file that is looked at */
	uint64_t files, replicas, bytes;
	uint64_t bad, different; /* replicas; chunks */
};

/* One replica, and what was found. */
struct replica {
	struct cli_fs *fs;
	const struct gw_gfs_chunk *chunk;
	const struct gw_gfs_place *place;
	uint64_t bytes;
	uint32_t sum;
	int code;
	struct gw_error error;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_all(void *argument)
{
	struct replica *replica = argument;
	uint8_t *buffer = malloc(GW_GFS_PIECE_BYTES);
	size_t bytes = GW_GFS_PIECE_BYTES;

	if (!buffer)
		replica->code = gw_fail(&replica->error, GW_E_NO_MEMORY, "no memory for a buffer");
	while (replica->code == 0 && bytes == GW_GFS_PIECE_BYTES) {
		replica->code = gw_gfs_read_replica(replica->fs->client, replica->chunk,
						    replica->place, replica->bytes, buffer,
						    GW_GFS_PIECE_BYTES, &bytes, &replica->error);
		replica->sum = base_crc32c(replica->sum, buffer, bytes);
		replica->bytes += bytes;
	}
	free(buffer);
	return 0;
}

/* All of a chunk's at once: they are on different servers. */
static void read_replicas(struct replica *replicas, size_t count)
{
	struct gw_group group = {.name = "replicas"};

	for (size_t i = 0; i < count; i++) {
		int code = gw_spawn(&group, read_all, &replicas[i], NULL);

		if (code < 0)
			replicas[i].code = gw_fail(&replicas[i].error, code, "no task to read by");
	}
	(void)gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
}

/* ---- Judging --------------------------------------------------------------------------------- */

static bool is_damage(int code)
{
	return code == GW_E_CORRUPT || code == GW_E_IO;
}

static bool are_equal(const struct replica *replicas, size_t count)
{
	const struct replica *first = NULL;

	for (size_t i = 0; i < count; i++) {
		if (replicas[i].code < 0)
			continue;
		if (first &&
		    (first->bytes != replicas[i].bytes || first->sum != replicas[i].sum))
			return false;
		first = &replicas[i];
	}
	return true;
}

/* What another try may find otherwise. */
static bool may_change(const struct replica *replicas, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_damage(replicas[i].code))
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (replicas[i].code < 0)
			return true;
	}
	return count == 0 || !are_equal(replicas, count);
}

static int print(const struct verify *verify, const struct gw_gfs_chunk *chunk,
		 const char *address, int code, const char *text, struct gw_error *error)
{
	if (verify->fs->json)
		return cli_fs_print_json(
			verify->path,
			json_pack("{s:I,s:I,s:s,s:i,s:s,s:s}", "index", (json_int_t)chunk->index,
				  "handle", (json_int_t)chunk->handle, "address", address, "code",
				  -code, "name", gw_code_name(code), "text", text),
			error);
	cli_kv_print_escaped(gw_string(verify->path));
	printf(": chunk %" PRIu64 "%s%s: %s\n", chunk->index, *address ? " at " : "", address,
	       text);
	return 0;
}

static int judge(struct verify *verify, const struct gw_gfs_chunk *chunk,
		 const struct replica *replicas, size_t count, struct gw_error *error)
{
	int code = 0;

	verify->replicas += count;
	for (size_t i = 0; i < count && code == 0; i++) {
		verify->bytes += replicas[i].bytes;
		verify->bad += replicas[i].code < 0;
		if (replicas[i].code < 0)
			code = print(verify, chunk, replicas[i].place->address, replicas[i].code,
				     replicas[i].error.text, error);
	}
	if (code == 0 && count == 0) {
		verify->bad++;
		code = print(verify, chunk, "", GW_E_UNREACHABLE, "it has no replica now", error);
	}
	if (code == 0 && !are_equal(replicas, count)) {
		verify->different++;
		code = print(verify, chunk, "", GW_E_FAILED, "its replicas differ", error);
	}
	return code;
}

/* ---- Chunks and files ------------------------------------------------------------------------ */

/* Sets *again instead of a judgement that may change. */
static int look_at(struct verify *verify, const struct gw_gfs_chunk *chunk, bool is_last,
		   bool *again, struct gw_error *error)
{
	struct replica *replicas = calloc(chunk->place_count + 1, sizeof(*replicas));
	int code = 0;

	if (!replicas)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for replicas");
	for (size_t i = 0; i < chunk->place_count; i++)
		replicas[i] = (struct replica){
			.fs = verify->fs, .chunk = chunk, .place = &chunk->places[i]};
	read_replicas(replicas, chunk->place_count);
	*again = !is_last && may_change(replicas, chunk->place_count);
	if (!*again)
		code = judge(verify, chunk, replicas, chunk->place_count, error);
	free(replicas);
	return code;
}

static int verify_chunk(void *context, const struct gw_gfs_chunk *chunk, struct gw_error *error)
{
	struct verify *verify = context;
	struct gw_gfs_locations locations = {0};
	bool again;
	int code = look_at(verify, chunk, false, &again, error);

	for (int i = 2; i <= TRIES && code == 0 && again; i++) {
		(void)gw_sleep_ms(GW_GFS_PAUSE_MS);
		code = gw_gfs_locate(verify->fs->client, gw_string(verify->path), chunk->index, 1,
				     &locations, error);
		again = false; /* it was cut off meanwhile */
		if (code == 0 && locations.count > 0 &&
		    locations.chunks[0].index == chunk->index)
			code = look_at(verify, &locations.chunks[0], i == TRIES, &again, error);
		gw_gfs_locations_done(&locations);
	}
	return code;
}

static int verify_file(void *context, const char *path, const struct gw_gfs_entry *entry,
		       struct gw_error *error)
{
	struct verify *verify = context;

	if (entry->kind != GW_GFS_FILE)
		return 0;
	verify->path = path;
	verify->files++;
	return cli_fs_each_chunk(verify->fs, path, verify_chunk, verify, error);
}

int cli_fs_verify(struct cli_fs *fs, struct gw_error *error)
{
	struct verify verify = {.fs = fs};
	int code = cli_fs_walk_all(fs, verify_file, &verify, error);

	if (code < 0)
		return code;
	if (!fs->json)
		printf("%" PRIu64 " files, %" PRIu64 " replicas, %" PRIu64 " bytes\n",
		       verify.files, verify.replicas, verify.bytes);
	if (verify.bad)
		return gw_fail(error, GW_E_CORRUPT,
			       "%" PRIu64 " replicas are damaged or cannot be read", verify.bad);
	return verify.different ? gw_fail(error, GW_E_FAILED,
					  "%" PRIu64 " chunks have replicas that differ",
					  verify.different)
				: 0;
}
