/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear_history.h - what a history holds; private to linear.c and linear_history.c.
 */
#ifndef SIM_LINEAR_HISTORY_H
#define SIM_LINEAR_HISTORY_H

#include "sim/linear.h"

enum sim_history_state {
	SIM_HISTORY_OPEN, /* no reply: may have happened, or may yet */
	SIM_HISTORY_REPLIED,
	SIM_HISTORY_FAILED,
};

struct sim_history_entry {
	struct sim_operation operation;
	struct sim_reply reply;
	uint64_t called, replied; /* numbers of events */
	uint8_t state;            /* enum sim_history_state */
};

/* The operation in words, for sentences: `client 3's put "x"`. */
void sim_history_describe(const struct sim_history_entry *entry, char *text, size_t size);

#endif
