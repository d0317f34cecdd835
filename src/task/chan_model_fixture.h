/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_model_fixture.h - random sends, receives, selects, closes and cancels, step by step beside a
 * reference that is so simple that it is right: it has no lists, but looks through all who wait for
 * the one who came first. The tasks that do them live in one loop or in two.
 */
#ifndef TASK_CHAN_MODEL_FIXTURE_H
#define TASK_CHAN_MODEL_FIXTURE_H

#include "sync_fixture.h"

enum { MODEL_WORKERS = 6 };

/* A loop with some of the workers. Its keeper does there what only a task of that loop can. */
struct model_side {
	struct gw_chan *commands, *answers;
	bool shared; /* there is another side, in another loop */
	struct model *model;
};

void model_side_init(struct model_side *side, bool shared);
void model_side_done(struct model_side *side);

/* The keeper: a task's function whose argument is its side; ends when the commands are closed. */
int model_keep(void *argument);

/* One run, by a task of the first side's loop; fails the test at the first difference. */
void model_run(struct model_side *sides, size_t side_count, uint64_t seed, size_t steps);

#endif
