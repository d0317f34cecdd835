/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub.c - what nobody reads is read and checked all the same (5.2): all chunks in turn, at a set
 * rate, while there is nothing else to do. One that is bad is told with the next heartbeats, and
 * the master has it replaced.
 */
#include "inside.h"

#include "io/rare.h"

#include <stdlib.h>

struct chunk_scrubbed chunk_server_scrubbed(const struct chunk_server *server)
{
	return server->scrubbed;
}

uint64_t chunk_scrub_step_ns(uint64_t bytes, uint64_t bytes_per_second)
{
	assert(bytes_per_second > 0 && bytes <= UINT64_MAX / 1000000000);
	return bytes * 1000000000 / bytes_per_second;
}

bool chunk_scrub_may(bool is_idle, unsigned waited)
{
	assert(waited > 0);
	return is_idle || waited >= GFS_SCRUB_BUSY_SHARE;
}

/* After so many bytes, which it began to read then. A chunk costs a block at least. */
static int pause_after(const struct chunk_server *server, uint64_t begun_ns, uint64_t bytes)
{
	uint64_t cost = bytes > GFS_BLOCK_BYTES ? bytes : GFS_BLOCK_BYTES;
	uint64_t step_ns = chunk_scrub_step_ns(cost, server->scrub_bytes_per_second);
	uint64_t now_ns = io_now_ns(server->io);
	uint64_t at_ns = begun_ns + step_ns > now_ns ? begun_ns + step_ns : now_ns;
	unsigned waited = 0;
	bool is_idle;

	do {
		uint64_t begun = server->calls_begun;
		int result = gw_sleep_until(at_ns);

		if (result == GW_E_CANCELLED)
			return result;
		is_idle = server->calls == 0 && server->calls_begun == begun;
		at_ns += step_ns;
		waited++;
	} while (!chunk_scrub_may(is_idle, waited));
	return 0;
}

/* Of a chunk that is held, as it is now. */
static int scrub_bytes(struct chunk_server *server, struct chunk *chunk, uint8_t *buffer,
		       struct gw_error *error)
{
	uint64_t offset = 0;

	while (!chunk->is_gone && !chunk->is_partial) {
		uint64_t begun_ns = io_now_ns(server->io);
		struct gw_bytes out;
		int result = chunk_read(chunk, offset, GFS_PIECE_BYTES_MAX, buffer, &out, NULL,
					error);

		if (result == 0) {
			server->scrubbed.bytes += out.size;
			offset += out.size;
			result = pause_after(server, begun_ns, out.size);
		}
		if (result < 0 || out.size < GFS_PIECE_BYTES_MAX)
			return result;
	}
	return 0;
}

/* It may be dropped meanwhile. One whose log cannot be read is not held. */
static int scrub_chunk(struct chunk_server *server, struct chunk *chunk, struct gw_error *error)
{
	uint8_t *buffer = malloc(chunk_read_bytes(0, GFS_PIECE_BYTES_MAX));
	int result = buffer ? chunk_hold(chunk, error) :
			      gw_fail(error, GW_E_NO_MEMORY, "out of memory");

	if (result == 0) {
		result = scrub_bytes(server, chunk, buffer, error);
		chunk_release(chunk);
	} else if (pause_after(server, io_now_ns(server->io), 0) < 0) {
		result = GW_E_CANCELLED;
	}
	free(buffer);
	return result;
}

/* Only what is relied on: the others are known already, and what lost power is compared first. */
static void scrub_next(struct chunk_server *server, struct chunk *chunk)
{
	struct gw_error error = {0};
	int result;

	if (chunk->is_partial || chunk->is_bad || chunk->is_suspect)
		return;
	result = scrub_chunk(server, chunk, &error);
	/* As chunk_read and chunk_hold, which have marked it. */
	if (result != GW_E_CORRUPT && result != GW_E_TRUNCATED && result != GW_E_IO)
		return;
	IO_PROBE(server->io, "gfs.scrub-finds-rot");
	server->scrubbed.bad++;
	chunk_server_troubled(server, &error);
}

int chunk_server_scrub(void *argument)
{
	struct chunk_server *server = argument;
	uint64_t begun_ns = io_now_ns(server->io);
	size_t at = 0;

	while (!gw_cancelled()) {
		struct chunk *chunk = chunk_next(server->store, &at);

		if (chunk) {
			scrub_next(server, chunk);
			continue;
		}
		at = 0;
		server->scrubbed.rounds++;
		begun_ns += server->scrub_round_ms * 1000000;
		if (begun_ns < io_now_ns(server->io))
			begun_ns = io_now_ns(server->io);
		(void)gw_sleep_until(begun_ns);
	}
	return 0;
}
