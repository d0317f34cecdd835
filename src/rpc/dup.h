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
	 * too many clients. */
	int (*open)(struct gw_rpc_dup *dup, struct rpc_client_id client, struct gw_error *error);
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
	/* Appends the record of an answer, or all of an object's (of everything: object UINT64_MAX)
	 * with the clients they belong to. */
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

#endif
