/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - a replay that goes forward and back. As it goes forward it is photographed from time
 * to time; to go back, the last photograph before is restored, and it runs forward from there.
 *
 *     vm_timeline_new(&timeline, replay, &options, &error);
 *     vm_timeline_run(timeline, UINT64_MAX, &error);        to a stop, or the log's end
 *     vm_timeline_go(timeline, vm_replay_count(replay) - 1, &error);
 *     vm_timeline_back(timeline, &error);                   to the stop before, or the beginning
 *     vm_timeline_free(timeline);
 *
 * Stops are those of vm_cpu_set_stops. A photograph has the machine's state, the place in the log,
 * and of RAM and disk what is changed until the next one. There are never more of them, nor bytes
 * in them, than options say: every other one is given up then, and there are half as many from
 * there on. What a debugger changes lasts until one goes back to before that.
 */
#ifndef VM_RECORD_TIMELINE_H
#define VM_RECORD_TIMELINE_H

#include "replayer.h"

#include "vm/cpu/cpu.h"

enum {
	VM_TIMELINE_INTERVAL = 1 << 26, /* instructions between two photographs */
	VM_TIMELINE_PHOTOS_MAX = 200,   /* fewer than layers of an overlay */
};

#define VM_TIMELINE_BYTES (UINT64_C(1) << 30)

struct vm_timeline_options {
	uint64_t interval;  /* instructions; 0: VM_TIMELINE_INTERVAL */
	uint64_t bytes_max; /* of memory for photographs; 0: VM_TIMELINE_BYTES */
	unsigned photos_max; /* at least 4; 0: VM_TIMELINE_PHOTOS_MAX */
	/* Asked while it runs, at least once an interval; true: it ends there. NULL: nobody. */
	bool (*interrupted)(void *context);
	void *context;
};

struct vm_timeline;

/* replay is the caller's, and where it stands now is the beginning; nobody else moves it. */
int vm_timeline_new(struct vm_timeline **timeline, struct vm_replay *replay,
		    const struct vm_timeline_options *options, struct gw_error *error)
	GW_MUST_CHECK;
void vm_timeline_free(struct vm_timeline *timeline); /* NULL is fine */

/* What vm_replay_run returns. VM_REPLAY_GOES_ON before `until`: interrupted. */
int vm_timeline_run(struct vm_timeline *timeline, uint64_t until, struct gw_error *error)
	GW_MUST_CHECK;
/* To a count before or after, past all stops; not to before the beginning. */
int vm_timeline_go(struct vm_timeline *timeline, uint64_t count, struct gw_error *error)
	GW_MUST_CHECK;
/*
 * Back to the last stop before: to a break's instruction, and to behind the access of a watch.
 * VM_REPLAY_HIT; VM_REPLAY_GOES_ON: there is none, and it is at the beginning, or interrupted.
 */
int vm_timeline_back(struct vm_timeline *timeline, struct vm_hit *hit, struct gw_error *error)
	GW_MUST_CHECK;

uint64_t vm_timeline_begin(const struct vm_timeline *timeline); /* the count there */
unsigned vm_timeline_photos(const struct vm_timeline *timeline);

#endif
