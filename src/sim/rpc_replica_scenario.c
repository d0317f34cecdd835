/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_replica_scenario.c - at most once in a replicated state machine: the table of duplicates is
 * part of the state, handlers propose entries that say whose call they are, and every member
 * decides at apply whether an entry has an effect. The log itself is a plain array here, always
 * committed, which each member applies when the test lets it.
 */
#include "sim/rpc_fixture.h"

#include "rpc/dup.h"

enum { ENTRIES_MAX = 64, LEASE_MS = 5000, NOBODY = -1 };

struct entry {
	uint64_t ms;
	bool is_open; /* makes identity.client known */
	uint8_t identity[RPC_DUP_CALL_BYTES];
	int64_t number;
};

struct group {
	struct entry entries[ENTRIES_MAX];
	int count;
	int leader;
	uint64_t ms; /* the time that new entries get */
};

struct replica {
	struct group *group;
	int index;
	bool lags; /* applies nothing */
	/* The state machine, */
	struct gw_rpc_dup *table;
	int64_t total;
	int effects;
	int applied;
	/* and what applying said. */
	int codes[ENTRIES_MAX];
	uint8_t payloads[ENTRIES_MAX][RPC_FAILURE_BYTES_MAX];
	size_t payload_sizes[ENTRIES_MAX];
};

struct world {
	struct cluster cluster;
	struct group group;
	struct replica replicas[2];
};

/* ---- The state machine ------------------------------------------------------------------- */

static int effect(struct replica *replica, int64_t number, uint8_t *payload, size_t *size)
{
	Fixture__Number reply = FIXTURE__NUMBER__INIT;

	replica->effects++;
	if (number < 0) {
		*size = rpc_failure_encode(NULL, "no room for less than nothing", payload);
		return GW_E_NO_SPACE;
	}
	replica->total += number;
	reply.number = replica->total;
	*size = fixture__number__pack(&reply, payload);
	return 0;
}

static void apply_one(struct replica *replica, int index)
{
	const struct entry *entry = &replica->group->entries[index];
	uint8_t *payload = replica->payloads[index];
	size_t *size = &replica->payload_sizes[index];
	struct gw_rpc_dup *table = replica->table;
	struct rpc_dup_call call;
	struct rpc_dup_answer answer;
	struct gw_error error = {0};
	int result;

	rpc_dup_call_decode(entry->identity, &call);
	if (entry->is_open) {
		replica->codes[index] = rpc_dup_apply_open(table, entry->ms, call.client, NULL);
		return;
	}
	result = rpc_dup_apply(table, entry->ms, &call, &answer, &error);
	if (result == RPC_DUP_NEW) {
		replica->codes[index] = effect(replica, entry->number, payload, size);
		table->operations->finish(table, &call, replica->codes[index],
					  (struct gw_bytes){payload, *size});
		return;
	}
	replica->codes[index] = result < 0 ? result : GW_E_STALE;
	if (result == RPC_DUP_DONE) {
		replica->codes[index] = answer.code;
		assert_true(answer.reply.size <= RPC_FAILURE_BYTES_MAX);
		*size = answer.reply.size;
		memcpy(payload, answer.reply.data, *size);
	}
}

static void catch_up(struct replica *replica)
{
	while (replica->applied < replica->group->count)
		apply_one(replica, replica->applied++);
}

/* ---- The service ------------------------------------------------------------------------- */

static int propose(struct replica *replica, const struct entry *entry, struct gw_rpc_call *call,
		   int *index, struct gw_error *error)
{
	struct group *group = replica->group;
	int result = 0;

	if (group->leader != replica->index) {
		if (group->leader != NOBODY)
			result = gw_rpc_redirect(
				call, group->leader ? "10.0.0.2:7000" : "10.0.0.1:7000", error);
		return result < 0 ? result : gw_fail(error, GW_E_NOT_LEADER, "not the leader");
	}
	assert_true(group->count < ENTRIES_MAX);
	*index = group->count;
	group->entries[group->count] = *entry;
	group->entries[group->count++].ms = group->ms;
	while (replica->applied <= *index && result == 0) {
		if (group->leader != replica->index)
			return gw_fail(error, GW_E_NOT_LEADER, "not the leader any more");
		if (!replica->lags)
			catch_up(replica);
		else
			result = gw_sleep_ms(1);
	}
	return result;
}

static int open_client(void *context, struct rpc_client_id client, struct gw_rpc_call *call,
		       struct gw_error *error)
{
	struct replica *replica = context;
	struct rpc_dup_call identity = {.client = client};
	struct entry entry = {.is_open = true};
	int index, result;

	rpc_dup_call_encode(&identity, entry.identity);
	result = propose(replica, &entry, call, &index, error);
	return result < 0 ? result : replica->codes[index];
}

static int add(struct gw_rpc_call *call, void *context, const Fixture__Number *request,
	       Fixture__Number *reply, struct gw_error *error)
{
	struct replica *replica = context;
	struct entry entry = {.number = request->number};
	struct rpc_dup_call identity;
	int index, result;

	(void)reply;
	assert_true(rpc_call_identity(call, &identity));
	rpc_dup_call_encode(&identity, entry.identity);
	result = propose(replica, &entry, call, &index, error);
	if (result < 0)
		return result;
	return rpc_call_answer(call, replica->codes[index],
			       (struct gw_bytes){replica->payloads[index],
						 replica->payload_sizes[index]},
			       error);
}

static int offer(struct machine *machine, struct gw_error *error)
{
	static const struct fixture_handlers handlers = {.add = add};
	struct replica *replica = machine->offered;
	struct rpc_dup_front_options options = {
		.table = &replica->table, .open = open_client, .context = replica};
	int result = rpc_dup_front_new(&machine->dup, &options, error);

	return result < 0 ? result :
			    fixture_serve(machine->server, &handlers, replica, machine->dup, error);
}

/* ---- The world --------------------------------------------------------------------------- */

static void replica_reset(struct replica *replica)
{
	struct gw_rpc_dup_options options = {.lease_ms = LEASE_MS};

	gw_rpc_dup_free(replica->table);
	assert_int_equal(gw_rpc_dup_new(&replica->table, &options, NULL), 0);
	replica->applied = replica->effects = 0;
	replica->total = 0;
}

static void world_begin(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	cluster_begin(&world->cluster, seed, NULL);
	world->group.ms = 1000000;
	for (int i = 0; i < 2; i++) {
		world->replicas[i] = (struct replica){.group = &world->group, .index = i};
		replica_reset(&world->replicas[i]);
		world->cluster.machines[i].offer = offer;
		world->cluster.machines[i].offered = &world->replicas[i];
	}
	cluster_start(&world->cluster);
}

/* At the end all members hold the same, however they came to it. */
static void world_end(struct world *world)
{
	struct base_buffer exports[2] = {{0}, {0}};

	for (int i = 0; i < 2; i++) {
		struct gw_rpc_dup *table = world->replicas[i].table;

		catch_up(&world->replicas[i]);
		assert_int_equal(
			table->operations->export_object(table, UINT64_MAX, &exports[i], NULL), 0);
	}
	assert_int_equal(world->replicas[0].total, world->replicas[1].total);
	assert_int_equal(exports[0].size, exports[1].size);
	if (exports[0].size > 0)
		assert_memory_equal(exports[0].data, exports[1].data, exports[0].size);
	cluster_end(&world->cluster);
	for (int i = 0; i < 2; i++) {
		base_buffer_done(&exports[i]);
		gw_rpc_dup_free(world->replicas[i].table);
	}
}

/* Starts an Add by C whose entry is in the log of the leader A, and applied nowhere. */
static void begin_add(struct world *world, struct job *job, int64_t number)
{
	struct group *group = &world->group;
	int before;

	assert_int_equal(call(&world->cluster, C, KIND_ADD, 100), 100);
	before = group->count;
	world->replicas[A].lags = true;
	job->kind = KIND_ADD;
	job->number = number;
	job_start(&world->cluster, C, job);
	until(&world->cluster, &group->count, before + 1);
}

/* ---- Scenarios --------------------------------------------------------------------------- */

static void a_copy_at_a_new_leader_has_no_second_effect(void **state)
{
	static struct world world;
	struct job job = {0};
	int entries;

	(void)state;
	world_begin(&world, 31);
	begin_add(&world, &job, 5);
	sim_node_kill(node(&world.cluster, A));
	/* B leads, and has not applied the entry yet: it proposes another one. */
	world.replicas[B].lags = true;
	world.group.leader = B;
	entries = world.group.count;
	until(&world.cluster, &world.group.count, entries + 1);
	world.replicas[B].lags = false;
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	assert_int_equal(world.replicas[B].effects, 2);
	assert_int_equal(call(&world.cluster, C, KIND_ADD, 1), 106);
	/* A comes back with nothing, and reads the log. */
	replica_reset(&world.replicas[A]);
	world_end(&world);
}

static void a_leader_that_lost_its_place_sends_the_call_on_with_its_number(void **state)
{
	static struct world world;
	struct job job = {0};

	(void)state;
	world_begin(&world, 32);
	begin_add(&world, &job, 5);
	/* A cannot know what becomes of its entry, and says "not leader". */
	world.group.leader = B;
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	assert_int_equal(world.replicas[B].effects, 2);
	world_end(&world);
}

static void a_follower_in_between_does_not_make_a_call_new(void **state)
{
	static struct world world;
	struct job job = {0};

	(void)state;
	world_begin(&world, 33);
	begin_add(&world, &job, 5);
	sim_node_kill(node(&world.cluster, A));
	/* B is asked while nobody leads, and leads later. */
	world.group.leader = NOBODY;
	world.replicas[B].lags = true;
	pass(&world.cluster, 2 * SIM_SECOND);
	assert_false(job.is_over);
	world.group.leader = B;
	world.replicas[B].lags = false;
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	assert_int_equal(world.replicas[B].effects, 2);
	replica_reset(&world.replicas[A]);
	world_end(&world);
}

static void what_was_applied_is_answered_without_an_entry(void **state)
{
	static struct world world;
	struct job job = {0};
	int entries;

	(void)state;
	world_begin(&world, 34);
	begin_add(&world, &job, 5);
	sim_node_kill(node(&world.cluster, A));
	catch_up(&world.replicas[B]);
	world.group.leader = B;
	entries = world.group.count;
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	assert_int_equal(world.group.count, entries);
	replica_reset(&world.replicas[A]);
	world_end(&world);
}

static void a_failure_is_applied_once_too(void **state)
{
	static struct world world;
	struct job job = {0};

	(void)state;
	world_begin(&world, 35);
	begin_add(&world, &job, -5);
	world.group.leader = B;
	assert_int_equal(job_wait(&world.cluster, &job), GW_E_NO_SPACE);
	assert_string_equal(job.error.text, "no room for less than nothing");
	assert_int_equal(world.replicas[B].effects, 2);
	world_end(&world);
}

static void a_client_that_opens_at_a_follower_is_sent_to_the_leader(void **state)
{
	static struct world world;

	(void)state;
	world_begin(&world, 36);
	world.group.leader = B;
	assert_int_equal(call(&world.cluster, C, KIND_ADD, 5), 5);
	assert_int_equal(call(&world.cluster, D, KIND_ADD, 5), 10);
	world_end(&world);
}

static void a_copy_of_a_call_that_runs_at_the_leader_joins_it(void **state)
{
	static struct world world;
	struct job job = {0};
	int entries;

	(void)state;
	world_begin(&world, 37);
	begin_add(&world, &job, 5);
	entries = world.group.count;
	assert_true(sim_reset_streams(node(&world.cluster, A), node(&world.cluster, C)) > 0);
	pass(&world.cluster, SIM_SECOND);
	world.replicas[A].lags = false;
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	assert_int_equal(world.group.count, entries);
	world_end(&world);
}

static void a_lease_ends_by_the_time_of_the_log(void **state)
{
	static struct world world;
	struct job job = {0};

	(void)state;
	world_begin(&world, 38);
	begin_add(&world, &job, 5);
	world.replicas[A].lags = false;
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	/* The log's time says that C was silent for long; it has no effect under the old id, and
	 * goes on under a new one. */
	world.group.ms += LEASE_MS + 1;
	assert_int_equal(call(&world.cluster, C, KIND_ADD, 1), 106);
	assert_int_equal(world.replicas[A].effects, 3);
	assert_int_equal(world.group.count, 6);
	world_end(&world);
}

/* B has a snapshot of A instead of the first entries. */
static void a_snapshot_holds_the_table(void **state)
{
	static struct world world;
	struct job job = {0};
	struct replica *a = &world.replicas[A], *b = &world.replicas[B];
	struct base_buffer snapshot = {0};

	(void)state;
	world_begin(&world, 39);
	begin_add(&world, &job, 5);
	sim_isolate(node(&world.cluster, C), true, true);
	sim_reset_streams(node(&world.cluster, A), node(&world.cluster, C));
	a->lags = false;
	pass(&world.cluster, SIM_SECOND);
	assert_int_equal(a->effects, 2);
	assert_int_equal(
		a->table->operations->export_object(a->table, UINT64_MAX, &snapshot, NULL), 0);
	assert_int_equal(gw_rpc_dup_restore(b->table, base_buffer_bytes(&snapshot), NULL), 0);
	b->applied = a->applied;
	b->total = a->total;
	sim_node_kill(node(&world.cluster, A));
	world.group.leader = B;
	sim_heal(world.cluster.sim);
	assert_int_equal(job_wait(&world.cluster, &job), 105);
	assert_int_equal(b->effects, 0);
	assert_int_equal(call(&world.cluster, C, KIND_ADD, 1), 106);
	base_buffer_done(&snapshot);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_at_a_new_leader_has_no_second_effect),
		cmocka_unit_test(a_leader_that_lost_its_place_sends_the_call_on_with_its_number),
		cmocka_unit_test(a_follower_in_between_does_not_make_a_call_new),
		cmocka_unit_test(what_was_applied_is_answered_without_an_entry),
		cmocka_unit_test(a_failure_is_applied_once_too),
		cmocka_unit_test(a_client_that_opens_at_a_follower_is_sent_to_the_leader),
		cmocka_unit_test(a_copy_of_a_call_that_runs_at_the_leader_joins_it),
		cmocka_unit_test(a_lease_ends_by_the_time_of_the_log),
		cmocka_unit_test(a_snapshot_holds_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
