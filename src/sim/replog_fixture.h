/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replog_fixture.h - a simulated cluster whose members keep a replicated log (src/replog), for
 * scenarios: who leads, what is applied, proposals from tasks of a member. The first member begins
 * the cluster, the others join it.
 */
#ifndef SIM_REPLOG_FIXTURE_H
#define SIM_REPLOG_FIXTURE_H

#include "replog/machine_fixture.h"
#include "sim/sim.h"
#include "task/loop.h"

#include "support/unit.h"

enum { KEEPERS = 6, KEEPER_PORT = 7000, NOBODY = -1 };

struct keepers;

/* A machine that keeps the log. */
struct keeper {
	struct keepers *keepers;
	struct sim_node *node;
	/* What lasts. */
	struct replog_options options;
	char address[32];
	int failures;        /* how often a life stepped aside */
	struct gw_error why; /* the last time, also a start that failed */
	/* Of this life. */
	struct gw_loop *loop;
	struct io *io;
	struct gw_rpc_server *server;
	struct replog *log;  /* NULL: not open yet */
	bool is_started;
	struct machine_state machine;
};

struct keepers {
	struct sim *sim;
	int count;
	struct keeper items[KEEPERS];
	char join[256]; /* all addresses */
};

/* Nothing is started. options may be NULL. */
void keepers_begin(struct keepers *keepers, int count, uint64_t seed,
		   const struct sim_options *options);
/* Starts the first, then the others, and waits until `voters` of them vote. */
void keepers_start(struct keepers *keepers, int voters);
void keepers_end(struct keepers *keepers);

/* Boots; the life goes on by itself. */
void keeper_start(struct keepers *keepers, int which);
void keeper_kill(struct keepers *keepers, int which);
/* The disk is empty afterwards; it is down. */
void keeper_wipe(struct keepers *keepers, int which);

/* Who leads and is ready, in the newest term; NOBODY. */
int leader_of(struct keepers *keepers);
/* Waits until somebody other than `but` leads. */
int leader_wait(struct keepers *keepers, int but);
/* Waits until everyone who is up (and a member) has applied what the leader has. */
void all_equal(struct keepers *keepers);
/* Waits until so many entries are in the machine's state there. */
void applied_wait(struct keepers *keepers, int which, uint64_t count);
void voters_wait(struct keepers *keepers, size_t voters);
struct replog_state state_of(struct keepers *keepers, int which);
void pass_ms(struct keepers *keepers, uint64_t ms);

/* A proposal in a task of a member. */
struct deed {
	struct keeper *keeper;
	char text[40];
	uint64_t timeout_ms; /* 0: a minute */
	bool is_over;
	int result;
	uint64_t index, count;
	struct gw_error error;
};

void deed_start(struct keepers *keepers, int which, struct deed *deed, const char *text);
int deed_wait(struct keepers *keepers, struct deed *deed);
/* Proposes there and waits; must succeed. */
void put_at(struct keepers *keepers, int which, const char *text);
/* The same so many times, at whoever leads. */
void put_many(struct keepers *keepers, int count);
/* Whether the text is in the state there, and how often. */
int times_at(struct keepers *keepers, int which, const char *text);
/* Runs the function in a task of the member until it is over; its result. */
int visit_at(struct keepers *keepers, int which, gw_task_function *function, void *argument);
/* Waits until met is true, ten simulated minutes at most. */
void wait_until(struct keepers *keepers, bool (*met)(void *context), void *context);

#endif
