/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.c - see stack.h. A slot of the mapping is a guard and the stack above it. Slots begin
 * without access; they are opened in order, and from then on go to the list of free stacks and
 * back.
 */
#include "task/stack.h"

#include "task/announce.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { STACK_PAGE_BYTES = 64 << 10 }; /* a multiple of every page size there is */

/* At the top of a stack that is free. */
struct task_stack_free {
	struct task_stack_free *next;
	unsigned valgrind;
};

bool task_stacks_have_guard_pages(void)
{
	void *page = mmap(NULL, STACK_PAGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool have = page != MAP_FAILED &&
		    madvise(page, STACK_PAGE_BYTES, MADV_GUARD_INSTALL) == 0;

	if (page != MAP_FAILED)
		munmap(page, STACK_PAGE_BYTES);
	return have;
}

static size_t round_up(size_t bytes)
{
	return (bytes + STACK_PAGE_BYTES - 1) & ~(size_t)(STACK_PAGE_BYTES - 1);
}

static size_t wanted_bytes(size_t bytes)
{
	if (bytes < TASK_STACK_BYTES_MIN)
		bytes = TASK_STACK_BYTES_MIN;
	return round_up(bytes * TASK_STACK_FACTOR);
}

/* Of a limit on addresses (ulimit -v) the stacks of a loop take a quarter; valgrind has 128 GiB for
 * everything. */
static size_t possible_slots(size_t slots, size_t slot_bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    slots > limit.rlim_cur / 4 / slot_bytes)
		slots = limit.rlim_cur / 4 / slot_bytes + 1;
#if TASK_VALGRIND
	if (RUNNING_ON_VALGRIND && slots > TASK_STACKS_VALGRIND)
		slots = TASK_STACKS_VALGRIND;
#endif
	return slots;
}

int task_stacks_init(struct task_stacks *stacks, size_t slots, size_t stack_bytes,
		     bool guards_by_protection, struct gw_error *error)
{
	void *base;

	*stacks = (struct task_stacks){.guards_by_protection = guards_by_protection};
	if (stack_bytes > GW_STACK_BYTES_MAX)
		return gw_fail(error, GW_E_INVALID, "a stack of %zu bytes: at most %d", stack_bytes,
			       GW_STACK_BYTES_MAX);
	assert(slots > 0 && slots <= GW_TASKS_MAX);
	stacks->stack_bytes = wanted_bytes(stack_bytes);
	stacks->slot_bytes = TASK_GUARD_BYTES + stacks->stack_bytes;
	stacks->slots = possible_slots(slots, stacks->slot_bytes);
	if (stacks->slots > SIZE_MAX / stacks->slot_bytes)
		return gw_fail(error, GW_E_INVALID, "%zu stacks of %zu bytes do not fit",
			       stacks->slots, stacks->stack_bytes);
	base = mmap(NULL, stacks->slots * stacks->slot_bytes, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return gw_fail_errno(error, errno, "no addresses for the stacks of %zu tasks",
				     stacks->slots);
	/* A huge page would give each task what it never asked for. */
	(void)madvise(base, stacks->slots * stacks->slot_bytes, MADV_NOHUGEPAGE);
	stacks->base = base;
	return 0;
}

static struct task_stack slot(const struct task_stacks *stacks, size_t number)
{
	char *guard = stacks->base + number * stacks->slot_bytes;

	return (struct task_stack){guard + TASK_GUARD_BYTES, stacks->stack_bytes, 0, true};
}

static struct task_stack_free *free_place(const struct task_stack *stack)
{
	return (struct task_stack_free *)(stack->bottom + stack->bytes -
					  sizeof(struct task_stack_free));
}

void task_stacks_done(struct task_stacks *stacks)
{
	if (!stacks->base)
		return;
	for (size_t i = 0; i < stacks->used && (TASK_ASAN || TASK_VALGRIND); i++) {
		struct task_stack stack = slot(stacks, i);

		task_announce_no_stack(stack.bottom, stack.bytes, free_place(&stack)->valgrind);
	}
	munmap(stacks->base, stacks->slots * stacks->slot_bytes);
	*stacks = (struct task_stacks){0};
}

/* Opens the next slot. */
static int open_slot(struct task_stacks *stacks, struct task_stack *stack)
{
	char *guard;

	if (stacks->used == stacks->slots ||
	    (stacks->guards_by_protection && stacks->used >= TASK_STACKS_PROTECTED))
		return GW_E_NO_MEMORY;
	*stack = slot(stacks, stacks->used);
	guard = stack->bottom - TASK_GUARD_BYTES;
	if (!stacks->guards_by_protection) {
		if (mprotect(guard, stacks->slot_bytes, PROT_READ | PROT_WRITE) != 0)
			return GW_E_NO_MEMORY;
		if (madvise(guard, TASK_GUARD_BYTES, MADV_GUARD_INSTALL) != 0) {
			stacks->guards_by_protection = true;
			if (mprotect(guard, TASK_GUARD_BYTES, PROT_NONE) != 0)
				return GW_E_NO_MEMORY;
		}
	} else if (mprotect(stack->bottom, stack->bytes, PROT_READ | PROT_WRITE) != 0) {
		return GW_E_NO_MEMORY;
	}
	stacks->used++;
	stack->valgrind = task_announce_stack(stack->bottom, stack->bytes);
	return 0;
}

static int map_one(size_t bytes, struct task_stack *stack)
{
	size_t size = wanted_bytes(bytes);
	char *base;

	base = mmap(NULL, TASK_GUARD_BYTES + size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return GW_E_NO_MEMORY;
	(void)madvise(base, TASK_GUARD_BYTES + size, MADV_NOHUGEPAGE);
	if (mprotect(base, TASK_GUARD_BYTES, PROT_NONE) != 0) {
		munmap(base, TASK_GUARD_BYTES + size);
		return GW_E_NO_MEMORY;
	}
	*stack = (struct task_stack){base + TASK_GUARD_BYTES, size, 0, false};
	stack->valgrind = task_announce_stack(stack->bottom, stack->bytes);
	return 0;
}

int task_stack_take(struct task_stacks *stacks, size_t bytes, struct task_stack *stack)
{
	struct task_stack_free *top = stacks->free;

	if (bytes > GW_STACK_BYTES_MAX)
		return GW_E_INVALID;
	if (bytes != 0 && wanted_bytes(bytes) != stacks->stack_bytes)
		return map_one(bytes, stack);
	if (!top)
		return open_slot(stacks, stack);
	stacks->free = top->next;
	stacks->free_count--;
	stack->bottom = (char *)(top + 1) - stacks->stack_bytes;
	stack->bytes = stacks->stack_bytes;
	stack->valgrind = top->valgrind;
	stack->pooled = true;
	return 0;
}

void task_stack_give(struct task_stacks *stacks, const struct task_stack *stack)
{
	struct task_stack given = *stack;
	struct task_stack_free *top = free_place(&given);

	if (!given.pooled) {
		task_announce_no_stack(given.bottom, given.bytes, given.valgrind);
		munmap(given.bottom - TASK_GUARD_BYTES, given.bytes + TASK_GUARD_BYTES);
		return;
	}
	/* What a task once used stays with its stack, but not with thousands of them. */
	if (stacks->free_count >= TASK_STACKS_KEPT)
		(void)madvise(given.bottom, given.bytes - (size_t)sysconf(_SC_PAGESIZE),
			      MADV_DONTNEED);
	top->next = stacks->free;
	top->valgrind = given.valgrind;
	stacks->free = top;
	stacks->free_count++;
}
