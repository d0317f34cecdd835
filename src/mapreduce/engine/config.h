/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - a job with all its defaults filled in: what gw_mr_run checked and resolved once, before the
 * first process is forked. Read-only afterwards.
 */
#ifndef MR_CONFIG_H
#define MR_CONFIG_H

#include <groundwork/mapreduce.h>

enum mr_spill_codec {
	MR_SPILL_PLAIN = 0,
	MR_SPILL_LZ4 = 1,
	MR_SPILL_ZSTD = 2,
};

enum {
	MR_SLOTS_MAX = 256,
	MR_PARTS_MAX = 10000,
	MR_KEY_MAX = INT32_MAX,
};

struct mr_config {
	struct gw_mr_job job;         /* a copy; top_k, separator etc. with defaults filled in */
	struct gw_mr_options options; /* a copy; every default filled in; strings are the caller's */
	uint32_t slots;
	uint32_t parts;
	uint64_t slot_memory; /* private bytes an attempt may use */
	uint64_t pool_memory; /* bytes of shared memory for what attempts leave behind */
	enum mr_spill_codec codec;
	const char *staging; /* private directory of this run, beside the output: temporary files */
};

/* Checks job and options and fills in every default. Nothing is kept of error's callers. */
int mr_config_init(struct mr_config *config, const struct gw_mr_job *job,
		   const struct gw_mr_options *options, struct gw_error *error) GW_MUST_CHECK;

#endif
