/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - a packet is a question; each has one answer, which is empty where it is not known.
 */
#include "session_inside.h"

#include "registers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BREAKS_ARE = 1 }; /* the last type of Z that is a break */

/* Sends a packet, and remembers it. */
static int send_packet(struct vm_session *session, struct gw_error *error)
{
	int code;

	session->last.size = 0;
	code = vm_packet_frame(&session->last, base_buffer_bytes(&session->answer), error);
	if (code == 0)
		code = base_buffer_append(&session->out, session->last.data, session->last.size,
					  error);
	return code;
}

/* ---- Stops ----------------------------------------------------------------------------------- */

static int set_stops(struct vm_session *session)
{
	return session->target.set_stops(session->target.context, session->breaks,
					 session->break_count, session->watches,
					 session->watch_count);
}

static bool change_break(struct vm_session *session, uint64_t address, bool on)
{
	size_t at = 0;

	while (at < session->break_count && session->breaks[at] != address)
		at++;
	if (on && at == VM_STOPS_MAX)
		return false;
	if (on && at == session->break_count)
		session->breaks[session->break_count++] = address;
	else if (!on && at < session->break_count)
		session->breaks[at] = session->breaks[--session->break_count];
	return true;
}

static bool change_watch(struct vm_session *session, const struct vm_watch *watch, bool on)
{
	struct vm_watch *watches = session->watches;
	size_t at = 0;

	while (at < session->watch_count && memcmp(&watches[at], watch, sizeof(*watch)) != 0)
		at++;
	if (on && (at == VM_STOPS_MAX || watch->size == 0))
		return false;
	if (on && at == session->watch_count)
		watches[session->watch_count++] = *watch;
	else if (!on && at < session->watch_count)
		watches[at] = watches[--session->watch_count];
	return true;
}

static void change_stop(struct vm_session *session, struct vm_words *words, bool on)
{
	static const uint8_t accesses[] = {[2] = 2, [3] = 1, [4] = 3};
	uint64_t type, address, size;
	bool done;

	if (!vm_words_number(words, &type) || !vm_words_take(words, ",") ||
	    !vm_session_take_range(words, &address, &size)) {
		vm_session_say(session, "E01");
		return;
	}
	if (type >= sizeof(accesses))
		return;
	if (type <= BREAKS_ARE) {
		done = change_break(session, address, on);
	} else {
		struct vm_watch watch;

		memset(&watch, 0, sizeof(watch)); /* they are compared as bytes */
		watch.address = address;
		watch.size = size;
		watch.access = accesses[type];
		done = change_watch(session, &watch, on);
	}
	vm_session_say(session, done && set_stops(session) == 0 ? "OK" : "E0c");
}

static void insert_stop(struct vm_session *session, struct vm_words *words)
{
	change_stop(session, words, true);
}

static void remove_stop(struct vm_session *session, struct vm_words *words)
{
	change_stop(session, words, false);
}

/* ---- It runs --------------------------------------------------------------------------------- */

/* "watch", "rwatch" or "awatch", as the one at an address was asked for. */
static const char *word_of_watch(const struct vm_session *session, uint64_t address)
{
	static const char *const words[] = {"", "rwatch", "watch", "awatch"};

	for (size_t at = 0; at < session->watch_count; at++)
		if (session->watches[at].address == address)
			return words[session->watches[at].access];
	return words[2];
}

static void say_stop(struct vm_session *session, const struct vm_debug_stop *stop)
{
	char text[64] = "";

	switch (stop->why) {
	case VM_DEBUG_STEPPED:
		break;
	case VM_DEBUG_BEGIN:
		snprintf(text, sizeof(text), "replaylog:begin;");
		break;
	case VM_DEBUG_END:
		snprintf(text, sizeof(text), "replaylog:end;");
		break;
	case VM_DEBUG_HIT:
		if (stop->hit.kind == VM_HIT_BREAK)
			snprintf(text, sizeof(text), "swbreak:;");
		else
			snprintf(text, sizeof(text), "%s:%" PRIx64 ";",
				 word_of_watch(session, stop->hit.address), stop->hit.address);
		break;
	}
	vm_session_say(session, "T05");
	vm_session_say(session, text);
	vm_session_say(session, "thread:01;");
}

static void go(struct vm_session *session, enum vm_debug_go how)
{
	struct vm_debug_stop stop = session->target.go(session->target.context, how);

	if (stop.trouble.code) { /* words, ahead of the answer */
		vm_session_say(session, "O");
		vm_session_say_hex(session, stop.trouble.text, strlen(stop.trouble.text));
		vm_session_say_hex(session, "\n", 1);
		vm_session_keep(session, send_packet(session, &session->error));
		session->answer.size = 0;
	}
	say_stop(session, &stop);
}

static void run_or_step(struct vm_session *session, struct vm_words *words, enum vm_debug_go how)
{
	uint64_t address;

	if (vm_words_left(words) > 0) {
		if (!vm_words_number(words, &address) ||
		    !session->target.set(session->target.context, VM_REGISTER_PC, address)) {
			vm_session_say(session, "E01");
			return;
		}
	}
	go(session, how);
}

static void run(struct vm_session *session, struct vm_words *words)
{
	run_or_step(session, words, VM_DEBUG_RUN);
}

static void step(struct vm_session *session, struct vm_words *words)
{
	run_or_step(session, words, VM_DEBUG_STEP);
}

static void run_back(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	go(session, VM_DEBUG_RUN_BACK);
}

static void step_back(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	go(session, VM_DEBUG_STEP_BACK);
}

/* There is one thread, so the first action is its own. */
static void act(struct vm_session *session, struct vm_words *words)
{
	if (vm_words_take(words, "s") || vm_words_take(words, "S"))
		go(session, VM_DEBUG_STEP);
	else if (vm_words_take(words, "c") || vm_words_take(words, "C"))
		go(session, VM_DEBUG_RUN);
	else
		vm_session_say(session, "E01");
}

static void why(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "T05thread:01;");
}

/* ---- Questions ------------------------------------------------------------------------------- */

static void supported(struct vm_session *session, struct vm_words *words)
{
	char text[32];

	(void)words;
	snprintf(text, sizeof(text), "PacketSize=%x;", VM_PACKET_BYTES_MAX);
	vm_session_say(session, text);
	vm_session_say(session, "qXfer:features:read+;ReverseStep+;ReverseContinue+;swbreak+;"
		     "QStartNoAckMode+;vContSupported+");
}

static void features(struct vm_session *session, struct vm_words *words)
{
	struct base_buffer text = {0};
	uint64_t offset, size;

	if (!vm_session_take_range(words, &offset, &size)) {
		vm_session_say(session, "E01");
		return;
	}
	vm_session_keep(session, vm_registers_describe(&text, &session->error));
	if (size > VM_SESSION_READ_BYTES_MAX)
		size = VM_SESSION_READ_BYTES_MAX;
	if (offset >= text.size) {
		vm_session_say(session, "l");
	} else {
		bool last = size >= text.size - offset;

		vm_session_say(session, last ? "l" : "m");
		vm_session_keep(session,
			     base_buffer_append(&session->answer, text.data + offset,
						last ? text.size - (size_t)offset : (size_t)size,
						&session->error));
	}
	base_buffer_done(&text);
}

static void monitor(struct vm_session *session, struct vm_words *words)
{
	struct base_buffer out = {0};
	char command[256];
	size_t size = vm_words_left(words) / 2;

	if (size >= sizeof(command) || !vm_words_bytes(words, (uint8_t *)command, size)) {
		vm_session_say(session, "E01");
		return;
	}
	command[size] = 0;
	vm_session_keep(session, session->target.monitor(session->target.context, command, &out,
						      &session->error));
	vm_session_say_hex(session, out.data, out.size);
	if (out.size == 0)
		vm_session_say(session, "OK");
	base_buffer_done(&out);
}

static void fine(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "OK");
}

static void be_silent(struct vm_session *session, struct vm_words *words)
{
	fine(session, words);
	session->silent = true;
}

static void detach(struct vm_session *session, struct vm_words *words)
{
	fine(session, words);
	session->over = true;
}

static void end(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	session->over = true;
}

static void attached(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "1");
}

static void this_thread(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "QC1");
}

static void first_threads(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "m1");
}

static void no_more_threads(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "l");
}

static void actions(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	vm_session_say(session, "vCont;c;C;s;S");
}

static const struct question {
	const char *begins; /* longer words before those that they begin with */
	void (*answer)(struct vm_session *session, struct vm_words *words);
} questions[] = {
	{"qSupported", supported},
	{"qXfer:features:read:target.xml:", features},
	{"qRcmd,", monitor},
	{"qAttached", attached},
	{"qC", this_thread},
	{"qfThreadInfo", first_threads},
	{"qsThreadInfo", no_more_threads},
	{"QStartNoAckMode", be_silent},
	{"vCont?", actions},
	{"vCont;", act},
	{"vKill", detach},
	{"?", why},
	{"g", vm_session_get_all},
	{"G", vm_session_set_all},
	{"p", vm_session_get_one},
	{"P", vm_session_set_one},
	{"m", vm_session_read_memory},
	{"M", vm_session_write_hex},
	{"X", vm_session_write_binary},
	{"Z", insert_stop},
	{"z", remove_stop},
	{"bc", run_back},
	{"bs", step_back},
	{"c", run},
	{"s", step},
	{"H", fine},
	{"T", fine},
	{"D", detach},
	{"k", end},
};

static void answer(struct vm_session *session)
{
	struct vm_words words = {session->reader.content,
				 session->reader.content + session->reader.size};

	for (size_t at = 0; at < sizeof(questions) / sizeof(*questions); at++) {
		if (vm_words_take(&words, questions[at].begins)) {
			questions[at].answer(session, &words);
			return;
		}
	}
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static int acknowledge(struct vm_session *session, const char *how, struct gw_error *error)
{
	return session->silent ? 0 : base_buffer_append(&session->out, how, 1, error);
}

static int take(struct vm_session *session, struct gw_error *error)
{
	int code = acknowledge(session, "+", error);

	session->answer.size = 0;
	session->error.code = 0;
	answer(session);
	if (session->error.code < 0) {
		if (error)
			*error = session->error;
		return session->error.code;
	}
	return code < 0 ? code : send_packet(session, error);
}

static int put(struct vm_session *session, uint8_t byte, struct gw_error *error)
{
	switch (vm_packet_put(&session->reader, byte)) {
	case VM_PACKET_NOTHING:
	case VM_PACKET_BREAK: /* nothing runs now */
		return 0;
	case VM_PACKET_BAD:
		return acknowledge(session, "-", error);
	case VM_PACKET_AGAIN:
		return base_buffer_append(&session->out, session->last.data, session->last.size,
					  error);
	case VM_PACKET_WHOLE:
		return take(session, error);
	}
	assert(!"what may come");
	return 0;
}

int vm_session_put(struct vm_session *session, struct gw_bytes bytes, struct gw_error *error)
{
	const uint8_t *from = bytes.data;
	int code = 0;

	for (size_t at = 0; code == 0 && at < bytes.size && !session->over; at++)
		code = put(session, from[at], error);
	return code;
}

/* ---- Made ------------------------------------------------------------------------------------ */

int vm_session_new(struct vm_session **out, const struct vm_debug_target *target,
		   struct gw_error *error)
{
	struct vm_session *session = calloc(1, sizeof(*session));

	if (!session)
		return gw_fail(error, GW_E_NO_MEMORY, "a debugger: out of memory");
	session->target = *target;
	*out = session;
	return 0;
}

void vm_session_free(struct vm_session *session)
{
	if (!session)
		return;
	base_buffer_done(&session->answer);
	base_buffer_done(&session->last);
	base_buffer_done(&session->out);
	free(session);
}

struct gw_bytes vm_session_out(const struct vm_session *session)
{
	return base_buffer_bytes(&session->out);
}

void vm_session_sent(struct vm_session *session)
{
	session->out.size = 0;
}

bool vm_session_over(const struct vm_session *session)
{
	return session->over;
}
