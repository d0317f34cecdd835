/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_replay.h - what the records of a log, read in order, add up to: term, vote and entries.
 */
#ifndef REPLOG_STORE_REPLAY_H
#define REPLOG_STORE_REPLAY_H

#include "base/arena.h"
#include "store_segment.h"

struct replog_replay {
	uint64_t term, vote;
	uint64_t base; /* index of the first entry; 0: not known yet */
	struct raft_entry *entries;
	size_t count, capacity;
	uint64_t last_index; /* the highest of the batch taken last, also of replaced entries */
	struct base_arena arena; /* their data */
};

/* Takes in all records of a batch. GW_E_CORRUPT, GW_E_NO_MEMORY; then the replay is of no use. */
int replog_replay_batch(struct replog_replay *replay, const struct replog_batch *batch,
			struct gw_error *error) GW_MUST_CHECK;

/* What was read so far does not count; the state does. */
void replog_replay_forget(struct replog_replay *replay);

/* NULL when it is not there. */
const struct raft_entry *replog_replay_entry(const struct replog_replay *replay, uint64_t index);

void replog_replay_done(struct replog_replay *replay);

#endif
