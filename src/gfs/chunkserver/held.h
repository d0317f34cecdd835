/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held.h - data that were pushed and are not yet written: by data id, bounded, the oldest go first.
 * Bytes in use by somebody (a reference) last longer than their place here.
 */
#ifndef GFS_CHUNKSERVER_HELD_H
#define GFS_CHUNKSERVER_HELD_H

#include "base/map.h"

struct held_data {
	unsigned references;
	uint64_t id[2]; /* client and number; {0}: of no push */
	uint32_t crc;   /* of all bytes */
	size_t size;
	struct held_data *newer, *older; /* while it is held */
	uint8_t bytes[];
};

/* Zero but for the limit is empty. */
struct held {
	size_t bytes_max, bytes;
	size_t coming; /* bytes of pushes that are being received */
	struct base_map by_id;
	struct held_data *oldest, *newest;
};

/* With one reference; NULL: no memory. */
struct held_data *held_data_new(size_t size);
/* The last reference frees it. NULL is fine. */
void held_data_unref(struct held_data *data);

/* Before so many bytes are received, and behind that. GW_E_TOO_LARGE: they never have room;
 * GW_E_OVERLOADED: not beside those that come now. */
int held_expect(struct held *held, size_t size, struct gw_error *error) GW_MUST_CHECK;
void held_expect_end(struct held *held, size_t size);
/* Takes a reference of its own; what has this id already stays. */
int held_put(struct held *held, struct held_data *data, struct gw_error *error) GW_MUST_CHECK;
/* A reference for the caller; NULL: it is not here. It is the newest then. */
struct held_data *held_get(struct held *held, uint64_t client, uint64_t number);
void held_done(struct held *held);

#endif
