/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader.c - the task that knows whether this master is the active one: tells the cluster side when
 * that begins and ends, and brings an idle log the time.
 */
#include "gfs/master/inside.h"

#include "task/loop.h"

static uint64_t wall_ms(const struct gfs_master *master)
{
	int64_t now_ns = io_wall_ns(task_io());
	uint64_t now_ms = now_ns > 0 ? (uint64_t)now_ns / 1000000 : 0;

	/* Entries never go back, and so does nothing that goes by them. */
	return now_ms > master->machine.state.wall_ms ? now_ms : master->machine.state.wall_ms;
}

/* Writers end and deleted files are collected by the log's time, and a standby's readers see by it
 * how old their answers are; so it goes on when nothing else happens, too. */
static int clock_tick(struct gfs_master *master)
{
	const struct gfs_record record = {.kind = GFS_RECORD_TICK};
	int code;

	if (wall_ms(master) - master->machine.state.wall_ms < GFS_CLOCK_MS)
		return 0;
	code = gfs_master_propose(master, &record, gw_after_ms(GFS_PROPOSE_TIMEOUT_MS), NULL, NULL,
				  NULL);
	/* Who cannot propose now may do so at the next look. */
	return code == GW_E_CANCELLED ? code : 0;
}

/* The term under which it leads; 0: it does not, or is not ready. */
static uint64_t term_now(const struct gfs_master *master)
{
	struct replog_state state;

	replog_state(master->log, &state);
	return state.role == REPLOG_LEADER && state.ready &&
			       gfs_machine_is_whole(&master->machine)
		       ? state.term
		       : 0;
}

static void follow_role(struct gfs_master *master)
{
	uint64_t term = term_now(master);

	if (term == master->term)
		return;
	if (master->term != 0) {
		master->term = 0;
		if (master->cluster)
			master->options.cluster->ended(master);
	}
	/* It may have waited. */
	if (term == 0 || term != term_now(master))
		return;
	master->term = term;
	if (master->cluster)
		master->options.cluster->began(master);
}

int gfs_master_run_leader(void *argument)
{
	struct gfs_master *master = argument;
	int code = 0;

	while (code != GW_E_CANCELLED) {
		follow_role(master);
		if (master->term != 0 && master->cluster)
			master->options.cluster->tick(master);
		code = master->term != 0 ? clock_tick(master) : 0;
		if (code == 0)
			code = rpc_wait(&master->roles, "for a role or a tick of", master->name,
					gw_after_ms(GFS_TICK_MS));
	}
	if (master->term != 0 && master->cluster)
		master->options.cluster->ended(master);
	master->term = 0;
	return 0;
}
