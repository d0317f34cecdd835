/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_kv.c - the workload kv: three or five members of the key/value service and eight
 * clients, while they die, lose power, are cut off, have bad disks and clocks, and members are
 * replaced. Every history is linearizable, key by key; each change takes effect once, at the entry
 * that was answered; a weak read is the state at the entry that it names; who watches is told every
 * change once and in order; keys end by the log's time; and all members hold the same at the end,
 * the table of answered calls too.
 */
#include "sim/workload_kv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS_TO_CONVERGE = 4 };

/* ---- While it runs -------------------------------------------------------------------------- */

static int check_running(struct sim_run *run, struct gw_error *error)
{
	struct kv_run_state *state = run->state;

	(void)error;
	for (uint32_t i = 0; i < state->machines; i++) {
		if (kv_run_is_open(&state->members[i]))
			kv_truth_read(&state->members[i]);
	}
	return 0;
}

/* All have what somebody was told of. */
static bool are_together(struct kv_run_state *state)
{
	if (!kv_run_are_members(state))
		return false;
	for (uint32_t i = 0; i < state->machines; i++) {
		const struct kv_state *held = &state->members[i].server->state;

		if (held->is_restoring || held->is_broken || held->applied < state->told)
			return false;
	}
	return true;
}

static bool converged(struct sim_run *run)
{
	struct kv_run_state *state = run->state;

	if (state->healed_index == 0)
		state->healed_index = 1 + state->told;
	for (uint32_t i = 0; i < KV_RUN_CLIENTS; i++) {
		if (state->clients[i].done_healed < CALLS_TO_CONVERGE)
			return false;
	}
	for (uint32_t i = 0; i < KV_RUN_WATCHERS; i++) {
		const struct kv_watched *now = state->watchers[i].now;

		if (!now || now->last < state->healed_index)
			return false;
	}
	return are_together(state);
}

/* ---- The end -------------------------------------------------------------------------------- */

/* All have applied the same entries. */
static bool are_level(void *context)
{
	struct kv_run_state *state = context;
	uint64_t applied;

	if (state->run->error.code)
		return true;
	if (!are_together(state))
		return false;
	applied = state->members[0].server->state.applied;
	for (uint32_t i = 0; i < state->machines; i++) {
		if (state->members[i].server->state.applied != applied)
			return false;
	}
	return true;
}

/* All of a member's state: the keys, and the calls that were answered. */
static int bytes_of(struct kv_run_member *member, struct base_buffer *out, struct gw_error *error)
{
	struct kv_snapshot_writer *writer;
	char piece[4096];
	int code = kv_state_snapshot(&member->server->state, &writer, error);

	if (code < 0)
		return code;
	while ((code = kv_snapshot_read(writer, piece, sizeof(piece))) > 0) {
		code = base_buffer_append(out, piece, (size_t)code, error);
		if (code < 0)
			break;
	}
	kv_snapshot_writer_free(writer);
	return code;
}

static int check_equal(struct kv_run_state *state, struct gw_error *error)
{
	struct base_buffer first = {0};
	int code = bytes_of(&state->members[0], &first, error);

	for (uint32_t i = 1; i < state->machines && code == 0; i++) {
		struct base_buffer other = {0};

		code = bytes_of(&state->members[i], &other, error);
		if (code == 0 && gw_bytes_compare(base_buffer_bytes(&first),
						  base_buffer_bytes(&other)) != 0)
			code = gw_fail(error, GW_E_CORRUPT, "%s and %s hold different things",
				       sim_node_name(state->members[0].node),
				       sim_node_name(state->members[i].node));
		base_buffer_done(&other);
	}
	base_buffer_done(&first);
	return code;
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct kv_run_state *state = run->state;
	int code;

	for (uint32_t i = 0; i < KV_RUN_CLIENTS; i++)
		sim_node_kill(state->clients[i].node);
	for (uint32_t i = 0; i < state->machines; i++)
		sim_node_restart(state->members[i].node, true, 0);
	if (!sim_run_when(run->sim, are_level, state, sim_now_ns(run->sim) + SIM_LIVENESS_NS))
		return gw_fail(error, GW_E_CORRUPT, "the members do not come together again");
	if (run->error.code)
		return 0;
	code = check_running(run, error);
	if (code == 0)
		code = check_equal(state, error);
	if (code == 0)
		code = kv_truth_check(state, state->members[0].server, error);
	return code == 0 ? sim_linear_check(&run->history, NULL, error) : code;
}

/* ---- Setting up ----------------------------------------------------------------------------- */

static void draw(struct kv_run_state *state)
{
	static const uint64_t pauses_ms[] = {5, 50, 500};
	static const uint64_t timeouts_ms[] = {100, 1000, 5000};
	struct sim *sim = state->run->sim;

	state->count = sim_draw(sim, 3) == 0 ? 5 : 3;
	state->machines = state->count + (sim_draw(sim, 3) == 0);
	log_tuning_draw(&state->tuning, sim, pauses_ms, timeouts_ms);
	state->padding_bytes = sim_draw(sim, 4) == 0 ? sim_draw(sim, KV_RUN_PADDING_MAX) : 0;
	state->slots = 1 + (uint32_t)sim_draw(sim, KV_RUN_SLOTS);
	state->lease = sim_draw(sim, 3) == 0;
	state->changes = sim_draw(sim, 2) == 0;
	state->rots = sim_draw(sim, 2) == 0;
}

static void add_member(struct kv_run_state *state, uint32_t number)
{
	struct kv_run_member *member = &state->members[number];
	struct sim_program program = kv_run_member_program;
	char name[8];

	program.argument = member;
	member->state = state;
	member->joins = number > 0;
	member->is_standby = number >= state->count;
	snprintf(name, sizeof(name), "m%" PRIu32, number + 1);
	member->node = sim_node_add(state->run->sim, name, &program);
	log_address_of(member->node, KV_RUN_PORT, member->address);
	if (!member->is_standby)
		log_address_add(state->addresses, sizeof(state->addresses), member->address);
	sim_node_start(member->node);
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	struct kv_run_state *state = calloc(1, sizeof(*state));
	uint64_t nodes = 0;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	draw(state);
	for (uint32_t i = 0; i < state->machines; i++) {
		add_member(state, i);
		nodes |= UINT64_C(1) << sim_node_index(state->members[i].node);
	}
	/* A machine that sleeps has a clock that stands still: no leases there (raft.h). */
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = nodes,
		.down_max = (state->count - 1) / 2,
		.bears = (SIM_FAULTS_PROCESS | SIM_FAULTS_POWER | SIM_FAULTS_CLOCK |
			  SIM_FAULTS_NETWORK | SIM_FAULTS_DISK) &
			 ~(state->lease ? SIM_FAULT_BIT(PAUSE_MACHINE) : 0),
	});
	if (state->changes)
		sim_at(run->sim, 2 * SIM_SECOND, kv_run_operate, state);
	return 0;
}

static int add_clients(struct sim_run *run, struct gw_error *error)
{
	struct kv_run_state *state = run->state;
	uint64_t nodes = 0;

	(void)error;
	for (uint32_t i = 0; i < KV_RUN_WATCHERS; i++)
		state->watchers[i] = (struct kv_run_watcher){.state = state, .logs_only = i == 1};
	for (uint32_t i = 0; i < KV_RUN_CLIENTS; i++) {
		struct kv_run_client_node *client = &state->clients[i];
		struct sim_program program = kv_run_client_program;
		char name[16];

		*client = (struct kv_run_client_node){.state = state, .number = i};
		program.argument = client;
		snprintf(name, sizeof(name), "client %" PRIu32, i);
		client->node = sim_node_add(run->sim, name, &program);
		nodes |= UINT64_C(1) << sim_node_index(client->node);
		sim_node_start(client->node);
	}
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = nodes,
		.down_max = KV_RUN_CLIENTS,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULT_BIT(POWER_LOSS) | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_NETWORK,
	});
	return 0;
}

static void done(struct sim_run *run)
{
	struct kv_run_state *state = run->state;

	if (!state)
		return;
	for (size_t i = 0; i < state->watched_count; i++) {
		free(state->watched[i]->heard);
		free(state->watched[i]);
	}
	free(state->watched);
	free(state->calls);
	free(state->keys);
	free(state->truth);
	base_arena_done(&state->bytes);
	free(state);
}

static const struct sim_bug bugs[] = {
	{"kv.runs-again", "a copy of some calls that were answered runs again"},
	{"kv.calls-left-out", "a snapshot does not hold the calls that were answered, if many"},
	{"kv.read-unasked", "a member that is watched answers reads without asking the log"},
	{"replog.apply-early", "entries are applied and acknowledged before the quorum has them"},
	{"raft.answer-not-saved", "entries are acknowledged to the leader before they are durable"},
	{0},
};

const struct sim_workload sim_kv = {
	.name = "kv",
	.about = "clients of the key/value service; each history is that of one copy",
	.setup = set_up,
	.client = add_clients,
	.check_running = check_running,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
