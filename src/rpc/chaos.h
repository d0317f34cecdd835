/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos.h - a proxy that behaves like a bad network: it accepts connections at one address,
 * connects each to another, and passes the bytes on late, slowly, in pieces, or not at all. It
 * stands on a struct io alone, so it runs in the simulator as well as between real processes.
 *
 * Bytes of a stream are never lost singly or changed, because TCP would not let that happen: what
 * is dropped takes everything behind it along, and the connection stays open and silent. All
 * chances are drawn from one seed, in the order in which things happen.
 */
#ifndef RPC_CHAOS_H
#define RPC_CHAOS_H

#include "io/io.h"

enum {
	RPC_CHAOS_PPM = 1000000,              /* chances (_ppm) are in millionths */
	RPC_CHAOS_READ_BYTES = 64 << 10,      /* a piece at most */
	RPC_CHAOS_QUEUE_BYTES_MAX = 1 << 20,  /* late bytes of one way; then it stops reading */
	RPC_CHAOS_LINKS_MAX = 16384,          /* connections at once; more are reset */
	RPC_CHAOS_PAUSE_MS = 20,              /* when accepting failed */
	RPC_CHAOS_SLICES_PER_S = 50,          /* of a rate: how evenly bytes trickle */
};

struct rpc_chaos_options {
	uint64_t delay_ms;      /* of each piece, each way */
	uint64_t jitter_ms;     /* at most so much more, evenly; order is kept */
	uint64_t bytes_per_s;   /* each way of each connection; 0: no limit */
	uint32_t refuse_ppm;    /* a new connection is reset at once */
	uint32_t reset_ppm;     /* a piece resets its connection instead of passing */
	uint32_t drop_ppm;      /* a piece and all behind it vanish; the connection stays open */
	uint32_t half_open_ppm; /* a connection whose sides do not learn of each other's end */
	bool split;             /* pieces are cut at any byte */
	uint64_t seed;          /* 0: one by chance */
};

/* How often what happened. */
struct rpc_chaos_counts {
	uint64_t connections, pieces, bytes;
	uint64_t refused, resets, drops, half_open;
	uint64_t unreachable; /* the other address could not be connected to */
};

struct rpc_chaos;

/* Listens and passes on from now on. Everything is copied. */
int rpc_chaos_new(struct rpc_chaos **chaos, struct io *io, const struct io_address *listen,
		  const struct io_address *to, const struct rpc_chaos_options *options,
		  struct gw_error *error) GW_MUST_CHECK;

/* Where it listens: the port that was chosen, if it was 0. */
void rpc_chaos_address(struct rpc_chaos *chaos, struct io_address *address);

/* How it behaves from now on, also to connections that are open; the seed goes on. For tests: a
 * partition is drop_ppm of RPC_CHAOS_PPM for a while. */
void rpc_chaos_set(struct rpc_chaos *chaos, const struct rpc_chaos_options *options);

struct rpc_chaos_counts rpc_chaos_counts(const struct rpc_chaos *chaos);

/* Resets all connections now; new ones are accepted. */
void rpc_chaos_reset_all(struct rpc_chaos *chaos);

/* Resets all connections, listens no more, and frees it when nothing is under way any more; then
 * calls gone(context), maybe inside this call. gone may be NULL. */
void rpc_chaos_stop(struct rpc_chaos *chaos, void (*gone)(void *context), void *context);

#endif
