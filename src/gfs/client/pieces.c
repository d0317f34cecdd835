/* SPDX-License-Identifier: Apache-2.0 */
/* pieces.c - a read or write of any size as pieces, several of them under way. */
#include "gfs/client/client.h"

#include "io/rare.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

struct pieces {
	struct gw_gfs_file *file;
	struct gfs_client_piece *items;
	size_t count, next;
	int (*work)(struct gw_gfs_file *file, struct gfs_client_piece *piece,
		    struct gw_error *error);
	int code;
	struct gw_error *error;
};

static int cut(struct pieces *pieces, uint64_t offset, uint8_t *data, size_t size,
	       struct gw_error *error)
{
	uint64_t chunks = (size >> pieces->file->chunk_log2) + 2;

	pieces->items = calloc(size / GW_GFS_PIECE_BYTES + 2 * chunks, sizeof(*pieces->items));
	if (!pieces->items)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu bytes in pieces", size);
	while (size > 0) {
		size_t n = gfs_client_in_chunk(pieces->file, offset, size);

		if (n > GW_GFS_PIECE_BYTES)
			n = GW_GFS_PIECE_BYTES;
		pieces->items[pieces->count++] =
			(struct gfs_client_piece){.offset = offset, .size = n, .data = data};
		offset += n;
		data += n < size && n < GW_GFS_PIECE_BYTES && IO_BUG(task_io(), "gfs.border-shift")
				? n - 1
				: n;
		size -= n;
	}
	return 0;
}

/* Takes pieces until none is left, or one has failed. */
static int work_on(void *argument)
{
	struct pieces *pieces = argument;

	while (pieces->next < pieces->count && pieces->code == 0) {
		struct gw_error why = {0};
		int code = pieces->work(pieces->file, &pieces->items[pieces->next++], &why);

		if (code < 0 && pieces->code == 0) {
			pieces->code = code;
			if (pieces->error)
				*pieces->error = why;
		}
	}
	return 0;
}

static int work_on_all(struct pieces *pieces)
{
	struct gw_group group = {.name = "pieces"};
	size_t tasks = pieces->file->client->options.parallel;
	int code = 0;

	if (tasks > pieces->count)
		tasks = pieces->count;
	for (size_t i = 1; i < tasks && code == 0; i++)
		code = gw_spawn(&group, work_on, pieces, NULL);
	(void)work_on(pieces); /* this task is one of them */
	code = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	if (pieces->code == 0 && code < 0)
		pieces->code = gw_fail(pieces->error, code, "%s", gw_code_text(code));
	return pieces->code;
}

int gfs_client_pieces(struct gw_gfs_file *file, uint64_t offset, uint8_t *data, size_t size,
		      int (*work)(struct gw_gfs_file *file, struct gfs_client_piece *piece,
				  struct gw_error *error),
		      struct gfs_client_piece **out, size_t *count, struct gw_error *error)
{
	struct pieces pieces = {.file = file, .work = work, .error = error};
	int code = cut(&pieces, offset, data, size, error);

	*out = NULL;
	*count = 0;
	if (code == 0)
		code = work_on_all(&pieces);
	if (code < 0) {
		free(pieces.items);
		return code;
	}
	assert(pieces.next == pieces.count);
	*out = pieces.items;
	*count = pieces.count;
	return 0;
}
