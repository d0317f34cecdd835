/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.h - the directory of a member: whose it is, and whether the table in it may be believed.
 */
#ifndef KV_SERVER_HOME_H
#define KV_SERVER_HOME_H

#include "base/buffer.h"
#include "io/io.h"
#include "kv/server/server.h"

enum { KV_KEPT_BYTES_MAX = 256 << 20 };

struct kv_home {
	struct io_file *lock;
	char *directory, *log, *table, *table_lock, *kept;
};

/* Makes or opens it, and locks it. All functions wait. */
int kv_home_open(struct kv_home *home, const char *directory, struct gw_error *error) GW_MUST_CHECK;
/* Only locks one that is there, and changes nothing; the disk may be read-only. */
int kv_home_look(struct kv_home *home, const char *directory, struct gw_error *error) GW_MUST_CHECK;
void kv_home_close(struct kv_home *home);

/*
 * The table of that kind. *kept gets what a clean stop has kept with it, and is empty when the
 * table is; the file is gone then, so that a stop from now on is not clean. The caller's, also when
 * this fails.
 */
int kv_home_table(struct kv_home *home, const struct kv_server_options *options,
		  struct kv_table **table, struct base_buffer *kept,
		  struct gw_error *error) GW_MUST_CHECK;
/* All of the table is on disk: writes what belongs to it. */
int kv_home_keep(struct kv_home *home, struct gw_bytes kept, struct gw_error *error) GW_MUST_CHECK;

#endif
