/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas.h - the fault plan of a run: which faults come, when, and to which nodes, so that they stay
 * within what the nodes promise to bear, or, on purpose, exceed it.
 *
 * A workload says what groups of nodes there are and what each bears:
 *
 *     sim_atlas_add(&run->atlas, &(struct sim_group){
 *             .nodes = UINT64_C(1) << sim_node_index(server),
 *             .down_max = 1,
 *             .bears = SIM_FAULTS_PROCESS | SIM_FAULTS_NETWORK,
 *             .beyond = SIM_FAULT_BIT(ROT),
 *     });
 *
 * Of the kinds that are borne each seed takes some (so that rare combinations come up), and now
 * and then hits a node with one of them, which ends by itself some time later. Nodes whose
 * process ended by itself are started again, as a supervisor would do.
 *
 * A node counts as down from a death, a pause or a partition that hits it, until that ended and
 * `ready` says that it caught up; at most down_max of a group are down at once. A node counts as
 * damaged when its disk was harmed, until `repaired` says that it has made good; at most
 * damaged_max are at once.
 */
#ifndef SIM_ATLAS_H
#define SIM_ATLAS_H

#include "sim/sim.h"

struct sim_run;

/* The kinds of faults: X(NAME, "what"). */
#define SIM_FAULT_TABLE(X)                                                      \
	X(KILL, "the process is killed")                                        \
	X(POWER_LOSS, "the machine loses power")                                \
	X(DIE_AT, "the process dies before its n-th operation")                 \
	X(POWER_LOSS_AT, "the machine loses power before its n-th operation")   \
	X(PAUSE_PROCESS, "the process is stopped for a while")                  \
	X(PAUSE_MACHINE, "the machine sleeps")                                  \
	X(CLOCK_JUMP, "the wall clock is set")                                  \
	X(CLOCK_DRIFT, "the clocks go too fast or slow")                        \
	X(ISOLATE, "nothing from or to the node passes")                        \
	X(ISOLATE_ONE_WAY, "one direction is cut")                              \
	X(RESET, "streams are reset")                                           \
	X(HANG, "streams are half-open")                                        \
	X(RESET_SOME, "now and then a segment resets its stream")               \
	X(SPLIT, "segments are cut at any byte")                                \
	X(DRIP, "a few bytes a second pass")                                    \
	X(DELAY, "packets are late")                                            \
	X(REFUSE, "connections are refused")                                    \
	X(DATAGRAMS, "datagrams are lost, doubled, late")                       \
	X(DISK_SLOW, "the disk is slow")                                        \
	X(DISK_HUNG, "the disk does not answer for a while")                    \
	X(DISK_FULL, "the disk is full")                                        \
	X(READ_ERROR, "a read fails")                                           \
	X(WRITE_ERROR, "a write fails")                                         \
	X(SYNC_ERROR, "a sync fails")                                           \
	X(TEAR, "a power loss tears sectors")                                   \
	X(SYNC_LIE, "a sync does nothing and says it did")                      \
	X(ROT, "a bit on the disk flips")                                       \
	X(MISDIRECT, "a write goes elsewhere")

enum sim_fault {
#define SIM_FAULT_ENUM(name, text) SIM_FAULT_##name,
	SIM_FAULT_TABLE(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
	SIM_FAULTS
};

#define SIM_FAULT_BIT(name) (UINT32_C(1) << SIM_FAULT_##name)

/* Sets of kinds that are often borne together. */
#define SIM_FAULTS_PROCESS                                                              \
	(SIM_FAULT_BIT(KILL) | SIM_FAULT_BIT(DIE_AT) | SIM_FAULT_BIT(PAUSE_PROCESS) |   \
	 SIM_FAULT_BIT(PAUSE_MACHINE))
#define SIM_FAULTS_POWER                                                                \
	(SIM_FAULT_BIT(POWER_LOSS) | SIM_FAULT_BIT(POWER_LOSS_AT) | SIM_FAULT_BIT(TEAR))
#define SIM_FAULTS_CLOCK (SIM_FAULT_BIT(CLOCK_JUMP) | SIM_FAULT_BIT(CLOCK_DRIFT))
#define SIM_FAULTS_NETWORK                                                              \
	(SIM_FAULT_BIT(ISOLATE) | SIM_FAULT_BIT(ISOLATE_ONE_WAY) | SIM_FAULT_BIT(RESET) | \
	 SIM_FAULT_BIT(HANG) | SIM_FAULT_BIT(RESET_SOME) | SIM_FAULT_BIT(SPLIT) |       \
	 SIM_FAULT_BIT(DRIP) | SIM_FAULT_BIT(DELAY) | SIM_FAULT_BIT(REFUSE) |           \
	 SIM_FAULT_BIT(DATAGRAMS))
#define SIM_FAULTS_DISK                                                                 \
	(SIM_FAULT_BIT(DISK_SLOW) | SIM_FAULT_BIT(DISK_HUNG) | SIM_FAULT_BIT(DISK_FULL) | \
	 SIM_FAULT_BIT(READ_ERROR) | SIM_FAULT_BIT(WRITE_ERROR) | SIM_FAULT_BIT(SYNC_ERROR))
/* These harm what is on the disk already. */
#define SIM_FAULTS_DAMAGE \
	(SIM_FAULT_BIT(SYNC_LIE) | SIM_FAULT_BIT(ROT) | SIM_FAULT_BIT(MISDIRECT))

enum { SIM_GROUPS_MAX = 8, SIM_ATLAS_NODES_MAX = 64 };

struct sim_group {
	uint64_t nodes;       /* a bit each, by sim_node_index, which is below 64 */
	uint32_t down_max;    /* of them at once */
	uint32_t damaged_max; /* of them at once */
	uint32_t bears;       /* kinds of faults, SIM_FAULT_BIT */
	uint32_t beyond;      /* kinds that come only in seeds that exceed the promise */
	bool in_order;        /* names survive a power loss in order, as with a journal */
	/* Whether a node that was down has caught up, or was damaged and has made good. NULL: at
	 * once when it is up; never. */
	bool (*ready)(struct sim_run *run, struct sim_node *node);
	bool (*repaired)(struct sim_run *run, struct sim_node *node);
};

/* A fault that lasts. */
struct sim_atlas_lasting {
	struct sim_atlas_node *owner;
	bool active;
	uint8_t kind;
};

/* What the atlas knows of a node. Private. */
struct sim_atlas_node {
	struct sim_run *run;
	struct sim_node *node;
	struct sim_group *group; /* NULL: none, no faults hit it */
	bool damaged;
	struct sim_disk disk;    /* as it is without faults */
	struct sim_atlas_lasting lasting[SIM_FAULTS];
};

/* A part of struct sim_run; private but for the counts. */
struct sim_atlas {
	struct sim_group groups[SIM_GROUPS_MAX];
	uint32_t group_count;
	struct sim_atlas_node nodes[SIM_ATLAS_NODES_MAX];
	uint32_t kinds;              /* that this seed takes */
	uint64_t every_ns, lasts_ns; /* means: between two faults, of one that lasts */
	struct sim_link link;        /* as links are without faults */
	bool stopped;
	uint64_t counts[SIM_FAULTS]; /* how often each came */
};

/* In setup. At most SIM_GROUPS_MAX; a node is in one group. */
void sim_atlas_add(struct sim_atlas *atlas, const struct sim_group *group);

/* Whether a group names kinds that exceed its promise. */
bool sim_atlas_has_beyond(const struct sim_atlas *atlas);

/* The runner: faults come from now on, until all is healed. */
void sim_atlas_begin(struct sim_run *run);
void sim_atlas_heal(struct sim_run *run);

const char *sim_fault_text(enum sim_fault fault);

#endif
