/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncs.c - see syncs.h.
 */
#include "support/syncs.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct test_sync last;
static uint64_t count;
static int next_error;

/* Takes note of a call; what it has to fail with, or 0. */
static int note(int fd, bool whole)
{
	struct stat status = {0};
	int wrong;

	(void)fstat(fd, &status);
	pthread_mutex_lock(&lock);
	last = (struct test_sync){whole, gettid(), status.st_ino, status.st_size};
	count++;
	wrong = next_error;
	next_error = 0;
	pthread_mutex_unlock(&lock);
	return wrong;
}

int __wrap_fdatasync(int fd)
{
	int wrong = note(fd, false);

	errno = wrong;
	return wrong ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
	int wrong = note(fd, true);

	errno = wrong;
	return wrong ? -1 : __real_fsync(fd);
}

uint64_t test_sync_count(void)
{
	uint64_t now;

	pthread_mutex_lock(&lock);
	now = count;
	pthread_mutex_unlock(&lock);
	return now;
}

struct test_sync test_sync_last(void)
{
	struct test_sync now;

	pthread_mutex_lock(&lock);
	now = last;
	pthread_mutex_unlock(&lock);
	return now;
}

void test_fail_sync(int os_error)
{
	pthread_mutex_lock(&lock);
	next_error = os_error;
	pthread_mutex_unlock(&lock);
}
