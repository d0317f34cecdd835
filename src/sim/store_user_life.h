/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_user_life.h - a life of the program of store_user.h, from boot to death; shared by its
 * tasks.
 */
#ifndef SIM_STORE_USER_LIFE_H
#define SIM_STORE_USER_LIFE_H

#include "sim/store_user.h"
#include "task/loop.h"

enum { STORE_USER_RETRY_MS = 50 }; /* after a lack of space */

struct store_user_life {
	struct store_user *user;
	struct sim_node *node;
	struct io *io;
	struct gw_loop *loop;
	struct replog_store *store;
	struct gw_group group;
	bool fetching; /* nothing is committed meanwhile */
	uint8_t *buffer; /* REPLOG_PIECE_BYTES */
};

/* Not sim_draw: what one node draws is its own. */
uint64_t store_user_draw(struct store_user_life *life, uint64_t n);
int store_user_rest(struct store_user_life *life);
/* The process ends; whoever watches over the node starts it again. Returns the code. */
int store_user_end(struct store_user_life *life, int code);
/* The same by a failure; damage cannot be, when nobody harmed the disk. */
int store_user_end_by(struct store_user_life *life, const struct gw_error *error);
/* Adds a record to the log and notes it. */
int store_user_add(struct store_user_life *life, struct store_user_record record, bool ends_step);

/* ---- store_user_snapshot.c ------------------------------------------------------------------ */

/* The task that makes and fetches snapshots. */
int store_user_run_snapshots(void *argument);
/* The task of one that is quiet: what a snapshot stands for is removed again and again, which is of
 * no use but that it meets segments that have just begun. */
int store_user_run_compaction(void *argument);
/* Reads all of the newest; its bytes are what they should be. */
int store_user_check_snapshot(struct store_user_life *life);

#endif
