/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_run_member.c - a member of the key/value service as a machine of the workload kv.
 */
#include "sim/workload_kv.h"

#include "io/rare.h"
#include "task/loop.h"

#include <assert.h>

bool kv_run_is_open(const struct kv_run_member *member)
{
	return sim_node_is_up(member->node) && member->server;
}

struct kv_run_member *kv_run_leader(struct kv_run_state *state)
{
	struct kv_run_member *leader = NULL;
	uint64_t term = 0;

	for (uint32_t i = 0; i < state->machines; i++) {
		struct replog_state now;

		if (!kv_run_is_open(&state->members[i]))
			continue;
		replog_state(kv_server_log(state->members[i].server), &now);
		if (now.ready && now.term > term) {
			term = now.term;
			leader = &state->members[i];
		}
	}
	return leader;
}

static void end_process(void *context, const struct gw_error *error)
{
	struct kv_run_member *member = context;

	sim_note(member->state->run->sim, member->node, "the member ends", error->code);
	if (error->code == GW_E_CORRUPT && sim_io_alive(member->io)) {
		member->is_corrupt = true;
		IO_PROBE(member->io, "kv.damage-told");
		if (!member->is_rotten)
			sim_run_fail(member->state->run, "nothing harmed the disk: %s",
				     error->text);
	}
	sim_node_kill(member->node);
}

static int live(void *argument)
{
	struct kv_run_member *member = argument;
	const struct kv_run_state *state = member->state;
	const struct kv_server_options options = {
		.directory = "kv",
		.address = member->address,
		.join = member->joins ? state->addresses : NULL,
		.standby = member->is_standby,
		.table = KV_TABLE_MEMORY,
		.insecure = true,
		.election_ms = state->tuning.election_ms,
		.heartbeat_ms = state->tuning.election_ms / 5,
		.lease = state->lease,
		.snapshot_bytes = state->tuning.snapshot_bytes,
		.keep_entries = state->tuning.keep_entries,
		.keep_bytes = state->tuning.keep_bytes,
		.segment_bytes = state->tuning.segment_bytes,
		.failed = end_process,
		.context = member,
	};
	struct gw_error error = {0};
	struct kv_server *server;
	int code = kv_server_new(&server, &options, &error);

	if (code < 0) {
		end_process(member, &error);
		return 0;
	}
	member->place = (struct kv_history_place){
		.from = kv_history_first(server->state.history)};
	member->restarts = server->state.restarts;
	member->server = server;
	(void)gw_sleep_until(GW_FOREVER);
	member->server = NULL;
	kv_server_free(server);
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct kv_run_member *member = argument;
	int code;

	member->io = io;
	member->server = NULL;
	code = task_loop_new(io, &options, &member->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(member->loop, live, member, NULL);
	assert(code == 0);
	return member;
}

static void stop(void *argument)
{
	struct kv_run_member *member = argument;

	kv_truth_read(member); /* what it applied is known, though it dies */
	if (!sim_end_tasks(member->io, member->loop))
		sim_run_fail(member->state->run, "the tasks of a dead member do not end");
	member->loop = NULL;
	if (member->state->operating == member)
		member->state->operating = NULL; /* it may not have begun */
	assert(!member->server);
}

const struct sim_program kv_run_member_program = {start, stop, NULL};
