/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter_server.c - the server of the workload echo-counter. It adds, writes the effect to its
 * log, and answers when that is durable. In some seeds the record that says how the call was
 * answered is part of the same write, so that a copy which arrives after a restart is answered; in
 * the others the duplicate table is in memory, and such a copy has to be refused.
 *
 *     a record   u8 kind: EFFECT, ANSWERS
 *     EFFECT     u64 call, u32 counter, i64 amount, i64 total, then the answer's record or nothing
 *     ANSWERS    what the duplicate table wants to be kept
 */
#include "sim/counter_log.h"
#include "sim/workload_counter.h"

#include "base/little_endian.h"
#include "task/loop.h"

#include "counter.rpc.h"

#include <stdio.h>
#include <stdlib.h>

enum { EFFECT = 1, ANSWERS = 2, EFFECT_BYTES = 29 };

/* From boot to death. */
struct life {
	struct counter_state *state;
	struct sim_node *node;
	struct io *io;
	struct gw_loop *loop;
	struct counter_log log;
	struct gw_rpc_dup *dup;
	struct gw_rpc_server *server;
	int64_t totals[COUNTERS_MAX];
};

static void end_process(void *context, const struct gw_error *error)
{
	struct life *life = context;

	sim_note(life->state->run->sim, life->node, "the server ends", error->code);
	sim_node_kill(life->node);
}

/* ---- Recovery ------------------------------------------------------------------------------- */

static void restore(struct life *life, struct gw_bytes record)
{
	struct gw_error error = {0};

	if (record.size > 0 && life->dup && gw_rpc_dup_restore(life->dup, record, &error) < 0)
		sim_run_fail(life->state->run, "the duplicate table refuses its own record: %s",
			     error.text);
}

static void note_record(void *context, struct gw_bytes payload)
{
	struct life *life = context;
	const uint8_t *at = payload.data;
	int64_t total;

	if (payload.size > 0 && at[0] == ANSWERS) {
		restore(life, (struct gw_bytes){at + 1, payload.size - 1});
		return;
	}
	if (payload.size < EFFECT_BYTES || at[0] != EFFECT) {
		sim_run_fail(life->state->run, "a record of the log is none of the server's");
		return;
	}
	total = (int64_t)base_load64(at + 21);
	life->totals[base_load32(at + 9) % COUNTERS_MAX] = total;
	counter_call_took_effect(life->state, base_load64(at + 1), total);
	restore(life, (struct gw_bytes){at + EFFECT_BYTES, payload.size - EFFECT_BYTES});
}

/* Behind the last record a torn write may have left something; or an answered call has rotted. */
static void note_trouble(void *context, enum disk_log_trouble trouble)
{
	struct counter_state *state = ((struct life *)context)->state;

	if (state->run->beyond)
		state->loss_told = true;
	else if (trouble == DISK_LOG_LOST)
		sim_run_fail(state->run, "the log lost records, and nothing harmed the disk");
}

/* ---- Handlers ------------------------------------------------------------------------------- */

/* The deadline of the caller has to be that of the handler's task; clocks go wrong by some percent
 * at most. */
static void check_deadline(struct life *life, uint64_t timeout_ns)
{
	uint64_t left_ns = gw_deadline() - gw_now_ns();

	if (gw_deadline() == GW_FOREVER ||
	    (gw_deadline() > gw_now_ns() && left_ns / 2 > timeout_ns))
		sim_run_fail(life->state->run, "a handler has more time than its caller gave");
}

static int echo(struct gw_rpc_call *call, void *context, const Counter__Tag *request,
		Counter__Tag *reply, struct gw_error *error)
{
	struct life *life = context;
	int code = gw_sleep_until(gw_now_ns() + request->wait_ns);

	check_deadline(life, request->timeout_ns);
	if (code < 0)
		return gw_fail(error, code, "the echo was not waited for");
	reply->operation = request->operation;
	reply->data.len = request->data.len;
	reply->data.data = gw_rpc_allocate(call, request->data.len + 1);
	if (!reply->data.data)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an echo");
	if (request->data.len > 0)
		memcpy(reply->data.data, request->data.data, request->data.len);
	return 0;
}

/* Writes the effect, with the lock held; it happened when this returns. */
static int write_effect(struct life *life, struct gw_rpc_call *call,
			const Counter__AddRequest *request, const Counter__AddReply *reply,
			struct gw_error *error)
{
	uint8_t payload[DISK_LOG_PAYLOAD_MAX];
	struct gw_bytes record = {NULL, 0};
	int code = 0;

	if (life->state->durable)
		code = gw_rpc_completion(call, (const struct ProtobufCMessage *)reply, &record,
					 error);
	if (code < 0)
		return code;
	if (record.size > sizeof(payload) - EFFECT_BYTES)
		return gw_fail(error, GW_E_TOO_LARGE, "a record of %zu bytes", record.size);
	payload[0] = EFFECT;
	base_store64(payload + 1, request->operation);
	base_store32(payload + 9, request->counter);
	base_store64(payload + 13, (uint64_t)request->amount);
	base_store64(payload + 21, (uint64_t)reply->total);
	if (record.size > 0)
		memcpy(payload + EFFECT_BYTES, record.data, record.size);
	code = counter_log_append(&life->log,
				  (struct gw_bytes){payload, EFFECT_BYTES + record.size});
	if (code < 0 || !sim_io_alive(life->io))
		return gw_fail(error, GW_E_CANCELLED, "the server has ended");
	life->totals[request->counter % COUNTERS_MAX] = reply->total;
	counter_call_took_effect(life->state, request->operation, reply->total);
	return 0;
}

static int add(struct gw_rpc_call *call, void *context, const Counter__AddRequest *request,
	       Counter__AddReply *reply, struct gw_error *error)
{
	struct life *life = context;
	int code;

	check_deadline(life, request->timeout_ns);
	code = gw_lock(&life->log.lock, GW_FOREVER);
	if (code < 0)
		return gw_fail(error, code, "the counters are busy");
	reply->operation = request->operation;
	reply->total = life->totals[request->counter % COUNTERS_MAX] + request->amount;
	code = write_effect(life, call, request, reply, error);
	gw_unlock(&life->log.lock);
	return code;
}

/* ---- The program ---------------------------------------------------------------------------- */

static int keep_answers(void *context, struct gw_bytes record, struct gw_error *error)
{
	struct life *life = context;
	uint8_t payload[DISK_LOG_PAYLOAD_MAX];
	int code;

	if (record.size >= sizeof(payload))
		return gw_fail(error, GW_E_TOO_LARGE, "a record of %zu bytes", record.size);
	payload[0] = ANSWERS;
	memcpy(payload + 1, record.data, record.size);
	code = gw_lock(&life->log.lock, GW_FOREVER);
	if (code < 0)
		return gw_fail(error, code, "the log is busy");
	code = counter_log_append(&life->log, (struct gw_bytes){payload, record.size + 1});
	gw_unlock(&life->log.lock);
	return code < 0 ? gw_fail(error, code, "the log has failed") : 0;
}

static int serve(struct life *life, struct gw_error *error)
{
	static const struct counter_handlers handlers = {.echo = echo, .add = add};
	struct gw_rpc_server_options options = {.insecure = true};
	char address[64];
	int code = gw_rpc_server_new(&life->server, &options, error);

	if (code == 0)
		code = counter_serve(life->server, &handlers, life, life->dup, error);
	snprintf(address, sizeof(address), "10.0.0.%u:%d", sim_node_index(life->node) + 1,
		 COUNTER_PORT);
	if (code == 0)
		code = gw_rpc_server_listen(life->server, address, error);
	return code;
}

/* Until the machine dies; then what was made is given back. */
static int run_server(void *argument)
{
	struct life *life = argument;
	struct gw_rpc_dup_options options = {.log = keep_answers, .context = life};
	struct gw_error error = {0};
	int code = 0;

	if (life->state->durable)
		code = gw_rpc_dup_new(&life->dup, &options, &error);
	counter_recovery_begins(life->state);
	if (code == 0)
		code = counter_log_open(&life->log, life->io, life->state->segment_bytes);
	if (code == 0)
		code = counter_log_recovered(&life->log);
	if (code == 0)
		counter_recovery_ends(life->state);
	if (code == 0)
		code = serve(life, &error);
	if (code < 0)
		end_process(life, &error);
	else
		(void)gw_sleep_until(GW_FOREVER);
	gw_rpc_server_free(life->server);
	gw_rpc_dup_free(life->dup);
	return code;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct life *life = calloc(1, sizeof(*life));
	int code;

	assert(life);
	life->state = argument;
	life->node = node;
	life->io = io;
	life->log.record = note_record;
	life->log.trouble = note_trouble;
	life->log.failed = end_process;
	life->log.context = life;
	code = task_loop_new(io, &options, &life->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(life->loop, run_server, life, NULL);
	assert(code == 0);
	return life;
}

static void stop(void *argument)
{
	struct life *life = argument;

	if (!sim_end_tasks(life->io, life->loop))
		sim_run_fail(life->state->run, "the tasks of a dead machine do not end");
	disk_log_free(life->log.log);
	free(life);
}

const struct sim_program counter_server_program = {start, stop, NULL};
