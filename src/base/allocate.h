/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocate.h - growing an array, and copying texts. Plain malloc, realloc and free are used
 * elsewhere; tests make any of them fail by linking with --wrap (test/support/allocation.h).
 */
#ifndef BASE_ALLOCATE_H
#define BASE_ALLOCATE_H

#include <groundwork/base.h>

/*
 * Makes room for at least `need` items of item_size bytes: at least doubles *capacity (counted in
 * items) when it is too small. Returns the array, which may have moved, or NULL when memory is
 * short or the number of bytes does not fit size_t; the old array and *capacity are then as before.
 * need > 0.
 */
void *base_grow(void *items, size_t item_size, size_t *capacity, size_t need) GW_MUST_CHECK;

/*
 * A copy of the bytes with a NUL behind them, to be freed; NULL: memory is short. Unlike strndup it
 * wants no text that ends (what sanitizers look for), and tests can make it fail.
 */
char *base_copy_text(struct gw_bytes text) GW_MUST_CHECK;

/*
 * Options that are kept: replaces each text by a copy of its own; NULL stays. false: memory is
 * short, and what was not copied is NULL, so base_free_texts may be called.
 */
bool base_copy_texts(const char **const texts[], size_t count) GW_MUST_CHECK;
void base_free_texts(const char **const texts[], size_t count);

#endif
