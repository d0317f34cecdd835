/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted_sim.c - see planted.h. A file of its own: only tests that simulate link it.
 */
#include "support/planted.h"

#include "sim/sim.h"

struct sim *__real_sim_new(uint64_t seed, const struct sim_options *options,
			   struct gw_error *error);
struct sim *__wrap_sim_new(uint64_t seed, const struct sim_options *options,
			   struct gw_error *error);

/* Runs of workloads have switches of their own. */
struct sim *__wrap_sim_new(uint64_t seed, const struct sim_options *options, struct gw_error *error)
{
	struct sim_options planted = {0};

	if (options)
		planted = *options;
	if (!planted.rare)
		planted.rare = test_planted();
	return __real_sim_new(seed, &planted, error);
}
