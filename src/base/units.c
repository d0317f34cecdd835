/* SPDX-License-Identifier: Apache-2.0 */
/*
 * units.c - numbers with units, as people write them: sizes and times.
 */
#include <groundwork/base.h>

#include <assert.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"", 1},		  {"K", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20},
	{"G", UINT64_C(1) << 30}, {"T", UINT64_C(1) << 40}, {"k", UINT64_C(1) << 10},
	{"m", UINT64_C(1) << 20}, {"g", UINT64_C(1) << 30}, {"t", UINT64_C(1) << 40},
	{0},
};

static const struct unit time_units[] = {
	{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {0},
};

/* Digits, then one of the units: 0, or a negative code without a sentence. */
static int parse(const char *text, const struct unit *units, uint64_t *number)
{
	const char *at = text;
	uint64_t value = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return GW_E_TOO_LARGE;
	}
	if (at == text)
		return GW_E_INVALID;
	for (; units->name; units++) {
		if (strcmp(at, units->name) != 0)
			continue;
		if (__builtin_mul_overflow(value, units->factor, &value))
			return GW_E_TOO_LARGE;
		*number = value;
		return 0;
	}
	return GW_E_INVALID;
}

static int parse_or_say(const char *text, const struct unit *units, const char *wanted,
			uint64_t *number, struct gw_error *error)
{
	int result = parse(text, units, number);

	assert(result <= 0);
	if (result == GW_E_TOO_LARGE)
		return gw_fail(error, GW_E_INVALID, "\"%s\" is too large", text);
	if (result < 0)
		return gw_fail(error, GW_E_INVALID, "\"%s\" is not %s", text, wanted);
	return 0;
}

int gw_parse_size(const char *text, uint64_t *bytes, struct gw_error *error)
{
	return parse_or_say(text, size_units, "a size (like 4096, 64K, 64M, 2G)", bytes, error);
}

int gw_parse_ms(const char *text, uint64_t *ms, struct gw_error *error)
{
	return parse_or_say(text, time_units, "a time (like 250ms, 10s, 5m)", ms, error);
}
