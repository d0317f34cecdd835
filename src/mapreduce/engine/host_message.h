/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_message.h - what driver, keeper and slots say to each other, over SOCK_SEQPACKET pairs that
 * were made before the first fork. Only processes of one job talk, all of one program, so a
 * message is a struct; its size is checked all the same, since slots run user code.
 *
 * Every message between driver and slot names the attempt it is about and the slot's generation
 * (how often its process was started): what is left in a socket by a process that died is
 * recognised and dropped.
 */
#ifndef MR_HOST_MESSAGE_H
#define MR_HOST_MESSAGE_H

#include "failure.h"

#include <sys/types.h>

enum mr_message_kind {
	/* driver to slot */
	MR_SAY_START, /* attempt */
	MR_SAY_ROOM,  /* the answer to ALLOCATE: size (0: no room) and offset */
	/* slot to driver */
	MR_SAY_READY,
	MR_SAY_ALLOCATE, /* size */
	MR_SAY_RUNS,     /* count, runs */
	MR_SAY_OUTPUTS,  /* count, outputs */
	MR_SAY_DONE,
	MR_SAY_FAILED, /* code; the sentence is in the live page */
	MR_SAY_GASP,   /* gasp */
	/* driver to keeper */
	MR_SAY_SPAWN, /* slot, generation */
	MR_SAY_KILL,  /* slot, generation */
	/* keeper to driver */
	MR_SAY_DIED, /* slot, generation, status as of wait; code: errno if it was never born */
	MR_MESSAGES
};

enum { MR_BATCH_RUNS = 32, MR_BATCH_OUTPUTS = 32 };

/* The last words of a process that a signal ends (paper section 4.6). */
struct mr_gasp {
	int32_t signal;
	uint64_t address; /* that could not be accessed, or MR_NO_ADDRESS */
};

struct mr_message {
	uint32_t kind;
	uint32_t generation;
	struct mr_attempt_id id;
	uint32_t slot;
	int32_t code;
	int32_t status;
	uint32_t count;
	union {
		struct mr_attempt attempt;
		struct {
			uint64_t offset, size;
		} room;
		struct mr_run runs[MR_BATCH_RUNS];
		struct mr_region outputs[MR_BATCH_OUTPUTS];
		struct mr_gasp gasp;
	};
};

/* Sends, waiting if need be. GW_E_CLOSED when the other side is gone. */
int mr_message_send(int socket, const struct mr_message *message,
		    struct gw_error *error) GW_MUST_CHECK;

/*
 * Receives: 1 and a message, 0 when nothing is there (wait = false) or the other side is gone
 * (wait = true), or negative. GW_E_CORRUPT for one that cannot be a message. *sender (if not NULL)
 * is the sender's process as this one sees it, 0 when the socket was not told to say so.
 */
int mr_message_receive(int socket, struct mr_message *message, bool wait, pid_t *sender,
		       struct gw_error *error) GW_MUST_CHECK;

#endif
