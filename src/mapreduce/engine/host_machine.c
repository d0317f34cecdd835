/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_machine.c - cores from the affinity mask; memory from /proc/meminfo and from the limits of
 * the control groups that this process is in, version 1 or 2 (a limit holds for all groups below
 * it, so the ancestors are asked too).
 */
#include "host_machine.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MEMORY_UNKNOWN = 1 << 30, SMALL_FILE_MAX = 8192 };

static uint32_t cores_allowed(void)
{
	uint32_t cores = 0;

	/* The kernel refuses a mask that is shorter than its own, so grow it. */
	for (int bits = 1024; bits <= 1 << 18 && cores == 0; bits *= 4) {
		cpu_set_t *set = CPU_ALLOC((size_t)bits);
		size_t size = CPU_ALLOC_SIZE((size_t)bits);

		if (!set)
			break;
		if (sched_getaffinity(0, size, set) == 0)
			cores = (uint32_t)CPU_COUNT_S(size, set);
		CPU_FREE(set);
	}
	assert(cores <= 1 << 18);
	return cores ? cores : 1;
}

/* The beginning of a small file as a string; false when it cannot be read. */
static bool read_small(const char *path, char text[SMALL_FILE_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while (used < SMALL_FILE_MAX - 1) {
		got = read(fd, text + used, SMALL_FILE_MAX - 1 - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	assert(used < SMALL_FILE_MAX);
	text[used] = 0;
	close(fd);
	return used > 0;
}

/* The decimal number behind some spaces. */
static bool read_number(const char *text, uint64_t *number)
{
	unsigned long long value;

	while (*text == ' ')
		text++;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	*number = value;
	return errno == 0 && value > 0;
}

static uint64_t memory_installed(const char *root)
{
	char path[PATH_MAX], text[SMALL_FILE_MAX];
	const char *line;
	uint64_t kib;

	snprintf(path, sizeof path, "%s/proc/meminfo", root);
	if (!read_small(path, text))
		return MEMORY_UNKNOWN;
	line = strstr(text, "MemTotal:");
	if (!line || !read_number(line + strlen("MemTotal:"), &kib) || kib > UINT64_MAX / 1024)
		return MEMORY_UNKNOWN;
	return kib * 1024;
}

/* The least limit of the group and its ancestors. group is cut on the way up. */
static uint64_t group_limit(const char *root, const char *mount, char *group, const char *file)
{
	char path[PATH_MAX], text[SMALL_FILE_MAX];
	uint64_t least = UINT64_MAX, limit;

	for (;;) {
		char *slash = strrchr(group, '/');

		snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, file);
		/* "max" means that there is no limit here. */
		if (read_small(path, text) && read_number(text, &limit) && limit < least)
			least = limit;
		if (!slash)
			return least;
		*slash = 0;
	}
}

/* Does a line "7:cpu,memory:/path" name the memory controller of version 1? */
static bool is_memory_controller(const char *controllers, size_t size)
{
	const char *end = controllers + size;

	while (controllers < end) {
		size_t length = strcspn(controllers, ",:");

		if (length == 6 && memcmp(controllers, "memory", 6) == 0)
			return true;
		controllers += length + 1;
	}
	return false;
}

static uint64_t memory_limit(const char *root)
{
	char path[PATH_MAX], text[SMALL_FILE_MAX];
	uint64_t least = UINT64_MAX, limit = UINT64_MAX;
	char *rest = text, *line;

	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	if (!read_small(path, text))
		return least;
	while ((line = strsep(&rest, "\n"))) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!group)
			continue;
		controllers++;
		if (group == controllers)
			limit = group_limit(root, "/sys/fs/cgroup", group + 1, "memory.max");
		else if (is_memory_controller(controllers, (size_t)(group - controllers)))
			limit = group_limit(root, "/sys/fs/cgroup/memory", group + 1,
					    "memory.limit_in_bytes");
		least = limit < least ? limit : least;
	}
	return least;
}

void mr_machine_read(struct mr_machine *machine, const char *root)
{
	uint64_t limit = memory_limit(root);

	machine->cores = cores_allowed();
	machine->memory = memory_installed(root);
	if (limit < machine->memory)
		machine->memory = limit;
	assert(machine->cores > 0 && machine->memory > 0);
}
