/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter_client.c - the clients of the workload echo-counter: several tasks that share one
 * connection, each with one call at a time, some of which they cancel.
 */
#include "sim/workload_counter.h"

#include "task/loop.h"

#include "counter.rpc.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	ECHO_BYTES_MAX = 3000,
	ECHO_PERCENT = 40,
	READ_PERCENT = 30,
	CANCEL_PERCENT = 10,
	SHORT_PERCENT = 15, /* of calls with a deadline that is hardly to be met */
};

#define ECHO_WAIT_NS_MAX (20 * SIM_MS)
/* Longer than it takes to notice a half-open stream and to connect again. */
#define PATIENCE_NS (60 * SIM_SECOND)

struct life;

struct client_task {
	struct life *life;
	uint32_t number;
};

struct life {
	struct counter_state *state;
	struct sim_node *node;
	struct io *io;
	struct gw_loop *loop;
	struct gw_rpc_client *client;
	uint32_t number;
	struct client_task tasks[COUNTER_TASKS_MAX];
};

/* One call, also for a task of its own that is cancelled. */
struct one {
	struct life *life;
	uint64_t timeout_ns;
	int code;
};

/* Not sim_draw, of which the order of all nodes' draws is part: what one node draws is its own. */
static uint64_t draw(struct life *life, uint64_t n)
{
	uint64_t number;

	io_random(life->io, &number, sizeof(number));
	return number % n;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

static int call_add(struct one *one)
{
	struct life *life = one->life;
	struct counter_state *state = life->state;
	Counter__AddRequest request = COUNTER__ADD_REQUEST__INIT;
	struct gw_rpc_call_options options = {.deadline_ns = gw_now_ns() + one->timeout_ns};
	Counter__AddReply *reply = NULL;
	int64_t number;

	request.counter = (uint32_t)draw(life, state->counters);
	request.amount = draw(life, 100) >= READ_PERCENT;
	request.timeout_ns = one->timeout_ns;
	number = counter_call_begins(state, life->number, request.counter, request.amount);
	if (number < 0)
		return GW_E_TOO_LARGE;
	request.operation = (uint64_t)number;
	one->code = counter_add_with(life->client, &request, &options, &reply, NULL);
	if (one->code >= 0 && reply->operation != request.operation)
		sim_run_fail(state->run, "call %d got the answer of another one, %d", (int)number,
			     (int)reply->operation);
	counter_call_ends(state, (uint64_t)number, one->code, one->code >= 0 ? reply->total : 0);
	gw_rpc_reply_free(reply);
	return one->code;
}

static int call_echo(struct one *one)
{
	struct life *life = one->life;
	Counter__Tag request = COUNTER__TAG__INIT;
	struct gw_rpc_call_options options = {.deadline_ns = gw_now_ns() + one->timeout_ns};
	Counter__Tag *reply = NULL;
	uint8_t bytes[ECHO_BYTES_MAX];

	request.operation = draw(life, UINT64_MAX);
	request.timeout_ns = one->timeout_ns;
	request.wait_ns = draw(life, 2) ? draw(life, ECHO_WAIT_NS_MAX) : 0;
	request.data.data = bytes;
	request.data.len = draw(life, ECHO_BYTES_MAX);
	io_random(life->io, bytes, request.data.len);
	one->code = counter_echo_with(life->client, &request, &options, &reply, NULL);
	if (one->code >= 0 &&
	    (reply->operation != request.operation || reply->data.len != request.data.len ||
	     (reply->data.len > 0 && memcmp(reply->data.data, bytes, reply->data.len) != 0)))
		sim_run_fail(life->state->run, "an echo came back that was not called");
	gw_rpc_reply_free(reply);
	return one->code;
}

static int call_any(void *argument)
{
	struct one *one = argument;

	return draw(one->life, 100) < ECHO_PERCENT ? call_echo(one) : call_add(one);
}

/* Calls from another task, and loses patience. */
static int call_and_cancel(struct one *one)
{
	struct gw_group group = {.name = "a call that is cancelled"};
	int code = gw_spawn(&group, call_any, one, NULL);

	if (code == 0)
		(void)gw_group_wait(&group, gw_now_ns() + draw(one->life, one->timeout_ns));
	(void)gw_group_done(&group);
	return code == 0 ? one->code : code;
}

static uint64_t draw_timeout(struct life *life)
{
	if (life->state->run->healed)
		return PATIENCE_NS; /* the network may be slow, and calls must come through now */
	if (draw(life, 100) < SHORT_PERCENT)
		return 1 + draw(life, 2 * SIM_MS);
	return 10 * SIM_MS + draw(life, life->state->timeout_ns_max);
}

static int call_again_and_again(void *argument)
{
	struct client_task *task = argument;
	struct life *life = task->life;
	struct counter_state *state = life->state;

	while (!gw_cancelled()) {
		struct one one = {.life = life, .timeout_ns = draw_timeout(life),
				  .code = GW_E_CANCELLED};
		bool healed = state->run->healed;
		bool cancels = draw(life, 100) < CANCEL_PERCENT && !healed;
		int code = cancels ? call_and_cancel(&one) : call_any(&one);

		if (code == GW_E_TIMEOUT && healed)
			sim_run_fail(state->run, "a call waits in vain, and nothing is wrong");
		if (code >= 0 && state->run->healed)
			state->done_healed[life->number][task->number]++;
		if (gw_sleep_until(gw_now_ns() + 1 + draw(life, state->pause_ns_max)) < 0)
			break;
	}
	return 0;
}

/* ---- The program ---------------------------------------------------------------------------- */

/* Until the machine dies; then what was made is given back. */
static int run_client(void *argument)
{
	struct life *life = argument;
	struct gw_rpc_client_options options = {.insecure = true};
	struct gw_group group = {.name = "calls"};
	struct gw_error error = {0};
	char address[64];
	int code;

	snprintf(address, sizeof(address), "10.0.0.%u:%d",
		 sim_node_index(life->state->server) + 1, COUNTER_PORT);
	code = gw_rpc_client_new(&life->client, address, &options, &error);
	for (uint32_t i = 0; i < life->state->task_count && code == 0; i++) {
		life->tasks[i] = (struct client_task){life, i};
		code = gw_spawn(&group, call_again_and_again, &life->tasks[i], NULL);
	}
	if (code < 0 && sim_io_alive(life->io))
		sim_run_fail(life->state->run, "a client cannot start: %s", error.text);
	(void)gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	gw_rpc_client_free(life->client);
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
	while (life->state->clients[life->number] != node)
		life->number++;
	code = task_loop_new(io, &options, &life->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(life->loop, run_client, life, NULL);
	assert(code == 0);
	return life;
}

static void stop(void *argument)
{
	struct life *life = argument;

	if (!sim_end_tasks(life->io, life->loop))
		sim_run_fail(life->state->run, "the tasks of a dead machine do not end");
	free(life);
}

const struct sim_program counter_client_program = {start, stop, NULL};
