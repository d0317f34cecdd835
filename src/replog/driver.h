/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - what the files of the driver share: the core of raft.h, carried out by tasks.
 *
 *     driver.c          opens, starts, stops; one step of the core and its actions
 *     driver_disk.c     the disk's task: group commit, and what was held back until it
 *     driver_apply.c    the machine's task: applies, restores, answers
 *     driver_ask.c      proposals and barriers, gathered into steps by one task
 *     driver_peer.c     a task for each other member: its stream of messages
 *     driver_wire.c     messages of the core to messages of the wire and back
 *     driver_serve.c    the members' service
 *     driver_snapshot.c snapshots made and fetched, a task for each
 *     driver_members.c  members that come, learn, go
 *     driver_state.c    what it tells of itself
 *
 * A step of the core and all its actions are done without a wait, by whichever task has an event.
 * What takes time is a task's own: it is woken, looks what there is to do, and does it.
 */
#ifndef REPLOG_DRIVER_H
#define REPLOG_DRIVER_H

#include "replog/replog.h"
#include "replog/store.h"
#include "rpc/waiting.h"
#include "task/loop.h"

#include <assert.h>

#include "replog/replog.rpc.h"

#define REPLOG_MS UINT64_C(1000000)

enum {
	REPLOG_ENTRY_VERSION = 1,
	REPLOG_ENTRY_HEADER_BYTES = 9,      /* version, wall_ms */
	REPLOG_PEERS_MAX = 2 * RAFT_MEMBERS_MAX,
	REPLOG_QUEUE_MESSAGES_MAX = 256,    /* to one peer; then the oldest are lost */
	REPLOG_QUEUE_BYTES_MAX = 16 << 20,
	REPLOG_PACKET_MESSAGES_MAX = 64,
	REPLOG_PACKET_BYTES_MAX = 1 << 20,  /* but for its first message */
	REPLOG_HELD_MAX = 4096,             /* messages that wait for the disk */
	REPLOG_UNSAVED_BYTES_MAX = 64 << 20, /* a follower with more takes no entries */
	REPLOG_RUN_ENTRIES_MAX = 256,       /* applied without a wait */
	REPLOG_RUN_BYTES_MAX = 1 << 20,
	REPLOG_LEARNER_LAG_MAX = 64,        /* entries; then it may vote */
};

/* ---- Messages to others ------------------------------------------------------------------- */

/* A message with bytes of its own, in one block. */
struct replog_outgoing {
	struct replog_outgoing *next;
	uint64_t to;
	uint64_t after; /* the save it waits for */
	size_t bytes;
	Replog__Message message;
};

struct replog_queue {
	struct replog_outgoing *first, *last;
	size_t count, bytes;
};

/* Another member, or one that was. */
struct replog_peer {
	struct replog *log;
	uint64_t id; /* 0: not in use */
	char address[RAFT_ADDRESS_MAX];
	struct replog_queue queue;
	struct gw_waiters waiters; /* its task */
	bool is_running;
};

/* ---- Who waits ---------------------------------------------------------------------------- */

enum replog_stage { REPLOG_QUEUED, REPLOG_WAITING, REPLOG_OVER };

/* A proposal, a change of members, or a barrier; on the stack of the task that waits. Fields of
 * one kind only are 0 in the others. */
struct replog_ask {
	struct replog_ask *next, *previous;
	struct replog_asks *list;           /* it is in */
	struct gw_bytes bytes;
	uint64_t index, term, batch;
	uint64_t wall_ms;
	uint8_t stage; /* enum replog_stage */
	int code;      /* when it is over */
	struct base_buffer *reply;          /* NULL: not wanted */
	struct gw_waiters waiters;
};

struct replog_asks {
	struct replog_ask *first, *last;
	size_t count;
	uint64_t bytes;
};

void replog_asks_add(struct replog_asks *list, struct replog_ask *ask);
void replog_asks_remove(struct replog_ask *ask);
/* Out of its list, and its task is woken. */
void replog_ask_ends(struct replog_ask *ask, int code);
void replog_asks_end(struct replog_asks *list, int code);

/* ---- The log -------------------------------------------------------------------------------- */

/* What may be wrong and pass; the first of them is told first. */
enum replog_trouble {
	REPLOG_DISK_FULL,
	REPLOG_NO_FETCH,    /* the leader's snapshot, which is wanted */
	REPLOG_NO_SNAPSHOT, /* of our own */
	REPLOG_STRANGER,    /* a member of another cluster calls */
	REPLOG_TROUBLES,
};

struct replog {
	struct io *io;
	struct replog_options options; /* with strings of our own */
	struct replog_machine machine;
	void *context;
	struct replog_store *store;
	struct raft *raft;
	uint64_t id;
	struct gw_group group; /* of all tasks here */
	bool is_started, is_stopping, is_stepping;
	bool is_told; /* options.failed was called */
	int ended;    /* why nothing goes on any more; 0: it does */
	struct gw_error failed;
	struct gw_error troubles[REPLOG_TROUBLES]; /* by enum replog_trouble; code 0: none */
	uint64_t troubles_told;
	uint64_t stranger_ns; /* when it called last */
	uint32_t users; /* tasks of others inside of a call here */
	struct gw_waiters changed; /* who waits for applied, role, users, ended */

	/* The core's time. */
	uint64_t tick_ns; /* when the ticker looks next */
	struct gw_waiters ticker;
	bool role_changed; /* and the machine is not told yet */
	bool is_told_removed; /* by a leader; until one speaks to us */

	/* The disk. */
	struct gw_waiters disk;
	uint64_t added, saved; /* numbers of the last saves that were added, are durable */
	bool is_full, needs_mark;
	struct replog_queue held;

	/* The machine. */
	struct gw_waiters applier;
	uint64_t applied, applied_term, wall_ms;
	uint64_t stamped_ms; /* the newest time in the log */
	struct base_buffer reply;
	uint64_t bytes_applied; /* since the last snapshot */

	/* Those who ask. */
	struct gw_waiters asker;
	struct replog_asks queued;   /* proposals, not in the log yet */
	struct replog_asks proposed; /* by rising index */
	struct replog_asks barriers; /* not asked yet */
	struct replog_asks asked;    /* with a batch number */
	struct replog_asks readable; /* to be applied first, up to index */
	struct replog_ask *asking;   /* the proposal of the step that is being done */
	uint64_t batch;
	struct base_buffer scratch;

	/* The others. */
	struct replog_peer peers[REPLOG_PEERS_MAX];

	/* Snapshots. */
	struct gw_mutex snapshot_lock;
	struct gw_waiters maker, fetcher;
	bool snapshot_wanted;
	uint64_t snapshots_tried;
	int snapshot_code; /* of the last try */
	uint64_t fetch_from; /* a leader that offers; 0: none */
	struct raft_snapshot fetch;
	bool install_wanted, is_restoring;
	uint64_t served_ns; /* when a piece was given to another one */
};

/* driver.c: a step of the core with all its actions. GW_E_NO_MEMORY, GW_E_CORRUPT: nothing has
 * changed. When the log has ended, its code. */
int replog_step(struct replog *log, struct raft_event *event) GW_MUST_CHECK;
/* The member steps aside; error says why. Returns its code. */
int replog_fail(struct replog *log, const struct gw_error *error);

/* Nothing goes on, for no fault: all tasks see it, all who wait are told the code. */
void replog_end(struct replog *log, int code);
/* Why a call here cannot go on: 0, or the code and sentence of the end. */
int replog_refused(const struct replog *log, struct gw_error *error);
const char *replog_name(const struct replog *log);
/* driver_state.c: what is in the way; NULL: nothing any more. */
void replog_troubled(struct replog *log, enum replog_trouble kind, const struct gw_error *why);

static inline bool replog_leads(const struct replog *log)
{
	return !log->ended && raft_role(log->raft) == RAFT_LEADER;
}

/* The tasks; argument: the log. Each returns when the log has ended. */
int replog_tick(void *argument);         /* driver.c */
int replog_run_disk(void *argument);     /* driver_disk.c */
int replog_run_machine(void *argument);  /* driver_apply.c */
int replog_run_asker(void *argument);    /* driver_ask.c */
int replog_run_maker(void *argument);    /* driver_snapshot.c */
int replog_run_fetcher(void *argument);

/* driver_disk.c */
void replog_hold(struct replog *log, struct replog_outgoing *outgoing);

/* driver_apply.c: the machine at the newest snapshot of the disk. Waits. */
int replog_restore(struct replog *log, struct gw_error *error) GW_MUST_CHECK;
/* The time in a proposal's bytes; false: these are none. */
bool replog_entry_wall_ms(const struct raft_entry *entry, uint64_t *wall_ms);

/* driver_ask.c: waits until the proposal or change is over. */
int replog_ask_wait(struct replog *log, struct replog_ask *ask, const char *doing,
		    uint64_t deadline_ns, struct gw_error *error) GW_MUST_CHECK;
/* What the core said to the step that asks. */
void replog_ask_appended(struct replog *log, const struct raft_action *action);
void replog_ask_refused(struct replog *log, const struct raft_action *action);
void replog_ask_readable(struct replog *log, const struct raft_action *action);
/* Leadership was lost. */
void replog_asks_lose(struct replog *log);

/* driver_peer.c */
/* The message is the peer's from here on, and may be lost. */
void replog_peer_send(struct replog *log, struct replog_outgoing *outgoing);
/* Where a member that spoke to us is. */
void replog_peer_heard(struct replog *log, uint64_t id, const char *address);
void replog_peers_end(struct replog *log);
/* Of a member or one that spoke; NULL: not known. */
const char *replog_address_of(const struct replog *log, uint64_t id);
int replog_client_new(const struct replog *log, const char *address, struct gw_rpc_client **client,
		      struct gw_error *error) GW_MUST_CHECK;

/* driver_wire.c */
/* NULL: no memory. The caller's, freed by free(). */
struct replog_outgoing *replog_outgoing_new(const struct raft_message *message);
/* Points into the wire's message and what is passed here. GW_E_CORRUPT, GW_E_NO_MEMORY; *entries
 * is the caller's to free. */
int replog_incoming(const Replog__Message *wire, struct raft_message *message,
		    struct raft_entry **entries, struct raft_snapshot *snapshot,
		    struct gw_error *error) GW_MUST_CHECK;
void replog_queue_add(struct replog_queue *queue, struct replog_outgoing *outgoing);
struct replog_outgoing *replog_queue_take(struct replog_queue *queue);
void replog_queue_done(struct replog_queue *queue);

/* driver_snapshot.c: whether the machine's state is to be saved; wakes the maker. */
void replog_snapshot_due(struct replog *log);

/* driver_members.c */
/* Asks a cluster for membership until it is given; *identity is what the directory is made of.
 * Waits. */
int replog_join(struct replog *log, struct replog_identity *identity,
		struct gw_error *error) GW_MUST_CHECK;
/* On the leader: learners that have caught up may vote. */
void replog_promote(struct replog *log);

#endif
