/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_staging.h - the private directories of one run of a job, and how they end.
 *
 * Beside OUTPUT_DIR there is `.NAME.gw-XXXXXXXX` (mode 0700, NAME the last part of OUTPUT_DIR):
 *     lock    held by flock as long as any process of the job lives
 *     out/    what becomes OUTPUT_DIR, by one rename, when the job has succeeded
 * and spill and side files, unless another place was asked for (--temporary): then they are in a
 * directory of the same kind there, whose `out` is a link to the one beside the output.
 *
 * What a run left that died with all its processes at once (a power failure) is removed by the
 * next run with the same NAME: a directory whose lock nobody holds belongs to nobody.
 */
#ifndef MR_HOST_STAGING_H
#define MR_HOST_STAGING_H

#include "store.h"

#include <groundwork/mapreduce.h>

struct mr_staging {
	char *output;  /* OUTPUT_DIR without slashes at its end */
	char *home;    /* the directory beside it */
	char *path;    /* of temporary files: home, or the directory in --temporary */
	int home_lock; /* descriptors, -1: none */
	int path_lock;
};

/* GW_E_EXISTS when OUTPUT_DIR is there and the job is to commit something; changes nothing. */
int mr_staging_check(const struct gw_mr_options *options, struct gw_error *error) GW_MUST_CHECK;

/* GW_E_EXISTS when OUTPUT_DIR is there, unless the job is to commit nothing. */
int mr_staging_make(struct mr_staging *staging, const struct gw_mr_options *options,
		    struct mr_store *store, struct gw_error *error) GW_MUST_CHECK;

/* Adds _SUCCESS and makes the output visible. */
int mr_staging_commit(const struct mr_staging *staging, struct mr_store *store,
		      struct gw_error *error) GW_MUST_CHECK;

/* Removes the directories and what is in them, in whatever state they are. */
void mr_staging_remove(const struct mr_staging *staging, struct mr_store *store);

/* Lets the locks go and frees the names. */
void mr_staging_done(struct mr_staging *staging);

#endif
