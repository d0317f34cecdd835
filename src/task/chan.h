/* SPDX-License-Identifier: Apache-2.0 */
/* chan.h - the inside of a channel, for send, receive and select. All of it under the guard. */
#ifndef TASK_CHAN_H
#define TASK_CHAN_H

#include "task/sync.h"

struct gw_chan {
	uint32_t guard;
	bool shared, closed;
	uint32_t turns;         /* of selects: what their choice is drawn from */
	size_t references;
	size_t item_bytes, capacity;
	size_t first, count;    /* of the items in the ring; count is read without the guard */
	struct gw_waiters senders, receivers;
	const char *name;
	_Alignas(16) uint8_t items[];
};

/*
 * Sends or receives if that can be done at once: 0, GW_E_CLOSED, or GW_E_TIMEOUT if it would have
 * to wait. *woken, when it is set, is a claimed waiter that is to be woken with 0 after the guard
 * was given back.
 */
int chan_try_send(struct gw_chan *chan, const void *item, struct gw_waiter **woken);
int chan_try_receive(struct gw_chan *chan, void *item, struct gw_waiter **woken);

#endif
