/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted.c - see planted.h: switches that turn on one bug and nothing else.
 */
#include "support/planted.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_uint_fast64_t times;

static bool never(struct io_rare *rare, const char *name)
{
	(void)rare;
	(void)name;
	return false;
}

static bool is_on(struct io_rare *rare, const char *name)
{
	const char *bug = getenv("GW_TEST_BUG");

	(void)rare;
	if (!bug || strcmp(bug, name) != 0)
		return false;
	atomic_fetch_add(&times, 1);
	return true;
}

static void forget(struct io_rare *rare, const char *name)
{
	(void)rare;
	(void)name;
}

struct io_rare *test_planted(void)
{
	static struct io_rare planted = {never, is_on, forget};

	return getenv("GW_TEST_BUG") ? &planted : NULL;
}

static void __attribute__((destructor)) say_how_often(void)
{
	if (atomic_load(&times) > 0)
		printf("# planted bug %s: its line ran %" PRIuFAST64 " times\n",
		       getenv("GW_TEST_BUG"), atomic_load(&times));
}
