/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what a task, a loop and a program of several loops are made of. Private to the
 * scheduler: loop.c, schedule.c, wait.c, group.c, report.c, run.c and their neighbours.
 */
#ifndef TASK_STATE_H
#define TASK_STATE_H

#include "task/loop.h"
#include "task/stack.h"
#include "task/switch.h"
#include "task/wait.h"

struct task_world;

/* Lives at the top of its own stack. A task is running, ready (in its loop's queue), or suspended
 * with `wait` set. */
struct gw_task {
	struct task_context context;
	struct gw_loop *loop;
	struct gw_task *next;               /* in the queue of the ready, or in the inbox */
	struct task_wait *wait;             /* NULL: none */
	uint64_t deadline_ns;               /* the task's own, for all waits */
	uint64_t wake_at_ns;                /* of this wait, while timer > 0 */
	size_t timer;                       /* place in the heap of deadlines, from 1; 0: none */
	gw_task_function *function;
	void *argument;
	struct gw_group *group;
	struct gw_task *group_next, *group_previous;
	struct gw_task *all_next, *all_previous;
	struct task_trace trace;
	struct task_stack stack;
	uint64_t number;
	uint32_t shields;
	bool cancelled;
	bool ended_by_group;                /* cancelled by gw_group_done: no failure */
	bool probed;                        /* to note its stack and to go back at once */
	char name[GW_TASK_NAME_MAX];        /* "": made from the number when asked for */
};

struct task_queue {
	struct gw_task *first, *last;
	size_t count;
};

enum task_asked {
	TASK_ASKED_CANCEL = 1,
	TASK_ASKED_REPORT = 2, /* all tasks of all loops wait */
	TASK_ASKED_STOP = 4,   /* and still do after a cancel */
	TASK_ASKED_TURN = 8,   /* nothing but a turn */
};

struct gw_loop {
	/* Of the switch. */
	struct gw_task *current; /* NULL: the scheduler runs */
	struct task_queue ready;
	uint32_t budget;         /* switches left in this turn */
	uint64_t turn_ns;        /* when it began */
	bool pick, silent, in_turn, cancelled;
	struct gw_task *ended;   /* has left its stack for good; to be freed by who runs next */
	struct task_context scheduler;

	struct io_turn turn;
	struct io *io;
	const void *thread; /* which one this is: see task_on_thread_of */
	const char *name;

	/* Tasks. */
	struct gw_task *all;
	size_t live, tasks_max;
	uint64_t started; /* ever */
	struct gw_group group;
	struct task_stacks stacks;

	/* Deadlines: a heap by wake_at_ns, [1..timer_count], and one timer for the first. */
	struct gw_task **timers;
	size_t timer_count, timer_capacity;
	uint64_t armed_ns; /* GW_FOREVER: the timer is not set */
	struct io_request timer;

	/* What other threads write: tasks they woke, things they ask for. */
	struct gw_task *inbox;
	uint32_t asked;    /* bits of enum task_asked */
	uint32_t posted;   /* 1: `post` is under way */
	uint32_t posters;  /* threads that are between inbox and io_post */
	struct io_request post;

	/* A program of several loops; NULL in a loop of somebody's own io. */
	struct task_world *world;
	struct gw_loop *world_next;
	bool is_main;
	bool idle;         /* counted as such */
	bool deadlocked;
	bool stopped;      /* to end with the tasks it has */
	void (*stop)(struct io *io);

	void *frames[TASK_REPORT_FRAMES_MAX]; /* of the task that was probed */
	int frame_count;
};

/* The loop whose turn runs on this thread; NULL outside of turns. Its address names the thread. */
extern _Thread_local struct gw_loop *task_thread_loop __attribute__((tls_model("initial-exec")));

static inline bool task_on_thread_of(const struct gw_loop *loop)
{
	return loop->thread == (const void *)&task_thread_loop;
}

/* The task that runs now; there must be one. */
static inline struct gw_task *task_self(void)
{
	assert(task_thread_loop && task_thread_loop->current);
	return task_thread_loop->current;
}

/* ---- schedule.c ------------------------------------------------------------------------------ */

static inline void task_queue_add(struct task_queue *queue, struct gw_task *task)
{
	task->next = NULL;
	if (queue->last)
		queue->last->next = task;
	else
		queue->first = task;
	queue->last = task;
	queue->count++;
}

/* Suspends the current task until it is in the queue of the ready and its turn comes. */
void task_suspend(struct gw_task *self);

/* Runs tasks until none is ready or the budget is used up. From the scheduler. */
void task_run_ready(struct gw_loop *loop);

/* Lets a suspended task note its stack in loop->frames. From the scheduler. */
void task_probe(struct gw_task *task);

/* The first function of each task. */
void task_main(void);

/* ---- inbox.c --------------------------------------------------------------------------------- */

/* Puts a task that another thread claimed into its loop's inbox. */
void task_inbox_add(struct gw_task *task);

/* Asks a loop of any thread for something. */
void task_loop_ask(struct gw_loop *loop, enum task_asked asked);

/* Waits until no thread is about to post; then none will if nobody wakes tasks of the loop. */
void task_inbox_settle(struct gw_loop *loop);

/* ---- timers.c -------------------------------------------------------------------------------- */

/* Room for the deadlines of `tasks` tasks. */
int task_timers_reserve(struct gw_loop *loop, size_t tasks) GW_MUST_CHECK;
void task_timers_add(struct gw_task *task, uint64_t at_ns);
void task_timers_remove(struct gw_task *task);
/* Sets the loop's timer to the first deadline. */
void task_timers_arm(struct gw_loop *loop);

/* ---- loop.c ---------------------------------------------------------------------------------- */

/* Whether the pointer is a task that lives in the loop. */
bool task_loop_has(const struct gw_loop *loop, const struct gw_task *task);

/* ---- group.c --------------------------------------------------------------------------------- */

/* The bookkeeping of a task that has returned result, before it leaves its stack. */
void task_ended(struct gw_task *task, int result);
/* Ends its wait, if the task is not shielded; all waits to come, if it is not now. */
void task_cancel(struct gw_task *task);
/* Gives the stack back; the task does not run on it any more. */
void task_free(struct gw_task *task);

/* The name; made when the task has none. */
const char *task_name(struct gw_task *task);

/* ---- overflow.c ------------------------------------------------------------------------------ */

/* From now on an overflow of a task's stack on this thread is told as such; once for each loop,
 * until its end. */
int task_overflow_watch(void) GW_MUST_CHECK;
void task_overflow_forget(void);

/* ---- world.c --------------------------------------------------------------------------------- */

/*
 * A program of one or more loops, each on its thread. `active` counts loops that are not idle and
 * messages on their way to loops; when it becomes 0 nothing will ever happen again.
 */
struct task_world {
	uint32_t guard;          /* of what follows but `active` */
	int64_t active;
	struct gw_loop *loops;   /* linked by world_next */
	struct gw_loop *main;    /* the one of gw_run, which leaves last */
	struct gw_thread *threads;
	size_t to_report;        /* loops that have not yet written their part of a report */
	bool deadlocked;         /* once, and reported */
	bool ending;             /* the main loop has no tasks left; no new loops */
};

void task_world_join(struct task_world *world, struct gw_loop *loop);
void task_world_leave(struct gw_loop *loop);

/* One more message is on its way to a loop, or one more loop to come. */
void task_world_more(struct task_world *world);
/* As many less; at 0 it is a deadlock, and all loops are told. */
void task_world_less(struct task_world *world, int64_t count);

/* The loop has received messages. */
void task_world_received(struct gw_loop *loop, int64_t messages);
/* A turn of the loop is over: it may be idle now, or done. */
void task_world_turn_done(struct gw_loop *loop);
/* The loop was asked to report. */
void task_world_report(struct gw_loop *loop);

#endif
