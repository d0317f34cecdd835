/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear.h - a history of what clients asked a service and what it answered, and an exact check
 * whether it is linearizable: whether each operation can have happened at one moment between its
 * call and its reply, so that all replies are those of one copy that does one thing at a time.
 *
 *     struct sim_history history = {0};
 *     struct sim_operation put = {.client = 1, .kind = SIM_PUT, .key = key, .argument = value};
 *
 *     number = sim_history_call(&history, &put);          // when the client asks
 *     sim_history_reply(&history, number, &reply);        // when it has its answer
 *     sim_history_failed(&history, number);               // or: it certainly did not happen
 *                                                         // or nothing: nobody knows
 *     code = sim_linear_check(&history, NULL, &error);
 *     sim_history_done(&history);
 *
 * An operation without a reply may have happened at any moment since its call, or never; that
 * is how "outcome unknown" is checked. The order of the calls of these functions is the order of
 * events: an operation is before another one when its reply was recorded before the other's call.
 *
 * The check searches the orders that the history allows, one key by itself, and remembers which
 * sets of operations it has seen lead to which state (Wing and Gong 1993, Lowe 2017). It never
 * errs; when a history needs more than the limits it says so (GW_E_TOO_LARGE). What makes it slow
 * is many operations of one key at the same time, above all such without a reply that change the
 * value: keep those below 20 a key.
 */
#ifndef SIM_LINEAR_H
#define SIM_LINEAR_H

#include "base/arena.h"

#include <groundwork/base.h>

enum {
	SIM_HISTORY_OPERATIONS_MAX = 1 << 22,
	SIM_LINEAR_SEEN_MAX = 1 << 21,          /* default of sim_linear_limits */
	SIM_LINEAR_VALUE_BYTES_MAX = 256 << 20, /* the same */
};

/* A key is a value (bytes, or absent, as at the start) or a counter (a number, 0 at the start),
 * never both. */
enum sim_kind {
	SIM_GET,    /* reply: found, value */
	SIM_PUT,    /* sets it to argument */
	SIM_APPEND, /* reply, if checked: found and value as they were before */
	SIM_CAS,    /* sets it to argument if it is as expected; reply: found says if it was */
	SIM_DELETE, /* reply, if checked: found says if there was one */
	SIM_ADD,    /* counter += number; reply, if checked: its new number. 0 reads. */
	SIM_KINDS
};

struct sim_operation {
	uint32_t client; /* for sentences */
	enum sim_kind kind;
	struct gw_bytes key, argument;
	struct gw_bytes expected; /* of SIM_CAS */
	bool expects_none;        /* SIM_CAS: expected is "absent" */
	int64_t number;           /* of SIM_ADD */
};

struct sim_reply {
	bool unchecked; /* the operation has happened, but what it told is not looked at */
	bool found;
	struct gw_bytes value;
	int64_t number;
};

struct sim_history_entry;

/* Zero is an empty history. */
struct sim_history {
	struct sim_history_entry *entries; /* in order of their calls */
	size_t count, capacity;
	uint64_t events;
	struct base_arena bytes;
};

/* Returns the number of the operation, for the two below, or GW_E_NO_MEMORY or GW_E_TOO_LARGE.
 * Everything is copied. */
int sim_history_call(struct sim_history *history, const struct sim_operation *operation);
/* The operation has its answer; once. 0 or GW_E_NO_MEMORY. */
int sim_history_reply(struct sim_history *history, int number, const struct sim_reply *reply)
	GW_MUST_CHECK;
/* The operation did not and will not happen; once, instead of a reply. */
void sim_history_failed(struct sim_history *history, int number);
void sim_history_done(struct sim_history *history);

struct sim_linear_limits {
	size_t seen_max;        /* sets of operations to remember, of one key; 0: as above */
	size_t value_bytes_max; /* of all values that a key may have had; 0: as above */
};

/*
 * 0: linearizable. GW_E_CORRUPT: not, with a sentence that names the key and the operation that
 * fits nowhere behind the longest order found. GW_E_TOO_LARGE: undecided within the limits (NULL:
 * the defaults). GW_E_INVALID: one key is value and counter. GW_E_NO_MEMORY.
 */
int sim_linear_check(const struct sim_history *history, const struct sim_linear_limits *limits,
		     struct gw_error *error) GW_MUST_CHECK;

#endif
