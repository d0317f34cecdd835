/* SPDX-License-Identifier: Apache-2.0 */
/*
 * photo.h - what a replay is at a count, but for RAM and disk.
 */
#ifndef VM_RECORD_PHOTO_H
#define VM_RECORD_PHOTO_H

#include "replayer_inside.h"

struct vm_photo {
	uint64_t count;
	struct base_buffer machine; /* vm_machine_save */
	struct vm_log_place place;
	struct vm_replay_read reads[VM_BLOCK_REQUESTS_MAX]; /* its own data */
	size_t read_count;
	enum vm_replay_state state;
	enum vm_pause end;
	uint64_t events, hashes;
};

/* GW_E_NO_MEMORY; there is nothing in it then. */
int vm_photo_take(struct vm_photo *photo, struct vm_replay *replay, struct gw_error *error)
	GW_MUST_CHECK;
/* Adds a request in flight: what a read gives is copied; of others data is empty.
 * GW_E_NO_MEMORY. */
int vm_photo_add_read(struct vm_photo *photo, uint64_t id, struct gw_bytes data,
		      struct gw_error *error) GW_MUST_CHECK;
/* Into a replay whose RAM and disk are already as they were. */
int vm_photo_restore(const struct vm_photo *photo, struct vm_replay *replay, struct gw_error *error)
	GW_MUST_CHECK;
void vm_photo_done(struct vm_photo *photo);
uint64_t vm_photo_bytes(const struct vm_photo *photo); /* of memory */

#endif
