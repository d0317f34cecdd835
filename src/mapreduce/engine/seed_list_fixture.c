/* SPDX-License-Identifier: Apache-2.0 */
/* seed_list_fixture.c - lists of seeds in test/seeds, and ranges of them on the command line. */
#include "seed_fixture.h"

#include <limits.h>
#include <stdlib.h>

FILE *seed_open_list(const char *name)
{
	const char *directory = getenv("GW_TEST_SEEDS");
	char path[PATH_MAX];

	if (!directory)
		return NULL;
	snprintf(path, sizeof path, "%s/%s", directory, name);
	return fopen(path, "re");
}

bool seed_next_line(FILE *file, char *line, int size)
{
	while (fgets(line, size, file)) {
		line[strcspn(line, "#\n")] = 0;
		if (line[strspn(line, " \t")])
			return true;
	}
	return false;
}

bool seed_read_range(const char *text, uint64_t *first, uint64_t *last)
{
	char *end;

	*first = *last = strtoull(text, &end, 10);
	if (end == text)
		return false;
	if (end[0] == '.' && end[1] == '.')
		*last = strtoull(end + 2, &end, 10);
	return *end == 0 && *first <= *last;
}
