/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - a job with all its defaults filled in: what gw_mr_run checked and resolved once,
 * before the first process is forked. Read-only afterwards.
 */
#ifndef MR_CONFIG_H
#define MR_CONFIG_H

#include "host_machine.h"

#include <groundwork/mapreduce.h>

enum mr_spill_codec {
	MR_SPILL_PLAIN = 0,
	MR_SPILL_LZ4 = 1,
	MR_SPILL_ZSTD = 2,
};

enum {
	MR_SLOTS_MAX = 256,
	MR_PARTS_MAX = 10000,
	MR_ATTEMPTS_MAX = 100,
	MR_KEY_MAX = INT32_MAX, /* of values too */
};

struct mr_config {
	struct gw_mr_job job;         /* a copy; top_k, separator etc. with defaults filled in */
	struct gw_mr_options options; /* a copy with every default; strings are the caller's */
	uint32_t slots;
	uint32_t parts;
	uint64_t slot_memory; /* private bytes an attempt may use */
	uint64_t pool_memory; /* bytes of shared memory for what attempts leave behind */
	enum mr_spill_codec codec;
	const char *staging; /* private directory of this run, beside the output: temporary files */
};

/*
 * Checks job and options and fills in every default; in options zero asks for the default too.
 * Fails with GW_E_USAGE and a sentence that names the option or the field of the job. staging is
 * the caller's to set.
 */
int mr_config_init(struct mr_config *config, const struct gw_mr_job *job,
		   const struct gw_mr_options *options, struct gw_error *error) GW_MUST_CHECK;

/* The same for a machine that is described, not looked at: a function of its arguments alone. */
int mr_config_init_for(struct mr_config *config, const struct gw_mr_job *job,
		       const struct gw_mr_options *options, const struct mr_machine *machine,
		       struct gw_error *error) GW_MUST_CHECK;

/* Is a record of the input able to hold newlines inside quotes? Then only a reader that starts at
 * the beginning of the file knows where records begin. */
static inline bool mr_config_quoted(const struct mr_config *config)
{
	return config->job.input == GW_MR_COLUMNS && config->job.separator == ',';
}

#endif
