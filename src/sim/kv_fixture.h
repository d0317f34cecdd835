/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_fixture.h - a simulated cluster of the key/value service and machines that call it, for
 * scenarios: the first member begins the cluster, the others join it; deeds are calls in tasks.
 */
#ifndef SIM_KV_FIXTURE_H
#define SIM_KV_FIXTURE_H

#include "kv/server/server.h"
#include "sim/sim.h"
#include "task/loop.h"

#include "support/unit.h"

enum { KV_WORLD_MEMBERS = 6, KV_WORLD_CALLERS = 2, KV_WORLD_PORT = 7000, KV_NOBODY = -1 };

struct kv_world;

/* A machine that runs a member. */
struct kv_member {
	struct kv_world *world;
	struct sim_node *node;
	/* What lasts. */
	struct kv_server_options options;
	char address[32];
	int failures;        /* how often a life stepped aside, or did not start */
	struct gw_error why; /* the last time */
	/* Of this life. */
	struct gw_loop *loop;
	struct io *io;
	struct kv_server *server; /* NULL: not started yet */
};

/* A machine that calls. */
struct kv_caller {
	struct kv_world *world;
	struct sim_node *node;
	struct gw_loop *loop;
	struct io *io;
	struct gw_rpc_client *client; /* of all members */
};

struct kv_world {
	struct sim *sim;
	int count;
	struct kv_member members[KV_WORLD_MEMBERS];
	struct kv_caller callers[KV_WORLD_CALLERS];
	char addresses[256];
};

/* Nothing is started; options of members may be changed. */
void kv_world_begin(struct kv_world *world, int count, uint64_t seed);
/* Starts all, waits until they all vote; the callers run, too. */
void kv_world_start(struct kv_world *world);
void kv_world_end(struct kv_world *world);
void kv_pass_ms(struct kv_world *world, uint64_t ms);
void kv_wait_until(struct kv_world *world, bool (*met)(void *context), void *context);

void kv_member_start(struct kv_world *world, int which);
void kv_member_kill(struct kv_world *world, int which);
void kv_member_power_loss(struct kv_world *world, int which);
void kv_member_wipe(struct kv_world *world, int which);
/* Makes a snapshot there, and waits for it. */
void kv_member_snapshot(struct kv_world *world, int which);
struct replog_state kv_state_at(struct kv_world *world, int which);

int kv_leader(struct kv_world *world);
/* Waits until somebody other than `but` leads. */
int kv_leader_wait(struct kv_world *world, int but);
void kv_voters_wait(struct kv_world *world, int voters);
/* Waits until all who are up have applied what the leader has, and compares their states: all of
 * the keys and all remembered calls. */
void kv_all_equal(struct kv_world *world);

/* A call. What is not set is zero. */
struct kv_deed {
	struct kv_world *world;
	int caller;
	int at;              /* a member that is asked directly, from 1; 0: whoever leads */
	const char *key, *value;
	const char *expected; /* of a swap */
	uint64_t ttl_ms, min_index, version;
	bool weak;
	uint64_t timeout_ms; /* 0: a minute */
	/* How it went. */
	bool is_over, found, swapped;
	int result;
	uint64_t index;
	char text[4096];     /* the value */
	struct gw_error error;
	/* Private. */
	int (*run)(struct kv_deed *deed, struct gw_rpc_client *client,
		   const struct gw_rpc_call_options *options);
};

int kv_do_put(struct kv_deed *deed, struct gw_rpc_client *client,
	      const struct gw_rpc_call_options *options);
int kv_do_append(struct kv_deed *deed, struct gw_rpc_client *client,
		 const struct gw_rpc_call_options *options);
int kv_do_get(struct kv_deed *deed, struct gw_rpc_client *client,
	      const struct gw_rpc_call_options *options);
int kv_do_delete(struct kv_deed *deed, struct gw_rpc_client *client,
		 const struct gw_rpc_call_options *options);
int kv_do_swap(struct kv_deed *deed, struct gw_rpc_client *client,
	       const struct gw_rpc_call_options *options);
/* Member numbers of the cluster (value: its id), by the leader. */
int kv_do_remove_member(struct kv_deed *deed, struct gw_rpc_client *client,
			const struct gw_rpc_call_options *options);
int kv_do_replace_member(struct kv_deed *deed, struct gw_rpc_client *client,
			 const struct gw_rpc_call_options *options);

typedef int kv_run(struct kv_deed *deed, struct gw_rpc_client *client,
		   const struct gw_rpc_call_options *options);

void kv_deed_start(struct kv_world *world, struct kv_deed *deed, kv_run *run);
int kv_deed_wait(struct kv_deed *deed);
/* Both; its result. */
int kv_deed_do(struct kv_world *world, struct kv_deed *deed, kv_run *run);

/* In one line, by the first caller; must succeed. */
void kv_put_pair(struct kv_world *world, const char *key, const char *value);
void kv_append_to(struct kv_world *world, const char *key, const char *value);
/* NULL in value: there must be none. */
void kv_expect(struct kv_world *world, const char *key, const char *value);
/* key0, key1, ... */
void kv_put_many(struct kv_world *world, int count);

#endif
