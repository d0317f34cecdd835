/* SPDX-License-Identifier: Apache-2.0 */
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int vm_system_map(const char *path, struct gw_bytes *bytes, struct gw_error *error)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;
	void *data;

	*bytes = (struct gw_bytes){0};
	if (descriptor < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (fstat(descriptor, &about) < 0 || !S_ISREG(about.st_mode)) {
		close(descriptor);
		return gw_fail(error, GW_E_INVALID, "%s: not a regular file", path);
	}
	if (about.st_size == 0) {
		close(descriptor);
		return 0;
	}
	data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	close(descriptor);
	if (data == MAP_FAILED)
		return gw_fail_errno(error, errno, "%s", path);
	*bytes = (struct gw_bytes){data, (size_t)about.st_size};
	return 0;
}

int vm_system_memory(uint64_t size, uint8_t **memory, struct gw_error *error)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (data == MAP_FAILED)
		return gw_fail_errno(error, errno, "%" PRIu64 " MiB of memory", size >> 20);
	(void)madvise(data, size, MADV_HUGEPAGE);
	*memory = data;
	return 0;
}

void vm_system_unmap(const void *bytes, size_t size)
{
	if (bytes)
		(void)munmap((void *)(uintptr_t)bytes, size);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t vm_system_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t vm_system_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void vm_system_sleep_ms(uint32_t ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	(void)nanosleep(&time, NULL);
}

int vm_system_random(void *bytes, size_t size, struct gw_error *error)
{
	uint8_t *to = bytes;

	while (size > 0) {
		ssize_t got = getrandom(to, size, 0);

		if (got < 0 && errno != EINTR)
			return gw_fail_errno(error, errno, "entropy");
		if (got > 0) {
			to += got;
			size -= (size_t)got;
		}
	}
	return 0;
}
