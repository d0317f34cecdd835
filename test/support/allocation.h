/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocation.h - makes the n-th allocation fail. Test programs are linked with --wrap for malloc,
 * calloc, realloc, aligned_alloc, posix_memalign and mmap of memory that is no file's, so this
 * covers every such call in our code and in the test, but not inside shared libraries.
 */
#ifndef TEST_SUPPORT_ALLOCATION_H
#define TEST_SUPPORT_ALLOCATION_H

#include <stdbool.h>
#include <stdint.h>

/* The number-th allocation from now (counted from 1) returns NULL, once; 0: none. */
void test_fail_allocation(uint64_t number);

/* Whether it has happened. */
bool test_allocation_failed(void);

/*
 * Calls function(context) with the first allocation failing, then the second, and so on until a
 * call ends without having met its failure; that one must return 0. Each other call must return
 * GW_E_NO_MEMORY. The function starts from nothing and releases everything each time, so leaks show
 * under the address sanitizer. Returns how many failures were met.
 */
uint64_t test_each_allocation_fails(int (*function)(void *context), void *context);

#endif
