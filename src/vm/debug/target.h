/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - a replay as what is debugged: run and stepped in both directions.
 */
#ifndef VM_DEBUG_TARGET_H
#define VM_DEBUG_TARGET_H

#include "session.h"

#include "vm/record/timeline.h"

struct vm_debug_replay {
	struct vm_replay *replay;
	struct vm_timeline *timeline;
	bool physical; /* addresses of memory are physical ones */
	/* Whether gdb's user pressed the break key, or is gone. */
	bool (*interrupted)(void *context);
	void *context;
	bool was_interrupted; /* in this run */
};

/* replay, interrupted and context are the caller's. To a count, with the way there behind it. What
 * vm_timeline_new and vm_replay_run say. */
int vm_debug_replay_start(struct vm_debug_replay *debug, uint64_t from, struct gw_error *error)
	GW_MUST_CHECK;
void vm_debug_replay_done(struct vm_debug_replay *debug);
/* debug lives as long. */
struct vm_debug_target vm_debug_replay_target(struct vm_debug_replay *debug);

#endif
