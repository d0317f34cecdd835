/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncs.h - how often the program has asked the kernel to make bytes durable, and what it was told.
 * No test can cut the power of a real disk, so it looks at the system calls: test programs are
 * linked with --wrap for fdatasync and fsync.
 */
#ifndef TEST_SUPPORT_SYNCS_H
#define TEST_SUPPORT_SYNCS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_sync {
	bool whole;  /* fsync, not fdatasync */
	pid_t thread; /* that called it */
	ino_t file;
	off_t size;  /* of the file, when it was called */
};

/* Since the start of the program. Only while nothing is under way. */
uint64_t test_sync_count(void);
/* The last one. */
struct test_sync test_sync_last(void);

/* The next one does nothing and fails with this errno, once; 0 takes that back. */
void test_fail_sync(int os_error);

#endif
