/* SPDX-License-Identifier: Apache-2.0 */
/*
 * servers.h - the chunkservers and the writers that the log knows.
 *
 * A server as bytes, under GFS_KEY_SERVER: u8 flags (GFS_SERVER_DRAINING), 16 bytes uuid, u8 bytes
 * of the address, address, rack.
 */
#ifndef GFS_MASTER_SERVERS_H
#define GFS_MASTER_SERVERS_H

#include "gfs/master/state.h"

enum { GFS_SERVER_DRAINING = 1 };

struct gfs_server {
	uint32_t number;
	uint8_t flags;
	struct gw_bytes uuid, address, rack; /* in the table, until it changes */
};

bool gfs_server_find(const struct gfs_state *state, uint64_t number, struct gfs_server *server);
/* When a writer ends unless it is kept; false: it has ended. */
bool gfs_writer_find(const struct gfs_state *state, uint64_t writer, uint64_t *until_ms);
/* The lowest writer that lives; next_writer if none does. */
uint64_t gfs_writers_from(const struct gfs_state *state);
/* Ends writers whose time is over, a few. */
int gfs_writers_end(struct gfs_state *state, uint32_t most, struct gw_error *error) GW_MUST_CHECK;

gfs_operation gfs_do_server;
gfs_operation gfs_do_drain;
gfs_operation gfs_do_writer_open;
gfs_operation gfs_do_writer_keep;
gfs_operation gfs_do_writer_close;

#endif
