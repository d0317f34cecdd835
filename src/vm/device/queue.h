/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - what the transport (virtio.c) and the rings (queue.c) know of each other. */
#ifndef VM_DEVICE_QUEUE_H
#define VM_DEVICE_QUEUE_H

#include "virtio.h"

/* Whether a queue may be ready: a size that is offered, rings that are aligned and in RAM. */
bool vm_queue_can_be(const struct vm_virtio *virtio, const struct vm_queue *queue);

/* Interrupts the driver: a buffer was used. */
void vm_virtio_used(struct vm_virtio *virtio);

#endif
