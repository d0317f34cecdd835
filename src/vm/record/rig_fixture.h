/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig_fixture.h - a machine with programs/outside.S in it, and an outside drawn from a seed: bytes,
 * frames, entropy, the disk's answers in any order, time, all at any count. It is recorded.
 */
#ifndef VM_RECORD_RIG_FIXTURE_H
#define VM_RECORD_RIG_FIXTURE_H

#include "log.h"
#include "overlay.h"
#include "recorder.h"
#include "replayer.h"

enum { RIG_RAM_BYTES = 4 << 20, RIG_DISK_BYTES = 64 * VM_BLOCK_SECTOR, RIG_PENDING_MAX = 64 };

struct rig {
	char directory[64], log[96], other_log[96], disk_path[96], program_path[512];
	uint64_t hash_interval;
};

/* Makes a directory of its own, and a disk in it; false: it cannot be run here. */
bool rig_set_up(struct rig *rig);
void rig_tear_down(struct rig *rig);

/*
 * Records to rig->log a run of about `count` instructions, which ends in the machine being switched
 * off, or, if that is not wanted, as if its recorder had been killed. Returns the machine's hash at
 * the end, RAM included.
 */
uint64_t rig_record(struct rig *rig, uint64_t seed, uint64_t count, bool whole);

/* Replays a log to its end: what vm_replay_run returned; the hash of the machine then. */
int rig_replay(const struct rig *rig, const char *log, const struct vm_replay_options *options,
	       uint64_t *hash, struct gw_error *error);

/* Copies rig->log to rig->other_log, each record by way of change(context, record); false: it is
 * left out. */
void rig_alter(const struct rig *rig, bool (*change)(void *context, struct vm_log_record *record),
	       void *context);

#endif
