/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear.c - searches an order of the operations of one key that explains their replies.
 *
 * Calls and replies of the key stand in a list in order of time. Whichever operation comes first
 * in the order has its call before the first reply in the list; each such one is tried: if its
 * reply fits the state, both its entries leave the list, and the search goes on from the new
 * state. When the list begins with a reply whose operation does not fit, the last choice is taken
 * back. A pair (set of operations that left, state) that was met before led nowhere, so it is not
 * entered again; that is what keeps the search short. All is found when no reply is left:
 * operations without reply need not have happened.
 *
 * Shortcuts that change no answer. An operation without reply is taken only when it changes
 * the state. Of several equal ones without reply the one that was called first goes first. One
 * that only asked goes as soon as its reply fits: in any order that is right and has it later, it
 * can be moved here; so nothing else is tried in its place. A counter that only rises must not
 * rise above what an operation that is still to come has found.
 */
#include "sim/linear_model.h"

#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

enum {
	NONE = 0,             /* a list entry that is not there; entry 0 is the head */
	DESCRIBED_BYTES = 256,
	HEAD_WORDS = 2,
};

/* One operation of the key that is searched. */
struct item {
	const struct sim_history_entry *entry;
	uint32_t call, reply; /* its entries in the list; reply NONE: it has none */
	uint32_t twin;        /* the equal one without reply before it, + 1; 0: none */
	uint32_t rank;        /* in by_need */
	bool taken;
};

struct choice {
	uint32_t item;
	uint32_t state; /* before it */
	bool only;      /* no other choice need be tried instead */
};

struct search {
	const struct sim_linear_limits *limits;
	struct item *items;
	uint32_t count;
	/* The list; entries are numbered in order of time. */
	uint32_t *next, *previous;
	uint32_t *item_of; /* entry -> item */
	struct choice *choices; /* taken so far, in order */
	uint32_t depth;
	uint32_t replies_left;
	struct sim_model model;
	/* (set, state) met so far. */
	struct base_map seen;
	uint64_t *set; /* a bit an item; HEAD_WORDS more words are in front of it */
	size_t set_words;
	/* A counter that only rises: its operations whose reply is checked, by the number that they
	 * must find, and the first of them that is not taken. NULL: another key. */
	uint32_t *by_need;
	uint32_t need_count, need_first;
	/* The operation that could not be placed when most were. */
	uint32_t deepest, blocked;
};

/* ---- The list and the sets met so far ------------------------------------------------------ */

static void unlink_entry(struct search *search, uint32_t at)
{
	assert(at != NONE);
	search->next[search->previous[at]] = search->next[at];
	search->previous[search->next[at]] = search->previous[at];
}

static void relink_entry(struct search *search, uint32_t at)
{
	search->next[search->previous[at]] = at;
	search->previous[search->next[at]] = at;
}

static void take(struct search *search, uint32_t number)
{
	struct item *item = &search->items[number];

	assert(!item->taken);
	item->taken = true;
	search->set[number / 64] |= UINT64_C(1) << number % 64;
	unlink_entry(search, item->call);
	if (item->reply != NONE) {
		unlink_entry(search, item->reply);
		search->replies_left--;
	}
}

static void put_back(struct search *search, uint32_t number)
{
	struct item *item = &search->items[number];

	assert(item->taken);
	item->taken = false;
	if (item->rank < search->need_first)
		search->need_first = item->rank;
	search->set[number / 64] &= ~(UINT64_C(1) << number % 64);
	if (item->reply != NONE) {
		relink_entry(search, item->reply);
		search->replies_left++;
	}
	relink_entry(search, item->call);
}

/*
 * Remembers the set as it is, with a state: 1 when it is new, 0 when not, or a code. Words at its
 * beginning of which all are taken, and at its end of which none is, are only counted, so that
 * long histories need little. The head of what is stored stands for a moment in the words before
 * it.
 */
static int remember(struct search *search, uint32_t state)
{
	size_t begin = 0, end = search->set_words;
	uint64_t saved[HEAD_WORDS], *head;
	struct gw_bytes key;
	int code;

	while (end > 0 && search->set[end - 1] == 0)
		end--;
	while (begin < end && search->set[begin] == UINT64_MAX)
		begin++;
	head = search->set + begin - HEAD_WORDS;
	memcpy(saved, head, sizeof(saved));
	head[0] = begin;
	head[1] = state;
	key = (struct gw_bytes){head, (end - begin + HEAD_WORDS) * sizeof(*head)};
	if (base_map_find(&search->seen, key, NULL))
		code = 0;
	else if (search->seen.count >= search->limits->seen_max)
		code = GW_E_TOO_LARGE;
	else
		code = base_map_put(&search->seen, key, NULL, NULL) < 0 ? GW_E_NO_MEMORY : 1;
	memcpy(head, saved, sizeof(saved));
	return code;
}

/* ---- Counters that only rise --------------------------------------------------------------- */

/* Whether the reply says what number the operation found. */
static bool needs(const struct item *item)
{
	return item->reply != NONE && !item->entry->reply.unchecked;
}

static int64_t need_of(const struct item *item)
{
	return item->entry->reply.number - item->entry->operation.number;
}

static int compare_needs(const void *left, const void *right, void *context)
{
	const struct search *search = context;
	int64_t a = need_of(&search->items[*(const uint32_t *)left]);
	int64_t b = need_of(&search->items[*(const uint32_t *)right]);

	return a < b ? -1 : a > b;
}

/* Sorts by_need when the key is such a counter. */
static int sort_needs(struct search *search)
{
	for (uint32_t i = 0; i < search->count; i++) {
		const struct sim_operation *operation = &search->items[i].entry->operation;

		if (operation->kind != SIM_ADD || operation->number < 0)
			return 0;
	}
	search->by_need = malloc(search->count * sizeof(*search->by_need));
	if (!search->by_need)
		return GW_E_NO_MEMORY;
	for (uint32_t i = 0; i < search->count; i++) {
		search->items[i].rank = UINT32_MAX;
		if (needs(&search->items[i]))
			search->by_need[search->need_count++] = i;
	}
	qsort_r(search->by_need, search->need_count, sizeof(*search->by_need), compare_needs,
		search);
	for (uint32_t i = 0; i < search->need_count; i++)
		search->items[search->by_need[i]].rank = i;
	return 0;
}

/* Whether the counter has risen above what an operation that is still to come must find. */
static bool too_high(struct search *search, uint32_t state)
{
	uint32_t first;

	while (search->need_first < search->need_count &&
	       search->items[search->by_need[search->need_first]].taken)
		search->need_first++;
	if (search->need_first == search->need_count)
		return false;
	first = search->by_need[search->need_first];
	return sim_model_number(&search->model, state) > need_of(&search->items[first]);
}

/* ---- The search -------------------------------------------------------------------------- */

/* Whether the operation may be the next one, and if so what state it leads to; as apply. */
static int try_item(struct search *search, uint32_t number, uint32_t from, uint32_t *to)
{
	const struct item *item = &search->items[number];
	int code;

	if (item->twin && !search->items[item->twin - 1].taken)
		return 0;
	code = sim_model_apply(&search->model, item->entry, from, to);
	if (code <= 0)
		return code;
	if (item->reply == NONE && *to == from)
		return 0;
	take(search, number);
	code = search->by_need && too_high(search, *to) ? 0 : remember(search, *to);
	if (code <= 0)
		put_back(search, number);
	return code;
}

/* Whether the operation, as it was answered, changes no state at all. */
static bool only_asked(const struct sim_history_entry *entry)
{
	bool denied = entry->state == SIM_HISTORY_REPLIED && !entry->reply.unchecked &&
		      !entry->reply.found;

	switch (entry->operation.kind) {
	case SIM_GET:
		return true;
	case SIM_ADD:
		return entry->operation.number == 0;
	case SIM_CAS:
	case SIM_DELETE:
		return denied;
	default:
		return false;
	}
}

/* Takes the last choice back that was one of several, and those behind it; false: there is none. */
static bool take_back(struct search *search, uint32_t *number)
{
	const struct choice *choice;

	do {
		if (search->depth == 0)
			return false;
		choice = &search->choices[--search->depth];
		put_back(search, choice->item);
	} while (choice->only);
	*number = choice->item;
	return true;
}

/* 1: an order was found, 0: there is none, or a code. */
static int find_order(struct search *search)
{
	uint32_t state = SIM_MODEL_ABSENT, at = search->next[NONE], to;

	while (search->replies_left > 0) {
		uint32_t number = search->item_of[at];
		int code;

		assert(at != NONE);
		if (at != search->items[number].call) {
			if (search->depth >= search->deepest) {
				search->deepest = search->depth;
				search->blocked = number;
			}
			if (!take_back(search, &number))
				return 0;
			state = search->choices[search->depth].state;
			at = search->next[search->items[number].call];
			continue;
		}
		code = try_item(search, number, state, &to);
		if (code < 0)
			return code;
		if (code == 0) {
			at = search->next[at];
			continue;
		}
		assert(search->depth < search->count);
		search->choices[search->depth++] = (struct choice){
			number, state, only_asked(search->items[number].entry)};
		state = to;
		at = search->next[NONE];
	}
	return 1;
}

/* ---- One key ----------------------------------------------------------------------------- */

static bool equal(struct gw_bytes a, struct gw_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool twins(const struct item *a, const struct item *b)
{
	const struct sim_operation *x = &a->entry->operation, *y = &b->entry->operation;

	return a->reply == NONE && b->reply == NONE && x->kind == y->kind &&
	       x->number == y->number && x->expects_none == y->expects_none &&
	       equal(x->argument, y->argument) && equal(x->expected, y->expected);
}

/* A call or a reply, before the list is made. */
struct event {
	uint64_t at;
	uint32_t item;
	bool is_reply;
};

static int compare_events(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* Links all calls and replies in order of time. */
static void make_list(struct search *search, struct event *events)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < search->count; i++) {
		const struct sim_history_entry *entry = search->items[i].entry;

		events[count++] = (struct event){entry->called, i, false};
		if (entry->state == SIM_HISTORY_REPLIED)
			events[count++] = (struct event){entry->replied, i, true};
	}
	qsort(events, count, sizeof(*events), compare_events);
	for (uint32_t at = 1; at <= count; at++) {
		const struct event *event = &events[at - 1];
		struct item *item = &search->items[event->item];

		*(event->is_reply ? &item->reply : &item->call) = at;
		search->item_of[at] = event->item;
		search->replies_left += event->is_reply;
	}
	for (uint32_t at = 0; at <= count; at++) {
		search->next[at] = at < count ? at + 1 : NONE;
		search->previous[at] = at > 0 ? at - 1 : count;
	}
}

static void link_twins(struct search *search)
{
	for (uint32_t i = 0; i < search->count; i++) {
		if (search->items[i].reply != NONE)
			continue;
		for (uint32_t j = i; j-- > 0 && !search->items[i].twin;) {
			if (twins(&search->items[i], &search->items[j]))
				search->items[i].twin = j + 1;
		}
	}
}

static void search_done(struct search *search)
{
	free(search->by_need);
	free(search->items);
	free(search->next);
	free(search->previous);
	free(search->item_of);
	free(search->choices);
	free(search->set ? search->set - HEAD_WORDS : NULL);
	sim_model_done(&search->model);
	base_map_done(&search->seen);
}

static int search_begin(struct search *search, const uint32_t *numbers,
			const struct sim_history *history)
{
	size_t entries = 2 * (size_t)search->count + 1;
	struct event *events = calloc(entries, sizeof(*events));
	uint64_t *words;

	search->set_words = (search->count + 63) / 64;
	search->items = calloc(search->count, sizeof(*search->items));
	search->next = calloc(entries, sizeof(*search->next));
	search->previous = calloc(entries, sizeof(*search->previous));
	search->item_of = calloc(entries, sizeof(*search->item_of));
	search->choices = calloc(search->count, sizeof(*search->choices));
	words = calloc(search->set_words + HEAD_WORDS, sizeof(*words));
	search->set = words ? words + HEAD_WORDS : NULL;
	if (!events || !search->items || !search->next || !search->previous || !search->item_of ||
	    !search->choices || !search->set || sim_model_init(&search->model) < 0) {
		free(events);
		return GW_E_NO_MEMORY;
	}
	for (uint32_t i = 0; i < search->count; i++)
		search->items[i].entry = &history->entries[numbers[i]];
	make_list(search, events);
	free(events);
	link_twins(search);
	return sort_needs(search);
}

static int fail_search(const struct search *search, int code, struct gw_error *error)
{
	const struct item *blocked = &search->items[search->blocked];
	struct gw_bytes key = blocked->entry->operation.key;
	char text[DESCRIBED_BYTES];

	sim_history_describe(blocked->entry, text, sizeof(text));
	if (code == GW_E_TOO_LARGE)
		return gw_fail(error, code,
			       "key %.*s: undecided after %zu sets of its %u operations",
			       (int)key.size, (const char *)key.data, search->seen.count,
			       search->count);
	return gw_fail(error, GW_E_CORRUPT,
		       "key %.*s: not linearizable: %s fits nowhere behind the first %u of %u "
		       "operations",
		       (int)key.size, (const char *)key.data, text, search->deepest,
		       search->count);
}

static int check_key(const struct sim_history *history, const struct sim_linear_limits *limits,
		     const uint32_t *numbers, size_t count, struct gw_error *error)
{
	struct search search = {.limits = limits,
				.count = (uint32_t)count,
				.model = {.value_bytes_max = limits->value_bytes_max}};
	int code = search_begin(&search, numbers, history);

	if (code == 0)
		code = find_order(&search);
	if (code == GW_E_NO_MEMORY)
		code = gw_fail(error, code, "no memory to check %zu operations", count);
	else if (code <= 0)
		code = fail_search(&search, code, error);
	search_done(&search);
	return code < 0 ? code : 0;
}

/* ---- All keys ---------------------------------------------------------------------------- */

static int compare_keys(const struct sim_history *history, uint32_t a, uint32_t b)
{
	return gw_bytes_compare(history->entries[a].operation.key,
				history->entries[b].operation.key);
}

static int by_key(const void *left, const void *right, void *context)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = compare_keys(context, a, b);

	return order != 0 ? order : a < b ? -1 : a > b;
}

/* Whether the operation bears on the answer: what did not happen does not, nor does a question
 * that nobody answered. */
static bool matters(const struct sim_history_entry *entry)
{
	return entry->state == SIM_HISTORY_REPLIED ||
	       (entry->state == SIM_HISTORY_OPEN && entry->operation.kind != SIM_GET);
}

static int check_kinds(const struct sim_history *history, const uint32_t *numbers, size_t count,
		       struct gw_error *error)
{
	size_t counts = 0;

	for (size_t i = 0; i < count; i++)
		counts += history->entries[numbers[i]].operation.kind == SIM_ADD;
	if (counts > 0 && counts < count) {
		struct gw_bytes key = history->entries[numbers[0]].operation.key;

		return gw_fail(error, GW_E_INVALID, "key %.*s is both a value and a counter",
			       (int)key.size, (const char *)key.data);
	}
	return 0;
}

int sim_linear_check(const struct sim_history *history, const struct sim_linear_limits *wanted,
		     struct gw_error *error)
{
	struct sim_linear_limits limits = wanted ? *wanted : (struct sim_linear_limits){0};
	uint32_t *numbers = malloc((history->count + 1) * sizeof(*numbers));
	size_t count = 0, end;
	int code = 0;

	if (!numbers)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to check a history");
	if (!limits.seen_max)
		limits.seen_max = SIM_LINEAR_SEEN_MAX;
	if (!limits.value_bytes_max)
		limits.value_bytes_max = SIM_LINEAR_VALUE_BYTES_MAX;
	for (size_t i = 0; i < history->count; i++) {
		if (matters(&history->entries[i]))
			numbers[count++] = (uint32_t)i;
	}
	qsort_r(numbers, count, sizeof(*numbers), by_key, (void *)(uintptr_t)history);
	for (size_t begin = 0; begin < count && code == 0; begin = end) {
		for (end = begin + 1;
		     end < count && compare_keys(history, numbers[begin], numbers[end]) == 0;)
			end++;
		code = check_kinds(history, numbers + begin, end - begin, error);
		if (code == 0)
			code = check_key(history, &limits, numbers + begin, end - begin, error);
	}
	free(numbers);
	return code;
}
