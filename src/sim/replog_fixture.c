/* SPDX-License-Identifier: Apache-2.0 */
/* replog_fixture.c - see replog_fixture.h. */
#include "sim/replog_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- A life ---------------------------------------------------------------------------------- */

static void note_failed(void *context, const struct gw_error *error)
{
	struct machine_state *machine = context;
	struct keeper *keeper = machine->context;

	keeper->failures++;
	keeper->why = *error;
}

static int serve(struct keeper *keeper, struct gw_error *error)
{
	struct gw_rpc_server_options options = {.insecure = true};
	struct replog *log;
	int result = replog_open(&log, &keeper->options, &machine_fixture, &keeper->machine,
				 error);

	if (result < 0)
		return result;
	keeper->log = log;
	result = gw_rpc_server_new(&keeper->server, &options, error);
	if (result == 0)
		result = replog_serve(log, keeper->server, error);
	if (result == 0)
		result = gw_rpc_server_listen(keeper->server, keeper->address, error);
	if (result == 0)
		result = replog_start(log, error);
	return result;
}

static int live(void *argument)
{
	struct keeper *keeper = argument;
	struct gw_error error = {0};
	int result = serve(keeper, &error);

	if (result < 0 && !gw_cancelled()) {
		keeper->failures++;
		keeper->why = error;
	}
	keeper->is_started = result >= 0;
	(void)gw_sleep_until(GW_FOREVER);
	gw_rpc_server_free(keeper->server);
	keeper->server = NULL;
	replog_free(keeper->log);
	keeper->log = NULL;
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct keeper *keeper = argument;

	keeper->io = io;
	keeper->is_started = false;
	machine_state_done(&keeper->machine);
	keeper->machine.context = keeper;
	assert_int_equal(task_loop_new(io, &options, &keeper->loop, NULL), 0);
	assert_int_equal(task_loop_spawn(keeper->loop, live, keeper, NULL), 0);
	return keeper;
}

static void stop(void *life)
{
	struct keeper *keeper = life;

	assert_true(sim_end_tasks(keeper->io, keeper->loop));
	keeper->loop = NULL;
	assert_null(keeper->log);
	assert_null(keeper->machine.wrong);
	machine_state_done(&keeper->machine);
}

/* ---- The cluster ----------------------------------------------------------------------------- */

void keepers_begin(struct keepers *keepers, int count, uint64_t seed,
		   const struct sim_options *options)
{
	struct gw_error error = {0};

	assert(count <= KEEPERS);
	memset(keepers, 0, sizeof *keepers);
	keepers->count = count;
	keepers->sim = sim_new(seed, options, &error);
	assert_non_null(keepers->sim);
	for (int i = 0; i < count; i++) {
		struct keeper *keeper = &keepers->items[i];
		struct sim_program program = {start, stop, keeper};
		char name[8];

		snprintf(name, sizeof name, "m%d", i + 1);
		snprintf(keeper->address, sizeof keeper->address, "10.0.0.%d:%d", i + 1,
			 KEEPER_PORT);
		snprintf(keepers->join + strlen(keepers->join),
			 sizeof keepers->join - strlen(keepers->join), "%s%s", i ? "," : "",
			 keeper->address);
		keeper->keepers = keepers;
		keeper->options = (struct replog_options){
			.directory = "log", .address = keeper->address, .insecure = true,
			.join = i ? keepers->join : NULL, .segment_bytes = 64 << 10,
			.failed = note_failed};
		keeper->node = sim_node_add(keepers->sim, name, &program);
	}
}

void keeper_start(struct keepers *keepers, int which)
{
	sim_node_start(keepers->items[which].node);
	sim_run_for(keepers->sim, SIM_MS);
}

void keeper_kill(struct keepers *keepers, int which)
{
	sim_node_kill(keepers->items[which].node);
}

void keeper_wipe(struct keepers *keepers, int which)
{
	sim_node_kill(keepers->items[which].node);
	sim_disk_wipe(keepers->items[which].node);
}

void keepers_start(struct keepers *keepers, int voters)
{
	keeper_start(keepers, 0);
	(void)leader_wait(keepers, NOBODY);
	for (int i = 1; i < keepers->count; i++)
		keeper_start(keepers, i);
	voters_wait(keepers, (size_t)voters);
}

void keepers_end(struct keepers *keepers)
{
	sim_free(keepers->sim);
}

void wait_until(struct keepers *keepers, bool (*met)(void *context), void *context)
{
	assert_true(sim_run_when(keepers->sim, met, context,
				 sim_now_ns(keepers->sim) + 600 * SIM_SECOND));
}

void pass_ms(struct keepers *keepers, uint64_t ms)
{
	sim_run_for(keepers->sim, ms * SIM_MS);
}

/* ---- Looking --------------------------------------------------------------------------------- */

static bool is_open(const struct keeper *keeper)
{
	return sim_node_is_up(keeper->node) && keeper->log && keeper->is_started;
}

struct replog_state state_of(struct keepers *keepers, int which)
{
	struct replog_state state = {0};

	if (is_open(&keepers->items[which]))
		replog_state(keepers->items[which].log, &state);
	return state;
}

int leader_of(struct keepers *keepers)
{
	int leader = NOBODY;
	uint64_t term = 0;

	for (int i = 0; i < keepers->count; i++) {
		struct replog_state state = state_of(keepers, i);

		if (state.ready && state.term > term) {
			leader = i;
			term = state.term;
		}
	}
	return leader;
}

struct waiting {
	struct keepers *keepers;
	int which;
	uint64_t number;
};

static bool another_leads(void *context)
{
	const struct waiting *waiting = context;
	int leader = leader_of(waiting->keepers);

	return leader != NOBODY && leader != waiting->which;
}

int leader_wait(struct keepers *keepers, int but)
{
	struct waiting waiting = {keepers, but, 0};

	wait_until(keepers, another_leads, &waiting);
	return leader_of(keepers);
}

static bool has_applied(void *context)
{
	const struct waiting *waiting = context;

	return waiting->keepers->items[waiting->which].machine.count >= waiting->number;
}

void applied_wait(struct keepers *keepers, int which, uint64_t count)
{
	struct waiting waiting = {keepers, which, count};

	wait_until(keepers, has_applied, &waiting);
}

static bool are_equal(void *context)
{
	struct keepers *keepers = ((struct waiting *)context)->keepers;
	int leader = leader_of(keepers);

	if (leader == NOBODY)
		return false;
	for (int i = 0; i < keepers->count; i++) {
		struct replog_state state = state_of(keepers, i);

		if (sim_node_is_up(keepers->items[i].node) && state.role != REPLOG_FAILED &&
		    state.role != REPLOG_REMOVED &&
		    state.applied < state_of(keepers, leader).commit)
			return false;
	}
	return true;
}

void all_equal(struct keepers *keepers)
{
	struct waiting waiting = {keepers, 0, 0};
	const struct keeper *leader;

	wait_until(keepers, are_equal, &waiting);
	leader = &keepers->items[leader_of(keepers)];
	for (int i = 0; i < keepers->count; i++) {
		const struct keeper *keeper = &keepers->items[i];
		struct replog_state state = state_of(keepers, i);

		if (!is_open(keeper) || state.role == REPLOG_FAILED ||
		    state.role == REPLOG_REMOVED)
			continue;
		assert_int_equal(keeper->machine.count, leader->machine.count);
		assert_int_equal(keeper->machine.bytes.size, leader->machine.bytes.size);
		assert_memory_equal(keeper->machine.bytes.data, leader->machine.bytes.data,
				    leader->machine.bytes.size);
	}
}

static bool so_many_vote(void *context)
{
	const struct waiting *waiting = context;
	struct replog_member members[RAFT_MEMBERS_MAX];
	int leader = leader_of(waiting->keepers);
	uint64_t voters = 0;
	size_t count;

	if (leader == NOBODY)
		return false;
	count = replog_members(waiting->keepers->items[leader].log, members);
	for (size_t i = 0; i < count; i++)
		voters += members[i].votes;
	return voters == waiting->number;
}

void voters_wait(struct keepers *keepers, size_t voters)
{
	struct waiting waiting = {keepers, 0, voters};

	wait_until(keepers, so_many_vote, &waiting);
}

int times_at(struct keepers *keepers, int which, const char *text)
{
	const struct machine_state *machine = &keepers->items[which].machine;
	int times = 0;

	for (uint64_t n = 0; n < machine->count; n++)
		times += gw_bytes_compare(machine_entry(machine, n), gw_string(text)) == 0;
	return times;
}

/* ---- Doing ----------------------------------------------------------------------------------- */

static int do_deed(void *argument)
{
	struct deed *deed = argument;
	struct replog_result result;

	deed->result = replog_propose(deed->keeper->log, gw_string(deed->text),
				      gw_after_ms(deed->timeout_ms ? deed->timeout_ms : 60000),
				      &result, &deed->error);
	deed->index = result.index;
	base_buffer_done(&result.reply);
	deed->is_over = true;
	return 0;
}

void deed_start(struct keepers *keepers, int which, struct deed *deed, const char *text)
{
	deed->keeper = &keepers->items[which];
	snprintf(deed->text, sizeof deed->text, "%s", text);
	assert_non_null(deed->keeper->log);
	assert_int_equal(task_loop_spawn(deed->keeper->loop, do_deed, deed, NULL), 0);
}

static bool deed_is_over(void *context)
{
	return ((struct deed *)context)->is_over;
}

int deed_wait(struct keepers *keepers, struct deed *deed)
{
	wait_until(keepers, deed_is_over, deed);
	return deed->result;
}

void put_at(struct keepers *keepers, int which, const char *text)
{
	struct deed deed = {0};

	deed_start(keepers, which, &deed, text);
	if (deed_wait(keepers, &deed) < 0)
		fail_msg("%s", deed.error.text);
	sim_run_for(keepers->sim, 1);
}

void put_many(struct keepers *keepers, int count)
{
	char text[24];

	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof text, "number %d", i);
		put_at(keepers, leader_wait(keepers, NOBODY), text);
	}
}

struct visit {
	gw_task_function *function;
	void *argument;
	int result;
	bool is_over;
};

static int do_visit(void *argument)
{
	struct visit *visit = argument;

	visit->result = visit->function(visit->argument);
	visit->is_over = true;
	return 0;
}

static bool visit_is_over(void *context)
{
	return ((struct visit *)context)->is_over;
}

int visit_at(struct keepers *keepers, int which, gw_task_function *function, void *argument)
{
	struct visit visit = {.function = function, .argument = argument};

	assert_int_equal(task_loop_spawn(keepers->items[which].loop, do_visit, &visit, NULL), 0);
	wait_until(keepers, visit_is_over, &visit);
	sim_run_for(keepers->sim, 1);
	return visit.result;
}
