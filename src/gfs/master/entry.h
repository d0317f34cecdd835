/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - whether key and value can be an entry of the master's table, each by itself.
 */
#ifndef GFS_MASTER_ENTRY_H
#define GFS_MASTER_ENTRY_H

#include "gfs/master/keys.h"

/* GW_E_CORRUPT, with the kind of entry. */
int gfs_entry_check(struct gw_bytes key, struct gw_bytes value,
		    struct gw_error *error) GW_MUST_CHECK;

#endif
