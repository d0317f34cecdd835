/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas_fault.c - how each kind of fault is done to the simulator, and undone.
 */
#include "sim/atlas_fault.h"

#include <assert.h>

enum {
	OPERATIONS_MAX = 60,           /* until a node dies before its n-th one */
	DRIFT_PPB_MAX = 20 * 1000000,  /* 2 % */
	JUMP_BITS_MIN = 20,            /* of ns: up to 1 ms */
	JUMP_BITS_MAX = 43,            /* 2.4 hours */
	DRIP_BYTES_PER_S_MAX = 20000,
};

/* ---- Links ------------------------------------------------------------------------------- */

static void set_link(const struct sim_atlas_node *at, struct sim_link *link, uint32_t kind,
		     bool begins)
{
	const struct sim_link *plain = &at->run->atlas.link;
	struct sim *sim = at->run->sim;
	uint32_t often = begins ? 1 + (uint32_t)sim_draw(sim, SIM_PPM / 4) : 0;

	switch (kind) {
	case SIM_FAULT_RESET_SOME:
		link->reset_ppm = begins ? often / 10 : plain->reset_ppm;
		break;
	case SIM_FAULT_SPLIT:
		link->split_ppm = begins ? 4 * often : plain->split_ppm;
		break;
	case SIM_FAULT_DRIP:
		link->bytes_per_s = begins ? 100 + sim_draw(sim, DRIP_BYTES_PER_S_MAX)
					   : plain->bytes_per_s;
		link->drip_bytes = begins ? 1 + (uint32_t)sim_draw(sim, 16) : plain->drip_bytes;
		break;
	case SIM_FAULT_DELAY:
		link->delay_mean_ns = begins ? 1 + sim_draw(sim, SIM_SECOND) : plain->delay_mean_ns;
		break;
	case SIM_FAULT_REFUSE:
		link->refuse_ppm = begins ? 4 * often : plain->refuse_ppm;
		break;
	default:
		link->loss_ppm = begins ? often : plain->loss_ppm;
		link->double_ppm = begins ? often : plain->double_ppm;
		link->late_ppm = begins ? often : plain->late_ppm;
		link->late_ns = begins ? SIM_SECOND : plain->late_ns;
		break;
	}
}

static bool set_links(const struct sim_atlas_node *at, uint32_t kind, bool begins)
{
	struct sim *sim = at->run->sim;

	for (uint32_t i = 0; i < sim_node_count(sim); i++) {
		struct sim_node *other = sim_node_at(sim, i);

		if (other == at->node)
			continue;
		set_link(at, sim_link(at->node, other), kind, begins);
		set_link(at, sim_link(other, at->node), kind, begins);
	}
	return true;
}

/* All streams of the node, or those to one other node, are reset or hang. */
static bool break_streams(const struct sim_atlas_node *at, bool reset)
{
	struct sim *sim = at->run->sim;
	uint32_t count = sim_node_count(sim), only = (uint32_t)sim_draw(sim, 2 * count);

	for (uint32_t i = 0; i < count; i++) {
		struct sim_node *other = sim_node_at(sim, i);

		if (only < count && only != i)
			continue;
		if (reset)
			(void)sim_reset_streams(at->node, other);
		else
			(void)sim_hang_streams(at->node, other);
	}
	return false;
}

/* ---- Disks ------------------------------------------------------------------------------- */

static bool set_disk(const struct sim_atlas_node *at, uint32_t kind, bool begins)
{
	struct sim *sim = at->run->sim;
	struct sim_disk *disk = sim_disk(at->node);
	uint32_t often = begins ? 1 + (uint32_t)sim_draw(sim, SIM_PPM / 4) : 0;

	switch (kind) {
	case SIM_FAULT_DISK_SLOW:
		disk->slow_ppm = begins ? 4 * often : at->disk.slow_ppm;
		disk->slow_ns = begins ? sim_draw(sim, SIM_SECOND) : at->disk.slow_ns;
		break;
	case SIM_FAULT_DISK_HUNG:
		disk->hung = begins;
		break;
	case SIM_FAULT_DISK_FULL:
		disk->total_bytes = begins ? 0 : at->disk.total_bytes;
		break;
	case SIM_FAULT_READ_ERROR:
		disk->read_error_ppm = begins ? often : at->disk.read_error_ppm;
		break;
	case SIM_FAULT_WRITE_ERROR:
		disk->write_error_ppm = begins ? often : at->disk.write_error_ppm;
		break;
	case SIM_FAULT_SYNC_ERROR:
		disk->sync_error_ppm = begins ? often : at->disk.sync_error_ppm;
		break;
	case SIM_FAULT_SYNC_LIE:
		disk->sync_lie_ppm = begins ? often : at->disk.sync_lie_ppm;
		break;
	case SIM_FAULT_ROT:
		disk->rot_ppm = begins ? often : at->disk.rot_ppm;
		break;
	default:
		disk->misdirect_ppm = begins ? often : at->disk.misdirect_ppm;
		break;
	}
	return true;
}

/* ---- All kinds --------------------------------------------------------------------------- */

static bool jump(const struct sim_atlas_node *at)
{
	struct sim *sim = at->run->sim;
	uint64_t bits = JUMP_BITS_MIN + sim_draw(sim, JUMP_BITS_MAX - JUMP_BITS_MIN);
	int64_t ns = (int64_t)sim_draw(sim, UINT64_C(1) << bits);

	sim_clock_jump(at->node, sim_draw(sim, 2) ? ns : -ns);
	return false;
}

static bool die_at(const struct sim_atlas_node *at, bool power_loss)
{
	sim_node_die_at(at->node, 1 + sim_draw(at->run->sim, OPERATIONS_MAX), power_loss);
	return true;
}

static bool isolate(const struct sim_atlas_node *at, bool one_way)
{
	bool sends = !one_way || sim_draw(at->run->sim, 2);

	sim_isolate(at->node, sends, !one_way || !sends);
	return true;
}

bool sim_atlas_begin_fault(struct sim_atlas_node *at, uint32_t kind)
{
	struct sim *sim = at->run->sim;

	assert(kind < SIM_FAULTS && at->group);
	switch (kind) {
	case SIM_FAULT_KILL:
		sim_node_kill(at->node);
		return true;
	case SIM_FAULT_POWER_LOSS:
		sim_node_power_loss(at->node);
		return true;
	case SIM_FAULT_DIE_AT:
	case SIM_FAULT_POWER_LOSS_AT:
		return die_at(at, kind == SIM_FAULT_POWER_LOSS_AT);
	case SIM_FAULT_PAUSE_PROCESS:
		sim_node_pause(at->node, SIM_PAUSE_PROCESS);
		return true;
	case SIM_FAULT_PAUSE_MACHINE:
		sim_node_pause(at->node, SIM_PAUSE_MACHINE);
		return true;
	case SIM_FAULT_CLOCK_JUMP:
		return jump(at);
	case SIM_FAULT_CLOCK_DRIFT:
		sim_clock_drift(at->node,
				(int32_t)sim_draw(sim, 2 * DRIFT_PPB_MAX) - DRIFT_PPB_MAX);
		return true;
	case SIM_FAULT_ISOLATE:
	case SIM_FAULT_ISOLATE_ONE_WAY:
		return isolate(at, kind == SIM_FAULT_ISOLATE_ONE_WAY);
	case SIM_FAULT_RESET:
	case SIM_FAULT_HANG:
		return break_streams(at, kind == SIM_FAULT_RESET);
	case SIM_FAULT_TEAR:
		return false; /* what a power loss does, whenever it comes */
	default:
		return SIM_FAULTS_NETWORK & UINT32_C(1) << kind ? set_links(at, kind, true)
								: set_disk(at, kind, true);
	}
}

void sim_atlas_end_fault(struct sim_atlas_node *at, uint32_t kind)
{
	switch (kind) {
	case SIM_FAULT_DIE_AT:
	case SIM_FAULT_POWER_LOSS_AT:
		sim_node_die_at(at->node, 0, false);
		sim_node_start(at->node);
		break;
	case SIM_FAULT_KILL:
	case SIM_FAULT_POWER_LOSS:
		sim_node_start(at->node);
		break;
	case SIM_FAULT_PAUSE_PROCESS:
	case SIM_FAULT_PAUSE_MACHINE:
		if (sim_node_state(at->node) == SIM_NODE_PAUSED)
			sim_node_resume(at->node);
		break;
	case SIM_FAULT_CLOCK_DRIFT:
		sim_clock_drift(at->node, 0);
		break;
	case SIM_FAULT_ISOLATE:
	case SIM_FAULT_ISOLATE_ONE_WAY:
		sim_isolate(at->node, false, false);
		break;
	default:
		if (SIM_FAULTS_NETWORK & UINT32_C(1) << kind)
			(void)set_links(at, kind, false);
		else
			(void)set_disk(at, kind, false);
		break;
	}
}

void sim_atlas_mend(struct sim_atlas_node *at)
{
	struct sim_disk *disk = sim_disk(at->node);

	disk->tear_ppm = 0;
	sim_node_die_at(at->node, 0, false);
	if (sim_node_state(at->node) == SIM_NODE_PAUSED)
		sim_node_resume(at->node);
	sim_node_start(at->node);
}
