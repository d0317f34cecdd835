/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear_model.h - one copy of one key, that does one thing at a time: what linear.c compares a
 * history with. A state is the number of a value that the key has had, so that equal states are
 * equal numbers.
 */
#ifndef SIM_LINEAR_MODEL_H
#define SIM_LINEAR_MODEL_H

#include "sim/linear_history.h"

#include "base/map.h"

enum { SIM_MODEL_ABSENT = 0 }; /* the state at the start; of a counter: 0 */

struct sim_model {
	size_t value_bytes_max; /* of all values; set before init */
	/* Private. */
	struct gw_bytes *values; /* by state */
	size_t count, capacity, value_bytes;
	struct base_map numbers; /* value -> state */
	struct base_arena memory;
};

int sim_model_init(struct sim_model *model) GW_MUST_CHECK;
/* Also when init failed. */
void sim_model_done(struct sim_model *model);

/* What the operation does to the state: 1 and *to, 0 when its reply cannot have been given from
 * there, or GW_E_NO_MEMORY or GW_E_TOO_LARGE. */
int sim_model_apply(struct sim_model *model, const struct sim_history_entry *entry, uint32_t from,
		    uint32_t *to) GW_MUST_CHECK;
/* Of a counter. */
int64_t sim_model_number(const struct sim_model *model, uint32_t state);

#endif
