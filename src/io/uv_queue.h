/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_queue.h - requests in a row, linked by their next and previous. Zero is an empty one.
 */
#ifndef IO_UV_QUEUE_H
#define IO_UV_QUEUE_H

#include "io/io.h"

struct real_queue {
	struct io_request *first, *last;
	size_t count;
};

static inline void real_push(struct real_queue *queue, struct io_request *request)
{
	request->next = NULL;
	request->previous = queue->last;
	if (queue->last)
		queue->last->next = request;
	else
		queue->first = request;
	queue->last = request;
	queue->count++;
}

/* Before all others. */
static inline void real_push_first(struct real_queue *queue, struct io_request *request)
{
	request->previous = NULL;
	request->next = queue->first;
	if (queue->first)
		queue->first->previous = request;
	else
		queue->last = request;
	queue->first = request;
	queue->count++;
}

static inline void real_remove(struct real_queue *queue, struct io_request *request)
{
	assert(queue->count > 0);
	if (request->previous)
		request->previous->next = request->next;
	else
		queue->first = request->next;
	if (request->next)
		request->next->previous = request->previous;
	else
		queue->last = request->previous;
	queue->count--;
}

/* The first, removed; NULL when there is none. */
static inline struct io_request *real_pop(struct real_queue *queue)
{
	struct io_request *request = queue->first;

	if (request)
		real_remove(queue, request);
	return request;
}

#endif
