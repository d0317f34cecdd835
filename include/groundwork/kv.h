/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/kv.h - the client of the key/value service (`gw kv serve`): keys and values that are
 * on the disks of a majority before you hear of it, each change exactly once.
 *
 *     static int count_visitor(void *argument)
 *     {
 *             struct gw_error error = {0};
 *             struct gw_kv_client *client;
 *             int64_t visitors;
 *             int code = gw_kv_client_new(&client, "10.0.0.1:7000,10.0.0.2:7000,10.0.0.3:7000",
 *                                         NULL, &error);
 *
 *             if (code == 0)
 *                     code = gw_kv_increment(client, gw_string("visitors"), 1, &visitors, &error);
 *             if (code == 0)
 *                     printf("%lld\n", (long long)visitors);
 *             else
 *                     fprintf(stderr, "%s\n", error.text);
 *             gw_kv_client_free(client);
 *             return code;
 *     }
 *
 *     int main(void) { return -gw_run(count_visitor, NULL, NULL, NULL); }
 *
 * Tasks. Everything is called from tasks (task.h), on the one loop that made the client. Each call
 * waits for its answer; several tasks may share a client, and their changes share a write to the
 * disk. A call ends at the task's deadline (gw_deadline_set), or after the client's timeout.
 *
 * Keys and values are any bytes. A key has 1 to GW_KV_KEY_BYTES_MAX, a value up to
 * GW_KV_VALUE_BYTES_MAX. Keys are ordered as unsigned bytes, a prefix first.
 *
 * Who is asked. Any of the addresses; one that does not lead says who does, and the client goes
 * there by itself, also when the leader changes while a call is under way. A member of another
 * cluster that sits at one of the addresses is not asked, as soon as one of ours has been, or from
 * the beginning when the option names the cluster.
 *
 * Reads are linearizable: they see every change that was acknowledged to anybody before they were
 * asked. A weak read (gw_kv_read.weak) is answered at once by whatever member is asked, from what
 * it has applied, which may be old; its answer says how old, by the index of an entry in the log.
 * With min_index as well the member waits until it has applied that entry: who brings the index of
 * its last change reads what it wrote.
 *
 * Changes run exactly once: a client that does not hear the answer asks again under the same
 * number, and the members remember, on disk, what they answered. What a failure says of a change:
 *   GW_E_UNREACHABLE, GW_E_OVERLOADED, GW_E_NO_SPACE, GW_E_DENIED, GW_E_INVALID, GW_E_TOO_LARGE
 *                     it did not happen
 *   GW_E_TIMEOUT, GW_E_CANCELLED, GW_E_OUTCOME_UNKNOWN
 *                     it happened, will happen, or never does; once at most. Read to know
 *   GW_E_STALE        the members have forgotten this client, which was silent for longer than the
 *                     lease; a change that was asked before may have happened once. Make a new one
 *
 * Time to live. ttl_ms begins with the entry's time, which the leader sets from its clock; 0: the
 * key stays. When it is over the key is gone for every change that comes later, and for reads at
 * most 10 ms later than that.
 *
 * Ownership. What is passed in need last only until the function returns. What comes back in a
 * struct with a `_done` is the caller's; such a struct starts as {0}, is filled in anew by each
 * call that succeeds or fails, and _done may be called on an empty one. error may be NULL.
 */
#ifndef GROUNDWORK_KV_H
#define GROUNDWORK_KV_H

#include <groundwork/base.h>
#include <groundwork/rpc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gw_kv_client;
struct gw_kv_watch;

enum {
	GW_KV_KEY_BYTES_MAX = 500,
	GW_KV_VALUE_BYTES_MAX = 1 << 20,
	GW_KV_KEYS_MAX = 1000,             /* of a gw_kv_get_many, a gw_kv_write, a page */
	GW_KV_WRITE_BYTES_MAX = 3 << 19,   /* of the keys and values of a gw_kv_write */
	GW_KV_TIMEOUT_MS = 10000,          /* default of the option */
	GW_KV_WATCH_MS = 60000,            /* a watch is renewed after so long */
	GW_KV_PAUSE_MS = 100,              /* before a watch is renewed */
	GW_KV_TEXT_MAX = 256,              /* of an address or a reason, with the NUL */
};

/* ---- Clients -------------------------------------------------------------------------------- */

struct gw_kv_client_options {
	const char *name;       /* for sentences; NULL: the addresses */
	struct gw_rpc_tls *tls; /* outlives the client; NULL: plain text */
	bool insecure;          /* plain text also to another machine */
	uint64_t timeout_ms;    /* of calls in tasks without a deadline; 0: GW_KV_TIMEOUT_MS */
	const char *cluster;    /* its id, 32 hexadecimal digits as `gw kv status` tells it; NULL:
				 * that of the first member that is asked, and no other then */
};

/*
 * addresses: those of some members with commas, host:port or the path of a UNIX socket; the more,
 * the more of them may be gone. Nothing is connected before the first call. GW_E_INVALID for an
 * address that is none. options may be NULL. Freed by gw_kv_client_free; on failure there is
 * nothing to free.
 */
int gw_kv_client_new(struct gw_kv_client **client, const char *addresses,
		     const struct gw_kv_client_options *options,
		     struct gw_error *error) GW_MUST_CHECK;
/* Ends its calls with GW_E_CANCELLED and waits for them. Watches are freed before. NULL is fine. */
void gw_kv_client_free(struct gw_kv_client *client);

/* ---- Reads ---------------------------------------------------------------------------------- */

struct gw_kv_read {
	bool weak;          /* of any member, from what it has applied */
	uint64_t min_index; /* with weak: but not before this entry */
};

struct gw_kv_item {
	struct gw_bytes key, value;
	bool found;       /* false: there is no such key, and the rest is 0 */
	uint64_t version; /* the entry that last changed it; never 0 for a key that is there */
	uint64_t ttl_ms;  /* what is left of its time; 0: it stays */
};

/* One key that was read. */
struct gw_kv_value {
	struct gw_kv_item item; /* its key is empty: the caller has it */
	uint64_t index;         /* the last entry that the answer knows of */
	void *memory;           /* private */
};

/* Frees what is in it; NULL is fine, here and in its like below. */
void gw_kv_value_done(struct gw_kv_value *value);

/* 1 when there is such a key, 0 when not. read may be NULL: linearizable. */
int gw_kv_get(struct gw_kv_client *client, struct gw_bytes key, const struct gw_kv_read *read,
	      struct gw_kv_value *value, struct gw_error *error) GW_MUST_CHECK;

/* Several keys that were read, all at one moment. */
struct gw_kv_page {
	struct gw_kv_item *items;
	size_t count;
	bool more;            /* the range, or the list of keys, goes on behind them */
	struct gw_bytes next; /* of a scan with more: where the next page begins */
	uint64_t index;
	void *memory, *list;  /* private */
};

/* Frees what is in it. */
void gw_kv_page_done(struct gw_kv_page *page);

/* One item for each key, in their order, found or not; at most GW_KV_KEYS_MAX keys. About 2 MiB of
 * values come at once: page->more says that only the first page->count keys were read, and at
 * least one was. */
int gw_kv_get_many(struct gw_kv_client *client, const struct gw_bytes *keys, size_t count,
		   const struct gw_kv_read *read, struct gw_kv_page *page,
		   struct gw_error *error) GW_MUST_CHECK;

struct gw_kv_range {
	struct gw_bytes begin; /* the first key, if it is there; empty: from the start */
	struct gw_bytes end;   /* the first key that is not wanted; empty: to the end */
	uint32_t limit;        /* of keys in a page; 0: GW_KV_KEYS_MAX */
	bool keys_only;
};

/* The next keys of a range in order, about 1 MiB at once. Each page is of one moment, several are
 * not: while page->more, ask again from page->next. */
int gw_kv_scan(struct gw_kv_client *client, const struct gw_kv_range *range,
	       const struct gw_kv_read *read, struct gw_kv_page *page,
	       struct gw_error *error) GW_MUST_CHECK;

/* ---- Changes -------------------------------------------------------------------------------- */

/* What a change did. */
struct gw_kv_change {
	uint64_t index; /* of its entry: the key's version now, and a min_index for weak reads */
	bool existed;   /* the key was there before */
	uint64_t size;  /* of the value now */
};

/* `change` may be NULL in all of these. */
int gw_kv_put(struct gw_kv_client *client, struct gw_bytes key, struct gw_bytes value,
	      uint64_t ttl_ms, struct gw_kv_change *change, struct gw_error *error) GW_MUST_CHECK;
/* To the end of the value, of nothing when there is no such key. Its time to live stays. */
int gw_kv_append(struct gw_kv_client *client, struct gw_bytes key, struct gw_bytes value,
		 struct gw_kv_change *change, struct gw_error *error) GW_MUST_CHECK;
/* No such key is no failure. */
int gw_kv_delete(struct gw_kv_client *client, struct gw_bytes key, struct gw_kv_change *change,
		 struct gw_error *error) GW_MUST_CHECK;
/* Gives the key another time to live; value and version stay. No such key is no failure. */
int gw_kv_expire(struct gw_kv_client *client, struct gw_bytes key, uint64_t ttl_ms,
		 struct gw_kv_change *change, struct gw_error *error) GW_MUST_CHECK;
/* Adds to the value, a decimal number of 64 bits; no such key is 0. *value (may be NULL) is the
 * sum. GW_E_INVALID when the value is no number, or the sum none of 64 bits. Its time stays. */
int gw_kv_increment(struct gw_kv_client *client, struct gw_bytes key, int64_t amount,
		    int64_t *value, struct gw_error *error) GW_MUST_CHECK;

enum gw_kv_expected {
	GW_KV_IF_ABSENT = 1, /* there is no such key */
	GW_KV_IF_VERSION,    /* it has gw_kv_swap.version */
	GW_KV_IF_VALUE,      /* its value is gw_kv_swap.expected */
};

struct gw_kv_swap {
	struct gw_bytes key;
	uint32_t condition; /* enum gw_kv_expected */
	uint64_t version;
	struct gw_bytes expected;
	bool remove;           /* then delete it; else: */
	struct gw_bytes value; /* its new value, */
	uint64_t ttl_ms;       /* and time to live */
};

/* Changes the key if it is as expected: 1. Else 0, and *value is what is there. value->index is
 * the entry's in both cases. */
int gw_kv_compare_and_swap(struct gw_kv_client *client, const struct gw_kv_swap *swap,
			   struct gw_kv_value *value, struct gw_error *error) GW_MUST_CHECK;

/* One of several changes. */
struct gw_kv_write {
	struct gw_bytes key;
	bool remove;           /* delete it; value and ttl_ms are 0 then */
	struct gw_bytes value;
	uint64_t ttl_ms;
};

/* Several puts and deletes in their order, all or none of them: at most GW_KV_KEYS_MAX, of
 * GW_KV_WRITE_BYTES_MAX together. *existed (may be NULL): how many of the keys were there, each
 * when its turn came. */
int gw_kv_write(struct gw_kv_client *client, const struct gw_kv_write *writes, size_t count,
		uint64_t *index, uint32_t *existed, struct gw_error *error) GW_MUST_CHECK;

/* ---- Watching ------------------------------------------------------------------------------- */

enum gw_kv_event_kind {
	GW_KV_PUT,     /* put, appended to, incremented, swapped, given another time to live */
	GW_KV_DELETE,
	GW_KV_EXPIRED, /* its time to live has ended */
};

struct gw_kv_event {
	uint32_t kind; /* enum gw_kv_event_kind */
	struct gw_bytes key, value;
	uint64_t expires_ms; /* on the log's clock, since 1970; 0: it stays */
};

/* What one entry changed. */
struct gw_kv_events {
	uint64_t index;
	struct gw_kv_event *items;
	size_t count;
	void *memory, *list; /* private */
};

/* Frees what is in it. */
void gw_kv_events_done(struct gw_kv_events *events);

/*
 * Every change of a range from entry from_index on (0: from now on), once and in order; *from (may
 * be NULL) is the first entry that it tells. Members that fail are replaced by others without a
 * change being lost or told twice. range->limit is not used. What range points to is copied.
 * GW_E_COMPACTED: from_index is older than what a member remembers; read the keys, and watch from
 * there on.
 */
int gw_kv_watch_new(struct gw_kv_watch **watch, struct gw_kv_client *client,
		    const struct gw_kv_range *range, uint64_t from_index, uint64_t *from,
		    struct gw_error *error) GW_MUST_CHECK;
/* Waits for the next entry that changed something in the range. The task's deadline ends the wait
 * and not the watch. GW_E_COMPACTED: it was away for too long, and changes are missing. */
int gw_kv_watch_next(struct gw_kv_watch *watch, struct gw_kv_events *events,
		     struct gw_error *error) GW_MUST_CHECK;
void gw_kv_watch_free(struct gw_kv_watch *watch); /* NULL is fine */

/* ---- Care of the cluster --------------------------------------------------------------------- */

/* Of one member: the first of the addresses that answers. */
struct gw_kv_status {
	char role[32]; /* "leader", "follower", "learner", "candidate", "removed", "failed" */
	uint64_t member;
	uint8_t cluster[16];
	uint64_t term, leader;
	char leader_address[GW_KV_TEXT_MAX]; /* "": not known */
	uint64_t applied, committed, last;   /* entries */
	uint64_t snapshot;                   /* the entry of the newest one; 0: none */
	uint64_t wall_ms;                    /* time of the last entry */
	uint64_t keys, bytes;                /* bytes of keys and values */
	uint64_t clients, watchers;
	uint64_t watch_from; /* the oldest entry that a watch may begin with */
	char table[16];      /* "memory" or "lmdb" */
	char version[64];    /* of the program */
	char failed[GW_KV_TEXT_MAX]; /* why it has stepped aside; "": it has not */
	/* What does not get on until it is mended: a full disk, a snapshot that cannot be fetched,
	 * members of another cluster that call it; "": nothing. */
	char trouble[GW_KV_TEXT_MAX];
	uint64_t troubles; /* how often there was something new, since it was started */
};

/* Of the member that is asked, whatever its role. */
int gw_kv_status(struct gw_kv_client *client, struct gw_kv_status *status,
		 struct gw_error *error) GW_MUST_CHECK;

enum { GW_KV_MEMBERS_MAX = 32 };

struct gw_kv_member {
	uint64_t id;
	char address[GW_KV_TEXT_MAX];
	bool votes, standby, leads;
	uint64_t match; /* the last entry it is known to have; 0: not known */
};

/* Those in force; returns how many. GW_E_TOO_LARGE when they are more than GW_KV_MEMBERS_MAX. weak:
 * as the member that is asked knows them, also when nobody leads. */
int gw_kv_members(struct gw_kv_client *client, bool weak,
		  struct gw_kv_member members[GW_KV_MEMBERS_MAX],
		  struct gw_error *error) GW_MUST_CHECK;

/* Changes of members wait until they are decided, one at a time (GW_E_BUSY), and may be asked
 * again. *id: of the member that was added. Adding is for a program that will join from that
 * address; joining does it by itself. */
int gw_kv_member_add(struct gw_kv_client *client, const char *address, bool standby, uint64_t *id,
		     struct gw_error *error) GW_MUST_CHECK;
int gw_kv_member_remove(struct gw_kv_client *client, uint64_t id,
			struct gw_error *error) GW_MUST_CHECK;
/* For a member that has lost its disk; address NULL: the same. The program there, started on an
 * empty directory to join, becomes a voter when it has caught up. */
int gw_kv_member_replace(struct gw_kv_client *client, uint64_t id, const char *address,
			 uint64_t *new_id, struct gw_error *error) GW_MUST_CHECK;

/* All of the state at one entry (*index, may be NULL), while the service goes on, in pieces in
 * their order; `piece` returns 0, or a negative code that ends it. Takes as long as it takes: only
 * the task's deadline ends it. The format is described in docs/kv.md. */
int gw_kv_backup(struct gw_kv_client *client,
		 int (*piece)(void *context, struct gw_bytes bytes, struct gw_error *error),
		 void *context, uint64_t *index, struct gw_error *error) GW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
