/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.h - a disk whose file is never written: what the guest writes goes to a temporary file
 * without a name, sector for sector, in layers. A layer is put on top at each snapshot, and what is
 * above one is thrown away to go back there.
 *
 * Requests are carried out at once, in the order they are begun, as a struct vm_block or by the
 * functions below. Flush does nothing: nothing is kept.
 */
#ifndef VM_RECORD_OVERLAY_H
#define VM_RECORD_OVERLAY_H

#include "vm/device/block.h"

struct vm_overlay;

/* GW_E_NOT_FOUND, GW_E_INVALID, ...; read_only is what the guest is told. */
int vm_overlay_open(struct vm_overlay **overlay, const char *path, bool read_only,
		    struct gw_error *error) GW_MUST_CHECK;
void vm_overlay_close(struct vm_overlay *overlay); /* NULL is fine */

/* For a machine that runs; freed with the overlay, or by its own free. */
struct vm_block *vm_overlay_block(struct vm_overlay *overlay);

uint64_t vm_overlay_size(const struct vm_overlay *overlay);
/* Offsets and sizes as those of requests. 0, GW_E_IO, GW_E_NO_SPACE. */
int vm_overlay_read(struct vm_overlay *overlay, uint64_t offset, uint64_t size, uint8_t *to)
	GW_MUST_CHECK;
int vm_overlay_write(struct vm_overlay *overlay, uint64_t offset, const struct gw_bytes *pieces,
		     size_t piece_count) GW_MUST_CHECK;
int vm_overlay_clear(struct vm_overlay *overlay, uint64_t offset, uint64_t size) GW_MUST_CHECK;

/* Whether a sector was written, in any layer. */
bool vm_overlay_has(const struct vm_overlay *overlay, uint64_t sector);
/* Answers of its block that were not taken yet, from the first on; false: there are no more. */
bool vm_overlay_answer(const struct vm_overlay *overlay, size_t number,
		       struct vm_block_answer *answer);

enum { VM_OVERLAY_LAYERS_MAX = 256 };

/* Puts a new layer on top; those below stay as they are. GW_E_TOO_LARGE, GW_E_NO_MEMORY. */
int vm_overlay_push(struct vm_overlay *overlay, struct gw_error *error) GW_MUST_CHECK;
unsigned vm_overlay_layers(const struct vm_overlay *overlay); /* 1 at first */
/* Puts what is in a layer (1 is the first but one) into that below it; those above move down. After
 * GW_E_IO, GW_E_NO_SPACE all reads as before. */
int vm_overlay_merge(struct vm_overlay *overlay, unsigned layer) GW_MUST_CHECK;
/* Back to when there were so many layers and nothing in the last. */
int vm_overlay_return(struct vm_overlay *overlay, unsigned layers, struct gw_error *error)
	GW_MUST_CHECK;

#endif
