/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_heap.h - the timers of an io: a pairing heap of the requests themselves, so that a timer needs
 * no memory. Adding is constant, taking the first logarithmic over time. Timers of one moment come
 * in the order in which they were added.
 */
#ifndef IO_UV_HEAP_H
#define IO_UV_HEAP_H

#include "io/io.h"

struct real_heap {
	struct io_request *first; /* the earliest, or NULL */
	uint64_t order;		  /* how many were added so far */
};

/* By request->u.run.at_ns. */
void real_heap_add(struct real_heap *heap, struct io_request *request);
/* It is in the heap. */
void real_heap_remove(struct real_heap *heap, struct io_request *request);

#endif
