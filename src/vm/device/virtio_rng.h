/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_rng.h - a source of entropy (virtio 1.1 section 5.4). The guest's buffer is a wish for
 * bytes, passed on through the setup's callback, one at a time; vm_virtio_rng_fill fulfils it.
 */
#ifndef VM_DEVICE_VIRTIO_RNG_H
#define VM_DEVICE_VIRTIO_RNG_H

#include "device.h"

enum { VM_RNG_BYTES_MAX = 4096 }; /* of a wish; of a larger one so many are fulfilled */

struct vm_virtio_rng_setup {
	struct vm_ram ram;
	struct vm_wire wire;
	void (*want)(void *context, size_t size);
	void *context;
};

struct vm_virtio_rng;

int vm_virtio_rng_new(struct vm_virtio_rng **rng, const struct vm_virtio_rng_setup *setup,
		      struct gw_error *error) GW_MUST_CHECK;
void vm_virtio_rng_free(struct vm_virtio_rng *rng);
struct vm_device vm_virtio_rng_device(struct vm_virtio_rng *rng);

/* How many bytes are wished for; 0: none. To be asked after the state was loaded, too. */
size_t vm_virtio_rng_wanted(const struct vm_virtio_rng *rng);
/* Bytes for the wish: some at least, and not more than it. Without a wish nothing happens. */
void vm_virtio_rng_fill(struct vm_virtio_rng *rng, struct gw_bytes bytes);

#endif
