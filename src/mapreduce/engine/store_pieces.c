/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_pieces.c - see store_pieces.h.
 */
#include "store_pieces.h"

#include <assert.h>
#include <inttypes.h>

int mr_pieces_truncated(const char *name, uint64_t offset, uint64_t size, struct gw_error *error)
{
	return gw_fail(error, GW_E_TRUNCATED, "%s: ends before byte %" PRIu64
		       " (%" PRIu64 " bytes wanted there)", name, offset + size, size);
}

static size_t piece_of(const struct mr_pieces *pieces, size_t left)
{
	return left < pieces->size_max ? left : pieces->size_max;
}

int mr_pieces_read(const struct mr_pieces *pieces, struct mr_file *file, uint64_t offset,
		   void *data, size_t size, struct gw_error *error)
{
	size_t done = 0;

	assert(data || size == 0);
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		return mr_pieces_truncated(pieces->name(file), offset, size, error);
	while (done < size) {
		size_t piece = piece_of(pieces, size - done);
		int64_t got = pieces->read(file, offset + done, (char *)data + done, piece, error);

		if (got < 0)
			return (int)got;
		if (got == 0)
			return mr_pieces_truncated(pieces->name(file), offset, size, error);
		assert((uint64_t)got <= piece);
		done += (size_t)got;
	}
	return 0;
}

int mr_pieces_write(const struct mr_pieces *pieces, struct mr_file *file, uint64_t offset,
		    const void *data, size_t size, struct gw_error *error)
{
	size_t done = 0;

	assert(data || size == 0);
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: no file is that long",
			       pieces->name(file));
	while (done < size) {
		size_t piece = piece_of(pieces, size - done);
		int64_t put = pieces->write(file, offset + done, (const char *)data + done, piece,
					    error);

		if (put < 0)
			return (int)put;
		assert((uint64_t)put <= piece);
		done += (size_t)put;
	}
	return 0;
}

int mr_pieces_append(const struct mr_pieces *pieces, struct mr_file *file, uint64_t *end,
		     const void *data, size_t size, uint64_t *offset, struct gw_error *error)
{
	int result = mr_pieces_write(pieces, file, *end, data, size, error);

	if (result < 0)
		return result;
	if (offset)
		*offset = *end;
	*end += size;
	return 0;
}
