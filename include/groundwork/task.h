/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/task.h - Go's tools in C: tasks, channels, select, locks, groups, deadlines.
 *
 *     static int hello(void *argument)
 *     {
 *             struct gw_chan *lines = argument;
 *             const char *line = "hello";
 *
 *             return gw_send(lines, &line, GW_FOREVER);
 *     }
 *
 *     static int first(void *argument)
 *     {
 *             struct gw_group group = {0};
 *             struct gw_chan *lines = gw_chan_new(sizeof(char *), 0, NULL);
 *             const char *line;
 *
 *             gw_spawn(&group, hello, lines, NULL);
 *             if (gw_receive(lines, &line, GW_FOREVER) == 0)
 *                     puts(line);
 *             gw_group_done(&group);
 *             gw_chan_unref(lines);
 *             return 0;
 *     }
 *
 *     int main(void) { return -gw_run(first, NULL, NULL, NULL); }
 *
 * Tasks. A task is a function with a stack of its own; it runs until it waits, then another one of
 * its loop runs. A loop is a thread: tasks of one loop never run at once and never move to another
 * thread, so they need a lock only around a wait. More cores are more loops (gw_thread_start), with
 * channels between them. A task that computes for long keeps its loop from everything else: give
 * such work to gw_offload, or call gw_yield now and then.
 *
 * Waits. Every function that may wait takes a deadline: nanoseconds of gw_now_ns, GW_FOREVER, or
 * GW_AT_ONCE for not waiting at all. It returns 0 (or what it says), or
 *   GW_E_TIMEOUT    the deadline passed (the one given here, or the task's: gw_deadline_set),
 *   GW_E_CANCELLED  the task was cancelled: this wait and all to come end so, and the function is
 *                   to return after giving back what it holds,
 *   GW_E_CLOSED     the channel is closed.
 * A wait that could succeed at once does so even after the deadline or a cancel. Nothing here
 * touches errno across a wait, and a task must not keep pointers to thread-local things over one.
 *
 * Groups. Every task belongs to a group; leaving a group (gw_group_done) cancels what runs in it
 * and waits for it, so that no task outlives what it uses. A task inherits deadline and trace id of
 * the one that started it.
 *
 * Objects. Mutexes, conditions, wait groups, semaphores and groups are the caller's memory, start
 * as {0} and need nothing freed; they stay at their address while in use. Their fields are private
 * but for `name`, which reports show. All of them, and channels, may be used by the tasks of
 * several loops only when they say `shared`; the rest belong to one loop. Functions are called from
 * tasks only, if they do not say otherwise.
 *
 * Deadlock. When all tasks wait and nothing outside can wake them, gw_run writes to stderr every
 * task with what it waits for, who holds that and its stack, cancels them all, and ends with
 * GW_E_DEADLOCK. A task that locks a mutex it holds already is told so at once in the same way.
 */
#ifndef GROUNDWORK_TASK_H
#define GROUNDWORK_TASK_H

#include <groundwork/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GW_FOREVER UINT64_MAX
#define GW_AT_ONCE UINT64_C(0)

/* What a task runs; its result is what gw_group_wait and gw_run see. 0 or positive is fine. */
typedef int gw_task_function(void *argument);

struct gw_task;
struct gw_loop;
struct gw_chan;
struct gw_thread;
struct gw_waiter; /* private: a task that waits for an object; on its stack */

struct gw_waiters {
	struct gw_waiter *first, *last;
};

/* ---- Running ------------------------------------------------------------------------------ */

enum {
	GW_STACK_BYTES = 64 << 10,         /* default; four times as large under sanitizers */
	GW_STACK_BYTES_MAX = 64 << 20,
	GW_TASKS_MAX = 1 << 20,            /* live, of one loop */
	GW_TASK_NAME_MAX = 32,
};

struct gw_run_options {
	const char *name;      /* of the first task; NULL: "main" */
	size_t stack_bytes;    /* of all tasks that do not say otherwise; 0: GW_STACK_BYTES */
	size_t tasks_max;      /* live at once; 0: GW_TASKS_MAX */
	unsigned spin_us; /* when there is nothing to do, look for events for so long before the
			   * thread sleeps, as long as they come that fast: answers come some 10 us
			   * sooner, and the processor is not idle meanwhile. 0: sleep at once */
	bool without_deadlock_report; /* return GW_E_DEADLOCK without writing to stderr */
};

/*
 * Runs function(argument) as the first task of a new loop on this thread; the program's way in.
 * Returns its result when it has returned and all tasks and threads it left behind are cancelled
 * and joined; GW_E_NO_MEMORY and others when no loop could be made, GW_E_DEADLOCK. options and
 * error may be NULL. Not from inside a task.
 */
int gw_run(gw_task_function *function, void *argument, const struct gw_run_options *options,
	   struct gw_error *error);

/* A loop on a thread of its own that runs function(argument) as its first task. The thread is the
 * caller's until gw_thread_join. GW_E_UNSUPPORTED in a simulator, GW_E_CANCELLED when the loop of
 * gw_run has no tasks left. */
int gw_thread_start(struct gw_thread **thread, gw_task_function *function, void *argument,
		    const struct gw_run_options *options, struct gw_error *error) GW_MUST_CHECK;
/* Waits until the thread's loop has ended; *result (may be NULL) is what its first task returned.
 * Frees the thread when it returns 0. */
int gw_thread_join(struct gw_thread *thread, int *result, uint64_t deadline_ns) GW_MUST_CHECK;
/* Cancels the tasks of the thread. */
void gw_thread_cancel(struct gw_thread *thread);

/* Runs work(context) on another thread of the pool for computing, while other tasks run; returns
 * what it returned. Work that has begun is waited for, deadline or not; work that has not begun
 * when the task is cancelled or late is not run. The work must not call anything of this header. */
int gw_offload(int (*work)(void *context), void *context, uint64_t deadline_ns) GW_MUST_CHECK;

/* ---- Tasks and groups ---------------------------------------------------------------------- */

struct gw_spawn_options {
	const char *name;   /* copied, cut at GW_TASK_NAME_MAX - 1; NULL: "task" and a number */
	size_t stack_bytes; /* 0: the loop's */
};

/* Tasks that are joined together. */
struct gw_group {
	const char *name;
	/* Private. */
	struct gw_task *tasks; /* linked */
	struct gw_waiters waiters;
	size_t count;
	int failed; /* the first negative result */
	bool cancelled;
};

/* Starts a task in the group (NULL: that of the whole loop, which ends with gw_run). It runs after
 * the caller waits. GW_E_NO_MEMORY, GW_E_BUSY over the loop's limit, GW_E_CANCELLED into a
 * cancelled group, GW_E_INVALID for a stack over GW_STACK_BYTES_MAX. */
int gw_spawn(struct gw_group *group, gw_task_function *function, void *argument,
	     const struct gw_spawn_options *options);

/* Waits until no task of the group runs. Returns 0, the first failure of one of its tasks, or why
 * the wait ended early (then tasks still run). */
int gw_group_wait(struct gw_group *group, uint64_t deadline_ns);
/* Cancels all tasks that run in it. They go on until they return. */
void gw_group_cancel(struct gw_group *group);
/* Cancels what runs and waits for it, also when the caller itself is cancelled. Returns as
 * gw_group_wait does, where tasks that were cancelled here do not count as failures. The group is
 * as new then. */
int gw_group_done(struct gw_group *group);

/* Lets the other tasks that are ready run. 0, or GW_E_CANCELLED or GW_E_TIMEOUT. */
int gw_yield(void);
/* 0 at the deadline. */
int gw_sleep_until(uint64_t at_ns);
int gw_sleep_ms(uint64_t ms);

/* Monotonic time; in a simulator the simulated. */
uint64_t gw_now_ns(void);
/* gw_now_ns + ms; GW_FOREVER if that is too large. */
uint64_t gw_after_ms(uint64_t ms);

/* A deadline for all waits of this task, in force together with the one of each wait; tasks it
 * starts inherit it. Returns the one before, to be set again. */
uint64_t gw_deadline_set(uint64_t deadline_ns);
uint64_t gw_deadline(void);

/* Whether this task was cancelled, in a shield too. */
bool gw_cancelled(void);
/* Between these two, cancel and the task's deadline do not end waits: for giving back what is held.
 * They nest. */
void gw_shield_begin(void);
void gw_shield_end(void);

/* Of this task; as long-lived as it. */
const char *gw_task_name(void);

/* ---- Channels ------------------------------------------------------------------------------ */

enum { GW_CHAN_ITEM_BYTES_MAX = 64 << 10 };

struct gw_chan_options {
	const char *name; /* as long-lived as the channel */
	bool shared;      /* by several loops */
};

/*
 * A channel of items of item_bytes, copied in and out; capacity 0: unbuffered, a send ends when a
 * receive took the item. options may be NULL. NULL when there is no memory. With one reference;
 * gw_chan_unref of the last one frees it, with the items that nobody took. From anywhere.
 */
struct gw_chan *gw_chan_new(size_t item_bytes, size_t capacity,
			    const struct gw_chan_options *options);
struct gw_chan *gw_chan_ref(struct gw_chan *chan);
void gw_chan_unref(struct gw_chan *chan);

/* GW_E_CLOSED when the channel is closed, also while waiting. */
int gw_send(struct gw_chan *chan, const void *item, uint64_t deadline_ns);
/* Items that were sent before the close are still received, then GW_E_CLOSED. item may be NULL. */
int gw_receive(struct gw_chan *chan, void *item, uint64_t deadline_ns);
/* A second close does nothing. */
void gw_chan_close(struct gw_chan *chan);
/* Items in the buffer now. */
size_t gw_chan_count(const struct gw_chan *chan);

struct gw_select_case {
	struct gw_chan *chan; /* NULL: never ready, as in Go */
	const void *send;     /* the item to send, or */
	void *receive;        /* where the item goes; both NULL: receive and drop it */
	int result;           /* of the chosen case: 0 or GW_E_CLOSED */
};

/* Carries out one of the cases that can go on, and returns its number; with GW_AT_ONCE,
 * GW_E_TIMEOUT stands for the default case. Among several that are ready the choice is fair. */
int gw_select(struct gw_select_case *cases, size_t count, uint64_t deadline_ns);

/* ---- Locks and counts ----------------------------------------------------------------------- */

struct gw_mutex {
	const char *name;
	bool shared;
	/* Private. */
	uint32_t guard;
	struct gw_task *holder;
	struct gw_waiters waiters;
};

/* First come, first served. The holder waits for itself: GW_E_DEADLOCK, and a report. */
int gw_lock(struct gw_mutex *mutex, uint64_t deadline_ns) GW_MUST_CHECK;
/* By the task that holds it. */
void gw_unlock(struct gw_mutex *mutex);

struct gw_cond {
	const char *name;
	bool shared;
	/* Private. */
	uint32_t guard;
	struct gw_waiters waiters;
};

/* Unlocks, waits for a signal, locks again; the mutex is held afterwards whatever the result. */
int gw_cond_wait(struct gw_cond *cond, struct gw_mutex *mutex, uint64_t deadline_ns);
void gw_cond_signal(struct gw_cond *cond);
void gw_cond_broadcast(struct gw_cond *cond);

struct gw_wait_group {
	const char *name;
	bool shared;
	/* Private. */
	uint32_t guard;
	int64_t count;
	struct gw_waiters waiters;
};

/* The count of what is to be waited for; below 0 is a mistake of the program (an assertion). */
void gw_wait_group_add(struct gw_wait_group *group, int64_t delta);
/* Until the count is 0. */
int gw_wait_group_wait(struct gw_wait_group *group, uint64_t deadline_ns);

struct gw_semaphore {
	const char *name;
	bool shared;
	/* Private. */
	uint32_t guard;
	uint64_t count;
	struct gw_waiters waiters;
};

/* Takes n, when that many are there and those who came before have theirs. */
int gw_acquire(struct gw_semaphore *semaphore, uint64_t n, uint64_t deadline_ns) GW_MUST_CHECK;
void gw_release(struct gw_semaphore *semaphore, uint64_t n);

#ifdef __cplusplus
}
#endif

#endif
