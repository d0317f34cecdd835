/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switches.c - see switches.h. Whether a rare path is taken in a seed, and how often, follows
 * from the seed and its name alone, so one more switch somewhere does not change the others.
 */
#include "sim/switches.h"

static uint64_t hash_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	return hash;
}

/* The one that the code calls name; NULL when there is no place for another. */
static struct sim_switch *find(struct sim_switches *switches, const char *name, uint8_t kind)
{
	struct sim_switch *item;
	uint64_t drawn;

	for (size_t i = 0; i < switches->count; i++) {
		item = &switches->items[i];
		if (item->kind == kind &&
		    (item->literal == name || strcmp(item->literal, name) == 0))
			return item;
	}
	if (switches->count == SIM_SWITCHES_MAX)
		return NULL;
	item = &switches->items[switches->count++];
	*item = (struct sim_switch){.literal = name, .kind = kind};
	drawn = sim_mix(hash_name(name) ^ sim_mix(switches->seed));
	if (kind == SIM_SWITCH_RARE && !switches->without_rare &&
	    drawn % 100 < SIM_SWITCH_ON_PERCENT)
		item->ppm = 1 + (uint32_t)(drawn >> 32) % SIM_SWITCH_RARE_PPM_MAX;
	return item;
}

static bool rare_taken(struct io_rare *rare, const char *name)
{
	struct sim_switches *switches = (struct sim_switches *)rare;
	struct sim_switch *item = find(switches, name, SIM_SWITCH_RARE);

	if (!item || !sim_random_chance(&switches->random, item->ppm))
		return false;
	item->count++;
	return true;
}

static bool bug_planted(struct io_rare *rare, const char *name)
{
	struct sim_switches *switches = (struct sim_switches *)rare;
	struct sim_switch *item;

	if (!switches->bug || strcmp(switches->bug, name) != 0)
		return false;
	item = find(switches, name, SIM_SWITCH_BUG);
	if (item)
		item->count++;
	return true;
}

static void probe_reached(struct io_rare *rare, const char *name)
{
	struct sim_switch *item = find((struct sim_switches *)rare, name, SIM_SWITCH_PROBE);

	if (item)
		item->count++;
}

void sim_switches_init(struct sim_switches *switches, uint64_t seed, const char *bug)
{
	*switches = (struct sim_switches){
		.rare = {rare_taken, bug_planted, probe_reached},
		.seed = seed,
		.bug = bug,
	};
	sim_random_seed(&switches->random, seed, hash_name("switches"));
}
