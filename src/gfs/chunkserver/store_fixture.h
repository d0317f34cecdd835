/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fixture.h - what the tests of the store share: a temporary directory, a store in it, a test
 * that runs as a task on the real io.
 */
#ifndef GFS_CHUNKSERVER_STORE_FIXTURE_H
#define GFS_CHUNKSERVER_STORE_FIXTURE_H

#include "gfs/chunkserver/chunk_store.h"

#include "support/unit.h"

enum { STORED_LOG2 = 18, STORED_BYTES = 1 << STORED_LOG2 };

struct stored {
	char path[64];
	struct chunk_store_options options; /* two disks */
	struct chunk_store *store;          /* open */
};

typedef void stored_test(struct stored *stored);

/* Runs the test as a task; the directory is removed behind it. */
void stored_run_test(void **state);

#define in_a_store(function) {#function, stored_run_test, NULL, NULL, (void *)(function)}

void stored_reopen(struct stored *stored);
/* A chunk of STORED_BYTES at version 1. */
struct chunk *stored_create(struct stored *stored, uint64_t handle);
/* Bytes that follow from their place and `salt`. */
void stored_fill(uint8_t *bytes, uint64_t offset, size_t size, uint8_t salt);
/* Writes such bytes; the result. */
int stored_write(struct chunk *chunk, uint64_t offset, size_t size, uint8_t salt);
/* Whether the range can be read and is such bytes. */
bool stored_is(struct chunk *chunk, uint64_t offset, size_t size, uint8_t salt);
/* Reads into a buffer of its own, with each piece's checksum tested; the result. */
int stored_read(struct chunk *chunk, uint64_t offset, uint32_t size, uint8_t *bytes,
		struct gw_error *error);
/* A chunk's log says another boot, as if power had been lost with all of it kept. The store is
 * closed. */
void stored_forget_boot(const char *directory, uint64_t handle);
/* Flips a bit of a byte of the chunk's "log" or "data". */
void stored_flip(const struct chunk *chunk, const char *end, uint64_t offset);

#endif
