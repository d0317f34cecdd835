/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.c - a master: made, and ended.
 */
#include "gfs/master/inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "task/disk.h"
#include "task/home.h"
#include "task/loop.h"

static const struct task_home_kind kind = {"groundwork gfs master 1\n",
					   "a master of the file system"};

const char *gfs_master_address(const struct gfs_master *master)
{
	return gw_rpc_server_address(master->rpc);
}

struct replog *gfs_master_log(const struct gfs_master *master)
{
	return master->log;
}

const struct gfs_machine *gfs_master_machine(const struct gfs_master *master)
{
	return &master->machine;
}

/* ---- Called by the log ---------------------------------------------------------------------- */

static void applied(void *context, const struct gfs_record *record, const struct gfs_done *done,
		    int code)
{
	struct gfs_master *master = context;

	if (master->cluster)
		master->options.cluster->applied(master, record, done, code);
}

static void freed(void *context, uint32_t slot)
{
	struct gfs_master *master = context;

	if (master->cluster)
		master->options.cluster->freed(master, slot);
}

static void restored(void *context)
{
	struct gfs_master *master = context;

	if (master->cluster)
		master->options.cluster->restored(master);
}

static void role_changed(void *context)
{
	struct gfs_master *master = context;

	rpc_wake(&master->roles);
}

static void failed(void *context, const struct gw_error *error)
{
	struct gfs_machine *machine = context;
	struct gfs_master *master = machine->watch.context;

	machine->is_broken = true;
	if (master->options.failed)
		master->options.failed(master->options.context, error);
}

static void troubled(void *context, const struct gw_error *error)
{
	const struct gfs_machine *machine = context;
	const struct gfs_master *master = machine->watch.context;

	if (master->options.troubled)
		master->options.troubled(master->options.context, error);
}

/* ---- Beginning ------------------------------------------------------------------------------ */

enum { TEXTS = 6 };

static void texts_of(struct gfs_master_options *options, const char **texts[TEXTS])
{
	texts[0] = &options->directory;
	texts[1] = &options->address;
	texts[2] = &options->listen;
	texts[3] = &options->join;
	texts[4] = &options->name;
	texts[5] = &options->peer_role;
}

static void free_texts(struct gfs_master_options *options)
{
	const char **texts[TEXTS];

	texts_of(options, texts);
	base_free_texts(texts, TEXTS);
}

static void set_defaults(struct gfs_master_options *options)
{
	if (!options->listen)
		options->listen = options->address;
	if (!options->name)
		options->name = options->directory;
	if (!options->peer_role)
		options->peer_role = "gfs";
	if (!options->chunk_lease_ms)
		options->chunk_lease_ms = GFS_LEASE_MS;
	if (!options->chunk_heartbeat_ms)
		options->chunk_heartbeat_ms = GFS_HEARTBEAT_MS;
	if (!options->safe_ms)
		options->safe_ms = GFS_SAFE_MS;
	if (!options->rebalance_percent || options->rebalance_percent > 100)
		options->rebalance_percent = GFS_REBALANCE_PERCENT;
	if (!options->rebalance_moves)
		options->rebalance_moves = GFS_REBALANCE_MOVES;
	if (!options->rebalance_bytes)
		options->rebalance_bytes = GFS_REBALANCE_BYTES;
}

static int copy_options(struct gfs_master_options *out, const struct gfs_master_options *options,
			struct gw_error *error)
{
	const char **texts[TEXTS];

	*out = *options;
	set_defaults(out);
	texts_of(out, texts);
	return base_copy_texts(texts, TEXTS) ?
		       0 :
		       gw_fail(error, GW_E_NO_MEMORY, "no memory for a master");
}

static int open_machine(struct gfs_master *master, struct gw_error *error)
{
	int code = gfs_machine_init(&master->machine, &master->options.machine, error);

	master->has_machine = code == 0;
	master->machine.watch = (struct gfs_machine_watch){.applied = applied,
							   .freed = freed,
							   .restored = restored,
							   .role_changed = role_changed,
							   .context = master};
	return code;
}

static int open_log(struct gfs_master *master, struct gw_error *error)
{
	const struct gfs_master_options *options = &master->options;
	const struct replog_options of_log = {
		.directory = master->log_directory,
		.address = options->address,
		.join = options->join,
		.standby = options->standby,
		.name = options->name,
		.tls = options->tls,
		.insecure = options->insecure,
		.peer_role = options->peer_role,
		.election_ms = options->election_ms,
		.heartbeat_ms = options->heartbeat_ms,
		.snapshot_bytes = options->snapshot_bytes,
		.keep_entries = options->keep_entries,
		.keep_bytes = options->keep_bytes,
		.segment_bytes = options->segment_bytes,
		.join_timeout_ms = options->join_timeout_ms,
		.failed = failed,
		.troubled = troubled,
	};

	return replog_open(&master->log, &of_log, &gfs_replog_machine, &master->machine, error);
}

static int open_rpc(struct gfs_master *master, struct gw_error *error)
{
	const struct gfs_master_options *options = &master->options;
	const struct gw_rpc_server_options of_rpc = {.name = options->name,
						     .tls = options->tls,
						     .insecure = options->insecure,
						     .lease_ms = options->machine.lease_ms,
						     .clients_max = options->machine.clients_max};
	const struct rpc_dup_front_options front = {&master->machine.dup, gfs_master_open_client,
						    master};
	int code = rpc_dup_front_new(&master->front, &front, error);

	if (code == 0)
		code = gw_rpc_server_new(&master->rpc, &of_rpc, error);
	if (code == 0 && options->address)
		code = replog_serve(master->log, master->rpc, error);
	if (code == 0)
		code = master_serve(master->rpc, &gfs_master_handlers, master, master->front,
				    error);
	if (code == 0 && options->cluster) {
		master->has_cluster = true;
		code = options->cluster->new(master, error);
	}
	if (code == 0 && options->listen)
		code = gw_rpc_server_listen(master->rpc, options->listen, error);
	return code;
}

static int start(struct gfs_master *master, struct gw_error *error)
{
	const struct gw_spawn_options leader = {.name = "gfs master"};
	int code = task_home_open(master->options.directory, &kind, &master->lock, error);

	if (code == 0)
		code = open_machine(master, error);
	if (code == 0)
		code = open_log(master, error);
	if (code == 0)
		code = open_rpc(master, error);
	if (code == 0)
		code = replog_start(master->log, error);
	if (code == 0)
		code = gw_spawn(&master->tasks, gfs_master_run_leader, master, &leader);
	return code;
}

int gfs_master_new(struct gfs_master **out, const struct gfs_master_options *options,
		   struct gw_error *error)
{
	struct gfs_master *master = calloc(1, sizeof(*master));
	uint64_t seed;
	int code;

	assert(options->directory);
	*out = NULL;
	if (!master)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a master");
	master->tasks.name = "gfs master";
	io_random(task_io(), &seed, sizeof(seed));
	gfs_locks_init(&master->locks, seed);
	code = copy_options(&master->options, options, error);
	master->name = (char *)(uintptr_t)master->options.name;
	if (code == 0) {
		master->log_directory = task_home_path(options->directory, "log");
		code = master->log_directory
			       ? start(master, error)
			       : gw_fail(error, GW_E_NO_MEMORY, "no memory for a master");
	}
	if (code < 0) {
		gfs_master_free(master);
		return code;
	}
	*out = master;
	return 0;
}

/* ---- The end -------------------------------------------------------------------------------- */

void gfs_master_stop(struct gfs_master *master, uint64_t deadline_ns)
{
	replog_stop(master->log, deadline_ns);
}

void gfs_master_free(struct gfs_master *master)
{
	if (!master)
		return;
	(void)gw_group_done(&master->tasks);
	gw_rpc_server_free(master->rpc);
	if (master->has_cluster)
		master->options.cluster->free(master);
	gw_rpc_dup_free(master->front);
	replog_free(master->log);
	if (master->has_machine)
		gfs_machine_done(&master->machine);
	gfs_replicas_done(&master->replicas);
	gfs_locks_done(&master->locks);
	(void)task_disk_close(master->lock, NULL);
	free(master->log_directory);
	free_texts(&master->options);
	free(master);
}
