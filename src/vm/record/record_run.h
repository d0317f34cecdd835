/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_run.h - vm_host_run with a log of it. The disk is an overlay: its file is not written.
 */
#ifndef VM_RECORD_RECORD_RUN_H
#define VM_RECORD_RECORD_RUN_H

#include "vm/host/host.h"

/* What is in the log survives this process after so long. */
enum { VM_RECORD_FLUSH_MS = 100 };

/* log: there is none of that name yet. Ends with the error of a log that cannot be written. */
int vm_record_run(const struct vm_host_options *options, const char *log,
		  struct vm_host_result *result, struct gw_error *error) GW_MUST_CHECK;

#endif
