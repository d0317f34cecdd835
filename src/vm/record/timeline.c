/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.c - photographs, each with the pages that were changed behind it, as they were then.
 * `now` is RAM at the last of them, so that a page need not be copied before it is written.
 */
#include "timeline.h"

#include "photo.h"

#include "vm/host/system.h"

#include <assert.h>
#include <stdlib.h>

enum { PHOTOS_MIN = 4 };

/* Before a place one went back to, at these distances, there are photographs: who steps back once
 * does so again. */
static const uint64_t near_by[] = {1 << 21, 1 << 16, 1 << 11};

struct shot {
	struct vm_photo photo;
	unsigned layers;   /* of the disk, when it was taken */
	uint32_t *pages;   /* that were changed until the next */
	uint8_t *contents; /* as they were */
	size_t page_count;
};

struct vm_timeline {
	struct vm_replay *replay;
	struct vm_timeline_options options;
	struct shot shots[VM_TIMELINE_PHOTOS_MAX];
	unsigned shot_count;
	uint8_t *now;
	struct vm_page_set changed; /* since the last */
	uint64_t bytes;
};

/* ---- Taken ----------------------------------------------------------------------------------- */

static uint64_t shot_bytes(const struct shot *shot)
{
	return vm_photo_bytes(&shot->photo) +
	       shot->page_count * (VM_PAGE_BYTES + sizeof(*shot->pages));
}

static void free_pages(struct shot *shot)
{
	free(shot->pages);
	free(shot->contents);
	shot->pages = NULL;
	shot->contents = NULL;
	shot->page_count = 0;
}

static void free_shot(struct vm_timeline *timeline, struct shot *shot)
{
	timeline->bytes -= shot_bytes(shot);
	free_pages(shot);
	vm_photo_done(&shot->photo);
}

static const uint8_t *ram(const struct vm_timeline *timeline)
{
	return timeline->replay->setup.ram;
}

/* The last shot gets what was changed behind it, and `now` is of this moment. */
static int keep_changed(struct vm_timeline *timeline, struct gw_error *error)
{
	struct shot *last = &timeline->shots[timeline->shot_count - 1];
	const struct vm_page_set *changed = &timeline->changed;

	assert(timeline->shot_count > 0 && last->page_count == 0);
	if (changed->count == 0)
		return 0;
	last->pages = malloc(changed->count * sizeof(*last->pages));
	last->contents = malloc(changed->count * (size_t)VM_PAGE_BYTES);
	if (!last->pages || !last->contents) {
		free_pages(last);
		return gw_fail(error, GW_E_NO_MEMORY, "a snapshot: out of memory");
	}
	for (size_t at = 0; at < changed->count; at++) {
		size_t offset = changed->numbers[at] * (size_t)VM_PAGE_BYTES;

		last->pages[at] = changed->numbers[at];
		memcpy(last->contents + at * VM_PAGE_BYTES, timeline->now + offset, VM_PAGE_BYTES);
		memcpy(timeline->now + offset, ram(timeline) + offset, VM_PAGE_BYTES);
	}
	last->page_count = changed->count;
	timeline->bytes += changed->count * (VM_PAGE_BYTES + sizeof(*last->pages));
	vm_page_set_clear(&timeline->changed);
	return 0;
}

static int shoot(struct vm_timeline *timeline, struct gw_error *error)
{
	struct vm_replay *replay = timeline->replay;
	struct shot *shot = &timeline->shots[timeline->shot_count];
	int code;

	assert(timeline->shot_count < timeline->options.photos_max);
	(void)vm_ram_hash_now(&replay->ram);
	code = vm_photo_take(&shot->photo, replay, error);
	if (code < 0)
		return code;
	if (replay->disk)
		code = vm_overlay_push(replay->disk, error);
	if (code == 0 && timeline->shot_count > 0)
		code = keep_changed(timeline, error);
	if (code < 0) {
		vm_photo_done(&shot->photo);
		return code;
	}
	shot->layers = replay->disk ? vm_overlay_layers(replay->disk) : 0;
	timeline->shot_count++;
	timeline->bytes += shot_bytes(shot);
	return 0;
}

/* ---- Given up -------------------------------------------------------------------------------- */

/* Pages of a shot that the one before has not, as they were the same then. */
static int inherit(struct vm_timeline *timeline, struct shot *heir, const struct shot *shot,
		   struct gw_error *error)
{
	size_t most = heir->page_count + shot->page_count;
	uint32_t *pages = realloc(heir->pages, (most ? most : 1) * sizeof(*pages));
	uint8_t *contents = realloc(heir->contents, (most ? most : 1) * VM_PAGE_BYTES);
	struct vm_page_set has;
	int code;

	heir->pages = pages ? pages : heir->pages;
	heir->contents = contents ? contents : heir->contents;
	if (!pages || !contents)
		return gw_fail(error, GW_E_NO_MEMORY, "a snapshot: out of memory");
	code = vm_page_set_start(&has, timeline->changed.page_count, error);
	if (code < 0)
		return code;
	for (size_t at = 0; at < heir->page_count; at++)
		(void)vm_page_set_add(&has, pages[at]);
	for (size_t at = 0; at < shot->page_count; at++) {
		if (!vm_page_set_add(&has, shot->pages[at]))
			continue;
		memcpy(contents + heir->page_count * (size_t)VM_PAGE_BYTES,
		       shot->contents + at * VM_PAGE_BYTES, VM_PAGE_BYTES);
		pages[heir->page_count++] = shot->pages[at];
	}
	vm_page_set_done(&has);
	return 0;
}

static int give_up(struct vm_timeline *timeline, unsigned number, struct gw_error *error)
{
	struct shot *shot = &timeline->shots[number], *heir = shot - 1;
	uint64_t heirs = shot_bytes(heir);
	int code = 0;

	assert(number > 0 && number < timeline->shot_count - 1);
	if (timeline->replay->disk) {
		code = vm_overlay_merge(timeline->replay->disk, shot->layers - 1);
		if (code < 0)
			return gw_fail(error, code, "a snapshot's disk: %s", gw_code_text(code));
	}
	code = inherit(timeline, heir, shot, error);
	if (code < 0)
		return code;
	timeline->bytes += shot_bytes(heir) - heirs;
	free_shot(timeline, shot);
	timeline->shot_count--;
	memmove(shot, shot + 1, (timeline->shot_count - number) * sizeof(*shot));
	for (unsigned at = number; timeline->replay->disk && at < timeline->shot_count; at++)
		timeline->shots[at].layers--;
	return 0;
}

static int make_room(struct vm_timeline *timeline, struct gw_error *error)
{
	const struct vm_timeline_options *options = &timeline->options;
	int code = 0;

	while (code == 0 && timeline->shot_count >= PHOTOS_MIN &&
	       (timeline->shot_count == options->photos_max ||
		timeline->bytes > options->bytes_max)) {
		for (unsigned at = 1; code == 0 && at < timeline->shot_count - 1; at++)
			code = give_up(timeline, at, error);
		timeline->options.interval *= 2;
	}
	return code;
}

/* ---- Restored -------------------------------------------------------------------------------- */

static void put_page(struct vm_timeline *timeline, uint64_t number, const uint8_t *content)
{
	memcpy(timeline->replay->setup.ram + number * VM_PAGE_BYTES, content, VM_PAGE_BYTES);
	vm_ram_hash_look(&timeline->replay->ram, number);
}

/* To a shot; those behind it are gone. */
static int restore(struct vm_timeline *timeline, unsigned number, struct gw_error *error)
{
	struct vm_replay *replay = timeline->replay;
	struct shot *shot = &timeline->shots[number];

	(void)vm_ram_hash_now(&replay->ram);
	for (size_t at = 0; at < timeline->changed.count; at++) {
		uint64_t page = timeline->changed.numbers[at];

		put_page(timeline, page, timeline->now + page * VM_PAGE_BYTES);
	}
	vm_page_set_clear(&timeline->changed);
	for (unsigned back = timeline->shot_count; back-- > number;) {
		const struct shot *from = &timeline->shots[back];

		for (size_t at = 0; at < from->page_count; at++) {
			const uint8_t *content = from->contents + at * VM_PAGE_BYTES;
			uint64_t page = from->pages[at];

			memcpy(timeline->now + page * VM_PAGE_BYTES, content, VM_PAGE_BYTES);
			put_page(timeline, page, content);
		}
	}
	while (timeline->shot_count > number + 1)
		free_shot(timeline, &timeline->shots[--timeline->shot_count]);
	timeline->bytes -= shot->page_count * (VM_PAGE_BYTES + sizeof(*shot->pages));
	free_pages(shot);
	if (replay->disk) {
		int code = vm_overlay_return(replay->disk, shot->layers, error);

		if (code < 0)
			return code;
	}
	return vm_photo_restore(&shot->photo, replay, error);
}

/* The last shot at or before a count. */
static unsigned shot_before(const struct vm_timeline *timeline, uint64_t count)
{
	unsigned number = timeline->shot_count - 1;

	while (number > 0 && timeline->shots[number].photo.count > count)
		number--;
	return number;
}

/* ---- Made ------------------------------------------------------------------------------------ */

int vm_timeline_new(struct vm_timeline **out, struct vm_replay *replay,
		    const struct vm_timeline_options *options, struct gw_error *error)
{
	struct vm_timeline *timeline = calloc(1, sizeof(*timeline));
	uint64_t size = replay->setup.ram_size;
	int code;

	if (!timeline)
		return gw_fail(error, GW_E_NO_MEMORY, "snapshots: out of memory");
	timeline->replay = replay;
	timeline->options = *options;
	if (!options->interval)
		timeline->options.interval = VM_TIMELINE_INTERVAL;
	if (!options->bytes_max)
		timeline->options.bytes_max = VM_TIMELINE_BYTES;
	if (!options->photos_max || options->photos_max > VM_TIMELINE_PHOTOS_MAX)
		timeline->options.photos_max = VM_TIMELINE_PHOTOS_MAX;
	assert(timeline->options.photos_max >= PHOTOS_MIN);
	code = vm_page_set_start(&timeline->changed, size / VM_PAGE_BYTES, error);
	if (code == 0)
		code = vm_system_memory(size, &timeline->now, error);
	if (code == 0) {
		(void)vm_ram_hash_now(&replay->ram);
		for (uint64_t page = 0; page < replay->ram.page_count; page++)
			if (replay->ram.pages[page]) /* not all zero */
				memcpy(timeline->now + page * VM_PAGE_BYTES,
				       ram(timeline) + page * VM_PAGE_BYTES, VM_PAGE_BYTES);
		replay->ram.changed = &timeline->changed;
		code = shoot(timeline, error);
	}
	if (code < 0) {
		vm_timeline_free(timeline);
		return code;
	}
	*out = timeline;
	return 0;
}

void vm_timeline_free(struct vm_timeline *timeline)
{
	if (!timeline)
		return;
	while (timeline->shot_count > 0)
		free_shot(timeline, &timeline->shots[--timeline->shot_count]);
	timeline->replay->ram.changed = NULL;
	vm_system_unmap(timeline->now, timeline->replay->setup.ram_size);
	vm_page_set_done(&timeline->changed);
	free(timeline);
}

/* ---- Run ------------------------------------------------------------------------------------- */

static bool interrupted(const struct vm_timeline *timeline)
{
	return timeline->options.interrupted &&
	       timeline->options.interrupted(timeline->options.context);
}

static uint64_t last_shot(const struct vm_timeline *timeline)
{
	return timeline->shots[timeline->shot_count - 1].photo.count;
}

/* A shot is made where one is due. */
static int make_shot(struct vm_timeline *timeline, struct gw_error *error)
{
	int code;

	if (vm_replay_count(timeline->replay) - last_shot(timeline) < timeline->options.interval)
		return 0;
	code = make_room(timeline, error);
	return code < 0 ? code : shoot(timeline, error);
}

int vm_timeline_run(struct vm_timeline *timeline, uint64_t until, struct gw_error *error)
{
	struct vm_replay *replay = timeline->replay;
	int code;

	do {
		uint64_t next = last_shot(timeline) + timeline->options.interval;

		code = vm_replay_run(replay, next < until ? next : until, error);
		if (code == VM_REPLAY_GOES_ON) {
			int made = make_shot(timeline, error);

			code = made < 0 ? made : code;
		}
	} while (code == VM_REPLAY_GOES_ON && vm_replay_count(replay) < until &&
		 !interrupted(timeline));
	return code;
}

/* ---- Gone to --------------------------------------------------------------------------------- */

static int run_past_stops(struct vm_timeline *timeline, uint64_t until, struct gw_error *error)
{
	int code;

	do
		code = vm_timeline_run(timeline, until, error);
	while (code == VM_REPLAY_HIT);
	return code;
}

int vm_timeline_go(struct vm_timeline *timeline, uint64_t count, struct gw_error *error)
{
	int code = VM_REPLAY_GOES_ON;

	assert(count >= vm_timeline_begin(timeline));
	if (count < vm_replay_count(timeline->replay)) {
		code = restore(timeline, shot_before(timeline, count), error);
		for (size_t at = 0; code >= 0 && at < sizeof(near_by) / sizeof(*near_by); at++) {
			if (count < near_by[at] ||
			    count - near_by[at] <= vm_replay_count(timeline->replay))
				continue;
			code = run_past_stops(timeline, count - near_by[at], error);
			if (code >= 0)
				code = make_room(timeline, error);
			if (code >= 0)
				code = shoot(timeline, error);
		}
	}
	return code < 0 ? code : run_past_stops(timeline, count, error);
}

/* The last stop from where it stands to a place before `end`; 1, and where it was met; 0: none. */
static int find_last(struct vm_timeline *timeline, uint64_t end, struct vm_hit *hit,
		     uint64_t *count, struct gw_error *error)
{
	struct vm_replay *replay = timeline->replay;
	struct vm_cpu *cpu = vm_machine_cpu(replay->machine);
	int code, found = 0;

	while ((code = vm_timeline_run(timeline, end, error)) == VM_REPLAY_HIT) {
		*hit = vm_cpu_hit(cpu);
		*count = vm_replay_count(replay);
		found = 1;
	}
	return code < 0 ? code : found;
}

/* To a stop that was met; a break's as it was met, for an interrupt may lead to it at its count. */
static int go_to_stop(struct vm_timeline *timeline, struct vm_hit hit, uint64_t count,
		      struct gw_error *error)
{
	int code;

	if (hit.kind != VM_HIT_BREAK)
		return vm_timeline_go(timeline, count + 1, error); /* behind the access */
	code = vm_timeline_go(timeline, count > vm_timeline_begin(timeline) ? count - 1 : count,
			      error);
	while (code >= 0 && (code = vm_timeline_run(timeline, count + 1, error)) == VM_REPLAY_HIT &&
	       vm_replay_count(timeline->replay) < count)
		continue;
	return code;
}

int vm_timeline_back(struct vm_timeline *timeline, struct vm_hit *hit, struct gw_error *error)
{
	uint64_t end = vm_replay_count(timeline->replay), count = 0;

	for (;;) {
		unsigned from = shot_before(timeline, end > 0 ? end - 1 : 0);
		uint64_t begin = timeline->shots[from].photo.count;
		int code = restore(timeline, from, error);

		if (code == 0)
			code = find_last(timeline, end, hit, &count, error);
		if (code > 0) {
			code = go_to_stop(timeline, *hit, count, error);
			return code < 0 ? code : VM_REPLAY_HIT;
		}
		if (code == 0 && (from == 0 || interrupted(timeline)))
			code = restore(timeline, from, error);
		else if (code == 0) {
			end = begin;
			continue;
		}
		return code < 0 ? code : VM_REPLAY_GOES_ON;
	}
}

/* ---- Asked ----------------------------------------------------------------------------------- */

uint64_t vm_timeline_begin(const struct vm_timeline *timeline)
{
	return timeline->shots[0].photo.count;
}

unsigned vm_timeline_photos(const struct vm_timeline *timeline)
{
	return timeline->shot_count;
}
