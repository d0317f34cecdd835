/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_local.h - mr_host_run in the calling process.
 */
#ifndef MR_HOST_LOCAL_H
#define MR_HOST_LOCAL_H

#include "host_process.h"

int mr_host_run_local(const struct mr_host_setup *setup, struct mr_result *result,
		      struct gw_error *error) GW_MUST_CHECK;

#endif
