/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.h - numbers that a seed decides: xoshiro256++, seeded by SplitMix64, both by Blackman and
 * Vigna. Each use has a generator of its own (the network, each disk, each node), so that one more
 * draw in one place does not change all others.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include "sim.h"

struct sim_random {
	uint64_t s[4];
};

static inline uint64_t sim_mix(uint64_t number)
{
	number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
	number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
	return number ^ (number >> 31);
}

/* stream: which of the generators of this seed. */
static inline void sim_random_seed(struct sim_random *random, uint64_t seed, uint64_t stream)
{
	uint64_t state = sim_mix(seed + 0x9e3779b97f4a7c15) ^ sim_mix(~stream);

	for (size_t i = 0; i < 4; i++)
		random->s[i] = sim_mix(state += 0x9e3779b97f4a7c15);
}

static inline uint64_t sim_random_next(struct sim_random *random)
{
	uint64_t *s = random->s;
	uint64_t sum = s[0] + s[3], result = ((sum << 23) | (sum >> 41)) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* One of 0..n-1; n > 0. */
static inline uint64_t sim_random_below(struct sim_random *random, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)sim_random_next(random) * n) >> 64);
}

static inline bool sim_random_chance(struct sim_random *random, uint32_t ppm)
{
	return ppm > 0 && sim_random_below(random, SIM_PPM) < ppm;
}

/* Exponentially distributed, at most 24 times the mean; in whole numbers only, so that it is the
 * same on every machine. */
uint64_t sim_random_exponential(struct sim_random *random, uint64_t mean);

void sim_random_bytes(struct sim_random *random, void *data, size_t size);

#endif
