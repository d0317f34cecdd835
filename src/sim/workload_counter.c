/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_counter.c - the workload echo-counter: see workload_counter.h. One server, which dies,
 * loses power and comes back, and several clients that call it over a network that resets, cuts,
 * delays and drips.
 */
#include "sim/workload_counter.h"

#include "base/allocate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS_TO_CONVERGE = 5 };

/* ---- What is known of calls ----------------------------------------------------------------- */

int64_t counter_call_begins(struct counter_state *state, uint32_t client, uint32_t counter,
			    int64_t amount)
{
	struct sim_operation operation = {.client = client, .kind = SIM_ADD, .number = amount};
	struct counter_call *call;
	char key[32];

	assert(client < state->client_count && counter < state->counters);
	if (state->call_count >= COUNTER_CALLS_MAX)
		return -1;
	if (state->call_count == state->call_capacity) {
		state->calls = base_grow(state->calls, sizeof(*state->calls),
					 &state->call_capacity, state->call_count + 1);
		assert(state->calls);
	}
	snprintf(key, sizeof(key), "counter %u", counter);
	operation.key = gw_string(key);
	call = &state->calls[state->call_count];
	*call = (struct counter_call){.counter = counter, .amount = amount};
	call->history = sim_history_call(&state->run->history, &operation);
	assert(call->history >= 0);
	return (int64_t)state->call_count++;
}

/* Codes that say for certain that it did not run. */
static bool is_refusal(int code)
{
	return code == GW_E_UNREACHABLE || code == GW_E_OVERLOADED || code == GW_E_DENIED ||
	       code == GW_E_NOT_FOUND;
}

/* What is wrong with calls, but for what was told to be lost. */
static void GW_PRINTF(2, 3) fail_call(struct counter_state *state, const char *format, ...)
{
	char text[GW_ERROR_TEXT_MAX];
	va_list arguments;

	if (state->loss_told)
		return;
	va_start(arguments, format);
	if (vsnprintf(text, sizeof(text), format, arguments) >= 0)
		sim_run_fail(state->run, "%s", text);
	va_end(arguments);
}

void counter_call_ends(struct counter_state *state, uint64_t number, int code, int64_t total)
{
	struct counter_call *call = &state->calls[number];
	struct sim_reply reply = {.number = total};

	assert(number < state->call_count && !call->answered && !call->did_not_run);
	sim_note(state->run->sim, NULL, "a call ends", (int64_t)number);
	if (code >= 0) {
		call->answered = true;
		if (sim_history_reply(&state->run->history, call->history, &reply) < 0)
			sim_run_fail(state->run, "no memory for the history");
		if (call->effects == 0 && !state->recovering)
			fail_call(state,
				  "call %" PRIu64 " was answered and never took effect", number);
		else if (call->total != total)
			fail_call(state,
				  "call %" PRIu64 " was answered with %" PRId64
				  ", and made %" PRId64,
				  number, total, call->total);
	} else if (code == GW_E_STALE) {
		/* No run is as long as a lease. */
		fail_call(state, "call %" PRIu64 " was called stale, and its client is not",
			  number);
	} else if (is_refusal(code)) {
		call->did_not_run = true;
		sim_history_failed(&state->run->history, call->history);
		if (call->effects > 0)
			fail_call(state,
				  "call %" PRIu64 " took effect, and its caller was told %s",
				  number, gw_code_text(code));
	}
}

void counter_call_took_effect(struct counter_state *state, uint64_t number, int64_t total)
{
	struct counter_call *call;

	if (number >= state->call_count) {
		fail_call(state, "call %" PRIu64 " took effect, and nobody made it", number);
		return;
	}
	call = &state->calls[number];
	call->effects++;
	call->total = total;
	if (call->effects > 1)
		fail_call(state, "call %" PRIu64 " took effect twice", number);
	if (call->did_not_run)
		fail_call(state,
			  "call %" PRIu64 " took effect, and its caller was told it did not",
			  number);
}

void counter_recovery_begins(struct counter_state *state)
{
	for (size_t i = 0; i < state->call_count; i++)
		state->calls[i].effects = 0;
	state->recovering = true;
}

void counter_recovery_ends(struct counter_state *state)
{
	state->recoveries++;
	state->recovering = false;
	for (size_t i = 0; i < state->call_count; i++) {
		if (state->calls[i].answered && state->calls[i].effects == 0)
			fail_call(state, "call %zu was answered, and its effect is lost", i);
	}
}

/* ---- The workload --------------------------------------------------------------------------- */

static void add_server(struct counter_state *state)
{
	struct sim_program program = counter_server_program;

	program.argument = state;
	state->server = sim_node_add(state->run->sim, "server", &program);
	sim_atlas_add(&state->run->atlas, &(struct sim_group){
		.nodes = UINT64_C(1) << sim_node_index(state->server),
		.down_max = 1,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULTS_POWER | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_NETWORK | SIM_FAULTS_DISK,
		.beyond = SIM_FAULT_BIT(ROT),
		.in_order = sim_draw(state->run->sim, 2),
	});
	sim_node_start(state->server);
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	static const uint64_t pauses_ms[] = {2, 20, 200};
	static const uint64_t timeouts_ms[] = {50, 500, 5000};
	struct counter_state *state = calloc(1, sizeof(*state));

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	state->client_count = 1 + (uint32_t)sim_draw(run->sim, COUNTER_CLIENTS_MAX);
	state->task_count = 1 + (uint32_t)sim_draw(run->sim, COUNTER_TASKS_MAX);
	state->counters = 1 + (uint32_t)sim_draw(run->sim, COUNTERS_MAX);
	state->durable = sim_draw(run->sim, 2);
	state->segment_bytes = 4096 + (uint32_t)sim_draw(run->sim, 16 << 10);
	state->pause_ns_max = pauses_ms[sim_draw(run->sim, 3)] * SIM_MS;
	state->timeout_ns_max = timeouts_ms[sim_draw(run->sim, 3)] * SIM_MS;
	add_server(state);
	return 0;
}

static int add_clients(struct sim_run *run, struct gw_error *error)
{
	struct counter_state *state = run->state;
	struct sim_program program = counter_client_program;
	uint64_t nodes = 0;

	(void)error;
	program.argument = state;
	for (uint32_t i = 0; i < state->client_count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "client %u", i);
		state->clients[i] = sim_node_add(run->sim, name, &program);
		nodes |= UINT64_C(1) << sim_node_index(state->clients[i]);
		sim_node_start(state->clients[i]);
	}
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = nodes,
		.down_max = state->client_count,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULT_BIT(POWER_LOSS) | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_NETWORK,
	});
	return 0;
}

static bool converged(struct sim_run *run)
{
	const struct counter_state *state = run->state;

	for (uint32_t i = 0; i < state->client_count; i++) {
		for (uint32_t j = 0; j < state->task_count; j++) {
			if (state->done_healed[i][j] < CALLS_TO_CONVERGE)
				return false;
		}
	}
	return true;
}

/* The server loses power once more; then every answered effect is there, and the history is that
 * of one copy. */
static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct counter_state *state = run->state;
	int code;

	for (uint32_t i = 0; i < state->client_count; i++)
		sim_node_kill(state->clients[i]);
	code = sim_run_recover(run, state->server, true, &state->recoveries, error);
	if (code < 0)
		return code;
	return state->loss_told ? 0 : sim_linear_check(&run->history, NULL, error);
}

static void done(struct sim_run *run)
{
	struct counter_state *state = run->state;

	if (state)
		free(state->calls);
	free(state);
}

static const struct sim_bug bugs[] = {
	{"rpc.dup-early", "an entry of the duplicate table is freed one early"},
	{"rpc.other-incarnation", "a retry that reaches another incarnation is run again"},
	{"rpc.cancelled-reply", "a cancelled call's reply is given to the next"},
	{"rpc.deadline-dropped", "a deadline is not passed on"},
	{"rpc.partial-frame", "a partial read is taken for a whole frame"},
	{"rpc.lost-wake", "a wake-up between the check and the wait is lost"},
	{"disk-log.no-sync", "a batch is written without a sync"},
	{0},
};

const struct sim_workload sim_echo_counter = {
	.name = "echo-counter",
	.about = "clients count on a server by calls that run at most once",
	.setup = set_up,
	.client = add_clients,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
