/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.h - keeps the log of a machine that runs: what it started from, every event as it comes
 * in, and from time to time a hash of all its state.
 *
 *     vm_recorder_new(&recorder, &options, &setup, &error);     before the machine is made
 *     ... vm_machine_run(machine, vm_recorder_next(recorder)) ...
 *     vm_recorder_pause(recorder, machine, &error);             wherever it stands
 *     vm_recorder_event(recorder, &event, &error);              from vm_outside.event
 *     vm_recorder_end(recorder, machine, why, &error);          frees it
 *
 * What was read from the disk is not in the log but its checksum, for it can be read again: a
 * recorded machine runs on an overlay (overlay.h), and replay does what it did to the disk. Once a
 * request to the disk failed that is not so sure, so from then on what was read is in the log.
 */
#ifndef VM_RECORD_RECORDER_H
#define VM_RECORD_RECORDER_H

#include "vm/machine/machine.h"
#include "vm/record/overlay.h"

enum { VM_RECORDER_HASH_INTERVAL = 1 << 28 }; /* instructions */

struct vm_recorder_options {
	const char *path;       /* of the log; there is none yet */
	const char *disk;       /* path; NULL: none */
	uint64_t hash_interval; /* instructions; 0: VM_RECORDER_HASH_INTERVAL */
};

struct vm_recorder;

/* Strings of options live as long as the recorder. What vm_log_create and the files say. */
int vm_recorder_new(struct vm_recorder **recorder, const struct vm_recorder_options *options,
		    const struct vm_machine_setup *setup, struct gw_error *error) GW_MUST_CHECK;

/* The count at which the machine has to stand still for vm_recorder_pause. */
uint64_t vm_recorder_next(const struct vm_recorder *recorder);
int vm_recorder_pause(struct vm_recorder *recorder, struct vm_machine *machine,
		      struct gw_error *error) GW_MUST_CHECK;
int vm_recorder_event(struct vm_recorder *recorder, const struct vm_event *event,
		      struct gw_error *error) GW_MUST_CHECK;
/* vm_machine_restart was called. */
int vm_recorder_restart(struct vm_recorder *recorder, struct vm_machine *machine,
			struct gw_error *error) GW_MUST_CHECK;
/* What was recorded so far survives this process. */
int vm_recorder_flush(struct vm_recorder *recorder, struct gw_error *error) GW_MUST_CHECK;
/* A snapshot of the machine where it stands; disk: what it runs on, or NULL. */
int vm_recorder_snapshot(struct vm_recorder *recorder, struct vm_machine *machine,
			 struct vm_overlay *disk, const char *path, struct gw_error *error)
	GW_MUST_CHECK;
uint64_t vm_recorder_size(const struct vm_recorder *recorder); /* bytes of log */

/* why: what the machine's last run ended in. The last hash is of how it stands now. Frees the
 * recorder, also when it fails. */
int vm_recorder_end(struct vm_recorder *recorder, struct vm_machine *machine, enum vm_pause why,
		    struct gw_error *error) GW_MUST_CHECK;
/* Frees it; the log is as if this process had been killed. NULL is fine. */
void vm_recorder_free(struct vm_recorder *recorder);

#endif
