/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - the output of a job, read back: a directory of part-00000-of-00004 and so on, in whose
 * order the output is, and the file _SUCCESS, without which it is not whole.
 */
#ifndef MR_PARTS_H
#define MR_PARTS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "mapreduce/engine/store.h"

struct mr_parts {
	struct mr_store store;
	struct base_arena arena;
	const char **paths; /* in order */
	size_t count, capacity;
	bool success;
};

/*
 * Lists the parts of directory. Without _SUCCESS, or with a part missing, that is an error, unless
 * `force` is set. mr_parts_done is to be called in any case.
 */
int mr_parts_open(struct mr_parts *parts, const char *directory, bool force,
		  struct gw_error *error) GW_MUST_CHECK;
void mr_parts_done(struct mr_parts *parts);

/* Called with a piece of the output, or (mr_parts_lines) with a line without its newline. */
typedef int mr_parts_function(void *context, struct gw_bytes bytes, struct gw_error *error);

/* The whole output, piece by piece. The function's negative code ends it and is returned. */
int mr_parts_read(struct mr_parts *parts, mr_parts_function *function, void *context,
		  struct gw_error *error) GW_MUST_CHECK;

/* The same line by line; the newline of the very last one may be missing. */
int mr_parts_lines(struct mr_parts *parts, mr_parts_function *function, void *context,
		   struct gw_error *error) GW_MUST_CHECK;

/*
 * Looks for the line that is `key` or begins with key TAB, in parts whose lines are sorted by
 * bytes: 1 and what stands behind the tab in *rest, 0 when there is none, or a negative code. A few
 * pages of each part are read.
 */
int mr_parts_find(struct mr_parts *parts, struct gw_bytes key, struct base_buffer *rest,
		  struct gw_error *error) GW_MUST_CHECK;

#endif
