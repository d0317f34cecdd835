/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - see host.h: which of the two ways a job is run.
 */
#include "host.h"

#include "host_fork.h"
#include "host_local.h"

const struct mr_worker_operations mr_worker_real = {mr_worker_init, mr_worker_run, mr_worker_free};

int mr_host_commit(const struct mr_host_setup *setup, struct gw_error *error)
{
	const struct gw_mr_options *options = &setup->config->options;

	if (options->only_map >= 0 || options->only_reduce >= 0)
		return 0;
	return mr_staging_commit(setup->staging, setup->store, error);
}

int mr_host_run(const struct mr_host_setup *setup, struct mr_result *result, struct gw_error *error)
{
	*result = (struct mr_result){0};
	if (setup->config->options.in_process)
		return mr_host_run_local(setup, result, error);
	return mr_host_run_forked(setup, result, error);
}
