/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_machine.h - what this machine lets the process have: cores and memory. The defaults of a job
 * come from here (config.h).
 */
#ifndef MR_HOST_MACHINE_H
#define MR_HOST_MACHINE_H

#include <groundwork/base.h>

struct mr_machine {
	uint32_t cores;  /* that this process may run on, at least 1 */
	uint64_t memory; /* bytes of RAM, or the limit of the control group when that is less */
};

/* Never fails: what cannot be learnt is taken as one core and 1 GiB. root is put before the names
 * in /proc and /sys ("" but in tests). */
void mr_machine_read(struct mr_machine *machine, const char *root);

#endif
