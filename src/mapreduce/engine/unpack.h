/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.h - the bytes of a file from front to back, unpacked if it is compressed, in bounded
 * memory: .gz (all members), .zst and .lz4 (all frames). Checksums are checked. One struct reads
 * one file after the other and keeps its memory in between.
 *
 *     struct mr_unpack *unpack = NULL;
 *     mr_unpack_open(&unpack, &source, error);
 *     do
 *             mr_unpack_read(unpack, data, size, &got, error);
 *     while (got == size);
 *     mr_unpack_free(unpack);
 */
#ifndef MR_UNPACK_H
#define MR_UNPACK_H

#include "plan.h"

struct mr_unpack;

/* What to read. The file is the caller's and stays open while it is read. */
struct mr_unpack_source {
	struct mr_file *file;
	const char *path;      /* for errors; as long-lived as the file */
	uint64_t begin, end;   /* bytes on disk */
	enum mr_compression compression;
	uint64_t window_max;   /* bytes of history that a .zst frame may ask for */
};

/* Starts on the source; *unpack is made when it is NULL, otherwise it ends what it was reading. */
int mr_unpack_open(struct mr_unpack **unpack, const struct mr_unpack_source *source,
		   struct gw_error *error) GW_MUST_CHECK;

/*
 * The next size bytes; *got is less than size only at the end. GW_E_TRUNCATED or GW_E_CORRUPT with
 * the file and the offset in the unpacked stream up to which it could be read; GW_E_TOO_LARGE for a
 * window that is over the limit. After a failure it may only be opened anew or freed.
 */
int mr_unpack_read(struct mr_unpack *unpack, void *data, size_t size, size_t *got,
		   struct gw_error *error) GW_MUST_CHECK;

void mr_unpack_free(struct mr_unpack *unpack);

#endif
