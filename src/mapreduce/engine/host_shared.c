/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_shared.c - the memory that all processes of a job share: the board, a live page a slot, and
 * the pool. Mapped before the first fork, so it is at the same address in all of them and pointers
 * into it mean the same. Most of it is never touched and costs nothing.
 *
 * It is a nameless file in memory, so that results can be written to it: writing to fresh memory
 * costs half of touching it. The file cannot change its size.
 */
#include "host_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { POOL_ALIGNMENT = 2 << 20 };

static size_t round_up(size_t size, size_t to)
{
	assert(to > 0 && size <= SIZE_MAX - (to - 1));
	return (size + to - 1) / to * to;
}

/* The file, or -1: under a limit on the size of files (ulimit -f) there is only the mapping. */
static int make_file(size_t size)
{
	struct rlimit limit;
	int file;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur < size)
		return -1;
	file = memfd_create("groundwork", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0)
		return -1;
	if (ftruncate(file, (off_t)size) == 0 &&
	    fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return file;
	close(file);
	return -1;
}

int mr_shared_map(struct mr_shared *shared, const struct mr_config *config,
		  const struct mr_plan *plan, uint32_t slots, struct gw_error *error)
{
	size_t board = round_up(mr_board_size(config, plan), MR_LIVE_STRIDE);
	size_t lives = (size_t)slots * MR_LIVE_STRIDE;
	uint64_t pool = config->pool_memory / MR_POOL_GRANULE * MR_POOL_GRANULE;
	uint8_t *memory;

	assert(slots > 0 && slots <= MR_SLOTS_MAX);
	*shared = (struct mr_shared){.pool_size = pool, .file = -1};
	if (pool > SIZE_MAX / 2)
		return gw_fail(error, GW_E_TOO_LARGE, "--memory: more than there are addresses");
	shared->size = board + lives + POOL_ALIGNMENT + pool;
	shared->file = make_file(shared->size);
	memory = mmap(NULL, shared->size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE | (shared->file < 0 ? MAP_ANONYMOUS : 0),
		      shared->file, 0);
	if (memory == MAP_FAILED) {
		int code = gw_fail_errno(error, errno, "%zu bytes of shared memory", shared->size);

		mr_shared_unmap(shared);
		return code;
	}
	shared->memory = memory;
	shared->board = memory;
	shared->lives = memory + board;
	shared->pool = (void *)round_up((uintptr_t)(memory + board + lives), POOL_ALIGNMENT);
	assert(pool <= shared->size - (size_t)(shared->pool - memory));
	/* Where the system allows it, 2 MiB pages: there are fewer of them to touch. */
	(void)madvise(shared->pool, pool, MADV_HUGEPAGE);
	return 0;
}

void mr_shared_unmap(struct mr_shared *shared)
{
	if (shared->memory)
		munmap(shared->memory, shared->size);
	if (shared->file >= 0)
		close(shared->file);
	*shared = (struct mr_shared){.file = -1};
}

void mr_shared_protect(const struct mr_shared *shared, uint32_t slot)
{
	uint8_t *end = shared->file < 0 ? shared->pool : (uint8_t *)shared->memory + shared->size;

	(void)mprotect(shared->memory, (size_t)(end - (uint8_t *)shared->memory), PROT_READ);
	(void)mprotect(mr_shared_live(shared, slot), MR_LIVE_STRIDE, PROT_READ | PROT_WRITE);
}

void mr_shared_open_board(const struct mr_shared *shared, bool writable)
{
	(void)mprotect(shared->board, (size_t)(shared->lives - (uint8_t *)shared->board),
		       writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

int mr_shared_write(struct mr_space *space, const struct mr_region *region, const void *data,
		    size_t size, struct gw_error *error)
{
	struct mr_shared_space *own = (struct mr_shared_space *)(void *)space;
	const struct mr_shared *shared = own->shared;
	const uint8_t *from = data;
	uint8_t *to;
	size_t done = 0;

	if (region->spilled || size > region->size || !mr_shared_space_contains(own, region))
		return gw_fail(error, GW_E_INVALID, "a write outside of its region");
	to = shared->pool + region->offset;
	if (shared->file < 0) {
		memcpy(to, data, size);
		return 0;
	}
	while (done < size) {
		ssize_t more = pwrite(shared->file, from + done, size - done,
				      (off_t)(to - (uint8_t *)shared->memory + (ssize_t)done));

		if (more < 0 && errno != EINTR)
			return gw_fail_errno(error, errno, "%zu bytes of shared memory", size);
		done += more > 0 ? (size_t)more : 0;
	}
	assert(done == size);
	return 0;
}
