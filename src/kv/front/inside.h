/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.h - the Redis port as its own files see it.
 */
#ifndef KV_FRONT_INSIDE_H
#define KV_FRONT_INSIDE_H

#include "kv/front/front.h"
#include "kv/front/resp.h"
#include "rpc/waiting.h"
#include "task/loop.h"

/* Where a SCAN goes on. Numbers are what clients take; a key is what we need. */
struct front_cursor {
	uint64_t id;
	uint16_t key_bytes;
	char key[KV_KEY_BYTES_MAX];
};

struct kv_front {
	struct kv_server *server;
	struct io *io;
	struct io_listener *listener;
	char address[320];
	struct gw_group tasks;
	uint32_t connections, connections_max;
	uint64_t commands;
	uint64_t cursor_last;				/* id */
	struct front_cursor cursors[FRONT_CURSORS_MAX]; /* by id, modulo */
};

struct front_request;

enum front_kind {
	FRONT_LOCAL,  /* asks nobody */
	FRONT_READ,   /* runs between read_begin and read_end; several share one */
	FRONT_CHANGE, /* one entry, so several may be under way */
	FRONT_STEPS,  /* reads, then changes: nothing else meanwhile */
};

struct front_command {
	const char *name;
	uint8_t kind; /* enum front_kind */
	int8_t words; /* with the name; negative: so many at least */
	/* Appends the reply, or fails. */
	int (*run)(struct front_request *request, struct gw_error *error);
};

/* A command of a batch. */
struct front_request {
	struct kv_front *front;
	const struct front_command *command; /* NULL: there is none by that name */
	const struct gw_bytes *words;
	size_t count;
	struct base_buffer *reply; /* the connection's, or its own while others run */
	size_t reply_begin;	   /* in it */
	struct base_buffer own;
	size_t run_count; /* SETs from this one on that are one entry; 0: it is by itself */
	struct front_request *next; /* of the changes that are proposed together */
	struct gw_group *group;
	bool is_last;	    /* the connection ends behind it */
	bool is_unanswered; /* no memory for that: what follows has no place */
};

const struct front_command *front_find(struct gw_bytes name);
enum front_kind front_kind_of(const struct front_request *request);
/* Runs a command that is not a READ; its failure is its reply. */
void front_run(struct front_request *request);
/* How many requests from the first on are SETs without options that fit one entry: their answer is
 * the same, so they need none of their own. */
size_t front_count_sets(const struct front_request *requests, size_t count);
/* Runs those, at least two; the first one's reply is that of all. */
void front_run_sets(struct front_request *requests, size_t count);
/* Runs READs, count of them at most, and stops where replies are many. Returns how many ran. */
size_t front_run_reads(struct front_request *requests, size_t count);
/* Before anything is appended to the reply of one that is not run by front_run. */
void front_begin_reply(struct front_request *request);
/* The reply of one that failed. */
void front_put_failure(struct front_request *request, int code, const struct gw_error *error);

/* ---- Commands in files of their own ---------------------------------------------------------- */

int front_get(struct front_request *request, struct gw_error *error);
int front_mget(struct front_request *request, struct gw_error *error);
int front_strlen(struct front_request *request, struct gw_error *error);
int front_exists(struct front_request *request, struct gw_error *error);
int front_type(struct front_request *request, struct gw_error *error);
int front_ttl(struct front_request *request, struct gw_error *error);
int front_pttl(struct front_request *request, struct gw_error *error);
int front_scan(struct front_request *request, struct gw_error *error);
int front_dbsize(struct front_request *request, struct gw_error *error);

int front_set(struct front_request *request, struct gw_error *error);
int front_setex(struct front_request *request, struct gw_error *error);
int front_psetex(struct front_request *request, struct gw_error *error);
int front_setnx(struct front_request *request, struct gw_error *error);
int front_getset(struct front_request *request, struct gw_error *error);
int front_append(struct front_request *request, struct gw_error *error);
int front_del(struct front_request *request, struct gw_error *error);
int front_incr(struct front_request *request, struct gw_error *error);
int front_decr(struct front_request *request, struct gw_error *error);
int front_incrby(struct front_request *request, struct gw_error *error);
int front_decrby(struct front_request *request, struct gw_error *error);
int front_mset(struct front_request *request, struct gw_error *error);
int front_expire(struct front_request *request, struct gw_error *error);
int front_pexpire(struct front_request *request, struct gw_error *error);
int front_persist(struct front_request *request, struct gw_error *error);

#endif
