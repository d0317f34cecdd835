/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.h - what every unit test includes: cmocka with the headers it wants before it, failing
 * allocations, and seeded random numbers for property tests. One cmocka_run_group_tests a program.
 */
#ifndef TEST_SUPPORT_UNIT_H
#define TEST_SUPPORT_UNIT_H

#include <groundwork/base.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/allocation.h"

/* The next of a sequence of well mixed numbers (SplitMix64); *state is the seed at first. */
static inline uint64_t test_random(uint64_t *state)
{
	uint64_t mixed = *state += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return mixed ^ (mixed >> 31);
}

/* One of 0..below-1. */
static inline uint64_t test_pick(uint64_t *state, uint64_t below)
{
	return test_random(state) % below;
}

#endif
