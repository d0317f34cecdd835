/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replog.h - a durable, replicated log of operations, and a state machine that follows it: what is
 * proposed on one member is applied on all, in the same order, and is on the disks of a majority
 * before whoever proposed it hears of it. One member alone is the embedded form (no network, no
 * election to wait for); three or five are a cluster. Consensus is hidden: raft.h.
 *
 *     struct replog_options options = {.directory = "data", .address = "10.0.0.1:7000"};
 *
 *     replog_open(&log, &options, &machine, &state, &error);   // recovers, restores the machine
 *     gw_rpc_server_new(&server, &server_options, &error);
 *     replog_serve(log, server, &error);                       // not for one member alone
 *     kv_serve(server, ...);                                   // the service that stands on it
 *     gw_rpc_server_listen(server, options.address, &error);
 *     replog_start(log, &error);
 *     ...
 *     struct replog_result result = {0};
 *     code = replog_propose(log, bytes, GW_FOREVER, &result, &error);  // waits: durable, applied
 *     ... result.index, result.reply ...
 *     base_buffer_done(&result.reply);
 *     ...
 *     replog_stop(log, gw_after_ms(1000));                     // gives leadership away first
 *     gw_rpc_server_free(server);
 *     replog_free(log);
 *
 * Tasks. Everything here is called from tasks of the one loop that called replog_open; what may
 * wait says so. The functions of the machine are called on that loop, but for read_piece.
 *
 * One port. Members talk over the service that replog_serve adds to the caller's own server: a
 * member has one address, where clients are sent by a redirect and where the other members call,
 * one certificate and one hole in a firewall. Over TLS only certificates of the role
 * options.peer_role may call that service, whatever other services the server has.
 *
 * A new cluster is one member: a directory that is not there, or empty, and no `join`. All others
 * join it: an empty directory and `join` with the addresses of some members. Who joins is given an
 * id by the leader, gets the log as a learner (whose acknowledgements count for nothing), and
 * becomes a voter by itself when it has caught up, one after the other; a standby stays a learner.
 * Ids are never given twice. A member whose directory was wiped cannot come back as what it was,
 * because it may have acknowledged what it no longer has: its join is refused (GW_E_EXISTS) while
 * its address is that of a voter, until replog_member_replace or replog_member_remove was called
 * on another member. A directory that has an id ignores `join`.
 *
 * Failure of the disk. A member that cannot write or sync, or whose machine cannot apply, steps
 * aside: it acknowledges nothing any more, says nothing to the others, every call here gives the
 * same code and sentence, options.failed is called once, and replog_state tells. The program is
 * to end and be started anew; recovery then says what the disk holds. A full disk is not that:
 * proposals are refused with GW_E_NO_SPACE until there is space.
 *
 * Time. The leader stamps each entry with its wall clock, in milliseconds, and never goes back: an
 * entry's wall_ms is at least that of the entry before it, whoever led. Machines take the time
 * from there and never from a clock.
 */
#ifndef REPLOG_REPLOG_H
#define REPLOG_REPLOG_H

#include "base/buffer.h"
#include "replog/raft.h"

#include <groundwork/rpc.h>

struct replog;

enum {
	REPLOG_ENTRY_BYTES_MAX = 2 << 20,        /* of one proposal; not an option */
	REPLOG_PROPOSALS_MAX = 8192,             /* defaults of options from here on */
	REPLOG_PROPOSAL_BYTES_MAX = 64 << 20,
	REPLOG_READS_MAX = 65536,
	REPLOG_ELECTION_MS = 1000,
	REPLOG_HEARTBEAT_MS = 150,
	REPLOG_SNAPSHOT_BYTES = 64 << 20,
	REPLOG_KEEP_ENTRIES = 4096,
	REPLOG_KEEP_BYTES = 32 << 20,
};

/* ---- The state machine --------------------------------------------------------------------- */

struct replog_entry {
	uint64_t index;  /* rises; numbers that hold no proposal of ours are left out */
	uint64_t term;
	uint64_t wall_ms;
	struct gw_bytes bytes; /* as proposed; until the function returns */
};

/*
 * All functions get the context that was passed to replog_open. Those that fail return a negative
 * code and a sentence: the member then steps aside, because its state is no longer that of the
 * others. What an operation answers, also that it was refused, is part of its reply.
 *
 * None of them may wait but restore_begin, restore_piece and restore_end.
 */
struct replog_machine {
	/* The last entry that the machine's state holds already, when it lasts over restarts by
	 * itself; 0: none. Asked once, in replog_open. Such a state is believed: it has to be that
	 * of exactly this log, or 0. NULL: always 0. */
	uint64_t (*applied)(void *context);

	/* Entries are applied in runs: run_begin, some of apply, run_end, with no wait and nothing
	 * else in between; for a transaction. Either may be NULL. Answers leave after run_end. */
	int (*run_begin)(void *context, struct gw_error *error);
	/* Does what the entry says, and appends the answer to *reply, which is empty. A function of
	 * state and entry, nothing else: no clock, no chance, no addresses. */
	int (*apply)(void *context, const struct replog_entry *entry, struct base_buffer *reply,
		     struct gw_error *error);
	int (*run_end)(void *context, uint64_t applied, struct gw_error *error);

	/* The state as it is now, to be read while it goes on changing; cheap. *snapshot is the
	 * machine's, until thaw. One at a time. */
	int (*freeze)(void *context, void **snapshot, struct gw_error *error);
	/* Fills the buffer with the next bytes of the snapshot; returns how many, 0 at its end.
	 * Runs on another thread, so it sees the snapshot and nothing else. The bytes depend on the
	 * state alone. */
	int (*read_piece)(void *snapshot, void *buffer, size_t size);
	void (*thaw)(void *context, void *snapshot);

	/* Another state instead: forget all, take these bytes, go on from entry `index`, the last
	 * one that they hold. What cannot be read is GW_E_CORRUPT. restore_end is called in any
	 * case, with complete false when the pieces ended early; the state is empty then. In
	 * between, the machine answers nobody. */
	int (*restore_begin)(void *context, uint64_t index, struct gw_error *error);
	int (*restore_piece)(void *context, struct gw_bytes bytes, struct gw_error *error);
	int (*restore_end)(void *context, uint64_t index, bool complete, struct gw_error *error);

	/* This member's role or leader has changed (replog_state tells). May be NULL. */
	void (*role_changed)(void *context);
};

/* ---- Opening and closing ------------------------------------------------------------------- */

struct replog_options {
	const char *directory;      /* of this log alone; made when it is not there */
	const char *address;        /* where members and clients reach this one: host:port; NULL:
				     * nobody does, one member alone */
	const char *join;           /* addresses, commas; NULL: an empty directory begins one */
	bool standby;               /* joins, and stays a learner */
	const char *name;           /* for sentences; NULL: the directory */
	struct gw_rpc_tls *tls;     /* outlives the log; NULL: plain text */
	bool insecure;              /* plain text also to other machines */
	const char *peer_role;      /* of members' certificates; NULL over TLS: nobody's */
	uint64_t election_ms;       /* a leader that is silent so long is replaced, at most twice as
				     * long later. The same on all members */
	uint64_t heartbeat_ms;
	/* Barriers without a round of heartbeats, as long as the last one is a lease: shorter than
	 * election_ms by RAFT_LEASE_DRIFT_PERCENT. All that was acknowledged is seen only if no
	 * member's clock goes faster than another's by more than that, nor stands still while a
	 * machine sleeps. The same on all members; not together with members that have it off, so
	 * it is changed with all of them stopped. A member that was started waits for an election
	 * timeout before it votes or leads, also when it is alone. Off by default */
	bool lease;
	uint64_t snapshot_bytes;    /* of entries since the last one: then a snapshot is made */
	/* Before a snapshot, for members that are a little behind: the lesser of so many entries
	 * and so many bytes of them. With snapshot_bytes they bound what the log holds in memory */
	uint64_t keep_entries, keep_bytes;
	uint64_t segment_bytes;     /* of the store: REPLOG_SEGMENT_BYTES */
	uint32_t proposals_max;     /* waiting; more are GW_E_OVERLOADED */
	uint64_t proposal_bytes_max;
	uint32_t reads_max;         /* waiting barriers */
	uint64_t join_timeout_ms;   /* replog_open gives up joining; 0: never */
	/* The member has stepped aside. Called once, from a task; the log is freed later, not
	 * here. May be NULL. */
	void (*failed)(void *context, const struct gw_error *error);
	/* Something does not get on, and goes on when what it says is mended: the disk is full, a
	 * snapshot cannot be fetched or made, members of another cluster call here. From a task,
	 * each time that the sentence is another one. May be NULL. */
	void (*troubled)(void *context, const struct gw_error *error);
};

/*
 * Waits: makes or opens the directory, joins when it is to, and brings the machine to the last
 * snapshot. options and machine are copied with the strings of options; machine's context and tls
 * outlive the log. Nothing is applied, sent or answered before replog_start.
 *   GW_E_BUSY       another process has the directory open
 *   GW_E_CORRUPT    what was acknowledged is damaged: file and offset. A cluster's member: wipe the
 *                   directory and replace it
 *   GW_E_EXISTS     joining: the address is a voter's that has lost its disk; replace it
 *   GW_E_TIMEOUT    joining: no leader within join_timeout_ms
 *   GW_E_INVALID    the directory is that of a member at another address, one of several
 * On failure there is nothing to free.
 */
int replog_open(struct replog **log, const struct replog_options *options,
		const struct replog_machine *machine, void *context,
		struct gw_error *error) GW_MUST_CHECK;
/* Adds the members' service; before the first listen. The server is freed before the log. */
int replog_serve(struct replog *log, struct gw_rpc_server *server,
		 struct gw_error *error) GW_MUST_CHECK;
/* Starts the tasks. One voter alone leads when this returns, and has applied all that its disk
 * holds. */
int replog_start(struct replog *log, struct gw_error *error) GW_MUST_CHECK;
/* Waits: refuses new proposals, lets those that wait end, hands leadership to a member that is up
 * to date, until the deadline. replog_free then ends what is left. */
void replog_stop(struct replog *log, uint64_t deadline_ns);
/* Ends its tasks and those that wait here (GW_E_CANCELLED), closes the disk, frees. Waits. NULL is
 * fine. */
void replog_free(struct replog *log);

/* ---- Operations ---------------------------------------------------------------------------- */

struct replog_result {
	uint64_t index;
	uint64_t wall_ms;
	struct base_buffer reply; /* what apply answered; the caller's, base_buffer_done */
};

/*
 * Puts bytes into the log and waits until they are applied here. They are copied. 0: durable on a
 * majority, applied, *result filled in.
 *   GW_E_NOT_LEADER       it was not proposed: ask replog_leader_address
 *   GW_E_OVERLOADED       it was not proposed: too much waits
 *   GW_E_NO_SPACE         it was not proposed: the disk is full
 *   GW_E_TOO_LARGE        it was not proposed: over REPLOG_ENTRY_BYTES_MAX
 *   GW_E_OUTCOME_UNKNOWN  leadership was lost meanwhile: it may be applied now, later, or never
 *   GW_E_TIMEOUT, GW_E_CANCELLED  the same, when it had been proposed
 * Proposals of one task are applied in order; those of several tasks that run on without a wait in
 * between, in the order of the calls.
 */
int replog_propose(struct replog *log, struct gw_bytes bytes, uint64_t deadline_ns,
		   struct replog_result *result, struct gw_error *error) GW_MUST_CHECK;

/*
 * Waits until the machine has applied all that was acknowledged anywhere before this was called, so
 * that what is read from it without a further wait is linearizable. On the leader only: a round of
 * heartbeats shows that it still is one; all who wait share a round. One voter alone asks nobody
 * and does not wait. *index (may be NULL): what is applied at least. GW_E_NOT_LEADER,
 * GW_E_OVERLOADED, GW_E_TIMEOUT, GW_E_CANCELLED.
 */
int replog_read_barrier(struct replog *log, uint64_t deadline_ns, uint64_t *index,
			struct gw_error *error) GW_MUST_CHECK;

/* Waits until this member, whatever its role, has applied entry `index`: for a client that brings
 * the index of its last write to a follower. */
int replog_wait_applied(struct replog *log, uint64_t index, uint64_t deadline_ns,
			struct gw_error *error) GW_MUST_CHECK;

/* Makes a snapshot now, and waits for it. */
int replog_snapshot(struct replog *log, struct gw_error *error) GW_MUST_CHECK;

/* ---- What is -------------------------------------------------------------------------------- */

enum replog_role {
	REPLOG_LEARNER,
	REPLOG_FOLLOWER,
	REPLOG_CANDIDATE,
	REPLOG_LEADER,
	REPLOG_REMOVED, /* was a member, and is none any more */
	REPLOG_FAILED,  /* has stepped aside */
};

struct replog_state {
	uint32_t role; /* enum replog_role */
	uint64_t member;        /* this one's id */
	uint8_t cluster[16];
	uint64_t term;
	uint64_t leader;        /* its id; 0: unknown */
	char leader_address[RAFT_ADDRESS_MAX]; /* "": unknown */
	uint64_t applied;       /* entries */
	uint64_t wall_ms;       /* of the last entry that was applied */
	uint64_t commit, last;
	uint64_t snapshot;      /* up to which entry the newest one is; 0: none */
	bool is_changing;       /* a change of members is not decided yet, as far as is known */
	bool ready;             /* leads, and has applied what was committed before it did */
	struct gw_error failed; /* REPLOG_FAILED: why */
	struct gw_error trouble; /* what does not get on for now; code 0: nothing */
	uint64_t troubles;      /* how often there was something new */
};

void replog_state(const struct replog *log, struct replog_state *state);
/* "" when it is not known (now); for gw_rpc_redirect. Until the next wait. */
const char *replog_leader_address(const struct replog *log);
const char *replog_role_name(enum replog_role role);

/* ---- Members -------------------------------------------------------------------------------- */

struct replog_member {
	uint64_t id;
	bool votes, standby;
	bool leads;
	uint64_t match; /* the last entry it is known to have; 0: not known. The leader knows. */
	char address[RAFT_ADDRESS_MAX];
};

/* Those in force, the leader's last; returns how many. */
size_t replog_members(const struct replog *log, struct replog_member members[RAFT_MEMBERS_MAX]);

/*
 * Changes, on the leader (GW_E_NOT_LEADER elsewhere); each waits until it is decided. One at a
 * time: GW_E_BUSY while another is under way. GW_E_OUTCOME_UNKNOWN, GW_E_TIMEOUT as for a proposal.
 */

/* A learner with this address, for a program that is about to join from there; *id is its. Joining
 * does this by itself. GW_E_EXISTS: the address is a voter's. */
int replog_member_add(struct replog *log, const char *address, bool standby, uint64_t deadline_ns,
		      uint64_t *id, struct gw_error *error) GW_MUST_CHECK;
/* GW_E_NOT_FOUND; GW_E_INVALID: it is the last voter. The leader may remove itself. */
int replog_member_remove(struct replog *log, uint64_t id, uint64_t deadline_ns,
			 struct gw_error *error) GW_MUST_CHECK;
/* For a member that has lost its disk: it is removed, and a learner at address (NULL: the same)
 * takes its place in one step. The program there, started on an empty directory with `join`,
 * becomes a voter when it has caught up. */
int replog_member_replace(struct replog *log, uint64_t id, const char *address,
			  uint64_t deadline_ns, uint64_t *new_id,
			  struct gw_error *error) GW_MUST_CHECK;

#endif
