/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_fixture.c - machines of the world of gfs_fixture.h: their lives, their beginning and end. */
#include "sim/gfs_fixture.h"

#include <assert.h>
#include <stdio.h>

#include "gfs/master/cluster_inside.h"

enum { MASTER_PORT = 7100, SERVER_PORT = 7200, WAIT_S = 600 };

/* ---- Lives ----------------------------------------------------------------------------------- */

static void note_failed(void *context, const struct gw_error *error)
{
	struct gfs_machine_of_world *machine = context;

	machine->failures++;
	machine->why = *error;
}

static void note_trouble(void *context, const struct gw_error *error)
{
	struct gfs_machine_of_world *machine = context;

	machine->troubles++;
	machine->why = *error;
}

static int live_master(void *argument)
{
	struct gfs_machine_of_world *machine = argument;
	const struct gfs_world *world = machine->world;
	const struct gfs_master_options options = {
		.directory = "master",
		.address = machine->address,
		.join = machine->index > 0 ? world->masters_text : NULL,
		.cluster = &gfs_cluster,
		.insecure = true,
		.election_ms = 300,
		.heartbeat_ms = 60,
		.segment_bytes = 64 << 10,
		.chunk_lease_ms = world->lease_ms,
		.chunk_heartbeat_ms = GFS_WORLD_BEAT_MS,
		.safe_ms = world->safe_ms,
		.rebalance_percent = world->rebalance_percent,
		.failed = note_failed,
		.context = machine,
	};
	struct gw_error error = {0};
	struct gfs_master *master;
	int code = gfs_master_new(&master, &options, &error);

	if (code < 0 && sim_io_alive(machine->io))
		note_failed(machine, &error);
	if (code < 0)
		return 0;
	machine->master = master;
	(void)gw_sleep_until(GW_FOREVER);
	machine->master = NULL;
	gfs_master_free(master);
	return 0;
}

static int live_server(void *argument)
{
	struct gfs_machine_of_world *machine = argument;
	const struct chunk_server_options options = {
		.directories = machine->directories,
		.directory_count = machine->directory_count,
		.masters = machine->world->masters_text,
		.listen = machine->address,
		.rack = machine->rack,
		.insecure = true,
		.heartbeat_ms = GFS_WORLD_BEAT_MS,
		.held_bytes_max = machine->held_bytes_max,
		.scrub_bytes_per_second = machine->world->scrub_bytes_per_second,
		.scrub_round_ms = 1000,
		.troubled = note_trouble,
		.context = machine,
	};
	struct gw_error error = {0};
	struct chunk_server *server;
	int code = chunk_server_new(&server, &options, &error);

	if (code < 0 && sim_io_alive(machine->io))
		note_failed(machine, &error);
	if (code < 0)
		return 0;
	machine->server = server;
	(void)gw_sleep_until(GW_FOREVER);
	machine->server = NULL;
	chunk_server_free(server);
	return 0;
}

static void *start_with(struct sim_node *node, struct io *io, struct gfs_machine_of_world *machine,
			gw_task_function *live)
{
	struct task_loop_options options = {
		.name = sim_node_name(node), .pick = true, .silent = true};

	machine->io = io;
	assert_int_equal(task_loop_new(io, &options, &machine->loop, NULL), 0);
	assert_int_equal(task_loop_spawn(machine->loop, live, machine, NULL), 0);
	return machine;
}

static void *start_master(struct sim_node *node, struct io *io, void *argument)
{
	return start_with(node, io, argument, live_master);
}

static void *start_server(struct sim_node *node, struct io *io, void *argument)
{
	return start_with(node, io, argument, live_server);
}

static void stop(void *life)
{
	struct gfs_machine_of_world *machine = life;

	assert_true(sim_end_tasks(machine->io, machine->loop));
	machine->loop = NULL;
	assert_null(machine->master);
	assert_null(machine->server);
}

/* ---- A client's ------------------------------------------------------------------------------ */

static int call(void *argument)
{
	struct gfs_caller *caller = argument;
	const struct gw_gfs_client_options options = {
		.insecure = true, .rack = caller->rack, .timeout_ms = 120000};
	int code = gw_gfs_client_new(&caller->client, caller->world->masters_text, &options, NULL);

	assert_int_equal(code, 0);
	(void)gw_sleep_until(GW_FOREVER);
	gfs_caller_leave(caller);
	return 0;
}

static void *start_caller(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {
		.name = sim_node_name(node), .pick = true, .silent = true};
	struct gfs_caller *caller = argument;

	caller->io = io;
	caller->users = 1;
	assert_int_equal(task_loop_new(io, &options, &caller->loop, NULL), 0);
	assert_int_equal(task_loop_spawn(caller->loop, call, caller, NULL), 0);
	return caller;
}

static void stop_caller(void *life)
{
	struct gfs_caller *caller = life;

	assert_true(sim_end_tasks(caller->io, caller->loop));
	caller->loop = NULL;
	assert_null(caller->client);
}

/* ---- The world ------------------------------------------------------------------------------- */

static void add(struct gfs_world *world, struct gfs_machine_of_world *machine, int index,
		bool is_master)
{
	static const char *const racks[] = {"a", "b", "c"};
	struct sim_program program = {is_master ? start_master : start_server, stop, machine};
	char name[16];

	(void)snprintf(name, sizeof(name), "%c%d", is_master ? 'm' : 's', index + 1);
	machine->world = world;
	machine->index = index;
	machine->rack = racks[index % 3];
	machine->directories[0] = "disk";
	machine->directory_count = 1;
	machine->node = sim_node_add(world->sim, name, &program);
	(void)snprintf(machine->address, sizeof(machine->address), "10.0.0.%d:%d",
		       (int)sim_node_index(machine->node) + 1,
		       is_master ? MASTER_PORT : SERVER_PORT);
}

void gfs_world_begin(struct gfs_world *world, int masters, int servers, uint64_t seed)
{
	gfs_world_begin_with(world, masters, servers, seed, NULL);
}

void gfs_world_begin_with(struct gfs_world *world, int masters, int servers, uint64_t seed,
			  const struct sim_options *options)
{
	assert(masters <= GFS_WORLD_MASTERS && servers <= GFS_WORLD_SERVERS);
	*world = (struct gfs_world){.sim = sim_new(seed, options, NULL),
				    .master_count = masters,
				    .server_count = servers,
				    .lease_ms = GFS_WORLD_LEASE_MS,
				    .safe_ms = 2 * GFS_WORLD_LEASE_MS,
				    .scrub_bytes_per_second = GFS_SCRUB_NEVER,
				    .rebalance_percent = 100};
	assert_non_null(world->sim);
	for (int i = 0; i < masters; i++) {
		size_t used = strlen(world->masters_text);

		add(world, &world->masters[i], i, true);
		(void)snprintf(world->masters_text + used, sizeof(world->masters_text) - used,
			       "%s%s", i ? "," : "", world->masters[i].address);
	}
	for (int i = 0; i < servers; i++)
		add(world, &world->servers[i], i, false);
	for (int i = 0; i < GFS_WORLD_CALLERS; i++) {
		struct gfs_caller *caller = &world->callers[i];
		struct sim_program program = {start_caller, stop_caller, caller};
		char name[16];

		(void)snprintf(name, sizeof(name), "c%d", i + 1);
		caller->world = world;
		caller->node = sim_node_add(world->sim, name, &program);
	}
}

static bool all_vote(const struct gfs_world *world, const struct gfs_master *lead)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = replog_members(gfs_master_log(lead), members);
	int voters = 0;

	for (size_t i = 0; i < count; i++)
		voters += members[i].votes;
	return voters == world->master_count;
}

static bool is_ready(void *context)
{
	struct gfs_world *world = context;
	int leader = gfs_leader(world);
	const struct gfs_master *lead;

	if (leader == GFS_NOBODY)
		return false;
	lead = world->masters[leader].master;
	for (int i = 0; i < world->server_count; i++) {
		struct gfs_machine_of_world *machine = &world->servers[i];
		const struct gfs_cluster_server *known;

		if (!machine->server || chunk_server_number(machine->server) == 0)
			return false;
		machine->number = chunk_server_number(machine->server);
		known = gfs_cluster_server(lead, machine->number);
		if (!known || known->lease_end_ns == 0 || known->bytes == 0)
			return false;
	}
	return all_vote(world, lead) && !lead->cluster->is_safe;
}

void gfs_wait_ready(struct gfs_world *world)
{
	gfs_wait_until(world, is_ready, world);
}

void gfs_world_start(struct gfs_world *world)
{
	for (int i = 0; i < world->master_count; i++)
		sim_node_start(world->masters[i].node);
	gfs_start_servers(world);
	for (int i = 0; i < GFS_WORLD_CALLERS; i++)
		sim_node_start(world->callers[i].node);
	gfs_wait_ready(world);
}

void gfs_world_new(struct gfs_world *world, int masters, int servers, uint64_t seed)
{
	gfs_world_begin(world, masters, servers, seed);
	gfs_world_start(world);
}

void gfs_world_end(struct gfs_world *world)
{
	sim_free(world->sim);
}

void gfs_pass_ms(struct gfs_world *world, uint64_t ms)
{
	sim_run_for(world->sim, ms * SIM_MS);
}

uint64_t gfs_since_ms(const struct gfs_world *world, uint64_t from_ns)
{
	return (sim_now_ns(world->sim) - from_ns) / SIM_MS;
}

void gfs_wait_until(struct gfs_world *world, bool (*met)(void *context), void *context)
{
	assert_true(sim_run_when(world->sim, met, context,
				 sim_now_ns(world->sim) + WAIT_S * SIM_SECOND));
}

void gfs_start_servers(struct gfs_world *world)
{
	for (int i = 0; i < world->server_count; i++)
		sim_node_start(world->servers[i].node);
}

void gfs_power_loss_servers(struct gfs_world *world)
{
	for (int i = 0; i < world->server_count; i++)
		sim_node_power_loss(world->servers[i].node);
}

/* ---- Links ----------------------------------------------------------------------------------- */

void gfs_cut(struct sim_node *one, struct sim_node *other)
{
	sim_link(one, other)->blocked = true;
	sim_link(other, one)->blocked = true;
}

void gfs_mend(struct sim_node *one, struct sim_node *other)
{
	sim_link(one, other)->blocked = false;
	sim_link(other, one)->blocked = false;
}

void gfs_cut_from_masters(struct gfs_world *world, struct sim_node *node)
{
	for (int i = 0; i < world->master_count; i++)
		gfs_cut(world->masters[i].node, node);
}
