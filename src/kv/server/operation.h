/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation.h - what operations of an entry do to the table.
 */
#ifndef KV_SERVER_OPERATION_H
#define KV_SERVER_OPERATION_H

#include "kv/server/state.h"

/*
 * Carries out the entry's operations and appends the packed answer to *payload. An operation that
 * is refused changes nothing: *refused is its code then, and why its sentence. Fails when the state
 * is unusable.
 */
int kv_operations_run(struct kv_state *state, uint64_t index, const struct kv_entry *entry,
		      struct base_buffer *payload, int *refused, struct gw_error *why,
		      struct gw_error *error) GW_MUST_CHECK;

/* Takes out keys whose time is over, `most` of them. */
int kv_expire_due(struct kv_state *state, uint64_t index, unsigned most,
	      struct gw_error *error) GW_MUST_CHECK;

#endif
