/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sieve.c - prime numbers by a chain of tasks, one for each prime.
 *
 *     cc sieve.c -o sieve $(pkg-config --cflags --libs groundwork)
 *     ./sieve 100
 *
 * The first task sends 2, 3, 4, ... Each other one takes the first number it gets for a prime and
 * lets through only what that does not divide. All of them run for ever; leaving their group ends
 * them.
 */
#include <groundwork/task.h>

#include <stdio.h>
#include <stdlib.h>

enum { PRIMES_MAX = 10000 };

struct filter {
	struct gw_chan *in, *out;
	long prime;
};

static int count_up(void *argument)
{
	long number = 2;

	while (gw_send(argument, &number, GW_FOREVER) == 0)
		number++;
	return 0;
}

static int let_through(void *argument)
{
	struct filter *filter = argument;
	long number;

	while (gw_receive(filter->in, &number, GW_FOREVER) == 0) {
		if (number % filter->prime != 0 &&
		    gw_send(filter->out, &number, GW_FOREVER) < 0)
			break;
	}
	return 0;
}

/* chans[i] carries what the first i primes do not divide. */
static int sieve(struct gw_group *group, struct gw_chan **chans, struct filter *filters,
		 size_t count)
{
	int result = gw_spawn(group, count_up, chans[0], NULL);

	for (size_t i = 0; result == 0 && i < count; i++) {
		filters[i] = (struct filter){chans[i], chans[i + 1], 0};
		result = gw_receive(chans[i], &filters[i].prime, GW_FOREVER);
		if (result < 0)
			break;
		printf("%ld\n", filters[i].prime);
		result = gw_spawn(group, let_through, &filters[i], NULL);
	}
	return result;
}

static int first(void *argument)
{
	size_t count = *(size_t *)argument;
	struct gw_group group = {.name = "sieve"};
	struct gw_chan **chans = calloc(count + 1, sizeof(*chans));
	struct filter *filters = calloc(count + 1, sizeof(*filters));
	int result = chans && filters ? 0 : GW_E_NO_MEMORY;

	for (size_t i = 0; result == 0 && i <= count; i++) {
		chans[i] = gw_chan_new(sizeof(long), 0, NULL);
		result = chans[i] ? 0 : GW_E_NO_MEMORY;
	}
	if (result == 0)
		result = sieve(&group, chans, filters, count);
	(void)gw_group_done(&group);
	for (size_t i = 0; chans && i <= count; i++)
		gw_chan_unref(chans[i]);
	free(chans);
	free(filters);
	return result;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 25;

	return -gw_run(first, &(size_t){count < PRIMES_MAX ? count : PRIMES_MAX}, NULL, NULL);
}
