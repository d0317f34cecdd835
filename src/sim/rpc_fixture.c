/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_fixture.c - machines that serve and call. */
#include "sim/rpc_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- A register: Set is best effort, SetOnce at most once -------------------------------- */

static int set(struct gw_rpc_call *call, const void *handlers, void *context,
	       const struct ProtobufCMessage *request, struct ProtobufCMessage *reply,
	       struct gw_error *error)
{
	struct machine *machine = context;
	int result = 0;

	(void)call;
	(void)handlers;
	(void)error;
	machine->value = ((const Fixture__Number *)request)->number;
	machine->sets++;
	((Fixture__Number *)reply)->number = machine->value;
	while (machine->hold_set && result == 0)
		result = gw_sleep_ms(1);
	return result;
}

static const struct gw_rpc_method register_methods[2] = {
	{.name = "Set",
	 .full_name = "test.Register.Set",
	 .id = 0xcca875ce,
	 .request = &fixture__number__descriptor,
	 .reply = &fixture__number__descriptor,
	 .run = set},
	{.name = "SetOnce",
	 .full_name = "test.Register.SetOnce",
	 .id = 0x84763aeb,
	 .semantics = GW_RPC_AT_MOST_ONCE,
	 .request = &fixture__number__descriptor,
	 .reply = &fixture__number__descriptor,
	 .run = set},
};

static const struct gw_rpc_service register_service = {
	.full_name = "test.Register",
	.methods = register_methods,
	.method_count = 2,
};

/* ---- Machines ---------------------------------------------------------------------------- */

static int keep(void *context, struct gw_bytes record, struct gw_error *error)
{
	struct machine *machine = context;

	return base_buffer_append(machine->log, record.data, record.size, error);
}

static int offer(struct machine *machine, struct gw_error *error)
{
	struct gw_rpc_dup_options options = {
		.log = keep, .context = machine, .lease_ms = machine->server_options.lease_ms};
	int result = 0;

	machine->served.answers = machine->memory == MEMORY_DURABLE ? machine->log : NULL;
	if (machine->memory == MEMORY_DURABLE) {
		result = gw_rpc_dup_new(&machine->dup, &options, error);
		if (result == 0)
			result = gw_rpc_dup_restore(machine->dup, base_buffer_bytes(machine->log),
						    error);
	}
	return result < 0 ? result :
			    fixture_serve(machine->server, &served_handlers, &machine->served,
					  machine->dup, error);
}

static int serve(struct machine *machine, struct gw_error *error)
{
	char address[32];
	int result;

	machine->server_options.insecure = true;
	result = gw_rpc_server_new(&machine->server, &machine->server_options, error);
	if (result == 0)
		result = machine->offer ? machine->offer(machine, error) : offer(machine, error);
	if (result == 0)
		result = gw_rpc_server_add(machine->server, &register_service, NULL, machine, NULL,
					   error);
	(void)snprintf(address, sizeof(address), "10.0.0.%u:%d",
		       sim_node_index(machine->node) + 1, CLUSTER_PORT);
	if (result == 0)
		result = gw_rpc_server_listen(machine->server, address, error);
	return result;
}

static int live(void *argument)
{
	struct machine *machine = argument;
	struct gw_error error = {0};
	int result;

	machine->client_options.insecure = true;
	if (machine->address)
		result = gw_rpc_client_new(&machine->client, machine->address,
					   &machine->client_options, &error);
	else
		result = serve(machine, &error);
	if (result < 0)
		print_error("%s\n", error.text);
	assert_int_equal(result, 0);
	(void)gw_sleep_until(GW_FOREVER);
	gw_rpc_client_free(machine->client);
	machine->client = NULL;
	gw_rpc_server_free(machine->server);
	machine->server = NULL;
	gw_rpc_dup_free(machine->dup);
	machine->dup = NULL;
	return 0;
}

static void *machine_start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true};
	struct machine *machine = argument;

	machine->io = io;
	assert_int_equal(task_loop_new(io, &options, &machine->loop, NULL), 0);
	assert_int_equal(task_loop_spawn(machine->loop, live, machine, NULL), 0);
	return machine;
}

static void machine_stop(void *life)
{
	struct machine *machine = life;

	assert_true(sim_end_tasks(machine->io, machine->loop));
	machine->loop = NULL;
	assert_null(machine->client);
	assert_null(machine->server);
}

void cluster_begin(struct cluster *cluster, uint64_t seed, const struct sim_options *options)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct gw_error error = {0};

	memset(cluster, 0, sizeof(*cluster));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(register_methods[i].id,
				 gw_rpc_method_id(register_methods[i].full_name));
	cluster->sim = sim_new(seed, options, &error);
	assert_non_null(cluster->sim);
	for (int i = 0; i < CLUSTER_MACHINES; i++) {
		struct machine *machine = &cluster->machines[i];
		struct sim_program program = {machine_start, machine_stop, machine};

		machine->cluster = cluster;
		machine->node = sim_node_add(cluster->sim, names[i], &program);
		machine->log = &machine->own_log;
		machine->address = i >= C ? "10.0.0.1:7000,10.0.0.2:7000" : NULL;
	}
}

void cluster_start_one(struct cluster *cluster, int machine)
{
	sim_node_start(cluster->machines[machine].node);
	sim_run_for(cluster->sim, SIM_MS);
}

void cluster_start(struct cluster *cluster)
{
	for (int i = 0; i < CLUSTER_MACHINES; i++) {
		if (!sim_node_is_up(cluster->machines[i].node))
			cluster_start_one(cluster, i);
	}
}

void cluster_end(struct cluster *cluster)
{
	sim_free(cluster->sim);
	for (int i = 0; i < CLUSTER_MACHINES; i++)
		base_buffer_done(&cluster->machines[i].own_log);
}

/* ---- Jobs -------------------------------------------------------------------------------- */

static int64_t set_number(struct job *job, int method, const struct gw_rpc_call_options *options)
{
	Fixture__Number request = FIXTURE__NUMBER__INIT;
	struct ProtobufCMessage *reply;
	int64_t result;

	request.number = job->number;
	result = gw_rpc_invoke(job->machine->client, &register_methods[method],
			       (const struct ProtobufCMessage *)&request, &reply, options,
			       &job->error);
	if (result >= 0)
		result = ((Fixture__Number *)reply)->number;
	gw_rpc_message_free(reply);
	return result;
}

static int do_job(void *argument)
{
	struct job *job = argument;
	uint64_t timeout_ns = job->timeout_ns ? job->timeout_ns : 60 * SIM_SECOND;
	struct gw_rpc_call_options options = {.deadline_ns = gw_now_ns() + timeout_ns};
	char text[32];

	job->is_begun = true;
	if (job->kind == KIND_ADD) {
		job->result = served_add(job->machine->client, job->number, &options, &job->error);
	} else if (job->kind == KIND_ECHO) {
		(void)snprintf(text, sizeof(text), "number %d", (int)job->number);
		job->result = served_echo(job->machine->client, text, &options, &job->error);
	} else {
		job->result = set_number(job, job->kind == KIND_SET_ONCE, &options);
	}
	job->is_over = true;
	return 0;
}

void job_start(struct cluster *cluster, int machine, struct job *job)
{
	job->machine = &cluster->machines[machine];
	assert_non_null(job->machine->client);
	assert_int_equal(task_loop_spawn(job->machine->loop, do_job, job, NULL), 0);
}

static bool job_is_over(void *context)
{
	return ((struct job *)context)->is_over;
}

int64_t job_wait(struct cluster *cluster, struct job *job)
{
	assert_true(sim_run_when(cluster->sim, job_is_over, job,
				 sim_now_ns(cluster->sim) + 600 * SIM_SECOND));
	return job->result;
}

int64_t call(struct cluster *cluster, int machine, enum kind kind, int64_t number)
{
	struct job job = {.kind = kind, .number = number};
	int64_t result;

	job_start(cluster, machine, &job);
	result = job_wait(cluster, &job);
	/* The task has yet to leave its stack, which points here. */
	sim_run_for(cluster->sim, 1);
	return result;
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

int run_at(struct cluster *cluster, int machine, gw_task_function *function, void *argument)
{
	struct visit visit = {.function = function, .argument = argument};

	assert_int_equal(task_loop_spawn(cluster->machines[machine].loop, do_visit, &visit, NULL),
			 0);
	assert_true(sim_run_when(cluster->sim, visit_is_over, &visit,
				 sim_now_ns(cluster->sim) + 600 * SIM_SECOND));
	sim_run_for(cluster->sim, 1);
	return visit.result;
}

struct counted {
	const int *number;
	int least;
};

static bool is_reached(void *context)
{
	const struct counted *counted = context;

	return *counted->number >= counted->least;
}

void until(struct cluster *cluster, const int *number, int least)
{
	struct counted counted = {number, least};

	assert_true(sim_run_when(cluster->sim, is_reached, &counted,
				 sim_now_ns(cluster->sim) + 600 * SIM_SECOND));
}

void pass(struct cluster *cluster, uint64_t ns)
{
	sim_run_for(cluster->sim, ns);
}

void hold_add(struct cluster *cluster, int machine, struct job *job, int64_t number)
{
	struct served *served = &cluster->machines[A].served;
	int adds = served->adds;

	served->hold = true;
	job->kind = KIND_ADD;
	job->number = number;
	job_start(cluster, machine, job);
	until(cluster, &served->adds, adds + 1);
}
