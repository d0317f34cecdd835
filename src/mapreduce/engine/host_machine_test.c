/* SPDX-License-Identifier: Apache-2.0 */
#include "host_machine.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define GIB (1ull << 30)

/* A tree of /proc and /sys of the test's own. */
struct tree {
	char root[64];
};

static int set_up(void **state)
{
	struct tree *tree = calloc(1, sizeof *tree);

	if (!tree)
		return -1;
	snprintf(tree->root, sizeof tree->root, "/tmp/gw-machine-XXXXXX");
	*state = tree;
	return mkdtemp(tree->root) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct tree *tree = *state;
	char command[128];
	int result;

	snprintf(command, sizeof command, "rm -r %s", tree->root);
	result = system(command);
	free(tree);
	return result;
}

/* Writes a file with the directories that it needs. */
static void put(const struct tree *tree, const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof full, "%s%s", tree->root, path);
	for (char *at = full + strlen(tree->root) + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		mkdir(full, 0700);
		*at = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static uint64_t memory_of(const struct tree *tree)
{
	struct mr_machine machine;

	mr_machine_read(&machine, tree->root);
	assert_true(machine.cores >= 1);
	return machine.memory;
}

static void this_machine(void **state)
{
	struct mr_machine machine;

	(void)state;
	mr_machine_read(&machine, "");
	assert_true(machine.cores >= 1 && machine.cores < 100000);
	assert_true(machine.memory > 16 << 20);
}

static void nothing_to_read(void **state)
{
	assert_true(memory_of(*state) == GIB);
}

static void garbage_to_read(void **state)
{
	struct tree *tree = *state;

	put(tree, "/proc/meminfo", "MemTotal: many kB\n");
	put(tree, "/proc/self/cgroup", "\n:\n0:\nmemory\n::\n");
	assert_true(memory_of(tree) == GIB);
	put(tree, "/proc/meminfo", "MemTotal: 0 kB\n");
	assert_true(memory_of(tree) == GIB);
	put(tree, "/proc/meminfo", "MemTotal: 99999999999999999999999 kB\n");
	assert_true(memory_of(tree) == GIB);
}

static void installed_memory(void **state)
{
	struct tree *tree = *state;

	put(tree, "/proc/meminfo", "MemFree: 1 kB\nMemTotal:       8388608 kB\n");
	assert_true(memory_of(tree) == 8 * GIB);
	put(tree, "/proc/self/cgroup", "0::/\n");
	assert_true(memory_of(tree) == 8 * GIB);
	put(tree, "/sys/fs/cgroup/memory.max", "max\n");
	assert_true(memory_of(tree) == 8 * GIB);
}

static void limit_of_a_group(void **state)
{
	struct tree *tree = *state;

	put(tree, "/proc/meminfo", "MemTotal: 8388608 kB\n");
	put(tree, "/proc/self/cgroup", "0::/user/session\n");
	put(tree, "/sys/fs/cgroup/user/session/memory.max", "max\n");
	assert_true(memory_of(tree) == 8 * GIB);
	/* The limit of an ancestor holds, and the least of all. */
	put(tree, "/sys/fs/cgroup/user/memory.max", "4294967296\n");
	assert_true(memory_of(tree) == 4 * GIB);
	put(tree, "/sys/fs/cgroup/user/session/memory.max", "2147483648\n");
	assert_true(memory_of(tree) == 2 * GIB);
	put(tree, "/sys/fs/cgroup/memory.max", "1073741824\n");
	assert_true(memory_of(tree) == GIB);
}

static void limit_of_a_group_of_version_1(void **state)
{
	struct tree *tree = *state;

	put(tree, "/proc/meminfo", "MemTotal: 8388608 kB\n");
	put(tree, "/proc/self/cgroup",
	    "3:cpu,cpuacct:/else\n2:rdma,memory:/job\n1:memory2:/wrong\n");
	put(tree, "/sys/fs/cgroup/memory/else/memory.limit_in_bytes", "4096\n");
	put(tree, "/sys/fs/cgroup/memory/wrong/memory.limit_in_bytes", "4096\n");
	put(tree, "/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "3221225472\n");
	put(tree, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	assert_true(memory_of(tree) == 3 * GIB);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(this_machine),
		TEST(nothing_to_read),
		TEST(garbage_to_read),
		TEST(installed_memory),
		TEST(limit_of_a_group),
		TEST(limit_of_a_group_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
