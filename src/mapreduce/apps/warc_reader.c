/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warc_reader.c - see warc_reader.h: the engine's store and unpacker feed the parser of warc.c.
 */
#include "warc_reader.h"
#include "page.h"
#include "warc.h"

#include "mapreduce/engine/unpack.h"

#include <assert.h>
#include <stdlib.h>

/* History that an archive packed with zstd may need; what its tools take without being asked. */
enum { WINDOW_MAX = 128 << 20 };

struct archive {
	const char *path;
	struct mr_file *file;
	struct mr_unpack *unpack;
	struct mr_warc warc;
};

static int read_archive(void *context, void *data, size_t size, size_t *got, struct gw_error *error)
{
	struct archive *archive = context;

	return mr_unpack_read(archive->unpack, data, size, got, error);
}

static void close_archive(void *state)
{
	struct archive *archive = state;

	mr_warc_done(&archive->warc);
	mr_unpack_free(archive->unpack);
	mr_file_close(archive->file);
	free(archive);
}

static int open_file(struct archive *archive, struct mr_store *store,
		     enum mr_compression compression, struct gw_error *error)
{
	struct mr_unpack_source source = {
		.path = archive->path,
		.compression = compression,
		.window_max = WINDOW_MAX,
	};
	int code = store->operations->open(store, archive->path, &archive->file, error);

	if (code < 0)
		return code;
	assert(archive->file && !archive->unpack);
	source.file = archive->file;
	code = store->operations->size(archive->file, &source.end, error);
	return code < 0 ? code : mr_unpack_open(&archive->unpack, &source, error);
}

static enum mr_compression compression_of(const struct mr_plan *plan, const char *path)
{
	/* Paths of the plan are handed on as they are, so the pointer tells them apart. */
	for (uint32_t i = 0; i < plan->file_count; i++)
		if (plan->files[i].path == path)
			return plan->files[i].compression;
	return MR_PLAIN;
}

static int open_archive(void *context, uint32_t split, void **state, struct gw_error *error)
{
	struct mr_pages *pages = context;
	struct archive *archive = calloc(1, sizeof(*archive));

	assert(split < pages->file_count);
	if (!archive)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to read it",
			       pages->files[split]);
	archive->path = pages->files[split];
	int code = open_file(archive, &pages->store, compression_of(&pages->found, archive->path),
			     error);

	if (code < 0) {
		close_archive(archive);
		return code;
	}
	mr_warc_init(&archive->warc, read_archive, archive);
	*state = archive;
	return 0;
}

static int next_response(void *state, struct gw_bytes *key, struct gw_bytes *value,
			 struct gw_error *error)
{
	struct archive *archive = state;
	struct mr_warc_record record;
	int code = mr_warc_next(&archive->warc, "response", &record, error);

	if (code < 0)
		return gw_fail_in(error, "%s", archive->path);
	*key = record.head.target;
	*value = record.block;
	if (code == 1 && !record.too_large && !value->data)
		value->data = "";
	return code;
}

static uint32_t count_archives(void *context)
{
	const struct mr_pages *pages = context;

	return (uint32_t)pages->file_count;
}

const struct gw_mr_reader mr_warc_reader = {
	.split_count = count_archives,
	.open = open_archive,
	.next = next_response,
	.close = close_archive,
};
