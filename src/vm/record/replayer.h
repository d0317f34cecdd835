/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replayer.h - makes the machine of a log again, and lets it run as it ran: every event of the log
 * comes in at its count, and every hash in it is compared.
 *
 *     vm_replay_open(&replay, "log", &options, &error);
 *     vm_replay_run(replay, UINT64_MAX, &error);
 *     vm_replay_close(replay);
 *
 * Nothing outside is touched: the disk is an overlay (overlay.h), and frames go nowhere.
 */
#ifndef VM_RECORD_REPLAYER_H
#define VM_RECORD_REPLAYER_H

#include "format.h"

struct vm_replay_options {
	/* Where files are; NULL: where they were. They must be those that were recorded. */
	const char *files[VM_LOG_FILES];
	/* The guest's console; NULL: nobody listens. */
	void (*console)(void *context, uint8_t byte);
	void *context;
	/* To prove that they are not seen; see vm_cpu_setup. */
	unsigned block_instructions_max;
	unsigned translations_max;
	size_t blocks_max;
};

struct vm_replay;

/* What the log says of itself; GW_E_INVALID: a file is not the one that was recorded. */
int vm_replay_open(struct vm_replay **replay, const char *log,
		   const struct vm_replay_options *options, struct gw_error *error) GW_MUST_CHECK;
void vm_replay_close(struct vm_replay *replay); /* NULL is fine */

enum vm_replay_state {
	VM_REPLAY_GOES_ON = 1,
	VM_REPLAY_ENDED, /* where the recording did */
	VM_REPLAY_TORN,  /* at the last record, for its recorder was killed */
	VM_REPLAY_HIT,   /* before an instruction, by vm_cpu_set_stops; it goes on */
};

/*
 * Runs until the count is `until`, or the log ends; all events of that count have then come in.
 * Returns enum vm_replay_state. GW_E_CORRUPT with a sentence if the run is another than the one
 * recorded, or the log is damaged; it does not go on after that.
 */
int vm_replay_run(struct vm_replay *replay, uint64_t until, struct gw_error *error) GW_MUST_CHECK;

uint64_t vm_replay_count(const struct vm_replay *replay);
uint64_t vm_replay_events(const struct vm_replay *replay); /* that came in */
uint64_t vm_replay_hashes(const struct vm_replay *replay); /* that were compared */
/* How it ended, after VM_REPLAY_ENDED. */
enum vm_pause vm_replay_end(const struct vm_replay *replay);
const struct vm_log_header *vm_replay_header(const struct vm_replay *replay);
struct vm_machine *vm_replay_machine(struct vm_replay *replay);
/* Of the machine; who writes there says so to the hart. */
uint8_t *vm_replay_ram(struct vm_replay *replay, uint64_t *size);

#endif
