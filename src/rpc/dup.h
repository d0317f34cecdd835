/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dup.h - the duplicate table: which at-most-once calls run, which were answered, and how.
 *
 * Calls of a client are numbered from 1. The client says with each call which of its calls is the
 * first without an answer; everything below was seen by it and is forgotten here. So a table holds
 * at most GW_RPC_WINDOW records a client, and a call below that mark, or of a client that the table
 * does not know, is a late copy: stale, never run.
 *
 * A table is one for each service. The one in memory is forgotten with its server; one with a log
 * gives the service a record for each answer, to be written together with the effect, and takes
 * the records back (rpc_dup_import) after a restart or on another server. Because effect and
 * record are one write, no record means no effect, and a retry may run.
 *
 * That fits a service with one writer. A replicated state machine keeps the table in its state, and
 * changes it by applying entries and in no other way, so that all members hold the same:
 *
 *     the server's table    rpc_dup_front_new(&front, ...) over the state machine's own, which is
 *                           made by gw_rpc_dup_new without a log
 *     the leader's handler  rpc_call_identity and rpc_dup_call_encode, proposes identity and
 *                           request in one entry, waits, and returns rpc_call_answer(call, code,
 *                           payload). It may return GW_E_NOT_LEADER, also when it cannot know
 *                           whether its entry will be applied: the client asks the next member
 *                           with the same number.
 *     apply, everywhere     rpc_dup_apply with the entry's time. NEW: the effect, then
 *                           operations->finish with what it answers. DONE: what was answered then,
 *                           and no effect. STALE or negative: no effect.
 *     open, in the front    proposes an entry with the id; at apply rpc_dup_apply_open
 *     snapshots             export_object(UINT64_MAX), which holds the times of the lease too;
 *                           import into a new table
 *
 * So two entries of one call, by an old leader and a new one, have one effect and one answer. A
 * failure is remembered like an answer: payload is rpc_failure_encode's.
 */
#ifndef RPC_DUP_H
#define RPC_DUP_H

#include <groundwork/rpc.h>

#include "base/buffer.h"
#include "rpc/frame.h"

enum rpc_dup_state {
	RPC_DUP_NEW,     /* run it; rpc_dup_finish or rpc_dup_abandon follows */
	RPC_DUP_RUNNING, /* wait for the answer of the one that runs */
	RPC_DUP_DONE,    /* answer this */
	RPC_DUP_STALE,   /* do not run it */
};

struct rpc_dup_call {
	struct rpc_client_id client;
	uint64_t sequence, first_incomplete, object;
	uint64_t fingerprint; /* of method and request: two clients with one id differ here */
};

struct rpc_dup_answer {
	int code;              /* the handler's result */
	struct gw_bytes reply; /* message, or failure; the table's until the next call of it */
	void **running;        /* NEW, RUNNING: a place for the server's pointer; NULL at first */
};

struct rpc_dup_operations {
	/* Makes a client known, from a task; may wait. GW_E_EXISTS: the id is in use, GW_E_BUSY:
	 * too many clients, GW_E_NOT_LEADER. call is for gw_rpc_redirect; it may be NULL. */
	int (*open)(struct gw_rpc_dup *dup, struct rpc_client_id client, struct gw_rpc_call *call,
		    struct gw_error *error);
	/* What begin would say, and nothing changes; answer->running is not set. STALE as well for
	 * a client that is not known. */
	int (*look)(struct gw_rpc_dup *dup, const struct rpc_dup_call *call,
		    struct rpc_dup_answer *answer, struct gw_error *error);
	/* An enum rpc_dup_state. GW_E_INVALID: the same number with another request, so two
	 * clients have one id. GW_E_OVERLOADED: over the window, or no room for replies. */
	int (*begin)(struct gw_rpc_dup *dup, const struct rpc_dup_call *call,
		     struct rpc_dup_answer *answer, struct gw_error *error);
	/* The handler is done: its answer is kept until the client has seen it. Without memory for
	 * it the client's copies get GW_E_OUTCOME_UNKNOWN. */
	void (*finish)(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
		       struct gw_bytes reply);
	/* It did not run after all. */
	void (*abandon)(struct gw_rpc_dup *dup, const struct rpc_dup_call *call);
	void (*forget_below)(struct gw_rpc_dup *dup, struct rpc_client_id client,
			     uint64_t first_incomplete);
	/* Forgets clients silent for a lease, none of whose calls runs. */
	void (*expire)(struct gw_rpc_dup *dup, uint64_t now_ms);
	/* Appends the record of an answer, or all of an object's with the clients they belong to.
	 * Of everything (object UINT64_MAX) with the times of the leases, so that a table that was
	 * exported and imported forgets the same clients at the same time. */
	int (*record)(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
		      struct gw_bytes reply, struct base_buffer *out, struct gw_error *error);
	int (*export_object)(struct gw_rpc_dup *dup, uint64_t object, struct base_buffer *out,
			     struct gw_error *error);
	/* Takes in any number of records. GW_E_CORRUPT, GW_E_VERSION; what came before stays. */
	int (*import)(struct gw_rpc_dup *dup, struct gw_bytes records, struct gw_error *error);
	void (*free)(struct gw_rpc_dup *dup);
};

struct gw_rpc_dup {
	const struct rpc_dup_operations *operations;
	bool is_durable; /* it answers calls that were first sent to another incarnation */
	uint64_t lease_ms;
};

/* ---- In a replicated state machine -------------------------------------------------------- */

/* Who asks, which of its calls it is, and what it asked; false for a best-effort call. */
bool rpc_call_identity(const struct gw_rpc_call *call, struct rpc_dup_call *identity);
/* For the entry. */
enum { RPC_DUP_CALL_BYTES = 48 };
void rpc_dup_call_encode(const struct rpc_dup_call *call, uint8_t out[RPC_DUP_CALL_BYTES]);
void rpc_dup_call_decode(const uint8_t in[RPC_DUP_CALL_BYTES], struct rpc_dup_call *call);

/*
 * At apply, of the state machine's own table; now_ms is the entry's time and ends leases. An enum
 * rpc_dup_state, never RUNNING; negative as of begin. They depend on the entries applied before and
 * on nothing else, but for GW_E_NO_MEMORY: a member that gets that has to stop.
 */
int rpc_dup_apply(struct gw_rpc_dup *table, uint64_t now_ms, const struct rpc_dup_call *call,
		  struct rpc_dup_answer *answer, struct gw_error *error) GW_MUST_CHECK;
int rpc_dup_apply_open(struct gw_rpc_dup *table, uint64_t now_ms, struct rpc_client_id client,
		       struct gw_error *error) GW_MUST_CHECK;
/* The handler's end: what apply answered goes to the caller as it is. Returns the handler's result.
 * Of an at-most-once call. */
int rpc_call_answer(struct gw_rpc_call *call, int code, struct gw_bytes payload,
		    struct gw_error *error) GW_MUST_CHECK;

/* An empty table in place of the state machine's, which may be NULL: a snapshot is to be taken
 * in. */
int rpc_dup_renew(struct gw_rpc_dup **table, const struct gw_rpc_dup_options *options,
		  struct gw_error *error) GW_MUST_CHECK;

struct rpc_dup_front_options {
	/* The state machine's; may be replaced by another one (a snapshot) at any time. */
	struct gw_rpc_dup *const *table;
	/* Proposes that the client be known, and waits until that was applied. In a task. */
	int (*open)(void *context, struct rpc_client_id client, struct gw_rpc_call *call,
		    struct gw_error *error);
	void *context;
};

/* The table that the server of a member is given. It answers what was applied, joins copies of a
 * call that runs here, and leaves the rest to apply. gw_rpc_dup_free, after its server. */
int rpc_dup_front_new(struct gw_rpc_dup **front, const struct rpc_dup_front_options *options,
		      struct gw_error *error) GW_MUST_CHECK;

#endif
