/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_test.c - the simulated io passes the suite of io.h: in a tame world, and with sizes
 * and delays as several seeds draw them.
 */
#include "io/conformance_fixture.h"
#include "sim/sim.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { VARIED_SEEDS = 2 };

struct own {
	struct sim *sim;
	bool stopped;
	unsigned addresses;
};

/* The maker of one run of the suite. */
struct sim_maker {
	struct io_maker maker; /* first */
	uint64_t seed;         /* 0: all defaults */
};

static struct io *make(const struct io_maker *maker, void **world)
{
	const struct sim_maker *own_maker = (const struct sim_maker *)maker;
	struct own *own = calloc(1, sizeof(*own));
	struct sim_options options = {0};
	struct sim_node *node;

	assert_non_null(own);
	if (own_maker->seed > 0)
		sim_options_vary(&options, own_maker->seed);
	options.without_direct = false;
	own->sim = sim_new(own_maker->seed, &options, NULL);
	assert_non_null(own->sim);
	node = sim_node_add(own->sim, "node", NULL);
	sim_node_start(node);
	*world = own;
	return sim_node_io(node);
}

static void release(void *world, struct io *io)
{
	struct own *own = (struct own *)world;

	(void)io;
	sim_free(own->sim);
	free(own);
}

static void run(void *world, struct io *io)
{
	struct own *own = (struct own *)world;

	(void)io;
	own->stopped = false;
	while (!own->stopped && sim_step(own->sim))
		;
}

static void stop(void *world, struct io *io)
{
	(void)io;
	((struct own *)world)->stopped = true;
}

static void address(void *world, uint16_t family, struct io_address *address_out)
{
	struct own *own = (struct own *)world;

	*address_out = (struct io_address){.family = family};
	if (family == IO_FAMILY_UNIX)
		snprintf(address_out->path, sizeof(address_out->path), "socket-%u",
			 ++own->addresses);
	else
		memcpy(address_out->ip, (uint8_t[4]){127, 0, 0, 1}, 4);
}

int main(void)
{
	static const struct sim_maker tame = {
		.maker = {
			.name = "sim",
			.lacks = IO_LACKS_PROCESSES | IO_LACKS_POLL_FD | IO_LACKS_THREADS,
			.make = make,
			.release = release,
			.run = run,
			.stop = stop,
			.address = address,
		},
	};
	struct sim_maker worlds[1 + VARIED_SEEDS];
	const struct io_maker *makers[1 + VARIED_SEEDS];

	for (uint64_t seed = 0; seed <= VARIED_SEEDS; seed++) {
		worlds[seed] = tame;
		worlds[seed].seed = seed;
		makers[seed] = &worlds[seed].maker;
	}
	return io_conformance(makers, 1 + VARIED_SEEDS);
}
