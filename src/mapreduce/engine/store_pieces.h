/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_pieces.h - what stores have in common: bytes are read and written in pieces that the layer
 * below takes at once, and appends go on where the last one ended.
 */
#ifndef MR_STORE_PIECES_H
#define MR_STORE_PIECES_H

#include "store.h"

/* How a store moves one piece: the bytes moved, 0 at the end of a file that is read, or less. */
struct mr_pieces {
	size_t size_max;
	const char *(*name)(struct mr_file *file);
	int64_t (*read)(struct mr_file *file, uint64_t offset, void *data, size_t size,
			struct gw_error *error);
	int64_t (*write)(struct mr_file *file, uint64_t offset, const void *data, size_t size,
			 struct gw_error *error);
};

/* All of the bytes, or a failure: GW_E_TRUNCATED if the file ends before. */
int mr_pieces_read(const struct mr_pieces *pieces, struct mr_file *file, uint64_t offset,
		   void *data, size_t size, struct gw_error *error);
int mr_pieces_write(const struct mr_pieces *pieces, struct mr_file *file, uint64_t offset,
		    const void *data, size_t size, struct gw_error *error);
/* Writes at *end, which *offset (or NULL) gets, and moves *end if that went well. */
int mr_pieces_append(const struct mr_pieces *pieces, struct mr_file *file, uint64_t *end,
		     const void *data, size_t size, uint64_t *offset, struct gw_error *error);

int mr_pieces_truncated(const char *name, uint64_t offset, uint64_t size, struct gw_error *error);

#endif
