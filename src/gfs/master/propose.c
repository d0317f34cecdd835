/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose.c - how handlers reach the log: records proposed, reads that are not old, and what is
 * said when this master is not the one to ask.
 */
#include "gfs/master/inside.h"

#include <assert.h>

#include "replog/answer.h"

int gfs_master_elsewhere(struct gfs_master *master, struct gw_rpc_call *call, int code,
			 struct gw_error *error)
{
	return replog_elsewhere(master->log, master->options.address, master->name, call, code,
				error);
}

static int propose(struct gfs_master *master, const struct gfs_record *record,
		   uint64_t deadline_ns, struct replog_result *result, struct gw_error *error)
{
	struct base_buffer bytes = {0};
	int code = gfs_record_encode(record, &bytes, error);

	*result = (struct replog_result){0};
	if (code == 0)
		code = replog_propose(master->log, base_buffer_bytes(&bytes), deadline_ns, result,
				      error);
	base_buffer_done(&bytes);
	return code;
}

int gfs_master_propose(struct gfs_master *master, const struct gfs_record *record,
		       uint64_t deadline_ns, struct base_buffer *payload, bool *is_refused,
		       struct gw_error *error)
{
	struct replog_result result;
	struct gw_bytes answer;
	int code = propose(master, record, deadline_ns, &result, error), answered = 0;

	assert(!record->has_call);
	if (payload)
		*payload = (struct base_buffer){0};
	if (is_refused)
		*is_refused = false;
	if (code < 0)
		return code;
	code = replog_answer_read(base_buffer_bytes(&result.reply), &answered, &answer, error);
	if (code == 0 && answered < 0) {
		if (is_refused)
			*is_refused = true;
		code = replog_answer_refused(answered, answer, error);
	} else if (code == 0 && payload) {
		code = base_buffer_append(payload, answer.data, answer.size, error);
	}
	base_buffer_done(&result.reply);
	return code;
}

int gfs_master_propose_for(struct gfs_master *master, struct gw_rpc_call *call,
			   const struct gfs_record *record, struct base_buffer *payload,
			   struct gw_error *error)
{
	bool is_refused;
	int code = gfs_master_propose(master, record, gw_rpc_call_deadline(call), payload,
				      &is_refused, error);

	return code < 0 && !is_refused ? gfs_master_elsewhere(master, call, code, error) : code;
}

/* The outcome of a proposal is unknown when leadership or the disk is lost meanwhile. The call is
 * then asked again, of whoever leads, under its number: apply knows whether it was done. */
int gfs_master_propose_call(struct gfs_master *master, struct gw_rpc_call *call,
			    struct gfs_record *record, struct replog_result *result,
			    struct gw_error *error)
{
	int code;

	record->has_call = rpc_call_identity(call, &record->call);
	assert(record->has_call);
	code = propose(master, record, gw_rpc_call_deadline(call), result, error);
	return code < 0 ? gfs_master_elsewhere(master, call, code, error) : 0;
}

int gfs_master_change(struct gfs_master *master, struct gw_rpc_call *call,
		      struct gfs_record *record, struct gw_error *error)
{
	struct replog_result result;
	struct gw_bytes payload;
	int code = gfs_master_propose_call(master, call, record, &result, error), answered;

	if (code < 0)
		return code;
	code = replog_answer_read(base_buffer_bytes(&result.reply), &answered, &payload, error);
	if (code == 0)
		code = rpc_call_answer(call, answered, payload, error);
	base_buffer_done(&result.reply);
	return code;
}

int gfs_master_read(struct gfs_master *master, struct gw_rpc_call *call, bool weak,
		    struct gw_error *error)
{
	int code = weak ? 0 : replog_read_barrier(master->log, gw_rpc_call_deadline(call), NULL,
						  error);

	if (code == 0 && !gfs_machine_is_whole(&master->machine))
		code = gw_fail(error, GW_E_NOT_LEADER, "%s: this master has no state now",
			       master->name);
	return code < 0 ? gfs_master_elsewhere(master, call, code, error) : 0;
}

int gfs_master_open_client(void *context, struct rpc_client_id client, struct gw_rpc_call *call,
			   struct gw_error *error)
{
	const struct gfs_record record = {.kind = GFS_RECORD_CLIENT,
					  .client_first = client.words[0],
					  .client_second = client.words[1]};
	struct gfs_master *master = context;
	bool is_refused;
	/* The client has not told how long it waits for this; it may ask again. */
	int code = gfs_master_propose(master, &record, gw_after_ms(GW_RPC_TIMEOUT_MS), NULL,
				      &is_refused, error);

	if (code == 0 || is_refused)
		return code;
	return gfs_master_elsewhere(master, call, code, error);
}
