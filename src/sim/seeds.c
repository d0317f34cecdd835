/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds.c - see seeds.h.
 */
#include "sim/seeds.h"

#include <errno.h>
#include <stdlib.h>

/* Reads digits at *text and moves it behind them; false when there are none or too many. */
static bool read_number(const char **text, uint64_t *number)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

int sim_seeds_parse(const char *text, uint64_t **seeds, size_t *count, struct gw_error *error)
{
	const char *at = text;
	uint64_t first, last;
	bool right = read_number(&at, &first);

	last = first;
	if (right && strncmp(at, "..", 2) == 0) {
		at += 2;
		right = read_number(&at, &last);
	}
	if (!right || *at || last < first)
		return gw_fail(error, GW_E_USAGE,
			       "seeds %s: a number, or two as 1..1000, are wanted", text);
	if (last - first >= SIM_SEEDS_MAX)
		return gw_fail(error, GW_E_USAGE, "seeds %s: more than %d at once", text,
			       SIM_SEEDS_MAX);
	*count = (size_t)(last - first) + 1;
	*seeds = malloc(*count * sizeof(**seeds));
	if (!*seeds)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu seeds", *count);
	for (size_t i = 0; i < *count; i++)
		(*seeds)[i] = first + i;
	return 0;
}
