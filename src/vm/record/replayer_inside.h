/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replayer_inside.h - what the files of replay know of each other.
 */
#ifndef VM_RECORD_REPLAYER_INSIDE_H
#define VM_RECORD_REPLAYER_INSIDE_H

#include "log.h"
#include "overlay.h"
#include "ram_hash.h"
#include "replayer.h"

/* A request that was not answered yet; what a read gave. */
struct vm_replay_read {
	uint64_t id;
	uint64_t size; /* 0: of another kind */
	uint8_t *data;
};

struct vm_replay {
	const char *path;
	struct vm_replay_options options;
	struct vm_log_reader *log;
	struct vm_machine_setup setup; /* RAM and files are ours */
	struct vm_machine *machine;
	struct vm_overlay *disk; /* NULL: none */
	struct vm_ram_hash ram;
	struct vm_replay_read reads[VM_BLOCK_REQUESTS_MAX];
	size_t read_count;
	/* The next record, where there is one; its place is where it begins. */
	struct vm_log_record record;
	struct vm_log_place place;
	bool has_record;
	enum vm_replay_state state;
	enum vm_pause end;
	uint64_t events, hashes;
	struct gw_error failure; /* of a request to the disk, or of the run: it is over */
};

/* replayer_disk.c: what the guest asks of its disk is done at once. */
void vm_replay_request(void *context, const struct vm_block_request *request);
/* Puts an answer in, with what the log does not have. */
int vm_replay_answer(struct vm_replay *replay, const struct vm_log_record *record,
		     struct gw_error *error) GW_MUST_CHECK;
void vm_replay_forget_reads(struct vm_replay *replay);

/* replayer.c: the run is another than the one recorded; says where. */
int vm_replay_diverged(struct vm_replay *replay, const char *how, struct gw_error *error);
/* Puts an event of a record in. */
int vm_replay_input(struct vm_replay *replay, const struct vm_event *event,
		    struct gw_error *error) GW_MUST_CHECK;

/* replayer_start.c: everything the log's header names. */
int vm_replay_start(struct vm_replay *replay, struct gw_error *error) GW_MUST_CHECK;
void vm_replay_release(struct vm_replay *replay);

#endif
