/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_look.h - small questions to the system: the time, what processes take, how this one was
 * called, the terminal.
 */
#ifndef MR_HOST_LOOK_H
#define MR_HOST_LOOK_H

#include <groundwork/base.h>

#include <sys/types.h>

/* Microseconds of a clock that only goes forward. */
uint64_t mr_look_now_us(void);

/* Bytes of anonymous and shared memory of a process, shared ones divided by how many share them
 * (Pss of smaps_rollup); 0 if it cannot be learnt. It walks the process's page tables:
 * milliseconds a GiB. */
uint64_t mr_look_memory(pid_t pid);

/* The words of the command line that this process was started with, ended by NULL; NULL if they
 * cannot be learnt. Freed as a whole with free. */
char **mr_look_command(size_t *count);

/* Columns of the terminal that the descriptor is; 0 if it is none. */
unsigned mr_look_terminal(int descriptor);

/* Writes a file, over one that is there. */
int mr_look_save(const char *path, struct gw_bytes bytes, struct gw_error *error) GW_MUST_CHECK;

/* Makes sure that descriptors 0 to 2 are open, so that nothing else is ever written to as one of
 * them. */
void mr_look_standard_files(void);

#endif
