/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_read.h - reading the log of a directory; for recovery and for a look at it. Nothing is
 * changed.
 *
 * Segments are looked at in the order of their numbers. A batch counts when it is right, has the
 * next sequence number, and no later segment begins with that number or a lower one. When this
 * chain ends inside a segment and a right batch of a later number stands behind, or a later
 * segment goes on, a batch that was acknowledged is damaged or missing. That is an error, but for
 * segments whose entries the snapshot has: those are what a removal left that a crash cut short,
 * and reading begins anew behind them.
 */
#ifndef REPLOG_STORE_READ_H
#define REPLOG_STORE_READ_H

#include "store_inside.h"
#include "store_replay.h"

/* A segment that was found. */
struct store_found {
	struct store_segment segment;
	struct replog_segment_head head;
	uint64_t first_sequence; /* of its first batch; 0: it has none */
	uint64_t torn_bytes, torn_sequence; /* where its first batch should be */
};

struct store_reading {
	struct replog_store *store; /* path and identity are looked at */
	struct replog_replay *replay;
	struct store_found *found;
	size_t count, capacity;
	size_t kept;              /* the first that counts */
	struct base_buffer bytes; /* of the segment that is read */
	uint64_t next;            /* sequence number that is expected; 0: any */
	struct replog_batch last; /* points into bytes */
	uint64_t batches;
	uint64_t torn_bytes;
	struct gw_error gap; /* code 0: there is none */
};

/* Finds the segments. GW_E_x. */
int store_reading_list(struct store_reading *reading, struct gw_error *error) GW_MUST_CHECK;
/* Looks at head and first batch of segment i; of all of them before the next. GW_E_CORRUPT. */
int store_reading_look(struct store_reading *reading, size_t i,
		       struct gw_error *error) GW_MUST_CHECK;
/* Reads segment i, in their order. GW_E_CORRUPT. */
int store_reading_segment(struct store_reading *reading, size_t i,
			  struct gw_error *error) GW_MUST_CHECK;
/* All of that. */
int store_reading_all(struct store_reading *reading, struct gw_error *error) GW_MUST_CHECK;
/* Frees all but the replay. */
void store_reading_done(struct store_reading *reading);

/* Whether what counts of the segment is elsewhere. */
bool store_reading_is_left_over(const struct store_reading *reading, size_t i);

/* What of the log is behind recovered->snapshot; *clear: the log is of no use beside it. */
int store_reading_fit(const struct store_reading *reading, struct replog_recovered *recovered,
		      bool *clear, struct gw_error *error) GW_MUST_CHECK;

#endif
