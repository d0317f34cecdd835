/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft.h - the consensus of the replicated log as a pure step: events in, actions out. No clock, no
 * disk, no network, no randomness but a seed: the same events give the same actions. Whoever drives
 * it (a server on struct io, a test) tells it what happened and does what it asks.
 *
 * Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended
 * version), named by its sections and figure 2; and Ongaro's dissertation (D) for what the paper
 * leaves out: pre-vote (D 9.6), check-quorum (D 6.2), one membership change at a time (D 4.1),
 * learners (D 4.2.1), read index (D 6.4), pipelining (D 10.2).
 *
 *     raft_new(&raft, &setup, &error);          // with what the disk held
 *     raft_step(raft, &event, &error);
 *     while (raft_next_action(raft, &action))
 *             ... do it ...
 *     ... call it with RAFT_TICK at raft_wake_ns(raft) ...
 *
 * Durability. Saves (RAFT_SAVE_STATE, RAFT_SAVE_ENTRIES) are numbered from 1 and carried out in
 * order; RAFT_SAVED tells that all up to a number are on disk (fdatasync). A RAFT_SEND has the
 * number of the save that must be on disk before it leaves (0: none). So a vote and an
 * acknowledgement are never heard of before they are durable (figure 2: "updated on stable storage
 * before responding"), and saves and messages of several steps may be done together.
 *
 * Leases (raft_setup.lease; D 6.4.1). A majority that answers a heartbeat has promised not to vote
 * for one election timeout from then on, whatever it hears; so until that is over by the leader's
 * own clock, nobody else can have been elected, and reads need no round. Clocks may differ: if
 * none of two members goes faster than RAFT_LEASE_DRIFT_PERCENT more than the other, the
 * leader's share of the timeout is short enough. Beyond that, and on a machine that sleeps (its
 * clock stands still), reads may be old; nothing else depends on it. A member that was started
 * may have promised, so it begins with a promise; and a leader that asked another one to lead
 * has no lease any more.
 *
 * Memory. Bytes of an event are copied; those of an action are the core's until the next raft_step.
 * A step that has no memory returns GW_E_NO_MEMORY and has changed nothing. The log is held in
 * memory back to a little before the last snapshot.
 */
#ifndef REPLOG_RAFT_H
#define REPLOG_RAFT_H

#include <groundwork/base.h>

struct raft;
struct io_rare;

enum {
	RAFT_MEMBERS_MAX = 15,
	RAFT_ADDRESS_MAX = 128,           /* with the NUL */
	RAFT_READS_MAX = 4096,            /* waiting at a leader */
	RAFT_BATCH_ENTRIES_MAX = 1024,    /* of one append message */
	RAFT_BATCH_BYTES_MAX = 1 << 20,   /* but for its first entry */
	RAFT_PIPELINE_MAX = 16,           /* append messages under way to one member */
	RAFT_ENTRY_BYTES_MAX = 16 << 20,
	RAFT_ENTRY_COST = 64,             /* what an entry costs in memory beside its bytes */
	RAFT_LEASE_DRIFT_PERCENT = 10,
	RAFT_ROUNDS_KEPT = 64,            /* whose time a leader knows, for leases */
	RAFT_MEMBERS_BYTES_MAX = 8 + RAFT_MEMBERS_MAX * (12 + RAFT_ADDRESS_MAX),
};

/* Election timeouts are drawn from [election, 2 election) (section 9.3). */
#define RAFT_ELECTION_NS UINT64_C(1000000000)
#define RAFT_HEARTBEAT_NS UINT64_C(150000000)

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* ---- Members ------------------------------------------------------------------------------ */

struct raft_member {
	uint64_t id; /* never 0, never used again for another machine or disk */
	bool votes;  /* else a learner: gets entries, counts for nothing */
	bool standby; /* a learner for good; the core does not care */
	char address[RAFT_ADDRESS_MAX];
};

struct raft_members {
	uint32_t count;
	struct raft_member items[RAFT_MEMBERS_MAX]; /* ids rise */
};

const struct raft_member *raft_member_find(const struct raft_members *members, uint64_t id);
/* GW_E_EXISTS, GW_E_TOO_LARGE; keeps the order. */
int raft_member_add(struct raft_members *members, const struct raft_member *member) GW_MUST_CHECK;
/* GW_E_NOT_FOUND. */
int raft_member_remove(struct raft_members *members, uint64_t id) GW_MUST_CHECK;

/* The bytes of a RAFT_ENTRY_MEMBERS: 4 bytes version (1), 4 count, then for each 8 id, 1 kind (0
 * learner, 1 voter, 2 standby), 1 length, address; little-endian. */
size_t raft_members_encode(const struct raft_members *members,
			   uint8_t out[RAFT_MEMBERS_BYTES_MAX]);
int raft_members_decode(struct gw_bytes in, struct raft_members *members,
			struct gw_error *error) GW_MUST_CHECK;

/* ---- The log ------------------------------------------------------------------------------ */

enum raft_entry_kind {
	RAFT_ENTRY_COMMAND,
	RAFT_ENTRY_NOTHING, /* a leader's first (section 8) */
	RAFT_ENTRY_MEMBERS, /* in force from the moment it is in the log (D 4.1) */
};

struct raft_entry {
	uint64_t term;
	uint32_t kind;
	struct gw_bytes data;
};

/* What a snapshot stands for: everything up to index. */
struct raft_snapshot {
	uint64_t index, term; /* 0: none */
	struct raft_members members;
};

/* ---- Messages ----------------------------------------------------------------------------- */

enum raft_message_kind {
	RAFT_VOTE,           /* RequestVote; pre: of a pre-vote, for the term after `term` */
	RAFT_VOTE_REPLY,
	RAFT_APPEND,         /* AppendEntries, heartbeats among them */
	RAFT_APPEND_REPLY,
	RAFT_SNAPSHOT_OFFER, /* instead, to who is too far behind: fetch this snapshot */
	RAFT_LEAD_NOW,       /* TimeoutNow (D 3.10): the leader's wish to be followed by `to` */
};

struct raft_message {
	uint32_t kind;
	uint64_t from, to;
	uint64_t term;
	bool pre;       /* VOTE, VOTE_REPLY */
	bool forced;    /* VOTE: the leader wishes it, so who hears it votes, too */
	bool accepted;  /* the replies */
	uint64_t index; /* VOTE: last; APPEND: before the first; APPEND_REPLY: last that matches, or
			 * when not accepted the last that could */
	uint64_t index_term; /* of that entry; APPEND_REPLY: 0 when accepted, or not known */
	uint64_t commit;     /* APPEND */
	uint64_t round;      /* APPEND, OFFER: heartbeat number; the reply repeats it */
	const struct raft_entry *entries; /* APPEND */
	uint32_t entry_count;
	const struct raft_snapshot *snapshot; /* OFFER */
};

/* ---- Events ------------------------------------------------------------------------------- */

enum raft_event_kind {
	RAFT_TICK,     /* time passed */
	RAFT_RECEIVED, /* message */
	RAFT_SAVED,    /* number: all saves up to it are durable */
	/* data, cookie: RAFT_APPENDED or RAFT_REFUSED follows at once; more: another one is about
	 * to come, so no message leaves for this one yet */
	RAFT_PROPOSE,
	RAFT_CHANGE,   /* members, cookie: the same */
	RAFT_READ,     /* cookie: RAFT_READABLE or RAFT_REFUSED follows, now or later */
	/* snapshot, made by this member of what it has applied, durable; keep, keep_bytes: so many
	 * entries before it stay, and no more than have so many bytes with RAFT_ENTRY_COST each,
	 * for members that are a little behind. raft_log_base tells how far that is */
	RAFT_COMPACT,
	/* snapshot that was fetched and is durable: the state machine is at it. Who starts anew
	 * with entries on disk whose one at snapshot.index has another term than the snapshot
	 * removes them all first. */
	RAFT_INSTALLED,
	/* As if the election timeout were over: one voter alone need not wait. With leases it waits
	 * all the same, for what it has promised. */
	RAFT_CAMPAIGN,
	RAFT_HAND_OVER, /* a leader asks a voter that has everything to lead (D 3.10) */
};

struct raft_event {
	uint32_t kind;
	uint64_t now_ns; /* of all events; never goes back */
	uint64_t number;
	uint64_t cookie;
	uint64_t keep, keep_bytes;
	bool more;
	struct gw_bytes data;
	const struct raft_message *message;
	const struct raft_members *members;
	const struct raft_snapshot *snapshot;
};

/* ---- Actions ------------------------------------------------------------------------------ */

enum raft_action_kind {
	RAFT_SAVE_STATE,   /* number: make term and vote durable */
	/* number: entries from `index` on, `count` of them (raft_log_entry), replace what the disk
	 * has from there on; with `anew` all that it has */
	RAFT_SAVE_ENTRIES,
	RAFT_SEND,         /* message, once save `number` is durable */
	RAFT_APPLY,        /* entries up to `index` are committed */
	RAFT_APPENDED,     /* cookie: proposed as entry index of this term; it is decided when
			    * RAFT_APPLY reaches it (an entry of another term there: it was lost) */
	RAFT_REFUSED,      /* cookie, code: GW_E_NOT_LEADER (ask `leader`), GW_E_BUSY */
	RAFT_READABLE,     /* cookie: state that has `index` applied answers the read */
	RAFT_ROLE_CHANGED, /* role, term, leader (0: unknown) */
	RAFT_FETCH,        /* get the snapshot of message->snapshot from `leader`; offered again and
			    * again, also while it is being fetched */
};

struct raft_action {
	uint32_t kind;
	uint32_t role;
	int code;
	bool anew;
	uint64_t number, cookie, index, count, term, vote, leader;
	const struct raft_snapshot *snapshot; /* FETCH */
	struct raft_message message;          /* SEND */
};

/* ---- The core ----------------------------------------------------------------------------- */

struct raft_setup {
	uint64_t id;
	uint64_t seed;         /* of election timeouts; another one on each member */
	uint64_t now_ns;
	uint64_t election_ns;  /* 0: RAFT_ELECTION_NS */
	uint64_t heartbeat_ns; /* 0: RAFT_HEARTBEAT_NS */
	uint32_t batch_entries; /* of one append message; 0: RAFT_BATCH_ENTRIES_MAX */
	bool lease; /* reads go by leases; on all members or on none */
	/* What the disk held; of a new cluster all 0 but snapshot.members, the same on all. */
	uint64_t term, vote;
	struct raft_snapshot snapshot;
	const struct raft_entry *entries; /* from snapshot.index + 1 on */
	uint64_t entry_count;
	struct io_rare *rare; /* planted mistakes; NULL */
};

int raft_new(struct raft **raft, const struct raft_setup *setup,
	     struct gw_error *error) GW_MUST_CHECK;
void raft_free(struct raft *raft);
/* GW_E_NO_MEMORY, GW_E_CORRUPT (a message that nobody could have sent): nothing has changed. */
int raft_step(struct raft *raft, const struct raft_event *event,
	      struct gw_error *error) GW_MUST_CHECK;
/* The actions of the last step, in order. False: no more. All have to be taken before the next
 * step. */
bool raft_next_action(struct raft *raft, struct raft_action *action);
/* When RAFT_TICK is due. */
uint64_t raft_wake_ns(const struct raft *raft);

enum raft_role raft_role(const struct raft *raft);
uint64_t raft_term(const struct raft *raft);
uint64_t raft_leader(const struct raft *raft);
uint64_t raft_commit(const struct raft *raft);
uint64_t raft_last_index(const struct raft *raft);
/* The members in force, which need not be committed yet. */
const struct raft_members *raft_members(const struct raft *raft);
/* Whether they are committed. */
bool raft_members_decided(const struct raft *raft);
/* Members as they were when entry index was applied; index <= commit and not before the last
 * snapshot. For the snapshot at index. */
void raft_members_at(const struct raft *raft, uint64_t index, struct raft_members *members);
/* The last entry that is held no more; not after the snapshot. Disks need not keep it either. */
uint64_t raft_log_base(const struct raft *raft);
/* NULL when it is not held (any more). */
const struct raft_entry *raft_log_entry(const struct raft *raft, uint64_t index);
/* What the leader knows of a member: its last entry that matches, 0 if unknown. */
uint64_t raft_match(const struct raft *raft, uint64_t id);
/* Whether a member was offered our snapshot, has not got it yet, and was heard not longer ago than
 * that. The leader knows. */
bool raft_is_fetched(const struct raft *raft, uint64_t within_ns);

#endif
