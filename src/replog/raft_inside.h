/* SPDX-License-Identifier: Apache-2.0 */
/* raft_inside.h - what the files of the core share. */
#ifndef REPLOG_RAFT_INSIDE_H
#define REPLOG_RAFT_INSIDE_H

#include "io/rare.h"
#include "replog/raft.h"

#include <assert.h>

/* A planted mistake, when the run asks for it. */
#define RAFT_BUG(raft, name) \
	(__builtin_expect((raft)->rare != NULL, 0) && (raft)->rare->bug((raft)->rare, "" name))

/* What a leader knows of a member. */
enum raft_peer_state {
	RAFT_PROBING,  /* where its log ends is not known: one message at a time */
	RAFT_FLOWING,  /* messages go out before the answers to earlier ones (D 10.2) */
	RAFT_FETCHING, /* what it needs next is only in the snapshot */
};

struct raft_peer {
	uint64_t id;
	uint64_t match, next;
	uint64_t heard_ns; /* when it answered last */
	uint64_t round;    /* the newest heartbeat it answered */
	uint64_t told;     /* what it was told to be committed */
	uint32_t under_way;
	uint8_t state;
	bool probed; /* PROBING: a message is out */
};

/* A save that is not durable yet. */
struct raft_save {
	uint64_t number;
	uint64_t first, last; /* of entries; first 0: term and vote */
};

struct raft_read_wait {
	uint64_t cookie;
	uint64_t round; /* the heartbeat that has to be answered; 0: not sent yet */
	uint64_t index; /* what was committed then */
};

struct raft {
	uint64_t id, chance, now_ns, election_ns, heartbeat_ns;
	uint32_t batch_entries;
	bool lease;
	struct io_rare *rare;
	/* Durable (figure 2). */
	uint64_t term, vote;
	struct raft_snapshot snapshot;
	/* entries[0] is at base_index + 1. base_index <= snapshot.index. */
	struct raft_entry *entries;
	uint64_t base_index, base_term;
	size_t entry_count, entry_capacity;
	/* Volatile. */
	uint8_t role;
	uint64_t leader;
	uint64_t commit;
	struct raft_members members;
	uint64_t members_index; /* of the entry they come from, or snapshot.index */
	/* Saves. */
	uint64_t save_number, saved_number;
	uint64_t durable; /* our own last entry that is on disk */
	struct raft_save *saves;
	size_t save_count, save_capacity;
	/* Times. */
	uint64_t election_due_ns, heartbeat_due_ns, quorum_due_ns;
	uint64_t tell_due_ns; /* who was not told what is committed is then; 0: all were */
	uint64_t heard_leader_ns; /* 0: never */
	uint64_t promised_ns; /* with leases: until then we neither vote nor ask for votes */
	/* Candidates. */
	uint64_t voters[RAFT_MEMBERS_MAX]; /* that voted for us */
	uint32_t voter_count;
	uint64_t own_vote; /* the save that makes it durable */
	/* Leaders. */
	struct raft_peer peers[RAFT_MEMBERS_MAX]; /* the others, also learners */
	uint32_t peer_count;
	uint64_t round;
	uint64_t round_ns[RAFT_ROUNDS_KEPT]; /* when each of the last ones was first sent */
	bool gave_lease; /* somebody was asked to lead */
	struct raft_read_wait reads[RAFT_READS_MAX];
	size_t read_count;
	/* The event's entries, copied before anything changes; what is not taken is freed. */
	struct raft_entry *incoming;
	size_t incoming_count, incoming_capacity;
	struct raft_action *actions;
	size_t action_count, action_capacity, action_taken;
};

/* raft.c */
struct raft_action *raft_add_action(struct raft *raft, enum raft_action_kind kind);
void raft_send(struct raft *raft, const struct raft_message *message, uint64_t after);
void raft_save_state(struct raft *raft);
/* Entries from first to the end of the log are to be saved. */
struct raft_action *raft_save_entries(struct raft *raft, uint64_t first);
void raft_set_commit(struct raft *raft, uint64_t commit);
/* GW_E_NOT_LEADER and so on for a cookie. */
void raft_refuse(struct raft *raft, uint64_t cookie, int code);

/* raft_log.c */
uint64_t raft_log_last(const struct raft *raft);
uint64_t raft_log_last_term(const struct raft *raft);
/* 0 when it is not known. */
uint64_t raft_log_term(const struct raft *raft, uint64_t index);
/* Takes over incoming[from..to); there is room. */
void raft_log_append(struct raft *raft, size_t from, size_t to);
void raft_log_append_nothing(struct raft *raft);
/* Drops entries from first on. */
void raft_log_truncate(struct raft *raft, uint64_t first);
/* Drops entries up to index. */
void raft_log_drop(struct raft *raft, uint64_t index);
/* Sets members to those of the last such entry, or the snapshot's. */
void raft_log_find_members(const struct raft *raft, uint64_t up_to, struct raft_members *members,
			   uint64_t *index);

/* raft_election.c */
/* With leases: nobody is elected with our help for an election timeout. */
void raft_promise(struct raft *raft);
/* Whether such a promise, or a leader that is heard, keeps us from voting. */
bool raft_is_deaf(const struct raft *raft);
void raft_become_follower(struct raft *raft, uint64_t term, uint64_t leader);
void raft_campaign(struct raft *raft);
void raft_on_lead_now(struct raft *raft, const struct raft_message *message);
void raft_on_vote(struct raft *raft, const struct raft_message *message);
void raft_on_vote_reply(struct raft *raft, const struct raft_message *message);
/* The candidate's own vote may be durable now. */
void raft_count_votes(struct raft *raft);
void raft_draw_election(struct raft *raft);
uint32_t raft_quorum(const struct raft *raft);
bool raft_votes(const struct raft *raft, uint64_t id);

/* raft_follower.c */
void raft_on_append(struct raft *raft, const struct raft_message *message);
void raft_on_offer(struct raft *raft, const struct raft_message *message);
void raft_on_installed(struct raft *raft, const struct raft_snapshot *snapshot);
void raft_on_compact(struct raft *raft, const struct raft_event *event);

/* raft_leader.c */
/* Planted: not in the terms that an ordinary test comes to. */
static inline bool raft_skips_first(const struct raft *raft)
{
	return raft->term > 6 && RAFT_BUG(raft, "raft.no-first-entry");
}
void raft_lead(struct raft *raft);
void raft_leader_tick(struct raft *raft);
void raft_on_append_reply(struct raft *raft, const struct raft_message *message);
void raft_advance(struct raft *raft);
void raft_sync_peers(struct raft *raft);
void raft_on_propose(struct raft *raft, uint64_t cookie, bool more);
void raft_on_change(struct raft *raft, const struct raft_members *members, uint64_t cookie);
/* Asks the voter that has everything to lead, if there is one. */
void raft_hand_over(struct raft *raft);
/* Messages with what is new. */
void raft_replicate(struct raft *raft);

/* raft_read.c */
void raft_on_read(struct raft *raft, uint64_t cookie);
/* Starts a round for reads that wait, answers those whose round was answered. */
void raft_serve_reads(struct raft *raft);
void raft_refuse_reads(struct raft *raft);
/* A heartbeat to everyone, under a new number. */
void raft_heartbeat(struct raft *raft);
/* The greatest number that a quorum has reached; own is ours. */
uint64_t raft_quorum_of(const struct raft *raft, uint64_t own,
			uint64_t (*of)(const struct raft_peer *));

#endif
