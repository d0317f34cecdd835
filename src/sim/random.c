/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - see random.h.
 */
#include "random.h"

/* log2 of number / 2^63 in 1/65536, negated; number has its highest bit at most at 62. By squaring:
 * each squaring gives one more bit of the fraction. */
static uint64_t minus_log2(uint64_t number)
{
	unsigned zeros = (unsigned)__builtin_clzll(number);
	uint64_t mantissa = (number << zeros) >> 32; /* 1.31 */
	uint64_t fraction = 0;

	for (int bit = 15; bit >= 10; bit--) {
		mantissa = (mantissa * mantissa) >> 31;
		if (mantissa >> 32) {
			mantissa >>= 1;
			fraction |= 1U << bit;
		}
	}
	return ((uint64_t)zeros << 16) - fraction;
}

uint64_t sim_random_exponential(struct sim_random *random, uint64_t mean)
{
	uint64_t number = (sim_random_next(random) >> 1) | 1, log;

	if (mean == 0)
		return 0;
	log = minus_log2(number);
	if (log > 34 << 16)
		log = 34 << 16;
	/* Times ln 2, in 1/65536. */
	return (uint64_t)(((unsigned __int128)mean * log * 45426) >> 32);
}

void sim_random_bytes(struct sim_random *random, void *data, size_t size)
{
	uint8_t *to = (uint8_t *)data;

	while (size > 0) {
		uint64_t number = sim_random_next(random);
		size_t part = size < sizeof(number) ? size : sizeof(number);

		for (size_t i = 0; i < part; i++)
			to[i] = (uint8_t)(number >> (8 * i));
		to += part;
		size -= part;
	}
}
