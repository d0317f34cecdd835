/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_fork.h - mr_host_run in processes.
 */
#ifndef MR_HOST_FORK_H
#define MR_HOST_FORK_H

#include "host_process.h"

int mr_host_run_forked(const struct mr_host_setup *setup, struct mr_result *result,
		       struct gw_error *error) GW_MUST_CHECK;

#endif
