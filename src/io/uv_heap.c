/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_heap.c - see uv_heap.h. A node has its children in a list: next is the next sibling, previous
 * the sibling before or, of the first child, the parent; backend[0] is the first child and
 * backend[1] the order of adding.
 */
#include "io/uv_heap.h"

static struct io_request *child_of(const struct io_request *request)
{
	return (struct io_request *)(uintptr_t)request->backend[0];
}

static void set_child(struct io_request *request, struct io_request *child)
{
	request->backend[0] = (uintptr_t)child;
}

static bool before(const struct io_request *a, const struct io_request *b)
{
	if (a->u.run.at_ns != b->u.run.at_ns)
		return a->u.run.at_ns < b->u.run.at_ns;
	return a->backend[1] < b->backend[1];
}

/* Two heaps in one; neither root has siblings. */
static struct io_request *join(struct io_request *a, struct io_request *b)
{
	struct io_request *child;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		struct io_request *swap = a;

		a = b;
		b = swap;
	}
	child = child_of(a);
	b->previous = a;
	b->next = child;
	if (child)
		child->previous = b;
	set_child(a, b);
	return a;
}

/* One heap of the siblings that begin here: pairs from left to right, then all from the right. */
static struct io_request *join_siblings(struct io_request *first)
{
	struct io_request *pairs = NULL, *all = NULL;

	while (first) {
		struct io_request *second = first->next;
		struct io_request *rest = second ? second->next : NULL;

		first->next = NULL;
		if (second)
			second->next = NULL;
		first = join(first, second);
		first->previous = pairs; /* a stack of the pairs */
		pairs = first;
		first = rest;
	}
	while (pairs) {
		struct io_request *rest = pairs->previous;

		pairs->previous = NULL;
		all = join(all, pairs);
		pairs = rest;
	}
	return all;
}

void real_heap_add(struct real_heap *heap, struct io_request *request)
{
	request->next = NULL;
	request->previous = NULL;
	set_child(request, NULL);
	request->backend[1] = heap->order++;
	heap->first = join(heap->first, request);
}

void real_heap_remove(struct real_heap *heap, struct io_request *request)
{
	struct io_request *children = join_siblings(child_of(request));
	struct io_request *previous = request->previous;

	assert(heap->first);
	if (request == heap->first) {
		heap->first = children;
		return;
	}
	assert(previous);
	if (child_of(previous) == request)
		set_child(previous, request->next);
	else
		previous->next = request->next;
	if (request->next)
		request->next->previous = previous;
	heap->first = join(heap->first, children);
}
