/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_replog.c - the workload replog: members propose numbers to their log, while they die,
 * lose power, are cut off, have bad disks and clocks, and are replaced. All must apply the same
 * numbers at the same indices, none twice; what was acknowledged is there ever after; a read sees
 * what was acknowledged before it began; a term has one leader.
 */
#include "sim/workload_replog.h"

#include "base/allocate.h"
#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBERS_TO_CONVERGE = 10, REPLACE_EVERY_S = 4 };

/* ---- What is known of numbers ---------------------------------------------------------------- */

uint64_t replog_number_new(struct replog_state_of_run *state)
{
	uint64_t left = REPLOG_NUMBERS_MAX - 1 - state->number_count;

	if (left <= (state->run->healed ? 0 : REPLOG_NUMBERS_MAX / 2))
		return 0;
	return ++state->number_count;
}

/* Codes that say for certain that it was not proposed. */
static bool is_refusal(int code)
{
	return code == GW_E_NOT_LEADER || code == GW_E_OVERLOADED || code == GW_E_NO_SPACE;
}

void replog_number_ends(struct replog_node *node, uint64_t number, int code, uint64_t index)
{
	struct replog_state_of_run *state = node->state;
	struct replog_number *known = &state->numbers[number];

	sim_note(state->run->sim, node->node, code < 0 ? "a number is not answered" :
		 "a number is acknowledged", (int64_t)number);
	if (is_refusal(code)) {
		known->refused = true;
		if (known->index)
			sim_run_fail(state->run, "number %" PRIu64 " was refused and applied",
				     number);
	}
	if (code < 0)
		return;
	known->acknowledged = true;
	state->done_healed += state->run->healed;
	if (index > state->acknowledged)
		state->acknowledged = index;
	if (known->index != index)
		sim_run_fail(state->run, "number %" PRIu64 " is acknowledged at %" PRIu64
			     " and applied at %" PRIu64, number, index, known->index);
}

static uint64_t mix(uint64_t hash, uint64_t index, uint64_t number)
{
	return (((hash ^ index) * UINT64_C(0x100000001b3)) ^ number) * UINT64_C(0x100000001b3);
}

static struct replog_truth *truth_at(struct replog_state_of_run *state, uint64_t index)
{
	while (index >= state->truth_count) {
		if (state->truth_count == state->truth_capacity) {
			state->truth = base_grow(state->truth, sizeof(*state->truth),
						 &state->truth_capacity, state->truth_count + 1);
			assert(state->truth);
		}
		state->truth[state->truth_count++] = (struct replog_truth){0};
	}
	return &state->truth[index];
}

/* The first member that applies at an index decides what is there. */
static void decide(struct replog_node *node, struct replog_truth *truth, uint64_t index,
		   uint64_t number)
{
	struct replog_state_of_run *state = node->state;
	struct replog_number *known = &state->numbers[number];

	*truth = (struct replog_truth){number, node->last, node->count, node->hash};
	if (known->index)
		sim_run_fail(state->run, "number %" PRIu64 " is applied at %" PRIu64
			     " and at %" PRIu64, number, known->index, index);
	if (known->refused)
		sim_run_fail(state->run, "number %" PRIu64 " was refused and is applied", number);
	known->index = index;
}

void replog_number_applied(struct replog_node *node, uint64_t index, uint64_t number)
{
	struct replog_state_of_run *state = node->state;
	struct replog_truth *truth = truth_at(state, index);
	uint64_t previous = node->last;

	if (number == 0 || number > state->number_count || index <= node->last) {
		sim_run_fail(state->run, "nobody proposed what is applied at %" PRIu64, index);
		return;
	}
	node->count++;
	node->hash = mix(node->hash, index, number);
	if (truth->number == 0) {
		decide(node, truth, index, number);
		truth->previous = previous;
	}
	node->last = index;
	if (truth->number != number || truth->previous != previous || truth->hash != node->hash)
		sim_run_fail(state->run, "%s applies %" PRIu64 " at %" PRIu64 " behind %" PRIu64
			     ", another one %" PRIu64 " behind %" PRIu64,
			     sim_node_name(node->node), number, index, previous, truth->number,
			     truth->previous);
}

void replog_state_restored(struct replog_node *node)
{
	const struct replog_truth *truth = truth_at(node->state, node->last);

	if (node->last && (truth->hash != node->hash || truth->count != node->count))
		sim_run_fail(node->state->run, "%s restores another state at %" PRIu64,
			     sim_node_name(node->node), node->last);
}

/* ---- Looking --------------------------------------------------------------------------------- */

static bool is_open(const struct replog_node *node)
{
	return sim_node_is_up(node->node) && node->log && node->is_started;
}

static struct replog_node *leader_of(struct replog_state_of_run *state)
{
	struct replog_node *leader = NULL;
	struct replog_state now;
	uint64_t term = 0;

	for (uint32_t i = 0; i < state->count; i++) {
		if (!is_open(&state->nodes[i]))
			continue;
		replog_state(state->nodes[i].log, &now);
		if (now.ready && now.term > term) {
			term = now.term;
			leader = &state->nodes[i];
		}
	}
	return leader;
}

/* Election safety. */
static int check_running(struct sim_run *run, struct gw_error *error)
{
	struct replog_state_of_run *state = run->state;
	struct replog_state now;

	for (uint32_t i = 0; i < state->count; i++) {
		if (!is_open(&state->nodes[i]))
			continue;
		replog_state(state->nodes[i].log, &now);
		if (now.role != REPLOG_LEADER)
			continue;
		while (now.term >= state->leader_count) {
			if (state->leader_count == state->leader_capacity) {
				state->leaders = base_grow(state->leaders, sizeof(*state->leaders),
							   &state->leader_capacity,
							   state->leader_count + 1);
				assert(state->leaders);
			}
			state->leaders[state->leader_count++] = 0;
		}
		if (state->leaders[now.term] && state->leaders[now.term] != i + 1)
			return gw_fail(error, GW_E_CORRUPT, "term %" PRIu64 " has two leaders",
				       now.term);
		state->leaders[now.term] = i + 1;
	}
	return 0;
}

/* Everyone is a member, leads or follows, and has what was acknowledged. */
static bool are_together(struct replog_state_of_run *state)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct replog_node *leader = leader_of(state);
	size_t count = leader ? replog_members(leader->log, members) : 0;

	if (count != state->count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!members[i].votes)
			return false;
	}
	for (uint32_t i = 0; i < state->count; i++) {
		struct replog_state now;

		if (!is_open(&state->nodes[i]) || state->nodes[i].is_restoring)
			return false;
		replog_state(state->nodes[i].log, &now);
		if (now.applied < state->acknowledged)
			return false;
	}
	return true;
}

/* ---- Members that are replaced --------------------------------------------------------------- */

/* A member that is none any more has an empty disk, and joins. */
static void come_anew(struct replog_node *node)
{
	sim_node_kill(node->node);
	sim_disk_wipe(node->node);
	node->joins = true;
	sim_note(node->state->run->sim, node->node, "comes anew", 0);
	sim_node_start_after(node->node, SIM_MS);
}

/* One whose removal was decided: the leader that is ready knows. */
static struct replog_node *find_removed(struct replog_state_of_run *state)
{
	struct replog_node *leader = leader_of(state);
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = leader ? replog_members(leader->log, members) : 0;
	struct replog_state leading = {0};

	if (leader)
		replog_state(leader->log, &leading);
	if (leading.is_changing) /* it may be taken back */
		return NULL;
	for (uint32_t i = 0; leader && i < state->count; i++) {
		struct replog_state now;
		bool found = false;

		if (!is_open(&state->nodes[i]))
			continue;
		replog_state(state->nodes[i].log, &now);
		for (size_t n = 0; n < count; n++)
			found = found || members[n].id == now.member;
		if (!found && now.term <= leading.term)
			return &state->nodes[i];
	}
	return NULL;
}

static int replace_one(void *argument)
{
	struct replog_node *leader = argument;
	struct replog_state_of_run *state = leader->state;
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = replog_members(leader->log, members);
	size_t which = sim_draw(state->run->sim, count);
	uint64_t id;
	int code = GW_E_INVALID;

	if (count == state->count && !members[which].leads && members[which].votes)
		code = replog_member_replace(leader->log, members[which].id, NULL,
					     gw_after_ms(3000), &id, NULL);
	for (uint32_t i = 0; code == 0 && sim_io_alive(leader->io) && i < state->count; i++) {
		if (strcmp(state->nodes[i].address, members[which].address) == 0)
			come_anew(&state->nodes[i]);
	}
	state->is_replacing = false;
	return 0;
}

static void replace(void *context)
{
	struct replog_state_of_run *state = context;
	struct sim *sim = state->run->sim;
	struct replog_node *leader = leader_of(state), *removed = find_removed(state);

	if (removed)
		come_anew(removed);
	else if (leader && !state->run->healed && !state->is_replacing && sim_draw(sim, 2) == 0)
		state->is_replacing =
			task_loop_spawn(leader->loop, replace_one, leader, NULL) == 0;
	sim_at(sim, sim_now_ns(sim) + 1 + sim_draw(sim, 2 * REPLACE_EVERY_S * SIM_SECOND), replace,
	       state);
}

/* ---- The workload ---------------------------------------------------------------------------- */

static void draw(struct replog_state_of_run *state)
{
	static const uint64_t pauses_ms[] = {2, 20, 200};
	static const uint64_t timeouts_ms[] = {50, 500, 5000};
	struct sim *sim = state->run->sim;

	state->count = sim_draw(sim, 3) == 0 ? 5 : 3;
	state->task_count = 1 + (uint32_t)sim_draw(sim, REPLOG_TASKS_MAX);
	log_tuning_draw(&state->tuning, sim, pauses_ms, timeouts_ms);
	state->filler_bytes = sim_draw(sim, 12) == 0 ? sim_draw(sim, 1200000) : sim_draw(sim, 4096);
	state->replaces = sim_draw(sim, 2) == 0;
}

static void add_node(struct replog_state_of_run *state, uint32_t number)
{
	struct replog_node *node = &state->nodes[number];
	struct sim_program program = replog_member_program;
	char name[8];

	program.argument = node;
	node->state = state;
	node->joins = number > 0;
	snprintf(name, sizeof(name), "m%u", number + 1);
	node->node = sim_node_add(state->run->sim, name, &program);
	log_address_of(node->node, REPLOG_PORT, node->address);
	log_address_add(state->join, sizeof(state->join), node->address);
	sim_node_start(node->node);
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	struct replog_state_of_run *state = calloc(1, sizeof(*state));
	uint64_t nodes = 0;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	draw(state);
	for (uint32_t i = 0; i < state->count; i++) {
		add_node(state, i);
		nodes |= UINT64_C(1) << sim_node_index(state->nodes[i].node);
	}
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = nodes,
		.down_max = (state->count - 1) / 2,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULTS_POWER | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_NETWORK | SIM_FAULTS_DISK,
	});
	if (state->replaces)
		sim_at(run->sim, 2 * SIM_SECOND, replace, state);
	return 0;
}

static bool converged(struct sim_run *run)
{
	struct replog_state_of_run *state = run->state;

	return state->done_healed >= NUMBERS_TO_CONVERGE && are_together(state);
}

static bool together(void *context)
{
	return are_together(context);
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct replog_state_of_run *state = run->state;

	for (uint32_t i = 0; i < state->count; i++)
		sim_node_restart(state->nodes[i].node, true, 0);
	if (!sim_run_when(run->sim, together, state, sim_now_ns(run->sim) + SIM_LIVENESS_NS))
		return gw_fail(error, GW_E_CORRUPT, "the members do not come together again");
	for (uint64_t number = 1; number <= state->number_count; number++) {
		const struct replog_number *known = &state->numbers[number];

		if (known->acknowledged && truth_at(state, known->index)->number != number)
			return gw_fail(error, GW_E_CORRUPT, "number %" PRIu64
				       " was acknowledged and is lost", number);
	}
	return 0;
}

static void done(struct sim_run *run)
{
	struct replog_state_of_run *state = run->state;

	if (!state)
		return;
	free(state->truth);
	free(state->leaders);
	free(state);
}

static const struct sim_bug bugs[] = {
	{"replog.apply-early", "entries are applied and acknowledged before the quorum has them"},
	{"raft.answer-not-saved", "entries are acknowledged to the leader before they are durable"},
	{"raft.no-first-entry", "a leader begins without an entry of its own"},
	{"raft.read-without-round", "a leader answers reads without asking the others"},
	{0},
};

const struct sim_workload sim_replog = {
	.name = "replog",
	.about = "members propose to a replicated log; all apply the same",
	.setup = set_up,
	.check_running = check_running,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
