/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_members.c - see log_members.h.
 */
#include "sim/log_members.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void log_tuning_draw(struct log_tuning *tuning, struct sim *sim, const uint64_t pauses_ms[3],
		     const uint64_t timeouts_ms[3])
{
	static const uint64_t elections_ms[] = {200, 500, 1000};

	tuning->segment_bytes = (2 + sim_draw(sim, 8)) * 4096;
	tuning->snapshot_bytes = (1 << 10) + sim_draw(sim, 32 << 10);
	tuning->keep_entries = 1 + sim_draw(sim, 60);
	tuning->keep_bytes = 1 + sim_draw(sim, 12 << 10); /* often the narrower of the two */
	tuning->pause_ns_max = pauses_ms[sim_draw(sim, 3)] * SIM_MS;
	tuning->timeout_ms_max = timeouts_ms[sim_draw(sim, 3)];
	tuning->election_ms = elections_ms[sim_draw(sim, 3)];
}

void log_address_of(struct sim_node *node, int port, char address[LOG_ADDRESS_SIZE])
{
	(void)snprintf(address, LOG_ADDRESS_SIZE, "10.0.0.%" PRIu32 ":%d",
		       sim_node_index(node) + 1, port);
}

void log_address_add(char *list, size_t size, const char *address)
{
	size_t used = strlen(list);
	int added = snprintf(list + used, size - used, "%s%s", used ? "," : "", address);

	assert(added > 0 && (size_t)added < size - used);
}
