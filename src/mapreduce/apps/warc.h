/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warc.h - web archives (ISO 28500, WARC/1.0 and 1.1) as a stream of bytes, of which one record at
 * a time is in memory. The bytes come from a function, so that archives may be compressed, or in a
 * test's array.
 */
#ifndef MR_WARC_H
#define MR_WARC_H

#include "base/buffer.h"

enum {
	MR_WARC_HEAD_MAX = 64 << 10, /* bytes of a record's head */
	MR_WARC_BLOCK_MAX =
		64 << 20, /* bytes of a block that is handed out; bigger ones are passed over */
};

struct mr_warc_head {
	struct gw_bytes type; /* "response", "request", "warcinfo", ... */
	struct gw_bytes
		target; /* the URI, without the <> that some writers put around it; may be empty */
	uint64_t block_size;
};

/* Reads a head (mr_head_size bytes of it); GW_E_CORRUPT when it is none. */
int mr_warc_parse_head(struct mr_warc_head *head, struct gw_bytes text,
		       struct gw_error *error) GW_MUST_CHECK;

/* Gives up to size bytes: *got, 0 at the end. */
typedef int mr_warc_read(void *context, void *data, size_t size, size_t *got,
			 struct gw_error *error);

struct mr_warc {
	mr_warc_read *read;
	void *context;
	struct base_buffer buffer; /* what was read, from `begin` on not yet used */
	size_t begin;
	uint64_t offset; /* of the byte at begin in the stream, unpacked */
	bool ended;
};

struct mr_warc_record {
	struct mr_warc_head head;
	uint64_t offset;       /* of the record in the stream */
	bool too_large;	       /* the block is over MR_WARC_BLOCK_MAX and was passed over */
	struct gw_bytes block; /* valid until the next call */
};

void mr_warc_init(struct mr_warc *warc, mr_warc_read *read, void *context);

/*
 * 1 and the next record of the given type, 0 at the end of the stream, or a negative code; the
 * sentence names the offset in the stream.
 */
int mr_warc_next(struct mr_warc *warc, const char *type, struct mr_warc_record *record,
		 struct gw_error *error) GW_MUST_CHECK;
void mr_warc_done(struct mr_warc *warc);

#endif
