/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fixture.h - what the store's tests share: a temporary directory, a store in it, a test
 * that runs as a task on the real io.
 */
#ifndef REPLOG_STORE_FIXTURE_H
#define REPLOG_STORE_FIXTURE_H

#include "task/disk.h"
#include "store_inside.h"

#include "support/unit.h"
#include "task/await.h"
#include "task/loop.h"

#include <stdio.h>
#include <stdlib.h>

struct place {
	char path[64];
	struct replog_identity identity; /* member 7 */
	struct replog_store_options options; /* small segments */
	struct replog_store *store;      /* NULL: not open */
};

typedef void place_test(struct place *place);

/* Runs the test as a task; the directory is removed behind it. */
void place_run(place_test *test);
void place_run_test(void **state);

#define in_a_place(function) {#function, place_run_test, NULL, NULL, (void *)(function)}

void place_create(struct place *place);
/* recovered may be NULL. */
void place_open(struct place *place, struct replog_recovered *recovered);
void place_close(struct place *place);
/* Removes the directory of one that place_run did not make. */
void place_remove(struct place *place);
void place_reopen(struct place *place, struct replog_recovered *recovered);
/* Opening it fails with the code, and the sentence has this in it. */
void place_refuses(struct place *place, int code, const char *part);

/* Entries of `term` at index and the `count - 1` behind it, whose bytes follow from both. */
void add_entries(struct place *place, uint64_t index, uint64_t count, uint64_t term);
void add_state(struct place *place, uint64_t term, uint64_t vote);
void commit(struct place *place);
bool is_entry(const struct raft_entry *entry, uint64_t index, uint64_t term);

/* ---- Files, named from the directory on ------------------------------------------------------ */

void place_write_file(struct place *place, const char *name, const void *data, size_t size);
void place_poke(struct place *place, const char *name, uint64_t offset, const void *data,
		size_t size);
/* Flips a bit of a byte. */
void place_flip(struct place *place, const char *name, uint64_t offset);
void place_load(struct place *place, const char *name, struct base_buffer *bytes);
/* How many names a subdirectory has. */
size_t place_count(struct place *place, const char *name);

#endif
