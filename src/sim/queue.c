/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - the events in order of time, at the same time in one that the seed decides: a heap
 * with four children a node, in which every event knows its place, so that a timer that is
 * stopped leaves at once.
 */
#include "inside.h"

#include <stdlib.h>

enum { HEAP_CHILDREN = 4, HEAP_EVENTS_MIN = 256 };

static inline bool before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static inline void put(struct sim *sim, size_t at, struct heap_entry entry)
{
	assert(at < sim->heap_capacity);
	sim->heap[at] = entry;
	entry.event->place = at + 1;
}

static void rise(struct sim *sim, size_t at, struct heap_entry entry)
{
	while (at > 0) {
		size_t parent = (at - 1) / HEAP_CHILDREN;

		if (!before(&entry, &sim->heap[parent]))
			break;
		put(sim, at, sim->heap[parent]);
		at = parent;
	}
	put(sim, at, entry);
}

static void sink(struct sim *sim, size_t at, struct heap_entry entry)
{
	for (;;) {
		size_t child = at * HEAP_CHILDREN + 1, end = child + HEAP_CHILDREN, least = child;

		if (child >= sim->heap_count)
			break;
		if (end > sim->heap_count)
			end = sim->heap_count;
		while (++child < end)
			if (before(&sim->heap[child], &sim->heap[least]))
				least = child;
		if (!before(&sim->heap[least], &entry))
			break;
		put(sim, at, sim->heap[least]);
		at = least;
	}
	put(sim, at, entry);
}

static void heap_insert(struct sim *sim, struct event *event, uint64_t at_ns)
{
	struct heap_entry entry = {at_ns, 0, event};

	entry.order = (sim_random_next(&sim->order) & ~(uint64_t)UINT32_MAX) |
		      (uint32_t)sim->sequence++;
	if (sim->heap_count == sim->heap_capacity) {
		size_t capacity = sim->heap_capacity ? 2 * sim->heap_capacity : HEAP_EVENTS_MIN;

		sim->heap = realloc(sim->heap, capacity * sizeof(*sim->heap));
		assert(sim->heap && "no memory for the simulator");
		sim->heap_capacity = capacity;
	}
	event->at_ns = at_ns;
	rise(sim, sim->heap_count++, entry);
}

static void heap_remove(struct sim *sim, struct event *event)
{
	size_t at = event->place - 1;
	struct heap_entry last = sim->heap[--sim->heap_count];

	assert(at <= sim->heap_count);
	event->place = 0;
	if (last.event == event)
		return;
	if (at > 0 && before(&last, &sim->heap[(at - 1) / HEAP_CHILDREN]))
		rise(sim, at, last);
	else
		sink(sim, at, last);
}

static void list_insert(struct event *event)
{
	struct life *life = event->life;

	assert(life->alive);
	event->previous = NULL;
	event->next = life->events;
	if (life->events)
		life->events->previous = event;
	life->events = event;
}

static void list_remove(struct event *event)
{
	if (event->previous)
		event->previous->next = event->next;
	else
		event->life->events = event->next;
	if (event->next)
		event->next->previous = event->previous;
}

void event_add(struct sim *sim, struct event *event, uint64_t at_ns)
{
	assert(!event_is_queued(event));
	if (event->life)
		list_insert(event);
	heap_insert(sim, event, at_ns < sim->now_ns ? sim->now_ns : at_ns);
}

void event_remove(struct sim *sim, struct event *event)
{
	if (!event_is_queued(event))
		return;
	if (event->place)
		heap_remove(sim, event);
	event->aside = false;
	if (event->life)
		list_remove(event);
}

void event_move(struct sim *sim, struct event *event, uint64_t at_ns)
{
	event_remove(sim, event);
	event_add(sim, event, at_ns);
}

/* The first event, taken out; those of a paused node are put aside and stay in its list. */
struct event *event_next(struct sim *sim, uint64_t until_ns)
{
	while (sim->heap_count > 0 && sim->heap[0].at_ns <= until_ns) {
		struct event *event = sim->heap[0].event;

		assert(event->at_ns >= sim->now_ns);
		heap_remove(sim, event);
		if (event->life && event->life->node->state == SIM_NODE_PAUSED) {
			event->aside = true;
			continue;
		}
		if (event->life)
			list_remove(event);
		return event;
	}
	return NULL;
}
