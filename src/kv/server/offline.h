/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.h - what is done to a directory that no member has open: a look at all of it, and a
 * restore from a backup. Called from tasks; both wait.
 */
#ifndef KV_SERVER_OFFLINE_H
#define KV_SERVER_OFFLINE_H

#include "replog/store.h"

/*
 * Reads the format file and all of the log, with its snapshots, changes nothing but for the lock
 * file, and calls found with a sentence for each thing that is wrong. The table is a cache and is
 * not looked at. 0 when it could be looked at, whatever was found; GW_E_BUSY while a member runs,
 * GW_E_NOT_FOUND, GW_E_VERSION, GW_E_CORRUPT: it is not one of this service.
 */
int kv_check(const char *directory, void (*found)(void *context, const char *sentence),
	     void *context, struct replog_check_report *report,
	     struct gw_error *error) GW_MUST_CHECK;

struct kv_restore_options {
	const char *directory; /* absent or empty */
	const char *address;   /* of the member that it becomes; NULL: alone */
	/* The next bytes of the backup; 0 at its end. */
	int (*read)(void *context, void *buffer, size_t size, struct gw_error *error);
	void *context;
};

struct kv_restore_report {
	uint64_t index;	  /* the entry that the backup is a state of */
	uint64_t keys;	  /* that were taken */
	uint64_t expired; /* whose time had ended meanwhile */
};

/*
 * A new cluster of one member with the keys, values and ends of time of a backup; others join it.
 * Versions are new, and no client is remembered. GW_E_EXISTS: the directory is in use;
 * GW_E_CORRUPT, GW_E_TRUNCATED, GW_E_VERSION: the backup is none, and the directory is to be
 * removed.
 */
int kv_restore(const struct kv_restore_options *options, struct kv_restore_report *report,
	       struct gw_error *error) GW_MUST_CHECK;

#endif
