/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - pieces of a stream, and lists of them.
 */
#include "net.h"

void segments_append(struct segments *segments, struct segment *segment)
{
	segment->next = NULL;
	if (segments->last)
		segments->last->next = segment;
	else
		segments->first = segment;
	segments->last = segment;
}

struct segment *segments_take_first(struct segments *segments)
{
	struct segment *segment = segments->first;

	assert(segment);
	segments->first = segment->next;
	if (!segments->first)
		segments->last = NULL;
	return segment;
}

void segment_free(struct sim *sim, struct segment *segment)
{
	assert(segment->size <= segment->capacity);
	sim_give(sim, segment, sizeof(*segment) + segment->capacity);
}

void segments_drop_first(struct sim *sim, struct segments *segments)
{
	segment_free(sim, segments_take_first(segments));
}

struct segment *segment_new(struct sim *sim, uint32_t capacity, enum segment_kind kind)
{
	struct segment *segment =
		(struct segment *)sim_take(sim, sizeof(*segment) + capacity);

	*segment = (struct segment){.made_ns = sim->now_ns, .capacity = capacity, .kind = kind};
	return segment;
}
