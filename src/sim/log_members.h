/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_members.h - what workloads over a replicated log share: how it is tuned in a run, and the
 * list of addresses by which members find each other.
 */
#ifndef SIM_LOG_MEMBERS_H
#define SIM_LOG_MEMBERS_H

#include "sim/sim.h"

struct log_tuning {
	uint64_t segment_bytes, snapshot_bytes, keep_entries, keep_bytes, election_ms;
	uint64_t pause_ns_max, timeout_ms_max; /* of who uses the log: between calls, of a call */
};

/* One pause and one timeout of three each. */
void log_tuning_draw(struct log_tuning *tuning, struct sim *sim, const uint64_t pauses_ms[3],
		     const uint64_t timeouts_ms[3]);

enum { LOG_ADDRESS_SIZE = 32 };

void log_address_of(struct sim_node *node, int port, char address[LOG_ADDRESS_SIZE]);
/* Appends to a list "a,b,c", which has room for it. */
void log_address_add(char *list, size_t size, const char *address);

#endif
