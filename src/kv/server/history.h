/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - the last changes of a member's state, in order, for those who watch. Not part of the
 * state: a member remembers what it applied since it was started or took a snapshot, as far back as
 * its room allows. All who watch read the one history, each at its place; who is slower than it
 * forgets is told so.
 */
#ifndef KV_SERVER_HISTORY_H
#define KV_SERVER_HISTORY_H

#include <groundwork/base.h>

enum { KV_HISTORY_BYTES_MAX = 32 << 20 }; /* default of an option; one entry more at most */

enum kv_change {
	KV_CHANGE_PUT,
	KV_CHANGE_DELETE,
	KV_CHANGE_EXPIRED,
};

struct kv_event {
	uint64_t index; /* of the entry; several in a row may have the same */
	uint8_t change; /* enum kv_change */
	struct gw_bytes key, value;
	uint64_t expires_ms;
};

struct kv_history;

/* Where somebody reads; from: the next entry that is wanted. */
struct kv_history_place {
	uint64_t from;
	/* Private. */
	uint64_t chunk;
	size_t offset;
};

/* bytes_max 0: as named above. NULL when memory is short. */
struct kv_history *kv_history_new(size_t bytes_max);
void kv_history_free(struct kv_history *history); /* NULL is fine */

/* Forgets all; what comes is behind entry `base`. */
void kv_history_begin(struct kv_history *history, uint64_t base);
/* Copies an event. When there is no memory for it the history begins anew behind it. */
void kv_history_add(struct kv_history *history, const struct kv_event *event);
/* The first entry that is remembered, with all that follow. */
uint64_t kv_history_first(const struct kv_history *history);

/* 1: the next event at the place, which moves behind it; 0: none yet. GW_E_COMPACTED: what is
 * wanted is not remembered any more. *event points into the history, until it is added to. */
int kv_history_next(const struct kv_history *history, struct kv_history_place *place,
		    struct kv_event *event) GW_MUST_CHECK;

#endif
