/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_retry.c - what a client makes of an answer that is not its caller's, and of none: asks
 * again, elsewhere, under another number, or says what is known.
 */
#include "rpc/client.h"

#include <assert.h>
#include <stdlib.h>

#include "io/rare.h"

enum { STALE_TRIES_MAX = 4, REFUSALS_SHIFT_MAX = 16 };

int rpc_client_gave_up(struct gw_rpc_call *call, int why, struct gw_error *error)
{
	if (call->times_sent == 0)
		return gw_fail(error, why, "%s: %s before it was sent", call->method->full_name,
			       gw_code_text(why));
	if (call->session && call->is_lost && why != GW_E_CANCELLED)
		return gw_fail(error, GW_E_OUTCOME_UNKNOWN,
			       "%s: sent, and the server was lost: %s", call->method->full_name,
			       call->client->last_error.text);
	return gw_fail(error, why, "%s: %s, no answer from %s (sent %u times)",
		       call->method->full_name, gw_code_text(why), call->client->name,
		       call->times_sent);
}

/* It did not run there. An older copy of it may have, elsewhere, or the server has lost the lead
 * and does not know; a table that all servers share tells, if it is asked with the same number. */
static void not_led_there(struct gw_rpc_call *call)
{
	if (call->session && call->session->incarnation == 0)
		return;
	rpc_session_end(call);
	call->times_sent = 0;
}

static int try_elsewhere(struct gw_rpc_call *call, struct gw_error *error)
{
	uint64_t at_ns = io_now_ns(call->client->io);
	int result = 0;

	not_led_there(call);
	/* Servers may point at each other, or at one that is dead, while another leads. */
	if (++call->redirects > GW_RPC_REDIRECTS_MAX && call->redirects % 2 == 0) {
		free(call->redirect);
		call->redirect = NULL;
	}
	if (call->last_line == call->client->line)
		rpc_client_redirect(call->client, call->client->line, call->redirect);
	if (!call->redirect || call->redirects > 1) {
		at_ns += call->client->options.backoff_ms_min * 1000000;
		result = rpc_wait(&call->waiters, "to ask another server for",
				  call->method->full_name,
				  at_ns < call->deadline_ns ? at_ns : call->deadline_ns);
	}
	free(call->redirect);
	call->redirect = NULL;
	if (result == GW_E_CANCELLED || at_ns >= call->deadline_ns)
		return gw_fail(error, result ? result : GW_E_TIMEOUT, "%s: no server leads",
			       call->method->full_name);
	return RPC_CLIENT_AGAIN;
}

/* The server has forgotten us. A call that it saw once, now, cannot have run. */
static int forgotten(struct gw_rpc_call *call)
{
	struct rpc_session *session = call->session;
	bool is_sure = call->times_sent == 1 && call->redirects < STALE_TRIES_MAX;

	if (!session)
		return call->code;
	IO_PROBE(call->client->io, "rpc.session-stale");
	rpc_session_forget(call->client, session);
	rpc_session_end(call);
	if (!is_sure)
		return call->code;
	call->redirects++;
	call->times_sent = 0;
	return RPC_CLIENT_AGAIN;
}

/* Whether a refusal of this copy says too little: an older one may have run, or still run. */
static bool may_have_run(const struct gw_rpc_call *call)
{
	return call->is_unrun && call->times_sent > 1 && call->code != GW_E_STALE &&
	       call->code != GW_E_NOT_LEADER && call->code != GW_E_OUTCOME_UNKNOWN;
}

/* A server that is full now may answer later; any other refusal will not change. */
static int ask_again(struct gw_rpc_call *call, struct gw_error *error)
{
	const struct gw_rpc_client_options *options = &call->client->options;
	uint32_t shift = call->refusals < REFUSALS_SHIFT_MAX ? call->refusals : REFUSALS_SHIFT_MAX;
	uint64_t ms = options->backoff_ms_min << shift;
	uint64_t at_ns = io_now_ns(call->client->io);
	int result = 0;

	call->refusals++;
	at_ns += (ms < options->backoff_ms_max ? ms : options->backoff_ms_max) * 1000000;
	if (call->code == GW_E_OVERLOADED && at_ns < call->deadline_ns) {
		while (result == 0)
			result = rpc_wait(&call->waiters, "to ask again for",
					  call->method->full_name, at_ns);
		if (result == GW_E_TIMEOUT)
			return RPC_CLIENT_AGAIN;
		return rpc_client_gave_up(call, result, error);
	}
	if (!call->session && call->code == GW_E_OVERLOADED)
		return rpc_client_gave_up(call, GW_E_TIMEOUT, error);
	if (!call->session)
		return call->code;
	return gw_fail(error, GW_E_OUTCOME_UNKNOWN,
		       "%s: sent before, and its copy was refused: %s", call->method->full_name,
		       gw_code_text(call->code));
}

int rpc_client_refused(struct gw_rpc_call *call, struct gw_error *error)
{
	assert(call->code < 0);
	/* A server that is about to end asked us to leave; others may take it. */
	if (call->code == GW_E_OVERLOADED && call->is_unrun &&
	    call->last_line != call->client->line) {
		if (call->times_sent == 1)
			call->times_sent = 0;
		return RPC_CLIENT_AGAIN;
	}
	if (may_have_run(call))
		return ask_again(call, error);
	if (call->code == GW_E_NOT_LEADER)
		return try_elsewhere(call, error);
	if (call->code == GW_E_STALE && call->is_unrun)
		return forgotten(call);
	return call->code;
}
