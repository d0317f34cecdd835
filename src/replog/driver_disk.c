/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_disk.c - group commit: one task writes all saves that were added since its last write, and
 * then lets go what waited for them: messages (raft.h: a RAFT_SEND names its save) and, by the
 * core, entries that are committed now.
 */
#include "driver.h"

#include "io/rare.h"

#include <stdlib.h>

enum { MARK_MS = 1000, FULL_MS = 200 };

void replog_hold(struct replog *log, struct replog_outgoing *outgoing)
{
	assert(!log->held.last || log->held.last->after <= outgoing->after);
	if (log->held.count == REPLOG_HELD_MAX)
		free(outgoing); /* as if the network had lost it */
	else
		replog_queue_add(&log->held, outgoing);
}

static void let_go(struct replog *log, uint64_t saved)
{
	while (log->held.first && log->held.first->after <= saved)
		replog_peer_send(log, replog_queue_take(&log->held));
}

static int commit(struct replog *log, struct gw_error *error)
{
	struct raft_event event = {.kind = RAFT_SAVED, .number = log->added};
	bool is_mark = log->added == log->saved;
	int result = replog_store_commit(log->store, error);

	if (result == GW_E_NO_SPACE && !is_mark) {
		log->is_full = true;
		replog_troubled(log, REPLOG_DISK_FULL, error);
		IO_PROBE(log->io, "replog.disk-full");
		return gw_sleep_ms(FULL_MS) < 0 ? GW_E_CANCELLED : 0;
	}
	if (result < 0 && result != GW_E_NO_SPACE)
		return result;
	/* It may have taken along what was added while it waited for room. */
	if (replog_store_added_bytes(log->store) == 0)
		event.number = log->added;
	log->is_full = false;
	replog_troubled(log, REPLOG_DISK_FULL, NULL);
	log->needs_mark = event.number > log->saved;
	if (event.number == log->saved || log->ended)
		return 0;
	log->saved = event.number;
	let_go(log, event.number);
	return replog_step(log, &event);
}

int replog_run_disk(void *argument)
{
	struct replog *log = argument;
	struct gw_error error = {0};
	int result = 0;

	while (!log->ended && result >= 0) {
		uint64_t mark_ns = log->needs_mark ? gw_after_ms(MARK_MS) : GW_FOREVER;

		if (replog_store_added_bytes(log->store) > 0) {
			result = commit(log, &error);
			continue;
		}
		result = rpc_wait(&log->disk, "for saves of", replog_name(log), mark_ns);
		if (result == GW_E_TIMEOUT)
			result = commit(log, &error);
	}
	if (result < 0 && result != GW_E_CANCELLED && !log->ended)
		replog_fail(log, &error);
	return 0;
}
