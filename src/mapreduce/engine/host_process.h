/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_process.h - what driver, keeper and slots of one job have in common: the shared mapping,
 * and the sockets and pipes, all made before the first fork.
 */
#ifndef MR_HOST_PROCESS_H
#define MR_HOST_PROCESS_H

#include "host.h"
#include "host_message.h"

#include <signal.h>
#include <sys/resource.h>

/* Of each pair the first descriptor is the driver's. */
struct mr_channel {
	int socket[2];  /* driver, slot */
	int printed[2]; /* what the slot prints: the driver reads, the slot writes */
};

/* Signals whose handling the driver or the keeper changes. */
enum { MR_SIGNALS = 6 };

/* What the process was like before the job, to be given back to it, and to user code in slots. */
struct mr_original {
	sigset_t mask;
	struct sigaction actions[MR_SIGNALS];
	struct rlimit files;
};

struct mr_processes {
	const struct mr_host_setup *setup;
	const struct mr_shared *shared;
	struct mr_board *board;
	uint32_t slots;
	int control[2]; /* driver, keeper */
	struct mr_channel *channels;
	struct mr_original original;
	enum mr_isolation isolation; /* what became of it */
};

/* ---- host.c ------------------------------------------------------------------------------- */

/* Makes the output visible, unless only one task was to be run. */
int mr_host_commit(const struct mr_host_setup *setup, struct gw_error *error) GW_MUST_CHECK;

/* ---- host_shared.c: the mapping ----------------------------------------------------------- */

int mr_shared_map(struct mr_shared *shared, const struct mr_config *config,
		  const struct mr_plan *plan, uint32_t slots, struct gw_error *error) GW_MUST_CHECK;
void mr_shared_unmap(struct mr_shared *shared);
/* mr_space.write of a struct mr_shared_space. */
int mr_shared_write(struct mr_space *space, const struct mr_region *region, const void *data,
		    size_t size, struct gw_error *error);

/* In a slot: all of the memory can be read only, but its own live page. What user code writes
 * astray hits nobody else, and results are written through the file. */
void mr_shared_protect(const struct mr_shared *shared, uint32_t slot);
/* The sample attempt, which runs alone, writes to the board. */
void mr_shared_open_board(const struct mr_shared *shared, bool writable);

/* ---- host_channel.c: descriptors and signals ---------------------------------------------- */

int mr_channels_open(struct mr_processes *processes, struct gw_error *error) GW_MUST_CHECK;
/* Closes the ends that the driver has (side 0) or the others have (side 1), but those of slot but.
 */
void mr_channels_close(struct mr_processes *processes, int side, uint32_t but);
void mr_channels_free(struct mr_processes *processes);

enum { MR_NO_SLOT = UINT32_MAX };

/* Notes how signals are handled and how many files may be open. */
void mr_original_save(struct mr_original *original);
void mr_original_restore(const struct mr_original *original);
/* For the keeper: what a terminal may send is none of its business. */
void mr_original_ignore(void);
/* The signals of set that the driver is to be told of, blocked: SIGINT and SIGTERM if they do
 * anything. */
void mr_original_block(const struct mr_original *original, sigset_t *set);

/* ---- host_keeper.c ------------------------------------------------------------------------ */

/* Forks the keeper. *pid is reaped by the caller when the control socket has ended. */
int mr_keeper_start(struct mr_processes *processes, pid_t *pid,
		    struct gw_error *error) GW_MUST_CHECK;

/* ---- host_session.c ----------------------------------------------------------------------- */

/* Kills all processes of the session, in the keeper. Its leader may be dead but must not have been
 * reaped, else the number could be another's. */
void mr_session_kill(pid_t session);

/* ---- host_slot.c -------------------------------------------------------------------------- */

/* What a slot's process does from birth to death. parent is the keeper as the slot sees it. */
_Noreturn void mr_slot_main(struct mr_processes *processes, uint32_t slot, uint32_t generation,
			    pid_t parent);

#endif
