/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.h - memory for stacks. Those of the loop's usual size come from one mapping, which takes
 * address space for all of them and memory only for pages that were touched; each has a guard
 * under it, where an overflow meets a fault instead of the next stack. Others are mapped one by
 * one.
 *
 * Where the kernel has guard pages (MADV_GUARD_INSTALL, Linux 6.13) the mapping stays one piece;
 * elsewhere each guard is a piece of its own. A process has 65,530 pieces (vm.max_map_count), so a
 * loop stops at TASK_STACKS_PROTECTED and leaves some to others.
 */
#ifndef TASK_STACK_H
#define TASK_STACK_H

#include <groundwork/task.h>

enum {
	TASK_GUARD_BYTES = 64 << 10,
	TASK_STACK_BYTES_MIN = 16 << 10,
	TASK_STACKS_KEPT = 1024,  /* free stacks that keep all memory they once used */
	TASK_STACKS_PROTECTED = 24000, /* of a loop, with guards by protection */
	TASK_STACKS_VALGRIND = 4096, /* of a loop under valgrind, which has few addresses */
};

/* One stack: [bottom, bottom + bytes), its guard below. */
struct task_stack {
	char *bottom;
	size_t bytes;
	unsigned valgrind; /* the number it has there */
	bool pooled;
};

struct task_stacks {
	char *base;
	size_t slots, slot_bytes, stack_bytes;
	size_t used;                /* slots that were ever taken */
	size_t free_count;
	struct task_stack_free *free; /* linked through the stacks themselves */
	bool guards_by_protection;  /* no MADV_GUARD_INSTALL here */
};

/* Whether this kernel has guard pages. */
bool task_stacks_have_guard_pages(void);

/* For slots stacks of stack_bytes. guards_by_protection: as if the kernel were old. */
int task_stacks_init(struct task_stacks *stacks, size_t slots, size_t stack_bytes,
		     bool guards_by_protection, struct gw_error *error) GW_MUST_CHECK;
/* Drops all stacks of the pool. */
void task_stacks_done(struct task_stacks *stacks);

/* A stack of at least `bytes` bytes (0: the pool's). GW_E_NO_MEMORY; GW_E_INVALID over
 * GW_STACK_BYTES_MAX. */
int task_stack_take(struct task_stacks *stacks, size_t bytes,
		    struct task_stack *stack) GW_MUST_CHECK;
void task_stack_give(struct task_stacks *stacks, const struct task_stack *stack);

/* Whether the address is in the guard under the stack. */
static inline bool task_stack_guards(const struct task_stack *stack, uintptr_t address)
{
	uintptr_t bottom = (uintptr_t)stack->bottom;

	return address < bottom && address >= bottom - TASK_GUARD_BYTES;
}

#endif
