/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas_fault.h - what each kind of fault does; private to the atlas.
 */
#ifndef SIM_ATLAS_FAULT_H
#define SIM_ATLAS_FAULT_H

#include "sim/workload.h"

/* A node that is hit by one of these is down until it ends. */
#define SIM_FAULTS_DEATH                                                                  \
	(SIM_FAULT_BIT(KILL) | SIM_FAULT_BIT(POWER_LOSS) | SIM_FAULT_BIT(DIE_AT) |        \
	 SIM_FAULT_BIT(POWER_LOSS_AT))
#define SIM_FAULTS_DOWN                                                                   \
	(SIM_FAULTS_DEATH | SIM_FAULT_BIT(PAUSE_PROCESS) | SIM_FAULT_BIT(PAUSE_MACHINE) | \
	 SIM_FAULT_BIT(ISOLATE) | SIM_FAULT_BIT(ISOLATE_ONE_WAY) | SIM_FAULT_BIT(DISK_HUNG))

bool sim_atlas_is_down(const struct sim_atlas_node *at);

/* Begins a fault; whether it lasts, so that sim_atlas_end_fault is to be called later. */
bool sim_atlas_begin_fault(struct sim_atlas_node *at, uint32_t kind);
void sim_atlas_end_fault(struct sim_atlas_node *at, uint32_t kind);
/* Undoes what faults that do not last have left, and starts the node if it is not up. */
void sim_atlas_mend(struct sim_atlas_node *at);

#endif
