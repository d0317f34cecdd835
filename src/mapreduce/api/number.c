/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.c - numbers as people read them: three digits and a unit, thousands with commas.
 */
#include "report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

const char *mr_format_bytes(uint64_t bytes, char text[MR_NUMBER_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double size = (double)bytes;
	unsigned unit = 0;

	while (size >= 1000 && unit < 6) {
		size /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, MR_NUMBER_MAX, "%" PRIu64 " B", bytes);
	else
		snprintf(text, MR_NUMBER_MAX, "%.*f %s",
			 size < 10    ? 2
			 : size < 100 ? 1
				      : 0,
			 size, units[unit]);
	return text;
}

const char *mr_format_count(uint64_t count, char text[MR_NUMBER_MAX])
{
	char digits[MR_NUMBER_MAX];
	int size = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *at = text;

	assert(size > 0 && size + (size - 1) / 3 < MR_NUMBER_MAX);
	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = 0;
	return text;
}

const char *mr_format_us(uint64_t us, char text[MR_NUMBER_MAX])
{
	if (us < 1000000)
		snprintf(text, MR_NUMBER_MAX, "%.1f ms", (double)us / 1000);
	else if (us < 100 * 1000000ull)
		snprintf(text, MR_NUMBER_MAX, "%.2f s", (double)us / 1000000);
	else
		snprintf(text, MR_NUMBER_MAX, "%" PRIu64 " m %02" PRIu64 " s", us / 60000000,
			 us / 1000000 % 60);
	return text;
}

uint64_t mr_rate_of(uint64_t amount, uint64_t us)
{
	return us == 0 ? 0 : (uint64_t)((double)amount * 1000000 / (double)us);
}
