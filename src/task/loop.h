/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - a loop: the tasks that run on one struct io, and their scheduler. gw_run makes one on a
 * real io; servers, tests and the simulator make theirs on the io they have:
 *
 *     struct gw_loop *loop;
 *     task_loop_new(io, NULL, &loop, error);
 *     task_loop_spawn(loop, serve, server, NULL);
 *     ... run the io: each turn of it runs the tasks that are ready ...
 *     task_loop_free(loop);
 *
 * Threads. A loop belongs to the thread that made it, which is the one its io is run on. Several
 * loops may be on one thread (the nodes of a simulated cluster); their tasks never run at once.
 *
 * Order. Tasks that are ready run first come, first served; with options.pick the io chooses each
 * time (io_pick). A turn runs at most TASK_BATCH of them before the io is looked at again.
 */
#ifndef TASK_LOOP_H
#define TASK_LOOP_H

#include "io/io.h"

#include <groundwork/task.h>

enum {
	TASK_BATCH = 1024,        /* switches to tasks in one turn of the io */
	TASK_PICK_MAX = 64,       /* tasks among which options.pick chooses */
	TASK_REPORT_TASKS_MAX = 1000, /* written by a report; the others are counted */
	TASK_REPORT_FRAMES_MAX = 32,
};

struct task_loop_options {
	const char *name;    /* for reports, as "10.0.0.1"; as long-lived as the loop. NULL: none */
	size_t stack_bytes;  /* 0: GW_STACK_BYTES */
	size_t tasks_max;    /* 0: GW_TASKS_MAX */
	bool pick;           /* the io chooses which ready task runs next */
	bool silent;         /* write no reports to stderr */
};

/* What travels with the work of one outside request, from task to task and server to server. */
struct task_trace {
	uint64_t high, low; /* both 0: none */
};

/* Attaches to the io by io_set_turn. options may be NULL. */
int task_loop_new(struct io *io, const struct task_loop_options *options, struct gw_loop **loop,
		  struct gw_error *error) GW_MUST_CHECK;

/* Starts a task from outside of tasks, in the loop's own group; as gw_spawn otherwise. The io then
 * has a turn to run it. */
int task_loop_spawn(struct gw_loop *loop, gw_task_function *function, void *argument,
		    const struct gw_spawn_options *options) GW_MUST_CHECK;

/* The same into any group (NULL: the loop's), from a callback of the loop's io or from a task;
 * parent: whose deadline and trace it inherits, or NULL. gw_group_cancel may be called from there,
 * too. */
int task_spawn(struct gw_loop *loop, struct gw_task *parent, struct gw_group *group,
	       gw_task_function *function, void *argument, const struct gw_spawn_options *options);

/* Cancels all tasks of the loop, those too that are started later. */
void task_loop_cancel(struct gw_loop *loop);

/*
 * Ends the loop, also when tasks are still suspended in it: their stacks are dropped as they are,
 * nothing of them runs again, and what they had in memory, in objects of others and in requests is
 * left to who killed them. Not from inside a task. Before the io is freed; no request of the
 * dropped tasks may end after this. NULL is fine.
 */
void task_loop_free(struct gw_loop *loop);

/* Live tasks, suspended ones too. */
size_t task_loop_tasks(const struct gw_loop *loop);

/* No task is ready to run. With io_pending == 0 and tasks left, they wait for each other. */
bool task_loop_idle(const struct gw_loop *loop);

/* Writes to stderr each task with what it waits for, who holds that, and its stack. The loop is
 * idle, and this is not called from inside a task. */
void task_loop_report(struct gw_loop *loop);

/* ---- Inside tasks ---------------------------------------------------------------------------- */

/* The loop and the io of the task that runs now. */
struct gw_loop *task_loop(void);
struct io *task_io(void);

/* The current task's trace, to be read and set; inherited by tasks it starts. */
struct task_trace *task_trace(void);

#endif
