/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear_history.c - records what clients asked and were told, for linear.c to check.
 */
#include "sim/linear_history.h"

#include "base/allocate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_BYTES_MAX = 24 }; /* of a value in a sentence */

static bool copy(struct sim_history *history, struct gw_bytes *bytes)
{
	if (bytes->size == 0) {
		bytes->data = NULL;
		return true;
	}
	bytes->data = base_arena_copy(&history->bytes, *bytes);
	return bytes->data != NULL;
}

int sim_history_call(struct sim_history *history, const struct sim_operation *operation)
{
	struct sim_history_entry entry = {.operation = *operation};

	assert(operation->kind < SIM_KINDS);
	if (history->count >= SIM_HISTORY_OPERATIONS_MAX)
		return GW_E_TOO_LARGE;
	if (history->count == history->capacity) {
		struct sim_history_entry *entries =
			base_grow(history->entries, sizeof(*entries), &history->capacity,
				  history->count + 1);

		if (!entries)
			return GW_E_NO_MEMORY;
		history->entries = entries;
	}
	if (!copy(history, &entry.operation.key) || !copy(history, &entry.operation.argument) ||
	    !copy(history, &entry.operation.expected))
		return GW_E_NO_MEMORY;
	entry.called = ++history->events;
	history->entries[history->count] = entry;
	return (int)history->count++;
}

static struct sim_history_entry *entry_of(struct sim_history *history, int number)
{
	assert(number >= 0 && (size_t)number < history->count);
	assert(history->entries[number].state == SIM_HISTORY_OPEN);
	return &history->entries[number];
}

int sim_history_reply(struct sim_history *history, int number, const struct sim_reply *reply)
{
	struct sim_history_entry *entry = entry_of(history, number);

	entry->reply = *reply;
	if (!copy(history, &entry->reply.value))
		return GW_E_NO_MEMORY;
	entry->state = SIM_HISTORY_REPLIED;
	entry->replied = ++history->events;
	return 0;
}

void sim_history_failed(struct sim_history *history, int number)
{
	entry_of(history, number)->state = SIM_HISTORY_FAILED;
}

void sim_history_done(struct sim_history *history)
{
	free(history->entries);
	base_arena_done(&history->bytes);
	*history = (struct sim_history){0};
}

/* ---- For people ---------------------------------------------------------------------------- */

/* A text that is being put together; what does not fit is left out. */
struct text {
	char *data;
	size_t size, used;
};

static void GW_PRINTF(2, 3) say(struct text *text, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vsnprintf(text->data + text->used, text->size - text->used, format, arguments);
	va_end(arguments);
	if (written > 0)
		text->used += (size_t)written < text->size - text->used
				      ? (size_t)written
				      : text->size - text->used - 1;
}

static void say_bytes(struct text *text, struct gw_bytes bytes)
{
	const unsigned char *data = bytes.data;

	say(text, "\"");
	for (size_t i = 0; i < bytes.size && i < SHOWN_BYTES_MAX; i++) {
		if (data[i] >= 32 && data[i] < 127 && data[i] != '"')
			say(text, "%c", data[i]);
		else
			say(text, "\\x%02x", data[i]);
	}
	say(text, bytes.size > SHOWN_BYTES_MAX ? "...\"" : "\"");
}

static void say_found(struct text *text, const struct sim_reply *reply)
{
	if (!reply->found) {
		say(text, "nothing");
		return;
	}
	say_bytes(text, reply->value);
}

static void say_reply(struct text *text, const struct sim_history_entry *entry)
{
	const struct sim_reply *reply = &entry->reply;

	if (entry->state != SIM_HISTORY_REPLIED) {
		say(text, " without an answer");
		return;
	}
	if (reply->unchecked || entry->operation.kind == SIM_PUT)
		return;
	say(text, " answered with ");
	if (entry->operation.kind == SIM_ADD)
		say(text, "%" PRId64, reply->number);
	else if (entry->operation.kind == SIM_CAS || entry->operation.kind == SIM_DELETE)
		say(text, reply->found ? "yes" : "no");
	else
		say_found(text, reply);
}

void sim_history_describe(const struct sim_history_entry *entry, char *buffer, size_t size)
{
	static const char *const names[SIM_KINDS] = {"get",  "put",    "append",
						     "compare-and-set", "delete", "add"};
	const struct sim_operation *operation = &entry->operation;
	struct text text = {buffer, size, 0};

	assert(size > 0);
	buffer[0] = '\0';
	say(&text, "client %" PRIu32 "'s %s", operation->client, names[operation->kind]);
	if (operation->kind == SIM_ADD)
		say(&text, " of %" PRId64, operation->number);
	if (operation->kind == SIM_CAS) {
		say(&text, " from ");
		if (operation->expects_none)
			say(&text, "nothing");
		else
			say_bytes(&text, operation->expected);
		say(&text, " to");
	}
	if (operation->kind == SIM_PUT || operation->kind == SIM_APPEND ||
	    operation->kind == SIM_CAS) {
		say(&text, " ");
		say_bytes(&text, operation->argument);
	}
	say_reply(&text, entry);
}
