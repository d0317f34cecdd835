/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocation.c - see allocation.h. The countdown is the one mutable global here; a test program has
 * one thread and is no part of the library.
 */
#include "support/allocation.h"

#include <groundwork/base.h>

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
/* By either name: with 64-bit offsets the header calls it mmap64. */
void *__real_mmap64(void *at, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int file, off_t offset);

static struct {
	uint64_t left; /* allocations up to and including the one that fails; 0: none fails */
	bool failed;
} countdown;

void test_fail_allocation(uint64_t number)
{
	countdown.left = number;
	countdown.failed = false;
}

bool test_allocation_failed(void)
{
	return countdown.failed;
}

static bool fails_now(void)
{
	if (countdown.left == 0 || --countdown.left > 0)
		return false;
	countdown.failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size)
{
	return fails_now() ? ENOMEM : __real_posix_memalign(memory, alignment, size);
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
	if ((flags & MAP_ANONYMOUS) && fails_now())
		return MAP_FAILED;
	return __real_mmap64(at, size, protection, flags, file, offset);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
	return __wrap_mmap64(at, size, protection, flags, file, offset);
}

uint64_t test_each_allocation_fails(int (*function)(void *context), void *context)
{
	for (uint64_t number = 1;; number++) {
		int result;

		test_fail_allocation(number);
		result = function(context);
		if (!test_allocation_failed()) {
			test_fail_allocation(0);
			assert_int_equal(result, 0);
			return number - 1;
		}
		assert_int_equal(result, GW_E_NO_MEMORY);
	}
}
