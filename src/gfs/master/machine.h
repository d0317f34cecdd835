/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the state of the master as a state machine of the replicated log (replog.h): records
 * applied in order, once for each call that runs at most once; checkpoints made and read.
 *
 * What apply answers is taken apart by replog_answer_read: a code, and a packed message (gfs.proto)
 * or the failure that the caller gets. A refusal is an answer too, remembered as such. Which
 * message: CREATE gives CreateReply; CHUNK_ADD, CHUNK_COPY and GRANT give LeaseReply; WRITER_* give
 * WriterReply; SERVER gives EnrolReply without the cluster; all others ChangeReply.
 *
 * Only what must not be (a record that cannot be read, no memory) makes apply fail, and its member
 * step aside.
 */
#ifndef GFS_MASTER_MACHINE_H
#define GFS_MASTER_MACHINE_H

#include "gfs/master/checkpoint.h"
#include "replog/replog.h"

/* All masters of a cluster have the same; zero is the default of rpc.h. */
struct gfs_machine_options {
	uint64_t lease_ms; /* of a client that calls at most once */
	uint32_t clients_max;
	size_t dup_bytes_max;
};

/* Called on the loop, with no wait; each may be NULL. What is derived from the state follows it by
 * these. */
struct gfs_machine_watch {
	/* A record was carried out, or refused (code < 0). */
	void (*applied)(void *context, const struct gfs_record *record,
			const struct gfs_done *done, int code);
	/* The slot of a chunk that was freed by a record; before applied. */
	void (*freed)(void *context, uint32_t slot);
	void (*run_ended)(void *context);    /* some records were applied */
	void (*restored)(void *context);     /* another state is there instead: all is to be anew */
	void (*role_changed)(void *context); /* replog_state tells */
	void *context;
};

struct gfs_machine {
	struct gfs_state state;
	struct gw_rpc_dup *dup; /* another one after a checkpoint was read */
	struct gfs_machine_options options;
	struct gfs_machine_watch watch;
	bool is_restoring;
	bool is_broken;         /* something has failed: what is in it is not to be read */
	/* Private. */
	struct gfs_checkpoint_reader reader;
};

/* A replog_machine; its context is a struct gfs_machine. */
extern const struct replog_machine gfs_replog_machine;

int gfs_machine_init(struct gfs_machine *machine, const struct gfs_machine_options *options,
		     struct gw_error *error) GW_MUST_CHECK;
void gfs_machine_done(struct gfs_machine *machine);

/* Whether the state may be read. */
static inline bool gfs_machine_is_whole(const struct gfs_machine *machine)
{
	return !machine->is_restoring && !machine->is_broken;
}

#endif
