/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos_fault_fixture.c - the faults of chaos_fixture.h: of nodes, network and disks, every few
 * milliseconds.
 */
#include "sim/chaos_fixture.h"

#include <errno.h>

static void fault_of_node(struct sim *sim, struct sim_node *node)
{
	switch (sim_draw(sim, 10)) {
	case 0:
		sim_node_restart(node, sim_draw(sim, 2), sim_draw(sim, SIM_SECOND));
		break;
	case 1:
		sim_node_pause(node, (enum sim_pause)sim_draw(sim, 2));
		break;
	case 2:
		sim_node_die_at(node, 1 + sim_draw(sim, 100), sim_draw(sim, 2));
		break;
	case 3:
		sim_clock_drift(node, (int32_t)sim_draw(sim, 2000000) - 1000000);
		break;
	case 4:
		sim_clock_jump(node, (int64_t)sim_draw(sim, 2 * SIM_SECOND) - (int64_t)SIM_SECOND);
		break;
	default:
		sim_node_resume(node);
		sim_node_start_after(node, sim_draw(sim, SIM_SECOND));
		break;
	}
}

static void fault_of_network(struct sim *sim, struct sim_node *a, struct sim_node *b)
{
	struct sim_link *link = sim_link(a, b);

	switch (sim_draw(sim, 10)) {
	case 0:
		link->split_ppm = (uint32_t)sim_draw(sim, SIM_PPM);
		link->double_ppm = link->late_ppm = link->loss_ppm =
			(uint32_t)sim_draw(sim, SIM_PPM / 10);
		link->late_ns = SIM_SECOND;
		break;
	case 1:
		link->reset_ppm = link->hang_ppm = (uint32_t)sim_draw(sim, SIM_PPM / 1000);
		break;
	case 2:
		sim_partition(sim, sim_draw(sim, 1 << CHAOS_NODES));
		break;
	case 3:
		sim_isolate(a, sim_draw(sim, 2), sim_draw(sim, 2));
		break;
	case 4:
		(void)sim_reset_streams(a, b);
		break;
	case 5:
		(void)sim_hang_streams(a, b);
		break;
	case 6:
		link->bytes_per_s = 1000 + sim_draw(sim, 1000000);
		link->drip_bytes = 1 + (uint32_t)sim_draw(sim, 1000);
		link->refuse_ppm = (uint32_t)sim_draw(sim, SIM_PPM);
		break;
	default:
		sim_heal(sim);
		break;
	}
}

static void fault_of_disk(struct sim *sim, struct sim_node *node)
{
	static const int errors[] = {EIO, ENOSPC};
	struct sim_disk *disk = sim_disk(node);
	uint32_t chance = (uint32_t)sim_draw(sim, SIM_PPM / 20);

	switch (sim_draw(sim, 10)) {
	case 0:
		disk->sync_error_ppm = disk->write_error_ppm = disk->read_error_ppm = chance;
		break;
	case 1:
		disk->sync_lie_ppm = disk->misdirect_ppm = disk->rot_ppm = chance;
		break;
	case 2:
		disk->slow_ppm = chance;
		disk->slow_ns = SIM_SECOND;
		break;
	case 3:
		disk->hung = !disk->hung;
		break;
	case 4:
		sim_disk_fail_at(node, (uint32_t)sim_draw(sim, UINT32_MAX), sim_draw(sim, 50),
				 1 + sim_draw(sim, 3), errors[sim_draw(sim, 2)]);
		break;
	case 5:
		(void)sim_disk_rot(node, NULL, sim_draw(sim, 10000), 1);
		break;
	case 6:
		(void)sim_disk_damage(node, "f1", sim_draw(sim, 10000), 1000);
		break;
	case 7:
		disk->total_bytes = 40000 + sim_draw(sim, 1 << 20);
		disk->keep_ppm = (uint32_t)sim_draw(sim, SIM_PPM);
		disk->tear_ppm = SIM_PPM / 10;
		disk->in_order = sim_draw(sim, 2);
		break;
	case 8:
		if (!sim_node_is_up(node))
			sim_disk_wipe(node);
		break;
	default:
		*disk = (struct sim_disk){.total_bytes = 1 << 24, .total_files = 1000,
					  .delay_ns = SIM_MS, .sync_delay_ns = SIM_MS,
					  .keep_ppm = SIM_PPM / 2};
		break;
	}
}

void chaos_fault(void *context)
{
	struct sim *sim = (struct sim *)context;
	struct sim_node *node = sim_node_at(sim, (uint32_t)sim_draw(sim, CHAOS_NODES));

	switch (sim_draw(sim, 3)) {
	case 0:
		fault_of_node(sim, node);
		break;
	case 1:
		fault_of_network(sim, node, sim_node_at(sim, (uint32_t)sim_draw(sim, CHAOS_NODES)));
		break;
	default:
		fault_of_disk(sim, node);
		break;
	}
	sim_at(sim, sim_now_ns(sim) + sim_draw(sim, 30 * SIM_MS), chaos_fault, sim);
}
