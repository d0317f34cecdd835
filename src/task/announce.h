/* SPDX-License-Identifier: Apache-2.0 */
/*
 * announce.h - tells the tools that watch memory and threads which stack the program is on: the
 * address and thread sanitizers at each switch, the leak sanitizer and valgrind when a stack is
 * made and freed. Without them nothing of this leaves an instruction in the switch.
 */
#ifndef TASK_ANNOUNCE_H
#define TASK_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __has_feature
#define TASK_HAS_FEATURE(name) __has_feature(name)
#else
#define TASK_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TASK_HAS_FEATURE(address_sanitizer)
#define TASK_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#else
#define TASK_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || TASK_HAS_FEATURE(thread_sanitizer)
#define TASK_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define TASK_TSAN 0
#endif

#if defined(__has_include) && !TASK_ASAN && !TASK_TSAN
#if __has_include(<valgrind/valgrind.h>)
#define TASK_VALGRIND 1
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef TASK_VALGRIND
#define TASK_VALGRIND 0
#endif

/* Stacks hold more when sanitizers put room between variables. */
enum { TASK_STACK_FACTOR = TASK_ASAN || TASK_TSAN ? 4 : 1 };

/* What the tools know of one stack. */
struct task_side {
	const void *bottom;
	size_t size;
	void *fake;  /* the address sanitizer's other stack */
	void *fiber; /* the thread sanitizer's */
};

/* A stack for tasks is there, from bottom on; returns valgrind's number for it. */
static inline unsigned task_announce_stack(void *bottom, size_t size)
{
#if TASK_VALGRIND
	return VALGRIND_STACK_REGISTER(bottom, (char *)bottom + size - 1);
#else
	(void)bottom;
	(void)size;
	return 0;
#endif
}

/* And will be gone. */
static inline void task_announce_no_stack(void *bottom, size_t size, unsigned valgrind)
{
#if TASK_ASAN
	ASAN_UNPOISON_MEMORY_REGION(bottom, size);
#endif
#if TASK_VALGRIND
	VALGRIND_STACK_DEREGISTER(valgrind);
#endif
	(void)bottom;
	(void)size;
	(void)valgrind;
}

/* A task begins on the stack. What it points to is not leaked, wherever the task is. */
static inline void task_announce_begin(struct task_side *side)
{
#if TASK_ASAN
	ASAN_UNPOISON_MEMORY_REGION(side->bottom, side->size);
	__lsan_register_root_region(side->bottom, side->size);
	side->fake = NULL;
#endif
#if TASK_TSAN
	side->fiber = __tsan_create_fiber(0);
#endif
	(void)side;
}

/* It has ended, or is dropped, and something else runs. */
static inline void task_announce_end(struct task_side *side)
{
#if TASK_ASAN
	__lsan_unregister_root_region(side->bottom, side->size);
#endif
#if TASK_TSAN
	__tsan_destroy_fiber(side->fiber);
#endif
	(void)side;
}

/* Right before the switch; ending: nobody comes back to `from`. */
static inline void task_announce_leave(struct task_side *from, struct task_side *to, bool ending)
{
#if TASK_ASAN
	__sanitizer_start_switch_fiber(ending ? NULL : &from->fake, to->bottom, to->size);
#endif
#if TASK_TSAN
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	(void)from;
	(void)to;
	(void)ending;
}

/* Right after the switch, on the new stack. */
static inline void task_announce_arrive(struct task_side *here)
{
#if TASK_ASAN
	__sanitizer_finish_switch_fiber(here->fake, NULL, NULL);
#endif
	(void)here;
}

/* The stack of the thread that calls this, from which tasks are switched to. */
void task_announce_thread(struct task_side *side);

#endif
